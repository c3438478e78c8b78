/**
 * A reading as bytes: what is sorted, spilled and merged without making an object of it.
 *
 * | offset | what |
 * |---|---|
 * | 0 | uint32: length of the record |
 * | 4, 12, 20 | float64: `at` and value, arrival (epoch ms) |
 * | 28, 32 | uint32: index in its stream record, repeats it stands for |
 * | 36-41 | uint8: lengths of the six texts |
 * | 42 | device, metric, event, shard, sequence, correlation |
 */
import { DAY } from "../instant.ts";
import { compareSlices } from "../parquet/bytes.ts";

export const HEADER = 42;
/** Longest record: six texts of 255. */
export const MAX_RECORD = HEADER + 6 * 255;
const LENGTHS = 36;

/** Numbers of the texts, in their order. */
export const TEXT = { device: 0, metric: 1, event: 2, shard: 3, sequence: 4, correlation: 5 } as const;
const TEXTS = 6;

/** A record within bytes. */
export interface RecordRef {
  data: Uint8Array;
  view: DataView;
  offset: number;
}

export interface RecordNumbers {
  at: number;
  value: number;
  arrivedAt: number;
  index: number;
  repeats: number;
}

export const lengthOf = ({ view, offset }: RecordRef): number => view.getUint32(offset, true);
export const atOf = ({ view, offset }: RecordRef): number => view.getFloat64(offset + 4, true);
export const numberOf = ({ view, offset }: RecordRef): number => view.getFloat64(offset + 12, true);
export const arrivedAtOf = ({ view, offset }: RecordRef): number => view.getFloat64(offset + 20, true);
export const indexOf = ({ view, offset }: RecordRef): number => view.getUint32(offset + 28, true);
export const repeatsOf = ({ view, offset }: RecordRef): number => view.getUint32(offset + 32, true);
export const textLength = ({ data, offset }: RecordRef, text: number): number =>
  data[offset + LENGTHS + text] as number;

/** Where a text starts. */
export function textStart(record: RecordRef, text: number): number {
  let start = record.offset + HEADER;
  for (let before = 0; before < text; before++) start += textLength(record, before);
  return start;
}

/** Writes all but the texts. @returns where the first text goes. */
function writeNumbers({ view, offset }: RecordRef, numbers: RecordNumbers, length: number): number {
  view.setUint32(offset, length, true);
  view.setFloat64(offset + 4, numbers.at, true);
  view.setFloat64(offset + 12, numbers.value, true);
  view.setFloat64(offset + 20, numbers.arrivedAt, true);
  view.setUint32(offset + 28, numbers.index, true);
  view.setUint32(offset + 32, numbers.repeats, true);
  return offset + HEADER;
}

function setTextLength({ data, offset }: RecordRef, text: number, length: number): void {
  data[offset + LENGTHS + text] = length;
}

function compareText(left: RecordRef, right: RecordRef, text: number): number {
  return compareSlices(
    left.data,
    textStart(left, text),
    textLength(left, text),
    right.data,
    textStart(right, text),
    textLength(right, text),
  );
}

/** The order among readings of one device and time: by metric, event, arrival, shard, sequence number and index. */
export function compareTies(left: RecordRef, right: RecordRef): number {
  return (
    compareText(left, right, TEXT.metric) ||
    compareText(left, right, TEXT.event) ||
    arrivedAtOf(left) - arrivedAtOf(right) ||
    compareText(left, right, TEXT.shard) ||
    compareText(left, right, TEXT.sequence) ||
    indexOf(left) - indexOf(right)
  );
}

/** The order of the lake: by day, device and time, then as `compareTies`. Total: only copies are equal. */
export function compareRecords(left: RecordRef, right: RecordRef): number {
  const leftAt = atOf(left);
  const rightAt = atOf(right);
  const days = Math.floor(leftAt / DAY) - Math.floor(rightAt / DAY);
  if (days !== 0) return days;
  return compareText(left, right, TEXT.device) || leftAt - rightAt || compareTies(left, right);
}

/** Delivered twice: the same place in the stream. */
export function isRedelivered(left: RecordRef, right: RecordRef): boolean {
  return (
    indexOf(left) === indexOf(right) &&
    compareText(left, right, TEXT.sequence) === 0 &&
    compareText(left, right, TEXT.shard) === 0
  );
}

/** Sent twice: the same event of the same device, metric and time. Readings without an event never are. */
export function isRepeated(left: RecordRef, right: RecordRef): boolean {
  if (textLength(left, TEXT.event) === 0 || atOf(left) !== atOf(right)) return false;
  for (let text = 0; text <= TEXT.event; text++) if (compareText(left, right, text) !== 0) return false;
  return true;
}

/** A record of its own, for what must outlive the bytes it came from. */
export function createRecord(): RecordRef {
  const data = new Uint8Array(MAX_RECORD);
  return { data, view: new DataView(data.buffer), offset: 0 };
}

export function copyRecord(from: RecordRef, to: RecordRef): void {
  const length = lengthOf(from);
  const { data, offset } = from;
  if (length > 512) to.data.set(data.subarray(offset, offset + length), to.offset);
  else
    for (let index = 0; index < length; index++) to.data[to.offset + index] = data[offset + index] as number;
}

/** Texts of a record as plain JavaScript, for tests and reports. */
export function readText(record: RecordRef, text: number): string {
  const start = textStart(record, text);
  return Buffer.from(record.data.buffer, record.data.byteOffset + start, textLength(record, text)).toString(
    "latin1",
  );
}

/** Writes a record from texts that are in other bytes: `ends` and `starts` by text. @returns its length. */
export function writeRecord(
  target: RecordRef,
  numbers: RecordNumbers,
  source: Uint8Array,
  { starts, ends }: { starts: Int32Array; ends: Int32Array },
): number {
  let position = target.offset + HEADER;
  for (let text = 0; text < TEXTS; text++) {
    const [start, end] = [starts[text] as number, ends[text] as number];
    setTextLength(target, text, end - start);
    for (let index = start; index < end; index++) target.data[position++] = source[index] as number;
  }
  writeNumbers(target, numbers, position - target.offset);
  return position - target.offset;
}
