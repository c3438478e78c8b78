/** Counts and durations per function, in bounded memory. */

/** Buckets grow by 2 %, so a percentile is at most 2 % above the true value. */
const GROWTH = Math.log(1.02);
/** The smallest duration that has a bucket of its own, in milliseconds. */
const SMALLEST_MS = 0.01;

export interface Percentiles {
  count: number;
  /** Milliseconds; 0 when nothing was counted. */
  p50: number;
  p95: number;
  p99: number;
  max: number;
}

export class Histogram {
  readonly #buckets = new Map<number, number>();
  #count = 0;
  #max = 0;

  add(milliseconds: number): void {
    const bucket = Math.max(0, Math.ceil(Math.log(milliseconds / SMALLEST_MS) / GROWTH));
    this.#buckets.set(bucket, (this.#buckets.get(bucket) ?? 0) + 1);
    this.#count += 1;
    this.#max = Math.max(this.#max, milliseconds);
  }

  percentiles(): Percentiles {
    const sorted = [...this.#buckets].sort(([a], [b]) => a - b);
    const at = (share: number) => this.#valueAt(sorted, Math.ceil(share * this.#count));
    return { count: this.#count, p50: at(0.5), p95: at(0.95), p99: at(0.99), max: this.#max };
  }

  #valueAt(sorted: [number, number][], rank: number): number {
    let seen = 0;
    for (const [bucket, count] of sorted) {
      seen += count;
      if (seen >= rank) return Math.min(this.#max, SMALLEST_MS * Math.exp(bucket * GROWTH));
    }
    return 0;
  }
}

export interface FunctionStats {
  functionName: string;
  /** Finished invocations, failed ones included. */
  invocations: number;
  errors: number;
  timeouts: number;
  throttles: number;
  /** Environments started because an invocation needed one. */
  coldStarts: number;
  /** Environments alive now. */
  environments: number;
  /** From process start to the first request for an event. */
  init: Percentiles;
  /** Of the invocations, initialisation excluded. */
  duration: Percentiles;
}
