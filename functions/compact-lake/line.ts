/**
 * One line of the raw lake to a record's bytes, without making an object of it: archive-readings writes its keys in
 * one order, and what looks otherwise is parsed and judged in full (`slow-line.ts`).
 */
import { DAY, HOUR, MINUTE, parseInstant } from "../shared/instant.ts";
import { type RecordNumbers, TEXT } from "../shared/lake/records.ts";
import { DEFAULT_LIMITS, MAX_ID_LENGTH, MAX_MAGNITUDE } from "../shared/reading.ts";

const literal = (text: string): Uint8Array => Buffer.from(text, "latin1");
const DEVICE = literal('{"deviceId":"');
const METRIC = literal(',"metric":"');
const VALUE = literal(',"value":');
const AT = literal(',"at":"');
const EVENT = literal(',"eventId":"');
const CORRELATION = literal(',"correlationId":"');
const ARRIVED = literal(',"arrivedAt":"');
const SHARD = literal(',"shard":"');
const SEQUENCE = literal(',"sequence":"');
const INDEX = literal(',"index":');

function table(allowed: RegExp): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, code) => (allowed.test(String.fromCharCode(code)) ? 1 : 0));
}

const IDENTIFIER = table(/[A-Za-z0-9._:-]/);
/** Printable ASCII without what JSON escapes. */
const PRINTABLE = table(/[!#-[\]-~]/);
const DIGITS = table(/[0-9]/);
const NUMERIC = table(/[0-9.eE+-]/);
const JSON_NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
/** Digits of which every decimal is an exact double, and powers of ten that are: so their quotient is rounded once. */
const EXACT_DIGITS = 15;
const POWERS = Float64Array.from({ length: EXACT_DIGITS + 1 }, (_, exponent) => 10 ** exponent);
const DATE_LENGTH = 10;
const NO_DIGIT = -1_000_000;

/** A day's start by its text, since lines of one hour share few days. */
class Instants {
  readonly #date = new Uint8Array(DATE_LENGTH);
  #day = Number.NaN;

  /** Epoch ms of `data[start, end)`; NaN when it is no instant. */
  read(data: Uint8Array, start: number, end: number): number {
    for (let index = 0; index < DATE_LENGTH; index++) {
      if (data[start + index] !== this.#date[index]) return this.#parse(data, start, end);
    }
    const time = end - start === 24 ? timeOf(data, start) : Number.NaN;
    return Number.isNaN(time) ? this.#parse(data, start, end) : this.#day + time;
  }

  #parse(data: Uint8Array, start: number, end: number): number {
    const instant = parseInstant(
      Buffer.from(data.buffer, data.byteOffset + start, end - start).toString("latin1"),
    );
    if (Number.isNaN(instant)) return instant;
    this.#date.set(data.subarray(start, start + DATE_LENGTH));
    this.#day = Math.floor(instant / DAY) * DAY;
    return instant;
  }
}

function digits(data: Uint8Array, index: number): number {
  const tens = (data[index] as number) - 48;
  const ones = (data[index + 1] as number) - 48;
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : NO_DIGIT;
}

/** `T12:34:56.789Z` after the date; NaN when it is written otherwise. */
function timeOf(data: Uint8Array, start: number): number {
  const hours = digits(data, start + 11);
  const minutes = digits(data, start + 14);
  const seconds = digits(data, start + 17);
  const last = (data[start + 22] as number) - 48;
  const isTime =
    data[start + 10] === 84 &&
    data[start + 13] === 58 &&
    data[start + 16] === 58 &&
    data[start + 19] === 46 &&
    data[start + 23] === 90;
  const inRange = hours < 24 && minutes < 60 && seconds < 60 && last >= 0 && last <= 9;
  const time = hours * HOUR + minutes * MINUTE + seconds * 1000 + digits(data, start + 20) * 10 + last;
  return isTime && inRange && time >= 0 ? time : Number.NaN;
}

/** Reads lines; what it read is in its fields until the next line. */
export class LineReader {
  readonly starts = new Int32Array(6);
  readonly ends = new Int32Array(6);
  readonly numbers: RecordNumbers = { at: 0, value: 0, arrivedAt: 0, index: 0, repeats: 0 };
  readonly #at = new Instants();
  readonly #arrivals = new Instants();
  readonly #hourStart: number;
  #data: Uint8Array = new Uint8Array();
  #position = 0;

  /** @param hourStart epoch ms of the hour that the lines arrived in. */
  constructor(hourStart: number) {
    this.#hourStart = hourStart;
  }

  /** Reads `data[start, end)`; false when it is not exactly a line as archive-readings writes them. */
  read(data: Uint8Array, start: number, end: number): boolean {
    this.#data = data;
    this.#position = start;
    return this.#reading() && this.#origin() && this.#position === end && this.#inRange();
  }

  #reading(): boolean {
    return (
      this.#literal(DEVICE) &&
      this.#text(TEXT.device, IDENTIFIER) &&
      this.#literal(METRIC) &&
      this.#text(TEXT.metric, IDENTIFIER) &&
      this.#literal(VALUE) &&
      this.#value() &&
      this.#literal(AT) &&
      this.#instant("at", this.#at) &&
      this.#optional(EVENT, TEXT.event) &&
      this.#optional(CORRELATION, TEXT.correlation)
    );
  }

  #origin(): boolean {
    return (
      this.#literal(ARRIVED) &&
      this.#instant("arrivedAt", this.#arrivals) &&
      this.#literal(SHARD) &&
      this.#text(TEXT.shard, IDENTIFIER) &&
      this.#literal(SEQUENCE) &&
      this.#text(TEXT.sequence, DIGITS) &&
      this.#literal(INDEX) &&
      this.#index() &&
      this.#data[this.#position++] === 125
    );
  }

  #inRange(): boolean {
    const { at, arrivedAt, value } = this.numbers;
    const arrived = arrivedAt - this.#hourStart;
    const ahead = at - arrivedAt;
    return (
      arrived >= 0 &&
      arrived < HOUR &&
      ahead <= DEFAULT_LIMITS.maxAheadMs &&
      -ahead <= DEFAULT_LIMITS.maxAgeMs &&
      Math.abs(value) <= MAX_MAGNITUDE
    );
  }

  #literal(expected: Uint8Array): boolean {
    for (let index = 0; index < expected.length; index++) {
      if (this.#data[this.#position + index] !== expected[index]) return false;
    }
    this.#position += expected.length;
    return true;
  }

  /** A text up to its closing quote, and that quote. */
  #text(text: number, allowed: Uint8Array): boolean {
    const start = this.#position;
    let end = start;
    while (allowed[this.#data[end] as number] === 1) end++;
    this.starts[text] = start;
    this.ends[text] = end;
    this.#position = end + 1;
    return this.#data[end] === 34 && end > start && end - start <= MAX_ID_LENGTH;
  }

  #optional(name: Uint8Array, text: number): boolean {
    this.starts[text] = 0;
    this.ends[text] = 0;
    return !this.#literal(name) || this.#text(text, PRINTABLE);
  }

  #instant(field: "at" | "arrivedAt", instants: Instants): boolean {
    const start = this.#position;
    let end = start;
    while (end < start + 31 && this.#data[end] !== 34) end++;
    this.#position = end + 1;
    this.numbers[field] = instants.read(this.#data, start, end);
    return !Number.isNaN(this.numbers[field]);
  }

  #value(): boolean {
    const start = this.#position;
    let end = start;
    while (NUMERIC[this.#data[end] as number] === 1) end++;
    this.#position = end;
    this.numbers.value = decimal(this.#data, start, end);
    return !Number.isNaN(this.numbers.value);
  }

  #index(): boolean {
    let index = 0;
    const start = this.#position;
    while (DIGITS[this.#data[this.#position] as number] === 1 && this.#position - start < 9) {
      index = index * 10 + (this.#data[this.#position++] as number) - 48;
    }
    this.numbers.index = index;
    return this.#position > start;
  }
}

/** A JSON number; NaN when it is none. */
function decimal(data: Uint8Array, start: number, end: number): number {
  const first = data[start] === 45 ? start + 1 : start;
  const point = pointOf(data, first, end);
  const fraction = point === -1 ? 0 : end - first - point - 1;
  const whole = point === -1 ? end - first : point;
  const isShort = whole > 0 && whole + fraction <= EXACT_DIGITS && (data[first] !== 48 || whole === 1);
  if (!isShort || (point !== -1 && fraction === 0)) return anyNumber(data, start, end);
  // Without a fraction the second part is empty, and adds nothing.
  const mantissa = wholeNumber(data, end - fraction, end, wholeNumber(data, first, first + whole, 0));
  if (Number.isNaN(mantissa)) return anyNumber(data, start, end);
  return (mantissa / (POWERS[fraction] as number)) * (first === start ? 1 : -1);
}

/** Where the decimal point is, counted from `start`; -1 without one. */
function pointOf(data: Uint8Array, start: number, end: number): number {
  for (let index = start; index < end; index++) if (data[index] === 46) return index - start;
  return -1;
}

/** The digits after those of `before`; NaN when there is something else. */
function wholeNumber(data: Uint8Array, start: number, end: number, before: number): number {
  let value = before;
  for (let index = start; index < end; index++) {
    const digit = (data[index] as number) - 48;
    if (digit < 0 || digit > 9) return Number.NaN;
    value = value * 10 + digit;
  }
  return value;
}

function anyNumber(data: Uint8Array, start: number, end: number): number {
  const text = Buffer.from(data.buffer, data.byteOffset + start, end - start).toString("latin1");
  return JSON_NUMBER.test(text) ? Number(text) : Number.NaN;
}
