/** What the expressions of an IoT rule's SQL give for a message. Pure. */

/** What a device published. */
export interface PublishedMessage {
  topic: string;
  payload: Buffer;
  clientId: string;
  /** Of its arrival, epoch milliseconds. */
  timestamp: number;
  /** A new version 4 UUID at every call. */
  uuid(): string;
}

export type Value = unknown;
export type Evaluate = (message: Reading) => Value;

/** A message with its payload as JSON, parsed at most once. */
export class Reading {
  readonly message: PublishedMessage;
  #json: { value: Value } | undefined;

  constructor(message: PublishedMessage) {
    this.message = message;
  }

  /** Undefined when the payload is no JSON. */
  get json(): Value {
    this.#json ??= { value: parse(this.message.payload) };
    return this.#json.value;
  }
}

const parse = (payload: Buffer): Value => {
  try {
    return JSON.parse(payload.toString("utf8"));
  } catch {
    return undefined;
  }
};

export const isObject = (value: Value): value is Record<string, Value> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

export const memberOf = (value: Value, key: string): Value =>
  isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;

const levelOf = (topic: string, level: Value): string | undefined =>
  typeof level === "number" ? topic.split("/")[level - 1] : undefined;

/** Base64 of the message's own bytes, or of a text. */
const encode = (reading: Reading, what: Evaluate | "*"): Value => {
  if (what === "*") return reading.message.payload.toString("base64");
  const value = what(reading);
  if (value === undefined) return undefined;
  return Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64");
};

export type Arguments = (Evaluate | "*")[];

/** By name: how many arguments it takes, and what it gives. */
export const FUNCTIONS: Record<string, { takes: number[]; call: (args: Arguments) => Evaluate }> = {
  topic: {
    takes: [0, 1],
    call: ([level]) =>
      level === undefined || level === "*"
        ? ({ message }) => message.topic
        : (reading) => levelOf(reading.message.topic, level(reading)),
  },
  timestamp: { takes: [0], call: () => (reading) => reading.message.timestamp },
  clientid: { takes: [0], call: () => (reading) => reading.message.clientId },
  newuuid: { takes: [0], call: () => (reading) => reading.message.uuid() },
  encode: {
    takes: [2],
    call:
      ([what]) =>
      (reading) =>
        encode(reading, what ?? "*"),
  },
};

const same = (left: Value, right: Value): boolean => left === right;
const before = (left: Value, right: Value): boolean =>
  (typeof left === "number" && typeof right === "number" && left < right) ||
  (typeof left === "string" && typeof right === "string" && left < right);

export const COMPARISONS: Record<string, (left: Value, right: Value) => boolean> = {
  "=": same,
  "<>": (left, right) => !same(left, right),
  "<": before,
  ">": (left, right) => before(right, left),
  "<=": (left, right) => before(left, right) || same(left, right),
  ">=": (left, right) => before(right, left) || same(left, right),
};
