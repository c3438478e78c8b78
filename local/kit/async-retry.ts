/**
 * What becomes of an asynchronous invocation after an attempt. Pure.
 * Sources: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html,
 * https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-configuring.html
 *
 * Unsettled: when AWS notices that an event has become too old while it waits. Here it is at that very moment, and not
 * first at the end of the wait, so an event never outlives its age.
 */

export interface AsyncPolicy {
  /** Retries after the first function error, 0-2. */
  maximumRetryAttempts: number;
  /** How old an event may become, in milliseconds. */
  maximumEventAgeMs: number;
}

/** What AWS does with a function that has no settings of its own: two retries, six hours. */
export const DEFAULT_ASYNC_POLICY: AsyncPolicy = {
  maximumRetryAttempts: 2,
  maximumEventAgeMs: 21_600_000,
};

/** Why an event was given up, in AWS's words. */
export type AsyncCondition = "RetriesExhausted" | "EventAgeExceeded" | "ZeroReservedConcurrency";

export interface AsyncAttempt {
  /** `error`: the function failed; `throttled`: it was not run; `closed`: its reserved concurrency is 0. */
  outcome: "error" | "throttled" | "closed";
  /** Function errors so far, this one included. */
  errors: number;
  /** Throttles since the last run, this one included. */
  throttles: number;
  /** How old the event is, in milliseconds. */
  ageMs: number;
}

export type AsyncStep =
  | { kind: "retry"; delayMs: number }
  /** Given up, after a wait when it becomes too old before its next attempt. */
  | { kind: "discard"; delayMs: number; condition: AsyncCondition };

/** One minute before the first retry, two before the second. */
const RETRY_MS = [60_000, 120_000];
const FIRST_THROTTLE_MS = 1_000;
const LONGEST_THROTTLE_MS = 300_000;

/** A second after the first throttle, doubling up to five minutes. `throttle` counts from 1. */
export const throttleMs = (throttle: number): number =>
  Math.min(LONGEST_THROTTLE_MS, FIRST_THROTTLE_MS * 2 ** Math.min(throttle - 1, 30));

const waitFor = ({ outcome, errors, throttles }: AsyncAttempt): number =>
  outcome === "throttled" ? throttleMs(throttles) : (RETRY_MS[errors - 1] ?? RETRY_MS[1] ?? 0);

const discard = (condition: AsyncCondition, delayMs = 0): AsyncStep => ({
  kind: "discard",
  delayMs,
  condition,
});

export const nextAsyncStep = (attempt: AsyncAttempt, policy: AsyncPolicy): AsyncStep => {
  const { outcome, errors, ageMs } = attempt;
  if (outcome === "closed") return discard("ZeroReservedConcurrency");
  if (outcome === "error" && errors > policy.maximumRetryAttempts) return discard("RetriesExhausted");
  const left = policy.maximumEventAgeMs - ageMs;
  const delayMs = waitFor(attempt);
  return delayMs < left ? { kind: "retry", delayMs } : discard("EventAgeExceeded", Math.max(0, left));
};
