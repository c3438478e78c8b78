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
  /** Why the last refused record was. */
  reason?: string;
}

/**
 * Sends every record, in order while nothing is throttled; a refused record is sent again on its own.
 * @throws what another attempt would not mend, e.g. that there is no such stream; at once, however long the source waits
 */
export async function send(records: Records, options: SenderOptions): Promise<Totals> {
  const totals: Totals = { sent: 0, bytes: 0, calls: 0, retried: 0, failed: 0 };
  const running = new Set<Promise<void>>();
  const failure = Promise.withResolvers<never>();
  // Nobody may be waiting for it when it comes.
  failure.promise.catch(() => {});
  const source = batches(records);
  for (;;) {
    const next = await Promise.race([source.next(), failure.promise]);
    if (next.done) break;
    const call = putAll(next.value, options, totals)
      .catch(failure.reject)
      .finally(() => running.delete(call));
    running.add(call);
    if (running.size >= (options.inFlight ?? 4)) await Promise.race(running);
  }
  await Promise.race([Promise.all(running), failure.promise]);
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
    const { refused, reason } = await put(left, options);
    const taken = left.filter((record) => !refused.has(record));
    totals.calls += 1;
    totals.sent += taken.length;
    totals.bytes += taken.reduce((sum, record) => sum + byteSize(record), 0);
    totals.reason = reason ?? totals.reason;
    const last = attempt >= (options.attempts ?? 10);
    totals[last ? "failed" : "retried"] += refused.size;
    options.onProgress?.(totals);
    if (last) return;
    if (refused.size > 0) await options.sleep(backOff(attempt, options.random));
    left = [...refused];
  }
}

/** Full jitter: https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/ */
const backOff = (attempt: number, random: () => number): number =>
  random() * Math.min(5_000, 100 * 2 ** (attempt - 1));

/** The records that the stream did not take; a call that failed as a whole took none. */
async function put(
  batch: Outgoing[],
  { client, streamName }: SenderOptions,
): Promise<{ refused: Set<Outgoing>; reason?: string }> {
  const encoder = new TextEncoder();
  const Records = batch.map(({ partitionKey, text }) => ({
    PartitionKey: partitionKey,
    Data: encoder.encode(text),
  }));
  try {
    const response = await client.send(new PutRecordsCommand({ StreamName: streamName, Records }));
    const results = response.FailedRecordCount ? (response.Records ?? []) : [];
    const refused = new Set(batch.filter((_, index) => results[index]?.ErrorCode !== undefined));
    return { refused, reason: results.find(({ ErrorCode }) => ErrorCode)?.ErrorMessage };
  } catch (error) {
    if (!mayPass(error)) throw error;
    return { refused: new Set(batch), reason: (error as Error).message };
  }
}

/** Whether a failed call may succeed later: throttled, the service's own fault, or no answer at all. */
function mayPass(error: unknown): boolean {
  if (!(error instanceof Error) || !("$metadata" in error) || error.name === "CredentialsProviderError") {
    return false;
  }
  const { httpStatusCode: status } = error.$metadata as { httpStatusCode?: number };
  return status === undefined || status >= 500 || /Throughput|Throttl|LimitExceeded/.test(error.name);
}
