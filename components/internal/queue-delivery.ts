/** How a queue's messages get to a function: the settings of its event source mapping, checked. Pure. */
import type * as aws from "@pulumi/aws";
import { argumentError, type Culprit, type Keys, requireRange } from "./arguments.ts";
import type { Transform } from "./transform.ts";

/** How messages get to a function. */
export interface DeliveryArgs {
  /**
   * Most messages in one batch. 1-10, with a batching window 1-10,000; also cut at 6 MB.
   * @default 10
   */
  batchSize?: number;
  /**
   * Seconds to wait for a batch to fill. 0-300; a FIFO queue has none.
   * @default 0
   */
  maximumBatchingWindowInSeconds?: number;
  /**
   * Most batches in work at once. 2-1,000. Unlike reserved concurrency it throttles nothing, so it wears out no message.
   * @default as far as Lambda scales (1,250 pollers)
   */
  maximumConcurrency?: number;
  /**
   * Up to 5 event patterns, ORed, on the message's `body`, e.g. `[{ body: { kind: ["hourly"] } }]`. A message that
   * matches none is deleted.
   */
  filters?: Record<string, unknown>[];
  /** The last word on the event source mapping. */
  transform?: { mapping?: Transform<aws.lambda.EventSourceMappingArgs> };
}

export const DELIVERY_KEYS: Keys<DeliveryArgs> = {
  batchSize: true,
  maximumBatchingWindowInSeconds: true,
  maximumConcurrency: true,
  filters: true,
  transform: true,
};

export const DEFAULT_BATCH = 10;
const MOST_FILTERS = 5;

/** https://docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html */
function checkBatching(who: Culprit, args: DeliveryArgs, fifo: boolean): void {
  const { batchSize = DEFAULT_BATCH, maximumBatchingWindowInSeconds: window } = args;
  requireRange(who, "batchSize", batchSize, { minimum: 1, maximum: 10_000, unit: "messages" });
  requireRange(who, "maximumBatchingWindowInSeconds", window, {
    minimum: 0,
    maximum: 300,
    unit: "seconds",
  });
  if (fifo && window) {
    throw argumentError(
      who,
      `maximumBatchingWindowInSeconds is ${window}; a FIFO queue has no batching window. Leave it out.`,
    );
  }
  if (fifo && batchSize > 10) {
    throw argumentError(
      who,
      `batchSize is ${batchSize}; a FIFO queue delivers at most 10 messages. Set it to 10.`,
    );
  }
  if (batchSize > 10 && !window) {
    throw argumentError(
      who,
      `batchSize is ${batchSize}; AWS takes more than 10 messages only with a batching window. Set maximumBatchingWindowInSeconds to at least 1, or batchSize to 10.`,
    );
  }
}

/** https://docs.aws.amazon.com/lambda/latest/dg/with-sqs-filtering.html */
function checkFilters(who: Culprit, filters: Record<string, unknown>[]): void {
  if (filters.length > MOST_FILTERS) {
    throw argumentError(
      who,
      `it has ${filters.length} filters; AWS allows ${MOST_FILTERS}. Join some of them.`,
    );
  }
  const other = filters.flatMap((pattern) => Object.keys(pattern)).find((key) => key !== "body");
  if (other === undefined) return;
  throw argumentError(
    who,
    `a filter is on "${other}"; a queue's messages can be filtered on "body" only: { body: { ... } }.`,
  );
}

/** @throws Error naming the culprit, the value and the cure */
export function checkDelivery(who: Culprit, args: DeliveryArgs, fifo: boolean): void {
  checkBatching(who, args, fifo);
  requireRange(who, "maximumConcurrency", args.maximumConcurrency, { minimum: 2, maximum: 1_000 });
  checkFilters(who, args.filters ?? []);
}
