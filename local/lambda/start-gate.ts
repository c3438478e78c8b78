/**
 * How many environments start at once. A process that starts keeps a core busy: with ten at a time none is ready before
 * all are, while the first two would have answered most of what waits. A request that waits for its turn takes an
 * environment that becomes free meanwhile.
 */

/** A start that takes longer holds the others up no more, in milliseconds. */
const LONGEST_TURN_MS = 1_000;

export class StartGate {
  readonly #limit: number;
  readonly #waiting = new Set<() => void>();
  #starting = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Takes a turn if one is free. It ends when `ready` settles, at the latest after a second. */
  enter(): ((ready: Promise<unknown>) => void) | undefined {
    if (this.#starting >= this.#limit) return undefined;
    this.#starting += 1;
    let timer: NodeJS.Timeout | undefined;
    let ended = false;
    const end = (): void => {
      if (ended) return;
      ended = true;
      clearTimeout(timer);
      this.#starting -= 1;
      this.#wakeNext();
    };
    return (ready) => {
      timer = setTimeout(end, LONGEST_TURN_MS).unref();
      ready.then(end, end);
    };
  }

  /** Calls `wake` once, when a turn is free. @returns how to wait no longer */
  onFree(wake: () => void): () => void {
    this.#waiting.add(wake);
    return () => this.#waiting.delete(wake);
  }

  #wakeNext(): void {
    const [next] = this.#waiting;
    if (next === undefined) return;
    this.#waiting.delete(next);
    next();
  }
}
