/**
 * Which messages a FIFO queue has taken in the last five minutes.
 * Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/using-messagededuplicationid-property.html
 */
import type { Clock } from "../kit/clock.ts";

const INTERVAL_MS = 5 * 60_000;

interface Sent {
  messageId: string;
  sequenceNumber?: string | undefined;
  /** Milliseconds since the epoch. */
  until: number;
}

export class Deduplication {
  readonly #clock: Pick<Clock, "now">;
  /** In the order of their ends. */
  readonly #sent = new Map<string, Sent>();

  constructor(clock: Pick<Clock, "now">) {
    this.#clock = clock;
  }

  /** What was sent under a key and still counts. */
  find(key: string): Sent | undefined {
    const sent = this.#sent.get(key);
    return sent !== undefined && sent.until > this.#clock.now() ? sent : undefined;
  }

  record(key: string, messageId: string, sequenceNumber?: string): void {
    const now = this.#clock.now();
    for (const [other, { until }] of this.#sent) {
      if (until > now) break;
      this.#sent.delete(other);
    }
    this.#sent.delete(key);
    this.#sent.set(key, { messageId, sequenceNumber, until: now + INTERVAL_MS });
  }
}
