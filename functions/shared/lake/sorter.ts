/**
 * Sorts any number of readings in constant memory: full runs are sorted, written to a file and merged from there.
 * Few readings never touch the disk.
 */
import { closeSync, openSync, readSync, rmSync, writeSync } from "node:fs";
import { compareRecords, lengthOf, MAX_RECORD, type RecordRef } from "./records.ts";
import { Run, refOf } from "./run.ts";

const WRITE_BYTES = 1024 * 1024;
/** Shared by all runs that are merged. */
const MERGE_BYTES = 16 * 1024 * 1024;
const SMALLEST_WINDOW = 64 * 1024;

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
