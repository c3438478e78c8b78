/** Numbers of which exact ranks are asked: in memory while they are few, in a file beyond, read through a small window. */
import { closeSync, openSync, readSync, rmSync, writeSync } from "node:fs";

/** Numbers of one series that are held in memory: 2 MB. */
const MOST_HELD = 1 << 18;
const WINDOW = 1 << 15;
/** A double's order-preserving 64 bits are looked at 16 at a time. */
const DIGIT = 1 << 16;
const DIGITS = 4;

/** The file that the long series of one device share. */
export class SampleFile {
  readonly #path: string;
  #file: number | undefined;
  #length = 0;

  constructor(path: string) {
    this.#path = path;
  }

  /** Appends numbers. @returns where they are. */
  append(values: Float64Array<ArrayBuffer>): number {
    this.#file ??= openSync(this.#path, "wx+", 0o600);
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    const start = this.#length;
    for (let written = 0; written < bytes.length; ) {
      written += writeSync(this.#file, bytes, written, bytes.length - written, start + written);
    }
    this.#length += bytes.length;
    return start;
  }

  read(start: number, target: Float64Array<ArrayBuffer>): void {
    const bytes = new Uint8Array(target.buffer, target.byteOffset, target.byteLength);
    for (let filled = 0; filled < bytes.length; ) {
      filled += readSync(this.#file as number, bytes, filled, bytes.length - filled, start + filled);
    }
  }

  /** Forgets everything. */
  reset(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    rmSync(this.#path, { force: true });
    this.#file = undefined;
    this.#length = 0;
  }
}

const scratch = new DataView(new ArrayBuffer(8));

/** 16 bits of a double's order: the greater of two doubles has the greater bits. `digit` 0 is the highest. */
function digitOf(value: number, digit: number): number {
  scratch.setFloat64(0, value);
  const bits = scratch.getUint16(digit * 2);
  const isNegative = scratch.getUint16(0) >= 0x8000;
  if (isNegative) return 0xffff - bits;
  return digit === 0 ? bits + 0x8000 : bits;
}

export class Samples {
  readonly #file: SampleFile;
  readonly #spilled: number[] = [];
  #held = new Float64Array(64);
  #count = 0;
  #sorted = false;

  constructor(file: SampleFile) {
    this.#file = file;
  }

  get length(): number {
    return this.#spilled.length * MOST_HELD + this.#count;
  }

  add(value: number): void {
    if (this.#count === MOST_HELD) {
      this.#spilled.push(this.#file.append(this.#held));
      this.#count = 0;
    } else if (this.#count === this.#held.length) {
      const grown = new Float64Array(this.#held.length * 2);
      grown.set(this.#held);
      this.#held = grown;
    }
    this.#held[this.#count++] = value;
    this.#sorted = false;
  }

  /** The nearest-rank percentile: the smallest value that at least `percent` of the values do not exceed; NaN of none. */
  percentile(percent: number): number {
    const rank = Math.max(1, Math.ceil((percent / 100) * this.length));
    if (this.length === 0) return Number.NaN;
    if (this.#spilled.length > 0) return this.#select(rank);
    if (!this.#sorted) this.#held.subarray(0, this.#count).sort();
    this.#sorted = true;
    return this.#held[rank - 1] as number;
  }

  /** How many are greater. */
  countAbove(limit: number): number {
    let above = 0;
    this.#forEach((value) => {
      if (value > limit) above++;
    });
    return above;
  }

  #forEach(each: (value: number) => void): void {
    const window = new Float64Array(WINDOW);
    for (const start of this.#spilled) {
      for (let read = 0; read < MOST_HELD; read += WINDOW) {
        this.#file.read(start + read * 8, window);
        for (const value of window) each(value);
      }
    }
    for (let index = 0; index < this.#count; index++) each(this.#held[index] as number);
  }

  /** Narrows the rank down digit by digit: four passes, whatever the length. */
  #select(rank: number): number {
    const prefix: number[] = [];
    let left = rank;
    let found = Number.NaN;
    for (let digit = 0; digit < DIGITS; digit++) {
      const counts = new Uint32Array(DIGIT);
      this.#forEach((value) => {
        if (prefix.every((wanted, index) => digitOf(value, index) === wanted)) {
          const bits = digitOf(value, digit);
          counts[bits] = (counts[bits] as number) + 1;
        }
      });
      let bits = 0;
      while (left > (counts[bits] as number)) left -= counts[bits++] as number;
      prefix.push(bits);
    }
    this.#forEach((value) => {
      if (prefix.every((wanted, index) => digitOf(value, index) === wanted)) found = value;
    });
    return found;
  }
}
