/**
 * Token-bucket throttling, one bucket per stage and route. The time is passed in.
 *
 * Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-throttling.html
 */

export interface ThrottleLimits {
  /** Tokens added per second. */
  rate: number;
  /** Most tokens held. */
  burst: number;
}

/** A region's default for an account, which no route may exceed. */
export const ACCOUNT_LIMITS: ThrottleLimits = { rate: 10_000, burst: 5_000 };

export class TokenBucket {
  readonly #limits: ThrottleLimits;
  #tokens: number;
  #filledAt: number;

  /** @param now milliseconds since the epoch; the bucket starts full. */
  constructor(limits: ThrottleLimits, now: number) {
    this.#limits = limits;
    this.#tokens = limits.burst;
    this.#filledAt = now;
  }

  /** Takes one token; false when there is none. */
  take(now: number): boolean {
    const elapsed = Math.max(0, now - this.#filledAt);
    this.#tokens = Math.min(this.#limits.burst, this.#tokens + (elapsed * this.#limits.rate) / 1_000);
    this.#filledAt = Math.max(now, this.#filledAt);
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
