/** What is measured side by side: the program's own fold, bare floors, and Powertools' batch processor. */
import type { KinesisStreamEvent, KinesisStreamRecord } from "aws-lambda";
import { foldRecords } from "../../functions/aggregate-readings/core.ts";
import { judgeReading, type Reading } from "../../functions/shared/reading.ts";

/** What every contestant but the floors gives for a batch, so that their results can be compared. */
export interface Outcome {
  /** By `device#metric resolution#bucket`. */
  aggregates: Map<string, Aggregate>;
  refused: number;
}

export interface Aggregate {
  count: number;
  sum: number;
  min: number;
  max: number;
  last: number;
  lastAt: number;
}

type Batches = KinesisStreamRecord[][];

/** The floor: decodes, parses and adds. It validates nothing and knows no device. */
export function floor(batches: Batches): number {
  let sum = 0;
  for (const records of batches) {
    for (const { kinesis } of records) {
      try {
        sum += JSON.parse(Buffer.from(kinesis.data, "base64").toString()).value;
      } catch {
        // A broken record adds nothing.
      }
    }
  }
  return sum;
}

/** The same with `atob`, which the program uses: faster here, and enough because valid readings are ASCII. */
export function floorWithAtob(batches: Batches): number {
  let sum = 0;
  for (const records of batches) {
    for (const { kinesis } of records) {
      try {
        sum += JSON.parse(atob(kinesis.data)).value;
      } catch {
        // A broken record adds nothing.
      }
    }
  }
  return sum;
}

/** The program: decode, parse, validate, fold at three resolutions. */
export function core(batches: Batches): void {
  for (const records of batches) foldRecords(records);
}

export function coreOutcome(records: KinesisStreamRecord[]): Outcome {
  const { deltas, invalid } = foldRecords(records);
  const aggregates = new Map<string, Aggregate>();
  for (const { deviceId, metric, resolution, start, count, sum, sumLow, min, max, last, lastAt } of deltas) {
    const key = keyOf({ deviceId, metric }, resolution, start);
    aggregates.set(key, { count, sum: sum + sumLow, min, max, last, lastAt });
  }
  return { aggregates, refused: invalid };
}

/** As much of @aws-lambda-powertools/batch as is used here. */
export interface PowertoolsBatch {
  BatchProcessor: new (eventType: string) => object;
  EventType: { KinesisDataStreams: string };
  processPartialResponse(
    event: KinesisStreamEvent,
    recordHandler: (record: KinesisStreamRecord) => Promise<void>,
    processor: object,
  ): Promise<{ batchItemFailures: unknown[] }>;
}

const BUCKETS = { minute: 60_000, hour: 3_600_000, day: 86_400_000 };

function keyOf(
  { deviceId, metric }: { deviceId: string; metric: string },
  resolution: string,
  start: number,
): string {
  return `${deviceId}#${metric} ${resolution}#${start}`;
}

function count(
  aggregates: Map<string, Aggregate>,
  key: string,
  { value, at }: { value: number; at: number },
): void {
  const aggregate = aggregates.get(key);
  if (aggregate === undefined) {
    aggregates.set(key, { count: 1, sum: value, min: value, max: value, last: value, lastAt: at });
    return;
  }
  aggregate.count++;
  aggregate.sum += value;
  aggregate.min = Math.min(aggregate.min, value);
  aggregate.max = Math.max(aggregate.max, value);
  if (at >= aggregate.lastAt) {
    aggregate.last = value;
    aggregate.lastAt = at;
  }
}

/** A record handler as Powertools' documentation has it, with the program's own validation. */
function handleRecord({ kinesis }: KinesisStreamRecord, aggregates: Map<string, Aggregate>): void {
  const candidate: unknown = JSON.parse(Buffer.from(kinesis.data, "base64").toString("utf8"));
  const at = judgeReading(candidate, kinesis.approximateArrivalTimestamp * 1000);
  if (typeof at === "string") throw new Error(at);
  const reading = candidate as Reading;
  for (const [resolution, length] of Object.entries(BUCKETS)) {
    const key = keyOf(reading, resolution, Math.floor(at / length) * length);
    count(aggregates, key, { value: reading.value, at });
  }
}

/** Powertools' batch processor around the same work; one processor for all batches, as its documentation has it. */
export function createPowertools({ BatchProcessor, EventType, processPartialResponse }: PowertoolsBatch): {
  fold(records: KinesisStreamRecord[]): Promise<Outcome>;
  /** The processor alone: what it costs before any work is done. */
  doNothing(records: KinesisStreamRecord[]): Promise<void>;
} {
  const processor = new BatchProcessor(EventType.KinesisDataStreams);
  return {
    fold: async (records) => {
      const aggregates = new Map<string, Aggregate>();
      const handle = async (record: KinesisStreamRecord) => handleRecord(record, aggregates);
      const { batchItemFailures } = await processPartialResponse({ Records: records }, handle, processor);
      return { aggregates, refused: batchItemFailures.length };
    },
    doNothing: async (records) => {
      await processPartialResponse({ Records: records }, async () => {}, processor);
    },
  };
}
