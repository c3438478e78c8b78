/** The Parquet file of sorted readings: its columns, in one place. */
import { DoubleColumn, InstantColumn, IntegerColumn, TextColumn } from "../parquet/columns.ts";
import { type ByteSink, ParquetWriter } from "../parquet/writer.ts";
import {
  arrivedAtOf,
  atOf,
  HEADER,
  indexOf,
  numberOf,
  type RecordRef,
  repeatsOf,
  textLength,
} from "./records.ts";

/** Rows of a row group: DuckDB's default. */
const ROW_GROUP = 122_880;

/** The columns of curated readings as SQL knows them; Athena's names are in lower case. */
export const READING_COLUMNS = {
  deviceId: "string",
  metric: "string",
  value: "double",
  at: "timestamp",
  eventId: "string",
  correlationId: "string",
  arrivedAt: "timestamp",
  shard: "string",
  sequence: "string",
  index: "int",
  repeats: "int",
} as const;

/** Holds the columns of one row group; used for one file after the other. */
export class ReadingsFile {
  readonly #texts = [
    new TextColumn("deviceId", ROW_GROUP),
    new TextColumn("metric", ROW_GROUP),
    new TextColumn("eventId", ROW_GROUP, { optional: true }),
    new TextColumn("shard", ROW_GROUP),
    new TextColumn("sequence", ROW_GROUP),
    new TextColumn("correlationId", ROW_GROUP, { optional: true }),
  ] as const;
  readonly #value = new DoubleColumn("value", ROW_GROUP);
  readonly #at = new InstantColumn("at", ROW_GROUP);
  readonly #arrivedAt = new InstantColumn("arrivedAt", ROW_GROUP);
  readonly #index = new IntegerColumn("index", ROW_GROUP);
  readonly #repeats = new IntegerColumn("repeats", ROW_GROUP);
  #writer: ParquetWriter | undefined;
  #rows = 0;

  open(sink: ByteSink): void {
    const [deviceId, metric, eventId, shard, sequence, correlationId] = this.#texts;
    this.#writer = new ParquetWriter(
      [
        deviceId,
        metric,
        this.#value,
        this.#at,
        eventId,
        correlationId,
        this.#arrivedAt,
        shard,
        sequence,
        this.#index,
        this.#repeats,
      ],
      sink,
    );
  }

  /** Adds a reading; the next one in order. */
  push(record: RecordRef): void {
    let start = record.offset + HEADER;
    for (let text = 0; text < this.#texts.length; text++) {
      const end = start + textLength(record, text);
      this.#texts[text]?.push(record.data, start, end);
      start = end;
    }
    this.#value.push(numberOf(record));
    this.#at.push(atOf(record));
    this.#arrivedAt.push(arrivedAtOf(record));
    this.#index.push(indexOf(record));
    this.#repeats.push(repeatsOf(record));
    if (++this.#rows === ROW_GROUP) this.#endGroup();
  }

  /** @returns the file's size in bytes. */
  finish(): number {
    this.#endGroup();
    const size = this.#writer?.finish() ?? 0;
    this.#writer = undefined;
    return size;
  }

  #endGroup(): void {
    this.#writer?.endGroup(this.#rows);
    this.#rows = 0;
  }
}
