/** Records in memory, and their order: what fits is sorted without moving it. */
import { DAY } from "../instant.ts";
import { compareSlices } from "../parquet/bytes.ts";
import { SliceDictionary } from "../parquet/dictionary.ts";
import { atOf, compareTies, MAX_RECORD, type RecordRef, TEXT, textLength, textStart } from "./records.ts";

/** Rows of a run: their numbers fit in the low bits of a sort key. */
const ROW_BITS = 17;
const MOST_ROWS = 1 << ROW_BITS;
const ROW_MASK = MOST_ROWS - 1;
/** Milliseconds of a day fit in so many bits. */
const TIME_RANGE = 2 ** 27;
/** Bits of a key's lower part that belong to the time. */
const LOW_RANGE = 2 ** (32 - ROW_BITS);
const RUN_BYTES = 24 * 1024 * 1024;
/** Up to here rows of one device and time are sorted by insertion. */
const FEW = 16;
const DEVICE_RANGE = 2 ** 20;

/** A record's place in bytes of its own. */
export function refOf(bytes: number): RecordRef {
  const data = new Uint8Array(bytes);
  return { data, view: new DataView(data.buffer), offset: 0 };
}

/** Records one after the other in memory, and their order. */
export class Run {
  readonly ref = refOf(RUN_BYTES);
  readonly #offsets = new Uint32Array(MOST_ROWS);
  readonly #pairs = new Uint32Array(MOST_ROWS);
  readonly #keys = new BigUint64Array(MOST_ROWS);
  readonly #halves = new Uint32Array(this.#keys.buffer);
  readonly #devices = new SliceDictionary();
  readonly #other: RecordRef = { ...this.ref };
  rows = 0;
  bytes = 0;

  get isFull(): boolean {
    return this.rows === MOST_ROWS || this.bytes + MAX_RECORD > RUN_BYTES;
  }

  /** Where the next record goes. */
  next(): RecordRef {
    this.ref.offset = this.bytes;
    return this.ref;
  }

  took(length: number): void {
    this.#offsets[this.rows++] = this.bytes;
    this.bytes += length;
  }

  clear(): void {
    this.rows = 0;
    this.bytes = 0;
  }

  /** Calls `each` with the record at its place, in order. */
  forEachSorted(each: (record: RecordRef) => void): void {
    const order = this.#sort();
    for (let index = 0; index < this.rows; index++) {
      this.ref.offset = this.#offsets[order[index] as number] as number;
      each(this.ref);
    }
  }

  /** Day and device as one rank, the time of day and the row make a 64-bit key: sorted natively, ties by comparison. */
  #sort(): Uint32Array {
    const ranks = this.#rankPairs();
    for (let row = 0; row < this.rows; row++) {
      this.ref.offset = this.#offsets[row] as number;
      const at = atOf(this.ref);
      const time = at - Math.floor(at / DAY) * DAY;
      const key = (ranks[this.#pairs[row] as number] as number) * TIME_RANGE + time;
      this.#halves[2 * row + 1] = Math.floor(key / LOW_RANGE);
      this.#halves[2 * row] = (key % LOW_RANGE) * MOST_ROWS + row;
    }
    this.#keys.subarray(0, this.rows).sort();
    const order = new Uint32Array(this.rows);
    for (let index = 0; index < this.rows; index++)
      order[index] = (this.#halves[2 * index] as number) & ROW_MASK;
    this.#sortTies(order);
    return order;
  }

  /** Numbers each row's day and device (`#pairs`). @returns the rank of each number. */
  #rankPairs(): Uint32Array {
    this.#devices.clear();
    const numbers = new Map<number, number>();
    const pairs: { day: number; device: number }[] = [];
    for (let row = 0; row < this.rows; row++) {
      this.ref.offset = this.#offsets[row] as number;
      const start = textStart(this.ref, TEXT.device);
      const device = this.#devices.intern(this.ref.data, start, start + textLength(this.ref, TEXT.device));
      const day = Math.floor(atOf(this.ref) / DAY);
      const key = day * DEVICE_RANGE + device;
      let number = numbers.get(key);
      if (number === undefined) {
        number = pairs.push({ day, device }) - 1;
        numbers.set(key, number);
      }
      this.#pairs[row] = number;
    }
    return this.#ranksOf(pairs);
  }

  #ranksOf(pairs: { day: number; device: number }[]): Uint32Array {
    const names = this.#devices;
    const length = (device: number): number => names.end(device) - names.start(device);
    const byName = (left: number, right: number): number =>
      compareSlices(
        names.data,
        names.start(left),
        length(left),
        names.data,
        names.start(right),
        length(right),
      );
    const sorted = pairs.map((_, number) => number);
    sorted.sort((left, right) => {
      const [a, b] = [pairs[left], pairs[right]];
      return a && b ? a.day - b.day || byName(a.device, b.device) : 0;
    });
    const ranks = new Uint32Array(pairs.length);
    for (const [rank, number] of sorted.entries()) ranks[number] = rank;
    return ranks;
  }

  #sameKey(left: number, right: number): boolean {
    const halves = this.#halves;
    return (
      halves[2 * left + 1] === halves[2 * right + 1] &&
      (halves[2 * left] as number) >>> ROW_BITS === (halves[2 * right] as number) >>> ROW_BITS
    );
  }

  #sortTies(order: Uint32Array): void {
    let start = 0;
    while (start < this.rows) {
      let end = start + 1;
      while (end < this.rows && this.#sameKey(start, end)) end++;
      if (end - start > FEW) order.subarray(start, end).sort((left, right) => this.#compareRows(left, right));
      else if (end - start > 1) this.#insert(order, start, end);
      start = end;
    }
  }

  #insert(order: Uint32Array, start: number, end: number): void {
    for (let index = start + 1; index < end; index++) {
      const row = order[index] as number;
      let place = index;
      while (place > start && this.#compareRows(order[place - 1] as number, row) > 0) {
        order[place] = order[place - 1] as number;
        place--;
      }
      order[place] = row;
    }
  }

  #compareRows(left: number, right: number): number {
    this.ref.offset = this.#offsets[left] as number;
    this.#other.offset = this.#offsets[right] as number;
    return compareTies(this.ref, this.#other);
  }
}
