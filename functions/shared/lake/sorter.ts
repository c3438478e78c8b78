/**
 * Sorts any number of readings in constant memory: full runs are sorted, written to a file and merged from there.
 * Few readings never touch the disk.
 */
import { closeSync, openSync, readSync, rmSync, writeSync } from "node:fs";
import { DAY } from "../instant.ts";
import { compareSlices } from "../parquet/bytes.ts";
import { SliceDictionary } from "../parquet/dictionary.ts";
import {
  atOf,
  compareRecords,
  compareTies,
  lengthOf,
  MAX_RECORD,
  type RecordRef,
  TEXT,
  textLength,
  textStart,
} from "./records.ts";

/** Rows of a run: their numbers fit in the low bits of a sort key. */
const ROW_BITS = 17;
const MOST_ROWS = 1 << ROW_BITS;
const ROW_MASK = MOST_ROWS - 1;
/** Milliseconds of a day fit in so many bits. */
const TIME_RANGE = 2 ** 27;
/** Bits of a key's lower part that belong to the time. */
const LOW_RANGE = 2 ** (32 - ROW_BITS);
const RUN_BYTES = 24 * 1024 * 1024;
const WRITE_BYTES = 1024 * 1024;
/** Shared by all runs that are merged. */
const MERGE_BYTES = 16 * 1024 * 1024;
const SMALLEST_WINDOW = 64 * 1024;
/** Up to here rows of one device and time are sorted by insertion. */
const FEW = 16;
const DEVICE_RANGE = 2 ** 20;

function refOf(bytes: number): RecordRef {
  const data = new Uint8Array(bytes);
  return { data, view: new DataView(data.buffer), offset: 0 };
}

/** Records one after the other in memory, and their order. */
class Run {
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

interface Extent {
  start: number;
  end: number;
}

/** Reads a spilled run through a window. */
class RunReader {
  readonly ref: RecordRef;
  readonly #file: number;
  #position: number;
  readonly #end: number;
  #filled = 0;

  constructor(file: number, { start, end }: Extent, window: number) {
    this.#file = file;
    this.#position = start;
    this.#end = end;
    this.ref = refOf(window);
    this.#fill();
  }

  get isDone(): boolean {
    return this.ref.offset >= this.#filled;
  }

  advance(): void {
    this.ref.offset += lengthOf(this.ref);
    if (this.#filled - this.ref.offset < MAX_RECORD) this.#fill();
  }

  #fill(): void {
    if (this.#position === this.#end) return;
    const { data, offset } = this.ref;
    const rest = this.#filled - offset;
    if (rest > 0) data.copyWithin(0, offset, this.#filled);
    const wanted = Math.min(data.length - rest, this.#end - this.#position);
    const read = readSync(this.#file, data, rest, wanted, this.#position);
    if (read === 0) throw new Error("The sorter's own file is shorter than what was written to it.");
    this.#position += read;
    this.#filled = rest + read;
    this.ref.offset = 0;
    if (read < wanted) this.#fill();
  }
}

/** Restores the heap's order below `index`: the least record is first. */
function sift(heap: RunReader[], index: number): void {
  let parent = index;
  for (;;) {
    let least = parent;
    for (const child of [2 * parent + 1, 2 * parent + 2]) {
      const [candidate, best] = [heap[child], heap[least]];
      if (candidate && best && compareRecords(candidate.ref, best.ref) < 0) least = child;
    }
    if (least === parent) return;
    const moved = heap[parent] as RunReader;
    heap[parent] = heap[least] as RunReader;
    heap[least] = moved;
    parent = least;
  }
}

export class ReadingSorter {
  readonly #path: string;
  readonly #run = new Run();
  readonly #extents: Extent[] = [];
  #file: number | undefined;
  #length = 0;

  /** @param path of a file that does not exist; made when memory is full, removed by `close`. */
  constructor(path: string) {
    this.#path = path;
  }

  /** Where the next record is to be written; then call `took`. */
  next(): RecordRef {
    if (this.#run.isFull) this.#spill();
    return this.#run.next();
  }

  /** The record that `next` gave the place for has this length. */
  took(length: number): void {
    this.#run.took(length);
  }

  /** Calls `each` with every record in order (`compareRecords`); it is good until the call returns. */
  drain(each: (record: RecordRef) => void): void {
    if (this.#extents.length === 0) {
      this.#run.forEachSorted(each);
      return;
    }
    this.#spill();
    this.#merge(each);
  }

  /** Removes the file. */
  close(): void {
    if (this.#file === undefined) return;
    closeSync(this.#file);
    rmSync(this.#path, { force: true });
    this.#file = undefined;
  }

  #spill(): void {
    if (this.#run.rows === 0) return;
    this.#file ??= openSync(this.#path, "wx+", 0o600);
    const file = this.#file;
    const start = this.#length;
    const buffer = new Uint8Array(WRITE_BYTES);
    let filled = 0;
    const flush = (): void => {
      for (let written = 0; written < filled; ) {
        written += writeSync(file, buffer, written, filled - written, this.#length + written);
      }
      this.#length += filled;
      filled = 0;
    };
    this.#run.forEachSorted((record) => {
      const length = lengthOf(record);
      if (filled + length > WRITE_BYTES) flush();
      buffer.set(record.data.subarray(record.offset, record.offset + length), filled);
      filled += length;
    });
    flush();
    this.#extents.push({ start, end: this.#length });
    this.#run.clear();
  }

  #merge(each: (record: RecordRef) => void): void {
    const window = Math.max(SMALLEST_WINDOW, Math.floor(MERGE_BYTES / this.#extents.length));
    const heap = this.#extents.map((extent) => new RunReader(this.#file as number, extent, window));
    for (let index = heap.length >> 1; index >= 0; index--) sift(heap, index);
    while (heap.length > 0) {
      const first = heap[0] as RunReader;
      each(first.ref);
      first.advance();
      if (first.isDone) {
        const last = heap.pop() as RunReader;
        if (heap.length > 0 && last !== first) heap[0] = last;
      }
      sift(heap, 0);
    }
  }
}
