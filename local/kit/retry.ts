/**
 * What to do with a failed batch of a stream. Pure.
 * Sources: https://docs.aws.amazon.com/lambda/latest/dg/kinesis-on-failure-destination.html,
 * https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-batchfailurereporting.html
 *
 * Unsettled, the reading that loses no good record is taken: with bisecting on, neither halving nor cutting at a
 * reported record spends a retry or waits, also when the first record is the one reported; without it, a cut batch
 * begins its retries anew, its first record having failed once.
 */

export interface RetryPolicy {
  /** 0-10,000, or -1 for no end. */
  maximumRetryAttempts: number;
  /** Whether a failed batch is halved. */
  bisect: boolean;
}

export interface FailedBatch {
  /** Number of records. */
  size: number;
  /** Retries spent on it so far. */
  retries: number;
  /** Index of the first record that failed; those before it succeeded. 0 when all failed. */
  failedFrom: number;
}

export type NextStep =
  /** Once more, from this record on, after a wait. */
  | { kind: "retry"; from: number; retries: number; delayMs: number }
  /** Once more in two parts: records before `at`, then the others. */
  | { kind: "split"; at: number }
  /** Given up, from this record on. */
  | { kind: "discard"; from: number };

const FIRST_DELAY_MS = 1_000;
/** AWS documents no bound; with this one a failing batch is invoked 8 times in its first minute, as recorded. */
const LONGEST_DELAY_MS = 15_000;

/** How long to wait before a retry, in milliseconds: 1 s, doubling. `retry` counts from 1. */
export const backoffMs = (retry: number): number =>
  Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(retry - 1, 30));

const retryOrDiscard = (from: number, retries: number, limit: number): NextStep =>
  limit !== -1 && retries > limit
    ? { kind: "discard", from }
    : { kind: "retry", from, retries, delayMs: backoffMs(retries) };

export const nextStep = (batch: FailedBatch, policy: RetryPolicy): NextStep => {
  const { size, retries, failedFrom } = batch;
  if (policy.bisect && failedFrom > 0) return { kind: "retry", from: failedFrom, retries: 0, delayMs: 0 };
  if (policy.bisect && size > 1) return { kind: "split", at: Math.ceil(size / 2) };
  return retryOrDiscard(failedFrom, failedFrom > 0 ? 1 : retries + 1, policy.maximumRetryAttempts);
};
