/**
 * A queue's batch, message by message: those that fail are reported, and only those are delivered again.
 *
 * Sources: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html,
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/fifo-queue-lambda-behavior.html
 */
import type { SQSBatchResponse, SQSEvent, SQSRecord } from "aws-lambda";
import { settleBounded } from "./batch.ts";
import { correlationOf } from "./correlation.ts";
import { createLogger, type Logger } from "./logger.ts";

export interface EachMessageOptions {
  /** Called once for every message that fails. @default logs the message's id, its correlation id and the error */
  onError?(record: SQSRecord, error: Error): void;
  /** What failures are logged with. @default one of the service "messages" */
  logger?: Logger;
  /**
   * Messages in work at once; of a FIFO queue, groups. At least 1.
   * @default 10
   */
  concurrency?: number;
}

const DEFAULT_CONCURRENCY = 10;

const log = createLogger({ service: "messages" });

/** Writes one line about a message that failed. */
export function logFailedMessage(logger: Logger, { messageId, attributes }: SQSRecord, error: Error): void {
  const receiveCount = attributes?.ApproximateReceiveCount;
  logger.error("message failed", { messageId, receiveCount, ...correlationOf(error), error });
}

/** Messages that must be handled one after the other: a FIFO queue's groups; elsewhere each is on its own. */
function inSequence(records: SQSRecord[]): SQSRecord[][] {
  const groups = new Map<string, SQSRecord[]>();
  for (const record of records) {
    const isFifo = record.eventSourceARN.endsWith(".fifo");
    const key = isFifo ? `group ${record.attributes.MessageGroupId}` : `message ${record.messageId}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [record]);
    else group.push(record);
  }
  return [...groups.values()];
}

/** Handles one after the other. @returns what was not done: from the first failure on. */
async function handleGroup(
  group: SQSRecord[],
  handle: (record: SQSRecord) => Promise<void>,
  onError: (record: SQSRecord, error: Error) => void,
): Promise<SQSRecord[]> {
  for (const [position, record] of group.entries()) {
    try {
      await handle(record);
    } catch (error) {
      onError(record, error instanceof Error ? error : new Error(String(error)));
      return group.slice(position);
    }
  }
  return [];
}

/**
 * Handles every message of a batch, and answers with those that failed. A FIFO queue's group stops at its first
 * failure: the messages after it are reported too, so that they come again in their order.
 */
export async function eachMessage(
  event: SQSEvent,
  handle: (record: SQSRecord) => Promise<void>,
  { logger = log, concurrency = DEFAULT_CONCURRENCY, ...options }: EachMessageOptions = {},
): Promise<SQSBatchResponse> {
  const onError =
    options.onError ?? ((record: SQSRecord, error: Error) => logFailedMessage(logger, record, error));
  const failed = new Set<SQSRecord>();
  const work = async (group: SQSRecord[]): Promise<void> => {
    for (const record of await handleGroup(group, handle, onError)) failed.add(record);
  };
  const limits = { limit: concurrency, maxFailures: Number.POSITIVE_INFINITY };
  const broken = (await settleBounded(inSequence(event.Records), work, limits)).find(Boolean);
  // Not a message's failure but `onError`'s own: the whole batch comes again.
  if (broken) throw broken;
  // In the batch's order, whatever finished first.
  const reported = event.Records.filter((record) => failed.has(record));
  return { batchItemFailures: reported.map(({ messageId }) => ({ itemIdentifier: messageId })) };
}
