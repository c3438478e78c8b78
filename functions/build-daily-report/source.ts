/** Curated Parquet files back to records, a row group at a time. */
import { zstdDecompressSync } from "node:zlib";
import { GetObjectCommand, type S3Client } from "@aws-sdk/client-s3";
import {
  type AsyncBuffer,
  type ColumnData,
  type Compressors,
  parquetMetadataAsync,
  parquetRead,
} from "hyparquet";
import { bucketOfSlice } from "../shared/lake/layout.ts";
import type { LakeEntry } from "../shared/lake/objects.ts";
import { type RecordNumbers, TEXT, writeRecord } from "../shared/lake/records.ts";
import type { ReadingSorter } from "../shared/lake/sorter.ts";

const COLUMNS = ["deviceId", "metric", "value", "at", "eventId", "arrivedAt", "repeats"] as const;
const compressors: Compressors = { ZSTD: (bytes) => zstdDecompressSync(bytes) };

type Columns = Record<(typeof COLUMNS)[number], ArrayLike<unknown>>;

function openObject(client: S3Client, bucket: string, { key, eTag, size }: LakeEntry): AsyncBuffer {
  const slice = async (start: number, end = size): Promise<ArrayBuffer> => {
    const range = `bytes=${start < 0 ? size + start : start}-${end - 1}`;
    const get = new GetObjectCommand({ Bucket: bucket, Key: key, Range: range, IfMatch: eTag });
    const bytes = (await (await client.send(get)).Body?.transformToByteArray()) ?? new Uint8Array();
    return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
  };
  return { byteLength: size, slice };
}

/** Puts rows into a sorter. */
class Rows {
  readonly #sorter: ReadingSorter;
  readonly #share: { bucket: number; buckets: number };
  readonly #text = Buffer.alloc(1024);
  readonly #starts = new Int32Array(6);
  readonly #ends = new Int32Array(6);
  readonly #numbers: RecordNumbers = { at: 0, value: 0, arrivedAt: 0, index: 0, repeats: 0 };

  constructor(sorter: ReadingSorter, share: { bucket: number; buckets: number }) {
    this.#sorter = sorter;
    this.#share = share;
  }

  add(columns: Columns, row: number): void {
    let position = this.#put(TEXT.device, columns.deviceId[row], 0);
    const { bucket, buckets } = this.#share;
    if (buckets > 1 && bucketOfSlice(this.#text, { start: 0, end: position }, buckets) !== bucket) return;
    position = this.#put(TEXT.metric, columns.metric[row], position);
    this.#put(TEXT.event, columns.eventId[row] ?? "", position);
    this.#numbers.at = Number(columns.at[row]);
    this.#numbers.value = Number(columns.value[row]);
    this.#numbers.arrivedAt = Number(columns.arrivedAt[row]);
    this.#numbers.repeats = Number(columns.repeats[row]);
    const places = { starts: this.#starts, ends: this.#ends };
    this.#sorter.took(writeRecord(this.#sorter.next(), this.#numbers, this.#text, places));
  }

  #put(text: number, value: unknown, start: number): number {
    const end = start + this.#text.write(String(value), start, "latin1");
    this.#starts[text] = start;
    this.#ends[text] = end;
    return end;
  }
}

/** Reads one file's rows of a bucket's devices into the sorter. */
export async function readFile(
  client: S3Client,
  lake: string,
  entry: LakeEntry,
  { sorter, share }: { sorter: ReadingSorter; share: { bucket: number; buckets: number } },
): Promise<void> {
  const file = openObject(client, lake, entry);
  const metadata = await parquetMetadataAsync(file);
  const rows = new Rows(sorter, share);
  let rowStart = 0;
  for (const { num_rows } of metadata.row_groups) {
    const rowEnd = rowStart + Number(num_rows);
    const columns: Record<string, unknown[]> = Object.fromEntries(COLUMNS.map((name) => [name, []]));
    const onChunk = ({ columnName, columnData, rowStart: from }: ColumnData): void => {
      const target = columns[columnName] ?? [];
      for (let index = 0; index < columnData.length; index++)
        target[from - rowStart + index] = columnData[index];
    };
    await parquetRead({
      file,
      metadata,
      columns: [...COLUMNS],
      rowStart,
      rowEnd,
      compressors,

      onChunk,
    });
    for (let row = 0; row < rowEnd - rowStart; row++) rows.add(columns as unknown as Columns, row);
    rowStart = rowEnd;
  }
}
