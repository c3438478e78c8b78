/**
 * Writes a Parquet file row group by row group: what has been written leaves memory, so a file may be larger than it.
 *
 * Pages are of version 1, compressed with zstd; the encodings are those that every reader of the last years knows
 * (dictionary, delta, plain). The same rows give the same bytes.
 * Source: https://parquet.apache.org/docs/file-format/
 */
import { constants, zstdCompressSync } from "node:zlib";
import { Bytes } from "./bytes.ts";
import { type Column, ENCODING, type EncodedColumn } from "./columns.ts";
import {
  binary,
  i32,
  i64,
  list,
  serialise,
  struct,
  type ThriftFields,
  type ThriftValue,
  text,
} from "./thrift.ts";

const MAGIC = Buffer.from("PAR1");
const ZSTD = 6;
/** As DuckDB's default. */
const LEVEL = 3;
const VERSION = 1;
const CREATED_BY = "serverless-first version 1 (build 1)";
const PAGE = { data: 0, dictionary: 2 } as const;

/** Takes the file's bytes in order; each array is good until the call returns. */
export type ByteSink = (bytes: Uint8Array) => void;

interface Chunk {
  metadata: ThriftValue;
  uncompressed: number;
  compressed: number;
}

const compress = (bytes: Uint8Array): Uint8Array =>
  zstdCompressSync(bytes, { params: { [constants.ZSTD_c_compressionLevel]: LEVEL } });

export class ParquetWriter {
  readonly #columns: readonly Column[];
  readonly #sink: ByteSink;
  readonly #groups: ThriftValue[] = [];
  #offset = 0;
  #rows = 0;

  /** @param columns in the file's order; the caller pushes rows to them and calls `endGroup` when they are full. */
  constructor(columns: readonly Column[], sink: ByteSink) {
    this.#columns = columns;
    this.#sink = sink;
    this.#write(MAGIC);
  }

  /** Writes the columns' rows as a row group and clears them. */
  endGroup(rows: number): void {
    if (rows === 0) return;
    const chunks = this.#columns.map((column) => this.#chunk(column, rows));
    const total = chunks.reduce((sum, { uncompressed }) => sum + uncompressed, 0);
    const columns = list(
      "struct",
      chunks.map(({ metadata }) => metadata),
    );
    this.#groups.push(struct({ 1: columns, 2: i64(total), 3: i64(rows) }));
    this.#rows += rows;
  }

  /** Writes the footer. @returns the file's size in bytes. */
  finish(): number {
    const footer = serialise({
      1: i32(VERSION),
      2: list("struct", this.#schema()),
      3: i64(this.#rows),
      4: list("struct", this.#groups),
      6: text(CREATED_BY),
    });
    this.#write(footer);
    const end = new Bytes(8);
    end.uint32(footer.length);
    end.append(MAGIC);
    this.#write(end.written());
    return this.#offset;
  }

  #write(bytes: Uint8Array): void {
    this.#sink(bytes);
    this.#offset += bytes.length;
  }

  #schema(): ThriftValue[] {
    const root = struct({ 4: text("schema"), 5: i32(this.#columns.length) });
    const columns = this.#columns.map(({ name, physical, converted, optional }) =>
      struct({
        1: i32(physical),
        3: i32(optional ? 1 : 0),
        4: text(name),
        6: converted === undefined ? undefined : i32(converted),
      }),
    );
    return [root, ...columns];
  }

  #page(fields: ThriftFields, type: number, body: Uint8Array): Omit<Chunk, "metadata"> {
    const compressed = compress(body);
    const header = serialise({ 1: i32(type), 2: i32(body.length), 3: i32(compressed.length), ...fields });
    this.#write(header);
    this.#write(compressed);
    return { uncompressed: header.length + body.length, compressed: header.length + compressed.length };
  }

  #chunk(column: Column, rows: number): Chunk {
    const encoded = column.encode();
    const start = this.#offset;
    const pages: Omit<Chunk, "metadata">[] = [];
    if (encoded.dictionary) {
      const { bytes, count } = encoded.dictionary;
      const header = { 7: struct({ 1: i32(count), 2: i32(ENCODING.plain) }) };
      pages.push(this.#page(header, PAGE.dictionary, bytes));
    }
    const dataStart = this.#offset;
    const fields = { 1: i32(rows), 2: i32(encoded.encoding), 3: i32(ENCODING.rle), 4: i32(ENCODING.rle) };
    pages.push(this.#page({ 5: struct(fields) }, PAGE.data, encoded.data));
    const uncompressed = pages.reduce((sum, page) => sum + page.uncompressed, 0);
    const compressed = pages.reduce((sum, page) => sum + page.compressed, 0);
    const details: ThriftFields = {
      1: i32(column.physical),
      2: list("i32", encodingsOf(encoded).map(i32)),
      3: list("binary", [text(column.name)]),
      4: i32(ZSTD),
      5: i64(rows),
      6: i64(uncompressed),
      7: i64(compressed),
      9: i64(dataStart),
      11: encoded.dictionary ? i64(start) : undefined,
      12: statistics(encoded),
    };
    column.clear();
    return { metadata: struct({ 2: i64(start), 3: struct(details) }), uncompressed, compressed };
  }
}

const encodingsOf = ({ encoding, dictionary }: EncodedColumn): number[] =>
  dictionary ? [ENCODING.plain, ENCODING.rle, encoding] : [ENCODING.rle, encoding];

const statistics = ({ nulls, min, max }: EncodedColumn): ThriftValue =>
  struct({ 3: i64(nulls), 5: max && binary(max), 6: min && binary(min) });
