/** Collects the lines that a filter lets pass, per stream, and hands them over in batches. */
import { cutBatch } from "../../kit/batcher.ts";
import type { Clock } from "../../kit/clock.ts";
import type { LogEvent } from "../../services/logs-store.ts";

/**
 * AWS documents neither how long it collects lines nor how many it packs, only that an event holds 1 MB. Half of that
 * leaves room for base64, whatever gzip makes of the lines.
 */
const WINDOW_MS = 500;
const MOST_LINES = 10_000;
const MOST_BYTES = 524_288;

export interface LogBatchesOptions {
  clock: Clock;
  passes(message: string): boolean;
  /** Must not throw. */
  deliver(stream: string, events: readonly LogEvent[]): void;
}

export class LogBatches {
  readonly #options: LogBatchesOptions;
  readonly #stopping = new AbortController();
  readonly #waiting = new Map<string, LogEvent[]>();

  constructor(options: LogBatchesOptions) {
    this.#options = options;
  }

  add(stream: string, events: readonly LogEvent[]): void {
    const passing = events.filter(({ message }) => this.#options.passes(message));
    if (passing.length === 0 || this.#stopping.signal.aborted) return;
    const waiting = this.#waiting.get(stream);
    if (waiting) {
      waiting.push(...passing);
      return;
    }
    this.#waiting.set(stream, passing);
    const { clock } = this.#options;
    void clock.sleep(WINDOW_MS, this.#stopping.signal).then(
      () => this.#flush(stream),
      () => {},
    );
  }

  /** Hands over what waits, and takes nothing more. */
  stop(): void {
    this.#stopping.abort();
    for (const stream of [...this.#waiting.keys()]) this.#flush(stream);
  }

  #flush(stream: string): void {
    let rest = this.#waiting.get(stream) ?? [];
    this.#waiting.delete(stream);
    while (rest.length > 0) {
      const { count } = cutBatch(rest, {
        records: MOST_LINES,
        bytes: MOST_BYTES,
        sizeOf: ({ message }) => Buffer.byteLength(message),
      });
      this.#options.deliver(stream, rest.slice(0, count));
      rest = rest.slice(count);
    }
  }
}
