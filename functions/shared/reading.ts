/**
 * What a reading is, and the one judge of whether something is one: every way in (stream, HTTP) asks it.
 *
 * `{ deviceId, metric, value, at, eventId?, correlationId? }`, no other keys. `schemas.ts` says the same as JSON
 * Schema for the API's documents; a property test holds the two together.
 */
import { DAY, parseInstant } from "./instant.ts";

export interface Reading {
  /** 1-128 of `A-Z a-z 0-9 . _ : -`. */
  deviceId: string;
  /** 1-128 of `A-Z a-z 0-9 . _ : -`. */
  metric: string;
  /** A finite number within +-1e15: DynamoDB's range is not a double's. */
  value: number;
  /** ISO-8601 UTC, e.g. `2026-01-31T12:00:00Z`; 31 days back to 1 day ahead of the arrival. */
  at: string;
  /** The sender's own id of this reading: 1-128 printable ASCII characters without spaces. */
  eventId?: string;
  /** Follows the reading through every log: 1-128 printable ASCII characters without spaces. */
  correlationId?: string;
}

export const MAX_ID_LENGTH = 128;
export const MAX_MAGNITUDE = 1e15;
/** Readings in one record or one HTTP request. */
export const MAX_READINGS = 500;
/** Bytes of one stream record: room for 500 readings with the longest ids. */
export const MAX_RECORD_BYTES = 512 * 1024;
/** How much of what was sent a reason repeats. */
const MAX_ECHO = 40;

/** How far from its arrival a reading's `at` may lie, in milliseconds. */
export interface TimeLimits {
  maxAgeMs: number;
  maxAheadMs: number;
}

export const DEFAULT_LIMITS: TimeLimits = { maxAgeMs: 31 * DAY, maxAheadMs: DAY };

const IDENTIFIER = characters("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:-");
const PRINTABLE = characters(
  Array.from({ length: 94 }, (_, index) => String.fromCharCode(33 + index)).join(""),
);

function characters(allowed: string): Uint8Array {
  const table = new Uint8Array(128);
  for (const character of allowed) table[character.charCodeAt(0)] = 1;
  return table;
}

function consistsOf(text: string, table: Uint8Array): boolean {
  if (text.length === 0 || text.length > MAX_ID_LENGTH) return false;
  for (let index = 0; index < text.length; index++) {
    if (table[text.charCodeAt(index)] !== 1) return false;
  }
  return true;
}

function echo(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > MAX_ECHO ? `${text.slice(0, MAX_ECHO)}...` : text;
}

/** The limits for a configured age in days (default 31, the age that the minute items are kept for). */
export function limitsFor(maxAgeDays: number | undefined): TimeLimits {
  return maxAgeDays === undefined ? DEFAULT_LIMITS : { ...DEFAULT_LIMITS, maxAgeMs: maxAgeDays * DAY };
}

function isKnownKey(key: string): boolean {
  switch (key) {
    case "deviceId":
    case "metric":
    case "value":
    case "at":
    case "eventId":
    case "correlationId":
      return true;
    default:
      return false;
  }
}

function keyProblem(value: object): string | undefined {
  for (const key in value) {
    if (!isKnownKey(key)) return `unknown key ${echo(key)}`;
  }
  return undefined;
}

function identifierProblem(name: string, value: unknown): string | undefined {
  if (typeof value === "string" && consistsOf(value, IDENTIFIER)) return undefined;
  if (value === undefined) return `${name} is missing`;
  return `${name} must be 1-${MAX_ID_LENGTH} of A-Z a-z 0-9 . _ : -, not ${echo(value)}`;
}

function valueProblem(value: unknown): string | undefined {
  if (value === undefined) return "value is missing";
  if (typeof value !== "number") return `value must be a number, not ${echo(value)}`;
  if (!Number.isFinite(value)) return "value must be finite";
  if (value > MAX_MAGNITUDE || value < -MAX_MAGNITUDE) return `value must be within +-1e15, not ${value}`;
  return undefined;
}

/** Can this be an `eventId` or a `correlationId`? */
export function isPrintableId(value: unknown): value is string {
  return typeof value === "string" && consistsOf(value, PRINTABLE);
}

function correlationProblem(name: string, value: unknown): string | undefined {
  if (value === undefined || isPrintableId(value)) return undefined;
  return `${name} must be 1-${MAX_ID_LENGTH} printable ASCII characters without spaces, not ${echo(value)}`;
}

function instantProblem(value: unknown): string {
  if (value === undefined) return "at is missing";
  return `at must be an ISO-8601 UTC instant such as 2026-01-31T12:00:00Z, not ${echo(value)}`;
}

function fieldProblem(candidate: Record<string, unknown>): string | undefined {
  return (
    keyProblem(candidate) ??
    identifierProblem("deviceId", candidate.deviceId) ??
    identifierProblem("metric", candidate.metric) ??
    valueProblem(candidate.value) ??
    correlationProblem("eventId", candidate.eventId) ??
    correlationProblem("correlationId", candidate.correlationId)
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function days(ms: number): string {
  const count = Math.round((ms / DAY) * 100) / 100;
  return `${count} ${count === 1 ? "day" : "days"}`;
}

/** Judges the shape alone: epoch milliseconds of `at`, or the reason why it is no reading. */
export function judgeShape(candidate: unknown): number | string {
  if (!isRecord(candidate)) return `a reading must be an object, not ${echo(candidate)}`;
  const problem = fieldProblem(candidate);
  if (problem !== undefined) return problem;
  const at = typeof candidate.at === "string" ? parseInstant(candidate.at) : Number.NaN;
  return Number.isNaN(at) ? instantProblem(candidate.at) : at;
}

/**
 * Judges one parsed reading.
 *
 * @param arrivedAt epoch milliseconds. A stream's consumer passes the arrival of the record and not its own
 * clock, so that the answer is the same whenever and however often the record is delivered.
 * @returns epoch milliseconds of `at` when it is valid, otherwise the reason, in English.
 */
export function judgeReading(
  candidate: unknown,
  arrivedAt: number,
  limits: TimeLimits = DEFAULT_LIMITS,
): number | string {
  const at = judgeShape(candidate);
  if (typeof at === "string") return at;
  if (at < arrivedAt - limits.maxAgeMs) return `at is more than ${days(limits.maxAgeMs)} before its arrival`;
  if (at > arrivedAt + limits.maxAheadMs)
    return `at is more than ${days(limits.maxAheadMs)} after its arrival`;
  return at;
}
