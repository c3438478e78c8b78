import { type KinesisClient, PutRecordsCommand } from "@aws-sdk/client-kinesis";
import type { Outgoing } from "./sources.ts";

/**
 * Limits of one PutRecords call: https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecords.html
 * (500 records, 5 MiB with the keys; the service takes 10 MiB today, and half of it keeps latency low).
 */
const MOST_RECORDS = 500;
const MOST_BYTES = 5 * 1_048_576;

/** In a source of records: send what is gathered now, instead of waiting for a full call. */
export const FLUSH = Symbol("flush");

type Records = AsyncIterable<Outgoing | typeof FLUSH> | Iterable<Outgoing>;

export interface SenderOptions {
  client: KinesisClient;
  streamName: string;
  /** Calls under way at once; the source waits while all are taken. @default 4 */
  inFlight?: number;
  /** Tries of one record, the first included. @default 10 */
  attempts?: number;
  sleep: (milliseconds: number) => Promise<void>;
  random: () => number;
  /** Called after every call. */
  onProgress?: (totals: Totals) => void;
}

export interface Totals {
  /** Records that the stream took. */
  sent: number;
  bytes: number;
  calls: number;
  /** Records that had to be sent again, because the stream was throttled or failed. */
  retried: number;
  /** Records given up after the last attempt. */
  failed: number;
}

/** Sends every record, in order while nothing is throttled; a refused record is sent again on its own. */
export async function send(records: Records, options: SenderOptions): Promise<Totals> {
  const totals: Totals = { sent: 0, bytes: 0, calls: 0, retried: 0, failed: 0 };
  const running = new Set<Promise<void>>();
  for await (const batch of batches(records)) {
    const call = putAll(batch, options, totals).finally(() => running.delete(call));
    running.add(call);
    if (running.size >= (options.inFlight ?? 4)) await Promise.race(running);
  }
  await Promise.all(running);
  return totals;
}

async function* batches(records: Records): AsyncGenerator<Outgoing[]> {
  let batch: Outgoing[] = [];
  let bytes = 0;
  for await (const record of records) {
    const size = record === FLUSH ? 0 : byteSize(record);
    const full = record === FLUSH || batch.length === MOST_RECORDS || bytes + size > MOST_BYTES;
    if (full && batch.length > 0) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    if (record !== FLUSH) batch.push(record);
    bytes += size;
  }
  if (batch.length > 0) yield batch;
}

const byteSize = (record: Outgoing): number =>
  Buffer.byteLength(record.text) + Buffer.byteLength(record.partitionKey);

async function putAll(batch: Outgoing[], options: SenderOptions, totals: Totals): Promise<void> {
  let left = batch;
  for (let attempt = 1; left.length > 0; attempt += 1) {
    const refused = await put(left, options);
    const taken = left.filter((record) => !refused.includes(record));
    totals.calls += 1;
    totals.sent += taken.length;
    totals.bytes += taken.reduce((sum, record) => sum + byteSize(record), 0);
    const last = attempt >= (options.attempts ?? 10);
    totals[last ? "failed" : "retried"] += refused.length;
    options.onProgress?.(totals);
    if (last) return;
    if (refused.length > 0) await options.sleep(backOff(attempt, options.random));
    left = refused;
  }
}

/** Full jitter: https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/ */
const backOff = (attempt: number, random: () => number): number =>
  random() * Math.min(5_000, 100 * 2 ** (attempt - 1));

/** The records that the stream did not take. A call that failed as a whole took none. */
async function put(batch: Outgoing[], { client, streamName }: SenderOptions): Promise<Outgoing[]> {
  const encoder = new TextEncoder();
  const Records = batch.map(({ partitionKey, text }) => ({
    PartitionKey: partitionKey,
    Data: encoder.encode(text),
  }));
  const response = await client.send(new PutRecordsCommand({ StreamName: streamName, Records }));
  if (!response.FailedRecordCount) return [];
  return batch.filter((_, index) => response.Records?.[index]?.ErrorCode !== undefined);
}
