/**
 * How many batches of a queue may be in work at once: 5 at first, 300 a minute more while all are, fewer after an error
 * of the function.
 * Source: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
 *
 * Unsettled: by how much errors shrink it (here by half, to no less than 2).
 */

const GROWTH_PER_MS = 300 / 60_000;
const LEAST = 2;

export class Scaling {
  readonly #initial: number;
  readonly #maximum: number;
  #limit: number;
  /** Since when all are in work. */
  #busySince: number | undefined;

  constructor(initial: number, maximum: number) {
    this.#initial = initial;
    this.#maximum = maximum;
    this.#limit = initial;
  }

  /** Whether one more may begin while `running` are in work. */
  allows(running: number, now: number): boolean {
    if (running < this.#limit) return true;
    this.#busySince ??= now;
    const grown = Math.floor((now - this.#busySince) * GROWTH_PER_MS);
    if (grown === 0) return false;
    this.#limit = Math.min(this.#maximum, this.#limit + grown);
    this.#busySince = now;
    return running < this.#limit;
  }

  /** Nothing is left to do. */
  idle(): void {
    this.#limit = Math.min(this.#limit, this.#initial);
    this.#busySince = undefined;
  }

  failed(): void {
    this.#limit = Math.max(LEAST, Math.floor(this.#limit / 2));
    this.#busySince = undefined;
  }
}
