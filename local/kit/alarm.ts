/** One wake-up at a time, at the earliest moment that was asked for. */
import type { Clock } from "./clock.ts";

export class Alarm {
  readonly #clock: Clock;
  readonly #ring: () => void;
  #set: { due: number; stop: AbortController } | undefined;

  /** @param ring what to do then; it must not throw */
  constructor(clock: Clock, ring: () => void) {
    this.#clock = clock;
    this.#ring = ring;
  }

  /** Rings at `due`, in milliseconds since the epoch, unless it rings before. */
  at(due: number): void {
    if (this.#set !== undefined && this.#set.due <= due) return;
    this.stop();
    const stop = new AbortController();
    this.#set = { due, stop };
    this.#clock.sleep(due - this.#clock.now(), stop.signal).then(
      () => {
        if (stop.signal.aborted) return;
        this.#set = undefined;
        this.#ring();
      },
      () => {},
    );
  }

  stop(): void {
    this.#set?.stop.abort();
    this.#set = undefined;
  }
}
