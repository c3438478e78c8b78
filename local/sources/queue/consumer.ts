/**
 * Takes messages as they come and gives them to the function in batches, several at once.
 *
 * What a batch's function succeeded with is deleted; what it failed on is left as it is, and comes again when its
 * visibility is over. A throttled batch is tried again until then.
 * Source: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
 */
import { cutBatch } from "../../kit/batcher.ts";
import { backoffMs } from "../../kit/retry.ts";
import { invokedAs } from "../../lambda/permission.ts";
import {
  type InvokeResult,
  RequestTooLargeException,
  ResourceNotFoundException,
  TooManyRequestsException,
} from "../../lambda/results.ts";
import type { Received } from "../../services/queue-messages.ts";
import type { SourceContext } from "../source.ts";
import { type QueuePlace, toEvent } from "./event.ts";
import { failedMessages } from "./response.ts";
import { Scaling } from "./scaling.ts";
import type { QueueMapping } from "./settings.ts";

export interface ConsumerOptions {
  mapping: QueueMapping;
  place: QueuePlace;
  context: SourceContext;
  passes(message: Received): boolean;
  signal: AbortSignal;
}

/** Of one event, in bytes of JSON. */
const MAX_EVENT_BYTES = 6 * 1024 * 1024;
/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html */
const MAX_MESSAGE_BYTES = 1024 * 1024;
/** JSON around a message's own text, at most; escapes in it are counted for themselves. */
const FRAME_BYTES = 1_500;

const sizeOf = ({ message }: Received): number =>
  Buffer.byteLength(JSON.stringify(message.body)) +
  Buffer.byteLength(JSON.stringify(message.messageAttributes)) * 2 +
  FRAME_BYTES;

/** Whether the messages are certain to fit: an escaped character takes up to six bytes. */
const surelyFit = (messages: readonly Received[]): boolean => {
  const bytes = messages.reduce((sum, { message: { body, messageAttributes } }) => {
    const attributes = Object.keys(messageAttributes).length > 0 ? MAX_MESSAGE_BYTES * 2 : 0;
    return sum + body.length * 6 + attributes + FRAME_BYTES;
  }, 0);
  return bytes <= MAX_EVENT_BYTES;
};

type Outcome = "ok" | "partial" | "failed" | "throttled";

export class QueueConsumer {
  readonly #options: ConsumerOptions;
  readonly #scaling: Scaling;
  readonly #running = new Set<Promise<void>>();
  #scheduled = false;
  /** Waiting for their window to end. */
  #gathered: Received[] = [];
  #windowOpen = false;

  constructor(options: ConsumerOptions) {
    this.#options = options;
    const { initialConcurrency, maximumConcurrency } = options.mapping;
    this.#scaling = new Scaling(initialConcurrency, maximumConcurrency);
  }

  /** Looks for messages soon, once for however many calls until then: senders are not held up. */
  schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#guard(() => this.#pump());
    });
  }

  /** Resolves when no batch is in work. */
  async done(): Promise<void> {
    await Promise.all(this.#running);
  }

  #guard(work: () => void): void {
    if (this.#options.signal.aborted) return;
    try {
      work();
    } catch (error) {
      this.#report(error as Error);
    }
  }

  #report({ message }: Error): void {
    const { context, mapping, signal } = this.#options;
    if (!signal.aborted) context.log(`Event source mapping "${mapping.name}": ${message}`);
  }

  /** Starts batches until nothing is left or enough are in work. */
  #pump(): void {
    const { mapping, context } = this.#options;
    while (this.#scaling.allows(this.#running.size, context.clock.now())) {
      const wanted = mapping.batchSize - this.#gathered.length;
      const received = context.services.queues.receive(mapping.queueArn, wanted);
      this.#gathered.push(...received.filter((message) => this.#keep(message)));
      const isFull = this.#gathered.length >= mapping.batchSize;
      if (isFull || (mapping.windowMs === 0 && this.#gathered.length > 0)) this.#dispatch();
      else if (received.length < wanted) break;
    }
    if (this.#gathered.length > 0) this.#openWindow();
    else if (this.#running.size === 0) this.#scaling.idle();
  }

  /** What no filter lets pass is deleted. */
  #keep(message: Received): boolean {
    const { mapping, context, passes } = this.#options;
    if (passes(message)) return true;
    context.services.queues.delete(mapping.queueArn, message.receiptHandle);
    return false;
  }

  #openWindow(): void {
    if (this.#windowOpen) return;
    this.#windowOpen = true;
    const { mapping, context, signal } = this.#options;
    context.clock.sleep(mapping.windowMs, signal).then(
      () => this.#guard(() => this.#closeWindow()),
      () => {},
    );
  }

  #closeWindow(): void {
    this.#windowOpen = false;
    if (this.#gathered.length > 0) this.#dispatch();
    this.#pump();
  }

  #dispatch(): void {
    const batch = this.#gathered;
    this.#gathered = [];
    const run = this.#process(batch)
      .catch((error: Error) => this.#report(error))
      .finally(() => {
        this.#running.delete(run);
        this.schedule();
      });
    this.#running.add(run);
  }

  /** In as many events as it takes, one after the other: a FIFO group's order holds. */
  async #process(messages: readonly Received[]): Promise<void> {
    let rest = messages;
    while (rest.length > 0) {
      const { length } = rest;
      const { count } = surelyFit(rest)
        ? { count: length }
        : cutBatch(rest, { records: length, bytes: MAX_EVENT_BYTES, sizeOf });
      const failed = await this.#deliver(rest.slice(0, count));
      const broken = new Set(failed.map(({ message }) => message.messageGroupId));
      const { fifo } = this.#options.mapping;
      rest = rest.slice(count).filter(({ message }) => !fifo || !broken.has(message.messageGroupId));
    }
  }

  /** @returns what must come again. */
  async #deliver(batch: readonly Received[]): Promise<readonly Received[]> {
    const { mapping, place, context } = this.#options;
    const result = await this.#invoke(JSON.stringify(toEvent(batch, place)));
    const ids = batch.map(({ message }) => message.messageId);
    const failed =
      result?.status === "ok"
        ? failedMessages(result.payload, ids, mapping.partialResponses)
        : new Set<string>(ids);
    const [again, done] = [true, false].map((wanted) =>
      batch.filter(({ message }) => failed.has(message.messageId) === wanted),
    ) as [Received[], Received[]];
    for (const { receiptHandle } of done) context.services.queues.delete(mapping.queueArn, receiptHandle);
    if (result !== undefined && again.length === batch.length) this.#scaling.failed();
    this.#trace(batch, again, result);
    return again;
  }

  /** Undefined when it was throttled until the messages' visibility was over. */
  async #invoke(
    payload: string,
  ): Promise<Pick<InvokeResult, "status" | "payload" | "requestId"> | undefined> {
    const { mapping, context, signal } = this.#options;
    const { VisibilityTimeout = "30" } = context.services.queues.attributes(mapping.queueArn);
    const visibleAt = context.clock.now() + Number(VisibilityTimeout) * 1_000;
    for (let retry = 1; context.clock.now() < visibleAt; retry += 1) {
      try {
        return await context.pool.invoke(mapping.functionName, payload, invokedAs(mapping.functionReference));
      } catch (error) {
        if (error instanceof RequestTooLargeException) {
          return { status: "error", payload: "null", requestId: "" };
        }
        const isBusy =
          error instanceof TooManyRequestsException || error instanceof ResourceNotFoundException;
        if (!isBusy) throw error;
        await context.clock.sleep(Math.min(backoffMs(retry), visibleAt - context.clock.now()), signal);
      }
    }
    return undefined;
  }

  #trace(
    batch: readonly Received[],
    again: readonly Received[],
    result: Pick<InvokeResult, "requestId"> | undefined,
  ): void {
    const { mapping, context } = this.#options;
    context.trace.emit({
      kind: "batch",
      at: context.clock.now(),
      mapping: mapping.name,
      mappingId: mapping.id,
      functionName: mapping.functionName,
      queue: mapping.queueName,
      source: mapping.queueArn,
      size: batch.length,
      failed: again.length,
      outcome: outcomeOf(batch.length, again.length, result !== undefined),
      attempt: Math.max(...batch.map(({ message }) => message.approximateReceiveCount)),
      requestId: result?.requestId,
      messageIds: batch.map(({ message }) => message.messageId),
    });
  }
}

const outcomeOf = (size: number, failed: number, invoked: boolean): Outcome => {
  if (!invoked) return "throttled";
  if (failed === 0) return "ok";
  return failed < size ? "partial" : "failed";
};
