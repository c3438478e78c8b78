/** A rate with a burst: tokens come in continuously, and what is not taken beyond the burst is lost. */
export class TokenBucket {
  readonly #burst: number;
  readonly #perMs: number;
  #tokens: number;
  #at = 0;

  /**
   * @param burst tokens at the start and at most; infinite = no limit
   * @param perSecond tokens that come in
   */
  constructor(burst: number, perSecond: number) {
    this.#burst = burst;
    this.#tokens = burst;
    this.#perMs = perSecond / 1_000;
  }

  /** Takes a token if there is one. Times never go back. */
  take(now: number): boolean {
    this.#tokens = Math.min(this.#burst, this.#tokens + (now - this.#at) * this.#perMs);
    this.#at = now;
    // A hair of tolerance: a tenth of a second at ten a second is one token, whatever floating point makes of it.
    if (this.#tokens < 1 - 1e-9) return false;
    this.#tokens -= 1;
    return true;
  }
}
