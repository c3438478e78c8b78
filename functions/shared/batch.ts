/**
 * A Kinesis batch as functions see it: shards, sequence numbers, payloads, and bounded concurrency.
 *
 * Source: https://docs.aws.amazon.com/lambda/latest/dg/with-kinesis.html
 */
import type { KinesisStreamRecord } from "aws-lambda";
import { MAX_READINGS, MAX_RECORD_BYTES } from "./reading.ts";

/** Digits of a Kinesis sequence number: more than a DynamoDB number's 38, so they are kept as text. */
const SEQUENCE_DIGITS = 56;

/** A payload that holds no readings at all, with the reason. */
export class PayloadError extends Error {
  override name = "PayloadError";
}

/** Zero-padded, so that the order of the texts is the order of the numbers. */
export function padSequence(sequenceNumber: string): string {
  return sequenceNumber.length >= SEQUENCE_DIGITS
    ? sequenceNumber
    : sequenceNumber.padStart(SEQUENCE_DIGITS, "0");
}

/** The shard that a record came from: `eventID` is `shardId-000000000000:<sequence number>`. */
function shardOf(record: Pick<KinesisStreamRecord, "eventID">): string {
  const colon = record.eventID.indexOf(":");
  return colon === -1 ? record.eventID : record.eventID.slice(0, colon);
}

/** Epoch milliseconds of the record's arrival in the stream. */
export function arrivalOf(record: KinesisStreamRecord): number {
  return Math.round(record.kinesis.approximateArrivalTimestamp * 1000);
}

/** The records of each shard, in their order. Lambda's batches hold one shard; this does not rely on it. */
export function groupByShard(records: KinesisStreamRecord[]): Map<string, KinesisStreamRecord[]> {
  const groups = new Map<string, KinesisStreamRecord[]>();
  for (const record of records) {
    const shard = shardOf(record);
    const group = groups.get(shard);
    if (group === undefined) groups.set(shard, [record]);
    else group.push(record);
  }
  return groups;
}

/**
 * Parses a record's base64 payload. The text is taken byte for byte (one character per byte) instead of as UTF-8:
 * that is faster and decides alike, because a valid reading holds ASCII only.
 *
 * @returns the value, and its text.
 * @throws PayloadError with the reason when it is too large or not JSON.
 */
export function parsePayload(data: string): unknown {
  return parseText(payloadText(data));
}

/** A record's payload with one character per byte. */
export function payloadText(data: string): string {
  if (data.length * 0.75 > MAX_RECORD_BYTES + 3)
    throw new PayloadError(`record is over ${MAX_RECORD_BYTES} bytes`);
  try {
    return atob(data);
  } catch {
    throw new PayloadError("not base64");
  }
}

export function parseText(text: string): unknown {
  if (text.length > MAX_RECORD_BYTES) throw new PayloadError(`record is over ${MAX_RECORD_BYTES} bytes`);
  try {
    return JSON.parse(text);
  } catch {
    throw new PayloadError("not JSON");
  }
}

/** Why an array cannot be one record's readings; undefined when it can. */
export function arrayProblem(readings: unknown[]): string | undefined {
  if (readings.length === 0) return "an empty array";
  if (readings.length > MAX_READINGS)
    return `${readings.length} readings in one record, at most ${MAX_READINGS}`;
  return undefined;
}

/**
 * Runs `work` over the items, at most `limit` at a time, and returns one settled result for each item in order.
 * After `maxFailures` rejections no new item is started: those left are rejected with `NotStartedError`.
 */
export async function settleBounded<Item>(
  items: readonly Item[],
  work: (item: Item) => Promise<void>,
  { limit, maxFailures }: { limit: number; maxFailures: number },
): Promise<(Error | undefined)[]> {
  const results: (Error | undefined)[] = new Array(items.length).fill(undefined);
  let next = 0;
  let failures = 0;
  const attempt = async (index: number): Promise<Error | undefined> => {
    if (failures >= maxFailures) return new NotStartedError();
    try {
      await work(items[index] as Item);
      return undefined;
    } catch (error) {
      failures++;
      return error instanceof Error ? error : new Error(String(error));
    }
  };
  const runner = async (): Promise<void> => {
    while (next < items.length) {
      const index = next++;
      results[index] = await attempt(index);
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, runner));
  return results;
}

/** Work that was given up because too much before it had failed. */
export class NotStartedError extends Error {
  override name = "NotStartedError";
  constructor() {
    super("not started: too many failures before it");
  }
}
