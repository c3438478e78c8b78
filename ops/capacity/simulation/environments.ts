/**
 * The environments of one function as Lambda gives them out: one invocation each at a time, an idle one first, else a
 * new one that must start before it answers, else a throttle.
 *
 * Rules, all of https://docs.aws.amazon.com/lambda/latest/dg/scaling-behavior.html and
 * https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html:
 * - a function gains at most 1,000 environments in ten seconds, refilled continuously, never more at once;
 * - what is in flight, starts included, is bounded by the reserved concurrency or by what the account has unreserved;
 * - requests a second are bounded by ten times that concurrency: it binds functions faster than 100 ms;
 * - provisioned environments stand ready before the first request and count within the bound.
 *
 * Unsettled: whether a request whose environment is starting takes one that becomes free meanwhile (the page binds it to
 * its new one, and so does this), and the burst of the request rate (here one second's worth). Environments outlive the
 * run: AWS says only that idle ones go after some minutes.
 */
import type { Distribution, Random } from "./random.ts";
import type { Timeline } from "./timeline.ts";
import { TokenBucket } from "./token-bucket.ts";

export interface FunctionModel {
  initMs: Distribution;
  /** Of one invocation in an environment that has started. */
  durationMs: Distribution;
  /** What may be in flight: the reserved concurrency, or what the account has left; infinite = no bound. */
  concurrency: number;
  /** Environments that stand ready at the start. */
  provisioned: number;
  /** New environments at once and per second; AWS's own rates when left out. */
  scaling?: { burst: number; perSecond: number };
}

const SCALING = { burst: 1_000, perSecond: 100 };
const REQUESTS_PER_CONCURRENCY = 10;

/** What `invoke` gives back for a request that was throttled. */
export const THROTTLED = -1;

export interface EnvironmentsContext {
  random: Random;
  timeline: Timeline;
}

export class Environments {
  readonly #model: FunctionModel;
  readonly #context: EnvironmentsContext;
  readonly #starts: TokenBucket;
  readonly #requests: TokenBucket;
  #idle: number;
  #count: number;
  #inFlight = 0;
  coldStarts = 0;
  throttles = 0;
  invocations = 0;

  constructor(model: FunctionModel, context: EnvironmentsContext) {
    this.#model = model;
    this.#context = context;
    const { burst, perSecond } = model.scaling ?? SCALING;
    this.#starts = new TokenBucket(burst, perSecond);
    const rate = model.concurrency * REQUESTS_PER_CONCURRENCY;
    this.#requests = new TokenBucket(rate, rate);
    this.#idle = Math.min(model.provisioned, model.concurrency);
    this.#count = this.#idle;
    context.timeline.set("environments", this.#count, 0);
  }

  /** @returns when the invocation is done, or `THROTTLED`. */
  invoke(now: number): number {
    const startsAt = this.#inFlight < this.#model.concurrency ? this.#enter(now) : THROTTLED;
    if (startsAt === THROTTLED) {
      this.throttles += 1;
      this.#context.timeline.count("throttles", now);
      return THROTTLED;
    }
    this.invocations += 1;
    this.#context.timeline.set("inFlight", ++this.#inFlight, now);
    return startsAt + this.#model.durationMs(this.#context.random);
  }

  /** An invocation is done: its environment is free. */
  release(now: number): void {
    this.#idle += 1;
    this.#context.timeline.set("inFlight", --this.#inFlight, now);
  }

  /** @returns when the environment is ready. */
  #enter(now: number): number {
    if (!this.#requests.take(now)) return THROTTLED;
    if (this.#idle > 0) {
      this.#idle -= 1;
      return now;
    }
    if (!this.#starts.take(now)) return THROTTLED;
    this.coldStarts += 1;
    this.#context.timeline.count("coldStarts", now);
    this.#context.timeline.set("environments", ++this.#count, now);
    return now + this.#model.initMs(this.#context.random);
  }
}
