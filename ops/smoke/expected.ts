import type { Reading } from "../../functions/shared/reading.ts";

/**
 * What the platform must answer, computed from the readings that were sent and nothing else: no code of the
 * pipeline is used, so a mistake there cannot excuse itself.
 */
export interface Aggregate {
  count: number;
  sum: number;
  min: number;
  max: number;
  /** Value of the latest reading. */
  last: number;
}

/** Characters of an ISO 8601 time that name a bucket. */
const PRECISION = { day: 10, hour: 13, minute: 16 } as const;
export type Resolution = keyof typeof PRECISION;

/** Aggregates of one metric by the start of their bucket (`2026-01-31`, `2026-01-31T12`, `2026-01-31T12:05`). */
export function aggregates(
  readings: Reading[],
  metric: string,
  resolution: Resolution,
): Map<string, Aggregate> {
  const buckets = new Map<string, Reading[]>();
  for (const reading of readings) {
    if (reading.metric !== metric) continue;
    const bucket = reading.at.slice(0, PRECISION[resolution]);
    buckets.set(bucket, [...(buckets.get(bucket) ?? []), reading]);
  }
  return new Map([...buckets].sort().map(([bucket, inside]) => [bucket, summarise(inside)]));
}

function summarise(readings: Reading[]): Aggregate {
  const values = readings.map(({ value }) => value);
  const latest = readings.reduce((a, b) => (b.at >= a.at ? b : a));
  return {
    count: values.length,
    sum: values.reduce((total, value) => total + value, 0),
    min: Math.min(...values),
    max: Math.max(...values),
    last: latest.value,
  };
}

/** The same bucket name, from whatever ISO 8601 form an answer uses. */
export const bucketOf = (time: string, resolution: Resolution): string =>
  time.slice(0, PRECISION[resolution]);

/** Sums of doubles depend on their order in the last digits; counts and extremes do not. */
export const sameAggregate = (a: Aggregate, b: Aggregate): boolean =>
  a.count === b.count &&
  a.min === b.min &&
  a.max === b.max &&
  a.last === b.last &&
  Math.abs(a.sum - b.sum) <= 1e-9 * Math.max(1, Math.abs(b.sum));
