/**
 * What a function gets for a batch of messages. Pure.
 * Source: https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
 */
import type { Received } from "../../services/queue-messages.ts";

/** What all messages of a queue have in common. */
export interface QueuePlace {
  queueArn: string;
  /** Who sent: AWS gives an id of the user or role, here it is always the account's. */
  senderId: string;
}

interface MessageAttribute {
  stringValue?: string;
  binaryValue?: string;
  stringListValues: never[];
  binaryListValues: never[];
  dataType: string;
}

export interface SqsEventRecord {
  messageId: string;
  receiptHandle: string;
  body: string;
  attributes: Record<string, string>;
  messageAttributes: Record<string, MessageAttribute>;
  md5OfBody: string;
  eventSource: string;
  eventSourceARN: string;
  awsRegion: string;
}

type Message = Received["message"];

const toAttributes = (message: Message, senderId: string): Record<string, string> => {
  const attributes: Record<string, string | undefined> = {
    ApproximateReceiveCount: String(message.approximateReceiveCount),
    SentTimestamp: String(message.sentTimestamp),
    SequenceNumber: message.sequenceNumber,
    MessageGroupId: message.messageGroupId,
    SenderId: senderId,
    MessageDeduplicationId: message.messageDeduplicationId,
    ApproximateFirstReceiveTimestamp: String(message.approximateFirstReceiveTimestamp),
  };
  return Object.fromEntries(
    Object.entries(attributes).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
};

const toMessageAttributes = (message: Message): Record<string, MessageAttribute> =>
  Object.fromEntries(
    Object.entries(message.messageAttributes).map(([name, { DataType, StringValue, BinaryValue }]) => [
      name,
      {
        ...(StringValue === undefined ? {} : { stringValue: StringValue }),
        ...(BinaryValue === undefined ? {} : { binaryValue: BinaryValue }),
        stringListValues: [],
        binaryListValues: [],
        dataType: DataType,
      },
    ]),
  );

const toRecord = ({ message, receiptHandle }: Received, place: QueuePlace): SqsEventRecord => ({
  messageId: message.messageId,
  receiptHandle,
  body: message.body,
  attributes: toAttributes(message, place.senderId),
  messageAttributes: toMessageAttributes(message),
  md5OfBody: message.md5OfBody,
  eventSource: "aws:sqs",
  eventSourceARN: place.queueArn,
  awsRegion: place.queueArn.split(":")[3] ?? "",
});

export const toEvent = (messages: readonly Received[], place: QueuePlace): { Records: SqsEventRecord[] } => ({
  Records: messages.map((message) => toRecord(message, place)),
});
