/**
 * What runs in Lambda around the callback of `Bucket.onObjectCreated`: an S3 notification, straight from S3 or out of
 * a queue's messages -> one call per object.
 *
 * Of a queue's batch only the messages whose object failed are delivered again. A message that holds no notification
 * fails alone and ends in the dead letters; the test message that S3 sends when it is configured is skipped.
 * Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
 */

import type { Context, S3Event, S3EventRecord, SQSBatchResponse, SQSEvent, SQSRecord } from "aws-lambda";
import { logError } from "./log-error.ts";

/** An object that has been written. */
export interface CreatedObject {
  /** The bucket's physical name. */
  bucket: string;
  /** The object's key, decoded. */
  key: string;
  /** Bytes. */
  size: number;
  /** Without quotes: the MD5 of the bytes, unless the object was uploaded in parts. */
  eTag: string;
  /** Absent in a bucket without versions. */
  versionId?: string;
  /** Hexadecimal; of two events of one key, the longer-ago one has the lower, compared after right-padding with 0. */
  sequencer: string;
  /** When it was written, as an ISO 8601 time. */
  at: string;
}

export type ObjectCallback = (object: CreatedObject, context: Context) => Promise<void>;

/** What the wrapper needs from its surroundings, replaced in tests. */
export interface ObjectEnvironment {
  logError(entry: Record<string, unknown>): void;
}

const ENVIRONMENT: ObjectEnvironment = { logError };

/** S3 encodes keys as forms do: a space is `+`. @throws URIError for a key that is not encoded so */
const decodeKey = (encoded: string): string => decodeURIComponent(encoded.replaceAll("+", " "));

const toObject = ({ s3, eventTime }: S3EventRecord): CreatedObject => ({
  bucket: s3.bucket.name,
  key: decodeKey(s3.object.key),
  size: s3.object.size,
  eTag: s3.object.eTag,
  ...(s3.object.versionId === undefined ? {} : { versionId: s3.object.versionId }),
  sequencer: s3.object.sequencer,
  at: eventTime,
});

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null;

/** The notifications in a message's body. @throws Error when it holds none */
const notificationsOf = (body: string): S3EventRecord[] => {
  const parsed: unknown = JSON.parse(body);
  if (isObject(parsed) && parsed.Event === "s3:TestEvent") return [];
  if (isObject(parsed) && Array.isArray(parsed.Records)) return parsed.Records;
  throw new Error("The message holds no S3 notification.");
};

const asError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)));

/** Calls once per object, in order. @throws the first failure, after all have been called */
const callEach = async (
  records: S3EventRecord[],
  callback: ObjectCallback,
  context: Context,
): Promise<void> => {
  const failures: Error[] = [];
  for (const record of records) {
    try {
      await callback(toObject(record), context);
    } catch (error) {
      failures.push(asError(error));
    }
  }
  const [first] = failures;
  if (first !== undefined) throw first;
};

/** A callback may have marked its failure with the correlation id of what it is about. */
const failureEntry = ({ messageId }: SQSRecord, error: Error): Record<string, unknown> => {
  const { name, message, stack } = error;
  const { correlationId } = error as { correlationId?: unknown };
  return { message: "message failed", messageId, correlationId, error: { name, message, stack } };
};

const isMessage = (record: S3EventRecord | SQSRecord): record is SQSRecord =>
  "eventSource" in record && record.eventSource === "aws:sqs";

/**
 * Makes the Lambda handler of a bucket's subscription: one object after the other, so that a batch needs no more
 * memory than one of its objects.
 */
export const serveObjects =
  (
    callback: ObjectCallback,
    _options?: unknown,
    _validators?: unknown,
    environment: ObjectEnvironment = ENVIRONMENT,
  ) =>
  async (event: S3Event | SQSEvent, context: Context): Promise<SQSBatchResponse> => {
    const batchItemFailures: { itemIdentifier: string }[] = [];
    const direct: S3EventRecord[] = [];
    for (const record of event.Records) {
      if (!isMessage(record)) {
        direct.push(record);
        continue;
      }
      try {
        await callEach(notificationsOf(record.body), callback, context);
      } catch (error) {
        environment.logError(failureEntry(record, asError(error)));
        batchItemFailures.push({ itemIdentifier: record.messageId });
      }
    }
    await callEach(direct, callback, context);
    return { batchItemFailures };
  };
