/**
 * What runs in Lambda around the callback of `LogGroup.onLines`: the event of a subscription filter -> its lines.
 *
 * CloudWatch Logs packs them as base64 of gzip. Control messages, which only ask whether the destination is there, are
 * skipped. A payload that cannot be read fails the invocation, so that Lambda tries again and then hands it to the
 * function's on-failure destination with its bytes.
 * Sources: https://docs.aws.amazon.com/lambda/latest/dg/services-cloudwatchlogs.html,
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html
 */
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import type { CloudWatchLogsEvent, Context } from "aws-lambda";

export interface LogLine {
  /** 56 digits, unique in the account; the same when a batch is delivered again. */
  id: string;
  /** Milliseconds since the epoch. */
  timestamp: number;
  message: string;
}

/** Lines of one stream, in their order. */
export interface LogBatch {
  logGroup: string;
  logStream: string;
  lines: LogLine[];
}

export type LinesCallback = (batch: LogBatch, context: Context) => Promise<void>;

/** Unpacked bytes: an event holds 1 MB at most, and text rarely shrinks to a thirtieth. */
const MOST_BYTES = 32 * 1_024 * 1_024;

const unzip = promisify(gunzip);

const unpack = async (data: unknown): Promise<string> => {
  if (typeof data !== "string") throw new Error("The event holds no awslogs.data.");
  try {
    return (await unzip(Buffer.from(data, "base64"), { maxOutputLength: MOST_BYTES })).toString();
  } catch (cause) {
    throw new Error(`The log payload cannot be unpacked: ${(cause as Error).message}.`, { cause });
  }
};

const parse = (text: string): Record<string, unknown> => {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
  } catch {
    // Told below: the reason would quote the lines themselves.
  }
  throw new Error("The log payload is not a JSON object.");
};

const isLine = (value: unknown): value is LogLine => {
  const { id, timestamp, message } = (value ?? {}) as Record<string, unknown>;
  return typeof id === "string" && typeof timestamp === "number" && typeof message === "string";
};

/** The lines of an event; undefined for a control message. @throws Error naming what is wrong with the payload */
export const readLines = async (event: CloudWatchLogsEvent): Promise<LogBatch | undefined> => {
  const { messageType, logGroup, logStream, logEvents } = parse(await unpack(event?.awslogs?.data));
  if (messageType === "CONTROL_MESSAGE") return undefined;
  if (messageType !== "DATA_MESSAGE")
    throw new Error(`The log payload is a "${String(messageType)}", not a DATA_MESSAGE.`);
  if (!Array.isArray(logEvents) || !logEvents.every(isLine))
    throw new Error("The log payload's logEvents are not lines with id, timestamp and message.");
  const lines = logEvents.map(({ id, timestamp, message }) => ({ id, timestamp, message }));
  return { logGroup: String(logGroup), logStream: String(logStream), lines };
};

/** Makes the Lambda handler of a log group's subscription. */
export const serveLines =
  (callback: LinesCallback) =>
  async (event: CloudWatchLogsEvent, context: Context): Promise<void> => {
    const batch = await readLines(event);
    if (batch !== undefined) await callback(batch, context);
  };
