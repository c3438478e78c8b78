/** A queue that tells how many messages went through it, and what it holds. */
import type { MessageAct, QueueLevel } from "./aws-figures.ts";
import { ClockedQueue, type ClockedQueueOptions } from "./clocked-queue.ts";
import type { QueueArguments, StoredMessage } from "./fauxqs-internals.ts";
import type { FindQueue, Received } from "./queue-messages.ts";

export interface CountedQueueOptions extends ClockedQueueOptions {
  /** Told of every message that is sent, received or deleted; dead letters are moved, not sent. */
  readonly onMessages?: ((queue: string, what: MessageAct, count: number) => void) | undefined;
}

export class CountedQueue extends ClockedQueue {
  readonly #onMessages: CountedQueueOptions["onMessages"];

  constructor(options: CountedQueueOptions, ...args: QueueArguments) {
    super(options, ...args);
    this.#onMessages = options.onMessages;
  }

  override enqueue(message: StoredMessage): void {
    super.enqueue(message);
    this.#onMessages?.(this.name, "Sent", 1);
  }

  override take(max: number, visibilitySeconds?: number, find?: FindQueue): Received[] {
    const taken = super.take(max, visibilitySeconds, find);
    if (taken.length > 0) this.#onMessages?.(this.name, "Received", taken.length);
    return taken;
  }

  override deleteMessage(receiptHandle: string): boolean {
    const isDeleted = super.deleteMessage(receiptHandle);
    if (isDeleted) this.#onMessages?.(this.name, "Deleted", 1);
    return isDeleted;
  }

  level(now: number): QueueLevel {
    this.processTimers();
    const visible = [...this.messages, ...[...this.fifoMessages.values()].flat()];
    const hidden = [...this.inflightMessages.values()].map(({ message }) => message);
    const delayed = [...this.delayedMessages, ...[...this.fifoDelayed.values()].flat()];
    return {
      queue: this.name,
      visible: visible.length,
      notVisible: hidden.length,
      delayed: delayed.length,
      oldestAge: oldestAge([...visible, ...hidden, ...delayed], now),
    };
  }
}

/** A message that was received more often is taken for poison, and left out of the oldest message's age. */
const MOST_RECEIPTS = 3;

/** Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html */
const oldestAge = (messages: readonly StoredMessage[], now: number): number =>
  messages
    .filter(({ approximateReceiveCount }) => approximateReceiveCount < MOST_RECEIPTS)
    .reduce((age, { sentTimestamp }) => Math.max(age, (now - sentTimestamp) / 1_000), 0);
