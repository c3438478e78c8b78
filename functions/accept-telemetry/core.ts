/** Decides what of a request's readings can be taken, and what is answered. Pure. */
import type { ProblemItem } from "../shared/http.ts";
import {
  isPrintableId,
  judgeReading,
  MAX_READINGS,
  type Reading,
  type TimeLimits,
} from "../shared/reading.ts";

interface ReadingResult {
  /** Position in the request. */
  index: number;
  status: "accepted" | "rejected" | "throttled";
  reason?: string;
}

/** A valid reading with its position in the request. */
export interface Taken {
  index: number;
  reading: Reading;
}

export interface Judged {
  taken: Taken[];
  rejected: ReadingResult[];
}

export interface TelemetryResult {
  accepted: number;
  rejected: number;
  throttled: number;
  results: ReadingResult[];
}

/** The body's readings, or what is wrong with the body as a whole. */
export function readingsIn(body: unknown): { readings: unknown[] } | { problem: ProblemItem } {
  if (!Array.isArray(body)) {
    const isObject = typeof body === "object" && body !== null;
    return isObject
      ? { readings: [body] }
      : {
          problem: { pointer: "#", detail: `the body must be a reading or an array of 1 to ${MAX_READINGS}` },
        };
  }
  if (body.length >= 1 && body.length <= MAX_READINGS) return { readings: body };
  const detail = `the body must hold 1 to ${MAX_READINGS} readings, not ${body.length}`;
  return { problem: { pointer: "#", detail } };
}

/** A reading without a correlation id of its own gets the request's. */
function correlated(reading: Reading, correlationId: string): Reading {
  const hasOwn = reading.correlationId !== undefined || !isPrintableId(correlationId);
  return hasOwn ? reading : { ...reading, correlationId };
}

export function judgeReadings(
  readings: unknown[],
  { now, correlationId, limits }: { now: number; correlationId: string; limits: TimeLimits },
): Judged {
  const judged: Judged = { taken: [], rejected: [] };
  for (const [index, candidate] of readings.entries()) {
    const at = judgeReading(candidate, now, limits);
    if (typeof at === "string") judged.rejected.push({ index, status: "rejected", reason: at });
    else judged.taken.push({ index, reading: correlated(candidate as Reading, correlationId) });
  }
  return judged;
}

/** @param throttled positions of valid readings that the stream did not take. */
export function toResult({ taken, rejected }: Judged, throttled: ReadonlySet<number>): TelemetryResult {
  const reason = "the stream had no room; send it again";
  const results: ReadingResult[] = taken.map(({ index }) =>
    throttled.has(index) ? { index, status: "throttled", reason } : { index, status: "accepted" },
  );
  return {
    accepted: taken.length - throttled.size,
    rejected: rejected.length,
    throttled: throttled.size,
    results: [...results, ...rejected].sort((a, b) => a.index - b.index),
  };
}

/**
 * Milliseconds to wait before attempt `attempt` (1 = the first repetition): full jitter up to 50 ms doubled each time.
 * Source: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
 */
export function backoff(attempt: number, random: number): number {
  return Math.round(random * 50 * 2 ** attempt);
}
