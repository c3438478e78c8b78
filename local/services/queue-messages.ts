/** What a queue's messages are while they are sent, received and given up. Pure. */
import { createHash } from "node:crypto";
import type { FauxqsQueue, ReceivedMessage, StoredMessage } from "./fauxqs-internals.ts";

/** A message in somebody's hands. */
export interface Received {
  readonly receiptHandle: string;
  readonly message: StoredMessage;
}

/** A message that was received too often, and where it went. */
export interface DeadLetter {
  readonly from: string;
  readonly to: string;
  readonly message: StoredMessage;
}

export type FindQueue = (arn: string) => FauxqsQueue | undefined;
type Attributes = Readonly<Record<string, string>>;

export interface Redrive {
  target: FauxqsQueue;
  maxReceiveCount: number;
}

export const parseRedrive = (policy: string | undefined, find: FindQueue): Redrive | undefined => {
  if (!policy) return undefined;
  const { deadLetterTargetArn, maxReceiveCount } = JSON.parse(policy) as Record<string, unknown>;
  const target = find(String(deadLetterTargetArn));
  return target && { target, maxReceiveCount: Number(maxReceiveCount) };
};

/** Of one group, first sent first. */
export const bySequence = (left: StoredMessage, right: StoredMessage): number =>
  (left.sequenceNumber ?? "") < (right.sequenceNumber ?? "") ? -1 : 1;

/** In the form of the wire. */
export const toReceived = ({ receiptHandle, message }: Received): ReceivedMessage => ({
  MessageId: message.messageId,
  ReceiptHandle: receiptHandle,
  MD5OfBody: message.md5OfBody,
  Body: message.body,
  ...(message.md5OfMessageAttributes ? { MD5OfMessageAttributes: message.md5OfMessageAttributes } : {}),
  ...(Object.keys(message.messageAttributes).length > 0
    ? { MessageAttributes: message.messageAttributes }
    : {}),
});

const isPerGroup = ({ DeduplicationScope }: Attributes): boolean => DeduplicationScope === "messageGroup";

/** An entry of SendMessage or SendMessageBatch, as it came over the wire. */
export interface Entry {
  MessageBody?: unknown;
  MessageGroupId?: unknown;
  MessageDeduplicationId?: unknown;
}

/**
 * fauxqs knows duplicates by their id alone. Where ids count per group, an entry is sent under its group and its id.
 * Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/high-throughput-fifo.html
 */
export const addGroup = (entry: Entry, attributes: Attributes): void => {
  const { MessageBody: body, MessageGroupId: group, MessageDeduplicationId: id } = entry;
  if (!isPerGroup(attributes) || typeof group !== "string" || typeof body !== "string") return;
  const byContent = attributes.ContentBasedDeduplication === "true";
  if (typeof id === "string") entry.MessageDeduplicationId = `${group} ${id}`;
  else if (byContent)
    entry.MessageDeduplicationId = `${group} ${createHash("sha256").update(body).digest("hex")}`;
};

/** The message's own id again. */
export const removeGroup = (message: StoredMessage, attributes: Attributes): void => {
  const { messageGroupId: group, messageDeduplicationId: id } = message;
  if (!isPerGroup(attributes) || !id?.startsWith(`${group} `)) return;
  message.messageDeduplicationId = id.slice(`${group} `.length);
};
