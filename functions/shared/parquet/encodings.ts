/**
 * Parquet's encodings of whole columns, over typed arrays.
 * Source: https://parquet.apache.org/docs/file-format/data-pages/encodings/
 */
import type { Bytes } from "./bytes.ts";

/** Deltas in one block and in one miniblock: what every known writer uses. */
const BLOCK = 128;
const MINIBLOCKS = 4;
const MINIBLOCK = BLOCK / MINIBLOCKS;
/** Up to here a value and the bits before it fit in 32-bit arithmetic. */
const NARROW = 24;
const SHORTEST_RUN = 8;

type Numbers = Float64Array | Int32Array | Uint32Array;

/** Bits that a whole number from 0 to 2^53 takes. */
export function bitWidth(value: number): number {
  return value < 0x1_0000_0000 ? 32 - Math.clz32(value) : 32 + bitWidth(Math.floor(value / 0x1_0000_0000));
}

/** Appends bits, least significant first, from values of any width up to 45 bits. */
class BitPacker {
  readonly #out: Bytes;
  #pending = 0;
  #bits = 0;

  constructor(out: Bytes) {
    this.#out = out;
  }

  put(value: number, width: number): void {
    if (width > NARROW) {
      this.#putWide(value, width);
      return;
    }
    let pending = this.#pending | (value << this.#bits);
    let bits = this.#bits + width;
    while (bits >= 8) {
      this.#out.byte(pending & 0xff);
      pending >>>= 8;
      bits -= 8;
    }
    this.#pending = pending;
    this.#bits = bits;
  }

  #putWide(value: number, width: number): void {
    let pending = this.#pending + value * 2 ** this.#bits;
    let bits = this.#bits + width;
    while (bits >= 8) {
      this.#out.byte(pending % 0x100);
      pending = Math.floor(pending / 0x100);
      bits -= 8;
    }
    this.#pending = pending;
    this.#bits = bits;
  }

  flush(): void {
    if (this.#bits > 0) this.#out.byte(this.#pending & 0xff);
    this.#pending = 0;
    this.#bits = 0;
  }
}

/** Bits of the widest of a miniblock's deltas. */
function widthOf(deltas: Float64Array, start: number, count: number, least: number): number {
  const end = Math.min(start + MINIBLOCK, count);
  let most = 0;
  for (let index = start; index < end; index++) {
    const delta = (deltas[index] as number) - least;
    if (delta > most) most = delta;
  }
  return bitWidth(most);
}

/** A block's widths and deltas; missing ones of its last miniblock are filled up with the least. */
function packDeltas(out: Bytes, deltas: Float64Array, count: number, least: number): void {
  deltas.fill(least, count);
  const widths: number[] = [];
  for (let start = 0; start < BLOCK; start += MINIBLOCK) widths.push(widthOf(deltas, start, count, least));
  for (const width of widths) out.byte(width);
  const packer = new BitPacker(out);
  for (const [block, width] of widths.entries()) {
    if (width === 0) continue;
    const start = block * MINIBLOCK;
    for (let index = start; index < start + MINIBLOCK; index++)
      packer.put((deltas[index] as number) - least, width);
  }
}

/** DELTA_BINARY_PACKED: whole numbers whose differences stay within 2^45. */
export function writeDeltas(out: Bytes, values: Numbers, count: number): void {
  out.varint(BLOCK);
  out.varint(MINIBLOCKS);
  out.varint(count);
  out.zigzag(count === 0 ? 0 : (values[0] as number));
  const deltas = new Float64Array(BLOCK);
  for (let start = 1; start < count; start += BLOCK) {
    const size = Math.min(BLOCK, count - start);
    let least = Number.POSITIVE_INFINITY;
    for (let index = 0; index < size; index++) {
      const delta = (values[start + index] as number) - (values[start + index - 1] as number);
      deltas[index] = delta;
      if (delta < least) least = delta;
    }
    out.zigzag(least);
    packDeltas(out, deltas, size, least);
  }
}

function runLength(values: Numbers, start: number, count: number): number {
  const first = values[start];
  let end = start + 1;
  while (end < count && values[end] === first) end++;
  return end - start;
}

function writeRun(out: Bytes, value: number, length: number, width: number): void {
  out.varint(length * 2);
  for (let bits = 0; bits < width; bits += 8) out.byte((value >>> bits) & 0xff);
}

function writePacked(
  out: Bytes,
  values: Numbers,
  range: { start: number; end: number },
  width: number,
): void {
  const groups = Math.ceil((range.end - range.start) / 8);
  out.varint(groups * 2 + 1);
  const packer = new BitPacker(out);
  for (let index = range.start; index < range.start + groups * 8; index++) {
    packer.put(index < range.end ? (values[index] as number) : 0, width);
  }
  packer.flush();
}

/** RLE / bit-packing hybrid: whole numbers from 0 of at most `width` bits (24 at most). */
export function writeHybrid(out: Bytes, values: Numbers, count: number, width: number): void {
  let packedFrom = -1;
  let index = 0;
  while (index < count) {
    const run = runLength(values, index, count);
    if (run < SHORTEST_RUN) {
      if (packedFrom === -1) packedFrom = index;
      index = Math.min(index + 8, count);
      continue;
    }
    if (packedFrom !== -1) writePacked(out, values, { start: packedFrom, end: index }, width);
    packedFrom = -1;
    writeRun(out, values[index] as number, run, width);
    index += run;
  }
  if (packedFrom !== -1) writePacked(out, values, { start: packedFrom, end: count }, width);
}

/** Byte arrays one after the other: value `i` is `data[ends[i - 1], ends[i])`. */
export interface Slices {
  data: Uint8Array;
  ends: Uint32Array;
  count: number;
}

function sharedPrefix(data: Uint8Array, left: number, right: number, longest: number): number {
  let length = 0;
  while (length < longest && data[left + length] === data[right + length]) length++;
  return length;
}

/** DELTA_BYTE_ARRAY: each value as what it shares with the one before, and the rest. */
export function writePrefixed(out: Bytes, { data, ends, count }: Slices): void {
  const prefixes = new Int32Array(count);
  const suffixes = new Int32Array(count);
  let start = 0;
  let previous = 0;
  for (let index = 0; index < count; index++) {
    const end = ends[index] as number;
    const shared =
      index === 0 ? 0 : sharedPrefix(data, previous, start, Math.min(start - previous, end - start));
    prefixes[index] = shared;
    suffixes[index] = end - start - shared;
    previous = start;
    start = end;
  }
  writeDeltas(out, prefixes, count);
  writeDeltas(out, suffixes, count);
  for (let index = 0; index < count; index++) {
    const end = ends[index] as number;
    out.copy(data, end - (suffixes[index] as number), end);
  }
}

/** PLAIN: each value after its length. */
export function writePlain(out: Bytes, { data, ends, count }: Slices): void {
  let start = 0;
  for (let index = 0; index < count; index++) {
    const end = ends[index] as number;
    out.uint32(end - start);
    out.copy(data, start, end);
    start = end;
  }
}
