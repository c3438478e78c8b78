/**
 * The raw objects of one arrival hour to sorted, deduplicated Parquet files, one for each day that was measured.
 *
 * Repeats: lines with the same shard, sequence number and index are one reading that was delivered again. Readings of
 * the same device, metric, time and `eventId` are one that was sent again: the first to arrive stays and counts the
 * others in its `repeats`. Memory does not grow with the hour: what exceeds one run is sorted through a file.
 */
import { zstdDecompressSync } from "node:zlib";
import { DAY } from "../shared/instant.ts";
import { bucketOfSlice } from "../shared/lake/layout.ts";
import { ReadingsFile } from "../shared/lake/readings-file.ts";
import {
  atOf,
  copyRecord,
  createRecord,
  isRedelivered,
  isRepeated,
  type RecordRef,
  TEXT,
  writeRecord,
} from "../shared/lake/records.ts";
import { ReadingSorter } from "../shared/lake/sorter.ts";
import type { ByteSink } from "../shared/parquet/writer.ts";
import { LineReader } from "./line.ts";
import { readSlowly, type SlowLine } from "./slow-line.ts";

/** Largest raw object, unpacked: a batch of the stream has 6 MB. */
const MOST_UNPACKED = 128 * 1024 * 1024;
/** Bytes of a refused line that are kept. */
const KEPT_BYTES = 64 * 1024;
const NEW_LINE = 10;

export interface Share {
  /** Epoch ms of the arrival hour. */
  hourStart: number;
  bucket: number;
  buckets: number;
}

export interface CompactionCounts {
  /** Readings written. */
  rows: number;
  /** Lines that another delivery had written already. */
  redelivered: number;
  /** Readings that were sent again under the same event id. */
  repeated: number;
  /** Lines and objects that could not be read. */
  refused: number;
}

/** Something of the raw lake that is no reading. */
export interface Refused {
  reason: string;
  /** From 1; null for the object as a whole. */
  line: number | null;
  /** The line's bytes, base64, the first 64 KiB; absent for an object, which stays where it is. */
  data?: string;
}

/** Where the file of one day goes. */
export interface DayFile {
  /** Epoch ms. */
  day: number;
  sink: ByteSink;
  finish(rows: number): void;
}

export class Compaction {
  readonly #share: Share;
  readonly #lines: LineReader;
  readonly #sorter: ReadingSorter;
  readonly counts: CompactionCounts = { rows: 0, redelivered: 0, repeated: 0, refused: 0 };

  /** @param path of a file for what does not fit in memory; made and removed as needed. */
  constructor(share: Share, path: string) {
    this.#share = share;
    this.#lines = new LineReader(share.hourStart);
    this.#sorter = new ReadingSorter(path);
  }

  /** Takes a raw object in; what is no reading of it is given back, its neighbours are in. */
  addObject(compressed: Uint8Array): Refused[] {
    let data: Buffer;
    try {
      data = zstdDecompressSync(compressed, { maxOutputLength: MOST_UNPACKED });
    } catch (error) {
      return this.refuse([{ reason: `not zstd: ${(error as Error).message}`, line: null }]);
    }
    return this.addLines(data);
  }

  /** The same with an object's lines. */
  addLines(data: Uint8Array): Refused[] {
    const refused: Refused[] = [];
    let line = 0;
    let start = 0;
    while (start < data.length) {
      const found = data.indexOf(NEW_LINE, start);
      const end = found === -1 ? data.length : found;
      line++;
      const reason = end > start ? this.#addLine(data, start, end) : undefined;
      if (reason !== undefined) refused.push({ reason, line, data: keptBytes(data, start, end) });
      start = end + 1;
    }
    return this.refuse(refused);
  }

  /** What nobody can attribute to a device is told by the first share alone, so that it is told once. */
  refuse(refused: Refused[]): Refused[] {
    if (this.#share.bucket !== 0) return [];
    this.counts.refused += refused.length;
    return refused;
  }

  #addLine(data: Uint8Array, start: number, end: number): string | undefined {
    const lines = this.#lines;
    if (lines.read(data, start, end)) return this.#add(data, lines);
    const slow = readSlowly(
      Buffer.from(data.buffer, data.byteOffset + start, end - start),
      this.#share.hourStart,
    );
    if (typeof slow === "string") return slow;
    return this.#add(slow.bytes, slow);
  }

  #add(source: Uint8Array, { numbers, starts, ends }: Omit<SlowLine, "bytes">): undefined {
    const { bucket, buckets } = this.#share;
    const [start, end] = [starts[TEXT.device] as number, ends[TEXT.device] as number];
    if (buckets > 1 && bucketOfSlice(source, { start, end }, buckets) !== bucket) return;
    this.#sorter.took(writeRecord(this.#sorter.next(), numbers, source, { starts, ends }));
  }

  /** Writes the files: `open` is called for each day in order. */
  finish(open: (day: number) => DayFile): void {
    const writer = new DayWriter(open, this.counts);
    try {
      this.#sorter.drain((record) => writer.take(record));
      writer.end();
    } finally {
      this.close();
    }
  }

  /** Lets go of the file without writing anything. */
  close(): void {
    this.#sorter.close();
  }
}

function keptBytes(data: Uint8Array, start: number, end: number): string {
  const length = Math.min(end - start, KEPT_BYTES);
  return Buffer.from(data.buffer, data.byteOffset + start, length).toString("base64");
}

/** Drops repeats from the sorted records and cuts them into days. */
class DayWriter {
  readonly #open: (day: number) => DayFile;
  readonly #counts: CompactionCounts;
  readonly #columns = new ReadingsFile();
  /** The reading that stays: written once it is known how many repeats it stands for. */
  readonly #kept = createRecord();
  readonly #last = createRecord();
  #any = false;
  #repeats = 0;
  #rows = 0;
  #file: DayFile | undefined;

  constructor(open: (day: number) => DayFile, counts: CompactionCounts) {
    this.#open = open;
    this.#counts = counts;
  }

  take(record: RecordRef): void {
    if (this.#any && isRedelivered(record, this.#last)) {
      this.#counts.redelivered++;
      return;
    }
    const repeated = this.#any && isRepeated(record, this.#kept);
    copyRecord(record, this.#last);
    if (repeated) {
      this.#counts.repeated++;
      this.#repeats++;
      return;
    }
    this.#write();
    copyRecord(record, this.#kept);
    this.#any = true;
    this.#repeats = 0;
  }

  end(): void {
    this.#write();
    this.#endFile();
  }

  #endFile(): void {
    this.#columns.finish();
    this.#file?.finish(this.#rows);
    this.#rows = 0;
  }

  #write(): void {
    if (!this.#any) return;
    const day = Math.floor(atOf(this.#kept) / DAY) * DAY;
    if (this.#file?.day !== day) {
      if (this.#file) this.#endFile();
      this.#file = this.#open(day);
      this.#columns.open(this.#file.sink);
    }
    this.#kept.view.setUint32(32, this.#repeats, true);
    this.#columns.push(this.#kept);
    this.#counts.rows++;
    this.#rows++;
  }
}
