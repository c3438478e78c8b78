/** The distinct values of a column, each known by its number in order of appearance. */
import { Bytes } from "./bytes.ts";
import type { Slices } from "./encodings.ts";

const FNV_PRIME = 0x01000193;
const FNV_OFFSET = 0x811c9dc5;

/** FNV-1a of a slice, mixed so that its low bits can index a table. */
export function hashSlice(data: Uint8Array, start: number, end: number): number {
  let hash = FNV_OFFSET;
  for (let index = start; index < end; index++) hash = Math.imul(hash ^ (data[index] as number), FNV_PRIME);
  hash ^= hash >>> 15;
  return (Math.imul(hash, 0x2c1b3c6d) ^ (hash >>> 12)) >>> 0;
}

/** Numbers byte slices: equal ones alike. Open addressing, no strings. */
export class SliceDictionary {
  readonly #data = new Bytes(4096);
  #ends = new Uint32Array(256);
  /** Number + 1 of the value in each slot; 0 is empty. */
  #slots = new Int32Array(1024);
  count = 0;

  clear(): void {
    this.#data.clear();
    this.#slots.fill(0);
    this.count = 0;
  }

  get bytes(): number {
    return this.#data.length;
  }

  slices(): Slices {
    return { data: this.#data.data, ends: this.#ends, count: this.count };
  }

  start(number: number): number {
    return number === 0 ? 0 : (this.#ends[number - 1] as number);
  }

  end(number: number): number {
    return this.#ends[number] as number;
  }

  get data(): Uint8Array {
    return this.#data.data;
  }

  /** The number of this value, a new one when it is new. */
  intern(source: Uint8Array, start: number, end: number): number {
    const mask = this.#slots.length - 1;
    let slot = hashSlice(source, start, end) & mask;
    for (;;) {
      const number = (this.#slots[slot] as number) - 1;
      if (number === -1) return this.#add(slot, source, start, end);
      if (this.#equals(number, source, start, end)) return number;
      slot = (slot + 1) & mask;
    }
  }

  #equals(number: number, source: Uint8Array, start: number, end: number): boolean {
    const own = this.start(number);
    if (this.end(number) - own !== end - start) return false;
    const data = this.#data.data;
    for (let index = start; index < end; index++) {
      if (data[own + index - start] !== source[index]) return false;
    }
    return true;
  }

  #add(slot: number, source: Uint8Array, start: number, end: number): number {
    const number = this.count++;
    this.#data.copy(source, start, end);
    if (number === this.#ends.length) {
      const grown = new Uint32Array(this.#ends.length * 2);
      grown.set(this.#ends);
      this.#ends = grown;
    }
    this.#ends[number] = this.#data.length;
    this.#slots[slot] = number + 1;
    if (this.count * 2 > this.#slots.length) this.#grow();
    return number;
  }

  #grow(): void {
    const slots = new Int32Array(this.#slots.length * 4);
    for (let number = 0; number < this.count; number++) {
      let slot = hashSlice(this.#data.data, this.start(number), this.end(number)) & (slots.length - 1);
      while (slots[slot] !== 0) slot = (slot + 1) & (slots.length - 1);
      slots[slot] = number + 1;
    }
    this.#slots = slots;
  }
}
