/**
 * Callers that invoke the function themselves and try again when they are refused: an API's callers, an SDK, and
 * Lambda's own queue of asynchronous events, which differ in how often and how patiently.
 */
import { Agenda } from "./agenda.ts";
import { type Environments, THROTTLED } from "./environments.ts";
import type { Random } from "./random.ts";
import type { Timeline } from "./timeline.ts";
import { TokenBucket } from "./token-bucket.ts";

export interface Retry {
  /** Calls in all, the first one included. */
  attempts: number;
  /** Before the first retry at most; doubled each time. */
  baseMs: number;
  longestMs: number;
}

/** Nobody tries again: the caller sees the refusal. */
export const NO_RETRY: Retry = { attempts: 1, baseMs: 0, longestMs: 0 };
/** AWS's SDKs: https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html (standard mode, throttles). */
export const SDK_RETRY: Retry = { attempts: 3, baseMs: 500, longestMs: 20_000 };
/**
 * Asynchronous events wait in Lambda: 1 s to 5 min between attempts, for up to six hours, which this many take.
 * https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
 */
export const ASYNC_RETRY: Retry = { attempts: 80, baseMs: 1_000, longestMs: 300_000 };

export interface DirectSource {
  kind: "direct";
  retry: Retry;
  /** The throttle of the API's stage or route, in front of the function. */
  gateway?: { burst: number; perSecond: number };
}

export interface RunContext {
  environments: Environments;
  timeline: Timeline;
  random: Random;
}

/** What became of the requests or messages. */
export interface Outcome {
  /** From arrival to completion, of those that were completed. */
  latenciesMs: Float64Array;
  /** Refused by the API's throttle, before the function. */
  refused: number;
  /** That nobody tried again, or a queue's dead letters. */
  lost: number;
  /** Still waiting when the run's horizon came. */
  left: number;
  endMs: number;
}

/** Agenda values: twice the request's number for its completion, one more for its next attempt. */
class DirectRun {
  readonly #source: DirectSource;
  readonly #context: RunContext;
  readonly #arrivals: Float64Array;
  readonly #agenda: Agenda;
  readonly #gateway: TokenBucket | undefined;
  readonly #attempts: Uint8Array;
  readonly #latencies: Float64Array;
  #completed = 0;
  #refused = 0;
  #waiting = 0;
  #lost = 0;

  constructor(source: DirectSource, arrivals: Float64Array, context: RunContext) {
    this.#source = source;
    this.#context = context;
    this.#arrivals = arrivals;
    this.#agenda = new Agenda();
    this.#gateway = source.gateway && new TokenBucket(source.gateway.burst, source.gateway.perSecond);
    this.#attempts = new Uint8Array(arrivals.length);
    this.#latencies = new Float64Array(arrivals.length);
  }

  run(): Outcome {
    let now = 0;
    let next = 0;
    while (next < this.#arrivals.length || this.#agenda.time < Number.POSITIVE_INFINITY) {
      const arrival = this.#arrivals[next] ?? Number.POSITIVE_INFINITY;
      // An environment that becomes free this instant serves who arrives this instant.
      now = Math.min(arrival, this.#agenda.time);
      if (arrival < this.#agenda.time) this.#attempt(next++, now);
      else this.#happen(this.#agenda.take(), now);
    }
    return {
      latenciesMs: this.#latencies.subarray(0, this.#completed),
      refused: this.#refused,
      lost: this.#lost,
      left: 0,
      endMs: now,
    };
  }

  #happen(value: number, now: number): void {
    if ((value & 1) === 1) {
      this.#wait(-1, now);
      this.#attempt(value >> 1, now);
      return;
    }
    this.#context.environments.release(now);
    this.#context.timeline.count("completed", now);
    this.#latencies[this.#completed++] = now - (this.#arrivals[value >> 1] as number);
  }

  #attempt(request: number, now: number): void {
    this.#attempts[request] = (this.#attempts[request] as number) + 1;
    const isAdmitted = this.#gateway?.take(now) ?? true;
    if (!isAdmitted) this.#refused += 1;
    const done = isAdmitted ? this.#context.environments.invoke(now) : THROTTLED;
    if (done === THROTTLED) this.#retry(request, now);
    else this.#agenda.add(done, request << 1);
  }

  /** Waits a random part of a time that doubles (full jitter). */
  #retry(request: number, now: number): void {
    const { attempts, baseMs, longestMs } = this.#source.retry;
    const made = this.#attempts[request] as number;
    if (made >= attempts) {
      this.#lost += 1;
      return;
    }
    const longest = Math.min(longestMs, baseMs * 2 ** (made - 1));
    this.#wait(1, now);
    this.#agenda.add(now + this.#context.random() * longest, (request << 1) | 1);
  }

  #wait(change: number, now: number): void {
    this.#waiting += change;
    this.#context.timeline.set("waiting", this.#waiting, now);
  }
}

/** @param arrivals in milliseconds, ascending */
export const runDirect = (source: DirectSource, arrivals: Float64Array, context: RunContext): Outcome =>
  new DirectRun(source, arrivals, context).run();
