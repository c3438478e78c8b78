/**
 * Per-minute figures of an access log: requests by status class, and latency. Pure, and bounded: a minute takes less
 * than 600 bytes however many requests it has.
 */
import type { AccessEntry } from "../shared/access-entry.ts";

const MINUTE = 60_000;
/** Buckets per doubling: a percentile is told to within 5 %. */
const PER_DOUBLING = 8;
const BUCKETS = 128;

interface Minute {
  requests: number;
  /** By the status's first digit. */
  classes: number[];
  latencies: Uint32Array | undefined;
  measured: number;
  longest: number;
}

/** One minute's figures, ready to be emitted. */
export interface MinuteFigures {
  /** Its start, epoch milliseconds. */
  minute: number;
  counts: Record<string, number>;
  /** Milliseconds; undefined when no entry of the minute told any. */
  latency: Record<string, number> | undefined;
}

const bucketOf = (ms: number): number =>
  ms < 1 ? 0 : Math.min(BUCKETS - 1, 1 + Math.floor(Math.log2(ms) * PER_DOUBLING));

/** The middle of a bucket. */
const middle = (bucket: number): number => (bucket === 0 ? 0 : 2 ** ((bucket - 0.5) / PER_DOUBLING));

export class Figures {
  readonly #minutes = new Map<number, Minute>();

  add({ at, status, latencyMs }: AccessEntry): void {
    const start = Math.floor(Date.parse(at) / MINUTE) * MINUTE;
    const minute = this.#minutes.get(start) ?? emptyMinute();
    this.#minutes.set(start, minute);
    minute.requests += 1;
    const digit = Math.floor(status / 100);
    minute.classes[digit] = (minute.classes[digit] ?? 0) + 1;
    if (latencyMs === null) return;
    minute.latencies ??= new Uint32Array(BUCKETS);
    const bucket = bucketOf(latencyMs);
    minute.latencies[bucket] = (minute.latencies[bucket] ?? 0) + 1;
    minute.measured += 1;
    minute.longest = Math.max(minute.longest, latencyMs);
  }

  /** In the order of time. */
  minutes(): MinuteFigures[] {
    return [...this.#minutes]
      .sort(([a], [b]) => a - b)
      .map(([start, minute]) => ({
        minute: start,
        counts: {
          requests: minute.requests,
          ...Object.fromEntries(
            [1, 2, 3, 4, 5].map((digit) => [`status${digit}xx`, minute.classes[digit] ?? 0]),
          ),
        },
        latency: latencyOf(minute),
      }));
  }
}

const emptyMinute = (): Minute => ({
  requests: 0,
  classes: [],
  latencies: undefined,
  measured: 0,
  longest: 0,
});

function latencyOf({ latencies, measured, longest }: Minute): Record<string, number> | undefined {
  if (latencies === undefined) return undefined;
  const at = (share: number): number => Math.min(longest, percentile(latencies, measured, share));
  return { latencyP50: at(0.5), latencyP95: at(0.95), latencyP99: at(0.99), latencyMax: longest };
}

function percentile(latencies: Uint32Array, measured: number, share: number): number {
  const wanted = Math.ceil(measured * share);
  let seen = 0;
  const bucket = latencies.findIndex((count) => {
    seen += count;
    return seen >= wanted;
  });
  return Math.round(middle(bucket) * 10) / 10;
}
