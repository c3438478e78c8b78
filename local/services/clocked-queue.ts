/**
 * A queue of the embedded SQS whose time is the runtime's clock, and which tells when there is something to receive:
 * nothing has to poll it. fauxqs keeps the wire and the files; what a queue does with its messages is here.
 *
 * Rules: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-visibility-timeout.html,
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/FIFO-queues-understanding-logic.html,
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html
 */
import { randomUUID } from "node:crypto";
import { Alarm } from "../kit/alarm.ts";
import type { Clock } from "../kit/clock.ts";
import { Deduplication } from "./deduplication.ts";
import {
  type QueueArguments,
  type ReceivedMessage,
  SqsQueue,
  type StoredMessage,
} from "./fauxqs-internals.ts";
import {
  bySequence,
  type DeadLetter,
  type FindQueue,
  parseRedrive,
  type Received,
  type Redrive,
  removeGroup,
  toReceived,
} from "./queue-messages.ts";

export interface ClockedQueueOptions {
  readonly clock: Clock;
  readonly onDeadLetter?: ((letter: DeadLetter) => void) | undefined;
}

type Groups = Map<string, StoredMessage[]>;

const NO_GROUP = "";

export class ClockedQueue extends SqsQueue {
  readonly #options: ClockedQueueOptions;
  readonly #listeners = new Set<() => void>();
  readonly #polls = new Set<AbortController>();
  readonly #sent: Deduplication;
  /** Nothing becomes visible before; looked at first when something does. */
  #nextDue = 0;
  readonly #alarm: Alarm;

  constructor(options: ClockedQueueOptions, ...args: QueueArguments) {
    super(...args);
    this.#options = options;
    this.#sent = new Deduplication(options.clock);
    this.#alarm = new Alarm(options.clock, () => this.processTimers());
  }

  override enqueue(message: StoredMessage): void {
    const now = this.#options.clock.now();
    const delay = message.delayUntil === undefined ? 0 : message.delayUntil - message.sentTimestamp;
    message.sentTimestamp = now;
    message.delayUntil = delay > 0 ? now + delay : undefined;
    removeGroup(message, this.attributes);
    this.accept(message);
  }

  /** Takes a message in as it is, e.g. a dead letter. */
  accept(message: StoredMessage): void {
    this.persistence?.insertMessage(this.name, message);
    if (message.delayUntil === undefined || message.delayUntil <= this.#options.clock.now()) {
      this.#makeReady(message);
      this.#wake();
      return;
    }
    if (this.isFifo()) this.#groupOf(this.fifoDelayed, message).push(message);
    else this.delayedMessages.push(message);
    this.#dueAt(message.delayUntil);
  }

  override dequeue(max: number, visibilitySeconds?: number, find?: FindQueue): ReceivedMessage[] {
    return this.take(max, visibilitySeconds, find).map(toReceived);
  }

  /** Receives at most `max` messages; of a FIFO queue as many as possible of one group. */
  take(max: number, visibilitySeconds?: number, find: FindQueue = () => undefined): Received[] {
    this.processTimers();
    const visibleAt =
      this.#options.clock.now() +
      (visibilitySeconds ?? Number(this.attributes.VisibilityTimeout ?? 30)) * 1_000;
    const redrive = parseRedrive(this.attributes.RedrivePolicy, find);
    const taken: Received[] = [];
    for (const messages of this.#open()) {
      const left = max - taken.length;
      if (left === 0) break;
      const kept = this.#pull(messages, left, redrive);
      taken.push(...kept.map((message) => this.#hide(message, visibleAt)));
    }
    for (const [group, { length }] of this.fifoMessages) if (length === 0) this.fifoMessages.delete(group);
    if (taken.length > 0) this.#dueAt(visibleAt);
    return taken;
  }

  /** From the head of a list, without what is too old or was delivered too often. */
  #pull(messages: StoredMessage[], max: number, redrive: Redrive | undefined): StoredMessage[] {
    const kept: StoredMessage[] = [];
    while (kept.length < max) {
      const message = messages.shift();
      if (message === undefined) break;
      if (!this.#isLost(message) && !this.#redrive(message, redrive)) kept.push(message);
    }
    return kept;
  }

  override deleteMessage(receiptHandle: string): boolean {
    const entry = this.inflightMessages.get(receiptHandle);
    if (entry === undefined) return false;
    this.inflightMessages.delete(receiptHandle);
    this.persistence?.deleteMessage(entry.message.messageId);
    if (this.#unlock(entry.message)) this.#wake();
    if (this.inflightMessages.size === 0 && this.#delayed().length === 0) this.#alarm.stop();
    return true;
  }

  override changeVisibility(receiptHandle: string, seconds: number): void {
    const entry = this.inflightMessages.get(receiptHandle);
    if (entry === undefined) return;
    if (seconds === 0) {
      this.#comeBack(receiptHandle, entry.message);
      this.#wake();
      return;
    }
    entry.visibilityDeadline = this.#options.clock.now() + seconds * 1_000;
    this.#persistInflight(entry);
    this.#dueAt(entry.visibilityDeadline);
  }

  /** Makes visible what is due. */
  override processTimers(): void {
    const now = this.#options.clock.now();
    if (now < this.#nextDue) return;
    const delayed = this.#delayed();
    const hidden = [...this.inflightMessages.values()];
    const back = hidden.filter(({ visibilityDeadline }) => visibilityDeadline <= now);
    const begun = delayed.filter(({ delayUntil = 0 }) => delayUntil <= now);
    for (const { receiptHandle, message } of back) this.#comeBack(receiptHandle, message);
    if (begun.length > 0) this.#setDelayed(delayed.filter(({ delayUntil = 0 }) => delayUntil > now));
    for (const message of begun) this.#makeReady(message);
    this.#nextDue = Number.POSITIVE_INFINITY;
    const dues = [
      ...hidden.map(({ visibilityDeadline }) => visibilityDeadline),
      ...delayed.map(({ delayUntil = 0 }) => delayUntil),
    ];
    const next = dues.reduce(
      (least, due) => (due > now && due < least ? due : least),
      Number.POSITIVE_INFINITY,
    );
    if (next !== Number.POSITIVE_INFINITY) this.#dueAt(next);
    if (back.length + begun.length > 0) this.#wake();
  }

  /** A long poll. */
  override async waitForMessages(seconds: number): Promise<void> {
    const poll = new AbortController();
    this.#polls.add(poll);
    const end = this.onReady(() => poll.abort());
    await this.#options.clock.sleep(seconds * 1_000, poll.signal).catch(() => {});
    this.#polls.delete(poll);
    end();
  }

  /** The queue is being deleted, or everything is ending. */
  override cancelWaiters(): void {
    for (const poll of this.#polls) poll.abort();
    this.#alarm.stop();
  }

  override purge(): void {
    super.purge();
    this.#alarm.stop();
  }

  override checkDeduplication(key: string) {
    const { messageId, sequenceNumber } = this.#sent.find(key) ?? {};
    if (messageId === undefined) return { isDuplicate: false };
    return { isDuplicate: true, originalMessageId: messageId, originalSequenceNumber: sequenceNumber };
  }

  override recordDeduplication(key: string, messageId: string, sequenceNumber?: string): void {
    this.#sent.record(key, messageId, sequenceNumber);
  }

  /** Calls `listener` whenever there may be something to receive. @returns how to end that */
  onReady(listener: () => void): () => void {
    this.processTimers();
    this.#listeners.add(listener);
    if (this.#nextDue !== Number.POSITIVE_INFINITY) this.#dueAt(this.#nextDue);
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.#alarm.stop();
    };
  }

  /** The lists that may be received from now: of a FIFO queue, its groups with nothing in anybody's hands. */
  #open(): StoredMessage[][] {
    if (!this.isFifo()) return [this.messages];
    return [...this.fifoMessages]
      .filter(([group]) => !this.fifoLockedGroups.has(group))
      .map(([, messages]) => messages);
  }

  /** Older than the queue keeps messages. */
  #isLost(message: StoredMessage): boolean {
    const retention = Number(this.attributes.MessageRetentionPeriod ?? 345_600) * 1_000;
    if (this.#options.clock.now() - message.sentTimestamp < retention) return false;
    this.persistence?.deleteMessage(message.messageId);
    return true;
  }

  /** True when the message had its last chance, and is now in the dead letters. */
  #redrive(message: StoredMessage, redrive: Redrive | undefined): boolean {
    if (redrive === undefined || message.approximateReceiveCount < redrive.maxReceiveCount) return false;
    this.persistence?.deleteMessage(message.messageId);
    const { target } = redrive;
    if (target instanceof ClockedQueue) target.accept(message);
    this.#options.onDeadLetter?.({ from: this.name, to: target.name, message });
    return true;
  }

  #hide(message: StoredMessage, visibilityDeadline: number): Received {
    message.approximateReceiveCount += 1;
    message.approximateFirstReceiveTimestamp ??= this.#options.clock.now();
    const entry = { message, receiptHandle: randomUUID(), visibilityDeadline };
    this.inflightMessages.set(entry.receiptHandle, entry);
    this.#persistInflight(entry);
    if (this.isFifo()) {
      const group = message.messageGroupId ?? NO_GROUP;
      this.fifoLockedGroups.set(group, (this.fifoLockedGroups.get(group) ?? 0) + 1);
    }
    return entry;
  }

  #persistInflight(entry: { message: StoredMessage; receiptHandle: string; visibilityDeadline: number }) {
    const { messageId, approximateReceiveCount, approximateFirstReceiveTimestamp } = entry.message;
    this.persistence?.updateMessageInflight(
      messageId,
      entry.receiptHandle,
      entry.visibilityDeadline,
      approximateReceiveCount,
      approximateFirstReceiveTimestamp,
    );
  }

  /** In nobody's hands any more, and visible. */
  #comeBack(receiptHandle: string, message: StoredMessage): void {
    this.inflightMessages.delete(receiptHandle);
    this.persistence?.updateMessageReady(message.messageId);
    this.#unlock(message);
    this.#makeReady(message);
    if (this.isFifo()) this.#groupOf(this.fifoMessages, message).sort(bySequence);
  }

  /** Whether the message's group became receivable by it. */
  #unlock(message: StoredMessage): boolean {
    if (!this.isFifo()) return false;
    const group = message.messageGroupId ?? NO_GROUP;
    const left = (this.fifoLockedGroups.get(group) ?? 1) - 1;
    if (left > 0) this.fifoLockedGroups.set(group, left);
    else this.fifoLockedGroups.delete(group);
    return left <= 0 && this.fifoMessages.has(group);
  }

  #makeReady(message: StoredMessage): void {
    if (this.isFifo()) this.#groupOf(this.fifoMessages, message).push(message);
    else this.messages.push(message);
  }

  #groupOf(groups: Groups, message: StoredMessage): StoredMessage[] {
    const name = message.messageGroupId ?? NO_GROUP;
    const group = groups.get(name) ?? [];
    groups.set(name, group);
    return group;
  }

  #delayed(): StoredMessage[] {
    return [...this.delayedMessages, ...[...this.fifoDelayed.values()].flat()];
  }

  #setDelayed(messages: StoredMessage[]): void {
    this.delayedMessages = this.isFifo() ? [] : messages;
    this.fifoDelayed.clear();
    if (this.isFifo()) for (const message of messages) this.#groupOf(this.fifoDelayed, message).push(message);
  }

  #wake(): void {
    for (const listener of [...this.#listeners]) listener();
  }

  /** Something becomes visible then; whoever listens is told. */
  #dueAt(due: number): void {
    this.#nextDue = Math.min(this.#nextDue, due);
    if (this.#listeners.size > 0) this.#alarm.at(due);
  }
}
