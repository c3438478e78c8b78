/** Columns of one row group, gathered in typed arrays and encoded as Parquet's pages hold them. */
import { Bytes, compareSlices } from "./bytes.ts";
import { SliceDictionary } from "./dictionary.ts";
import { bitWidth, type Slices, writeDeltas, writeHybrid, writePlain, writePrefixed } from "./encodings.ts";

/** https://github.com/apache/parquet-format/blob/master/Encodings.md */
export const ENCODING = { plain: 0, rle: 3, delta: 5, prefixed: 7, dictionary: 8 } as const;
/** Physical types: https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift */
const PHYSICAL = { int32: 1, int64: 2, double: 5, byteArray: 6 } as const;
/** Converted types of the same file. */
const CONVERTED = { utf8: 0, timestampMillis: 9 } as const;
/** Values after which a column that repeats itself too little is given up as a dictionary. */
const SAMPLE = 2_000;

export interface EncodedColumn {
  encoding: number;
  dictionary?: { bytes: Uint8Array; count: number };
  data: Uint8Array;
  nulls: number;
  min?: Uint8Array;
  max?: Uint8Array;
}

export interface Column {
  readonly name: string;
  readonly physical: number;
  readonly converted?: number;
  readonly optional: boolean;
  /** Everything since the last `clear`; what it gives is good until then. */
  encode(): EncodedColumn;
  clear(): void;
}

function float64Bytes(value: number): Uint8Array {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return bytes;
}

/** Indexes into a dictionary, after the width they are packed in. */
function writeIndexes(out: Bytes, indexes: Uint32Array, count: number, distinct: number): void {
  const width = bitWidth(Math.max(distinct - 1, 0));
  out.byte(width);
  writeHybrid(out, indexes, count, width);
}

/** Text; when optional, an empty one is null. */
export class TextColumn implements Column {
  readonly physical = PHYSICAL.byteArray;
  readonly converted = CONVERTED.utf8;
  readonly #data = new Bytes(1 << 16);
  readonly #ends: Uint32Array;
  /** 1 where there is a value. */
  readonly #defined: Uint32Array;
  readonly #indexes: Uint32Array;
  readonly #distinct = new SliceDictionary();
  readonly #page = new Bytes(1 << 16);
  readonly #plain = new Bytes(1 << 12);
  #rows = 0;
  #count = 0;
  readonly name: string;
  readonly optional: boolean;

  /** @param capacity most rows of a row group. */
  constructor(name: string, capacity: number, { optional = false } = {}) {
    this.name = name;
    this.optional = optional;
    this.#ends = new Uint32Array(capacity);
    this.#defined = new Uint32Array(optional ? capacity : 0);
    this.#indexes = new Uint32Array(capacity);
  }

  push(source: Uint8Array, start: number, end: number): void {
    const row = this.#rows++;
    if (this.optional) {
      this.#defined[row] = end > start ? 1 : 0;
      if (end === start) return;
    }
    this.#data.copy(source, start, end);
    this.#ends[this.#count++] = this.#data.length;
  }

  clear(): void {
    this.#data.clear();
    this.#rows = 0;
    this.#count = 0;
  }

  encode(): EncodedColumn {
    this.#page.clear();
    if (this.optional) this.#writeLevels();
    const values: Slices = { data: this.#data.data, ends: this.#ends, count: this.#count };
    const nulls = this.#rows - this.#count;
    if (this.#index(values)) {
      writeIndexes(this.#page, this.#indexes, this.#count, this.#distinct.count);
      this.#plain.clear();
      const distinct = this.#distinct.slices();
      writePlain(this.#plain, distinct);
      const dictionary = { bytes: this.#plain.written(), count: distinct.count };
      return {
        encoding: ENCODING.dictionary,
        dictionary,
        data: this.#page.written(),
        nulls,
        ...bounds(distinct),
      };
    }
    writePrefixed(this.#page, values);
    return { encoding: ENCODING.prefixed, data: this.#page.written(), nulls, ...bounds(values) };
  }

  #writeLevels(): void {
    const levels = new Bytes();
    writeHybrid(levels, this.#defined, this.#rows, 1);
    this.#page.uint32(levels.length);
    this.#page.append(levels.written());
  }

  /** Numbers the values; false when too few repeat for a dictionary to pay. */
  #index({ data, ends, count }: Slices): boolean {
    this.#distinct.clear();
    let start = 0;
    for (let index = 0; index < count; index++) {
      const end = ends[index] as number;
      this.#indexes[index] = this.#distinct.intern(data, start, end);
      if (index >= SAMPLE && this.#distinct.count * 2 > index) return false;
      start = end;
    }
    return count > 0 && this.#distinct.count * 2 <= count;
  }
}

function bounds({ data, ends, count }: Slices): { min?: Uint8Array; max?: Uint8Array } {
  if (count === 0) return {};
  let [least, most] = [0, 0];
  const from = (index: number): number => (index === 0 ? 0 : (ends[index - 1] as number));
  const length = (index: number): number => (ends[index] as number) - from(index);
  const order = (left: number, right: number): number =>
    compareSlices(data, from(left), length(left), data, from(right), length(right));
  for (let index = 1; index < count; index++) {
    if (order(index, least) < 0) least = index;
    else if (order(index, most) > 0) most = index;
  }
  const copy = (index: number): Uint8Array => data.slice(from(index), ends[index]);
  return { min: copy(least), max: copy(most) };
}

/** Values in an array of their own, with their extremes. */
abstract class NumberColumn implements Column {
  abstract readonly physical: number;
  readonly converted: number | undefined = undefined;
  readonly optional = false;
  readonly name: string;
  protected readonly values: Float64Array<ArrayBuffer>;
  protected readonly page = new Bytes(1 << 12);
  protected count = 0;

  constructor(name: string, capacity: number) {
    this.name = name;
    this.values = new Float64Array(capacity);
  }

  push(value: number): void {
    this.values[this.count++] = value;
  }

  clear(): void {
    this.count = 0;
  }

  abstract encode(): EncodedColumn;

  protected extremes(): { least: number; most: number } {
    let least = Number.POSITIVE_INFINITY;
    let most = Number.NEGATIVE_INFINITY;
    for (let index = 0; index < this.count; index++) {
      const value = this.values[index] as number;
      if (value < least) least = value;
      if (value > most) most = value;
    }
    return { least, most };
  }

  protected encodeDeltas(toBytes: (value: number) => Uint8Array): EncodedColumn {
    this.page.clear();
    writeDeltas(this.page, this.values, this.count);
    const { least, most } = this.extremes();
    const page = { encoding: ENCODING.delta, data: this.page.written(), nulls: 0 };
    return this.count === 0 ? page : { ...page, min: toBytes(least), max: toBytes(most) };
  }
}

/** Finite doubles. */
export class DoubleColumn extends NumberColumn {
  readonly physical = PHYSICAL.double;
  readonly #distinct = new SliceDictionary();
  readonly #indexes: Uint32Array;

  constructor(name: string, capacity: number) {
    super(name, capacity);
    this.#indexes = new Uint32Array(capacity);
  }

  encode(): EncodedColumn {
    const bytes = new Uint8Array(this.values.buffer, 0, this.count * 8);
    const { least, most } = this.extremes();
    // Zeros compare alike: the format asks for the wider bound.
    const range = { min: float64Bytes(least === 0 ? -0 : least), max: float64Bytes(most === 0 ? 0 : most) };
    const page = { nulls: 0, ...(this.count > 0 && range) };
    if (!this.#index(bytes)) return { encoding: ENCODING.plain, data: bytes, ...page };
    this.page.clear();
    writeIndexes(this.page, this.#indexes, this.count, this.#distinct.count);
    const { data, count } = this.#distinct.slices();
    const dictionary = { bytes: data.subarray(0, count * 8), count };
    return { encoding: ENCODING.dictionary, dictionary, data: this.page.written(), ...page };
  }

  #index(bytes: Uint8Array): boolean {
    this.#distinct.clear();
    for (let index = 0; index < this.count; index++) {
      this.#indexes[index] = this.#distinct.intern(bytes, index * 8, index * 8 + 8);
      if (index >= SAMPLE && this.#distinct.count * 2 > index) return false;
    }
    return this.count > 0 && this.#distinct.count * 2 <= this.count;
  }
}

/** Epoch milliseconds, UTC. */
export class InstantColumn extends NumberColumn {
  readonly physical = PHYSICAL.int64;
  override readonly converted = CONVERTED.timestampMillis;

  encode(): EncodedColumn {
    return this.encodeDeltas((value) => {
      const bytes = Buffer.alloc(8);
      bytes.writeBigInt64LE(BigInt(value));
      return bytes;
    });
  }
}

/** Whole numbers of 32 bits. */
export class IntegerColumn extends NumberColumn {
  readonly physical = PHYSICAL.int32;

  encode(): EncodedColumn {
    return this.encodeDeltas((value) => {
      const bytes = Buffer.alloc(4);
      bytes.writeInt32LE(value);
      return bytes;
    });
  }
}
