/**
 * Trigger: the telemetry stream. Counts, sums, minima, maxima and last values per device and metric at minute, hour
 * and day resolution, the latest reading of each metric, and the index of devices.
 *
 * Failure contract: only the infrastructure fails a batch (`batchItemFailures` names the first record with work left;
 * Lambda starts again there). A reading that is invalid is left out and counted: archive-readings quarantines it.
 * Idempotency: redelivery, retries and bisects never count twice (summary.ts). It needs each shard in order: keep the
 * mapping's parallelizationFactor at 1. Metrics are counted for each delivery, and a line about a batch names up to ten
 * of its readings' correlation ids.
 *
 * Source: https://docs.aws.amazon.com/lambda/latest/dg/kinesis-on-failure-destination.html,
 * https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-batchfailurereporting.html
 */
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import type { KinesisStreamBatchResponse, KinesisStreamEvent } from "aws-lambda";
import { groupByShard } from "../shared/batch.ts";
import { CLIENT_OPTIONS } from "../shared/clients.ts";
import { createLogger, type Logger } from "../shared/logger.ts";
import { emitMetrics, emitValues } from "../shared/metrics.ts";
import { limitsFor } from "../shared/reading.ts";
import { createStore } from "./store.ts";
import { type BatchReport, createWarmCache, type WarmCache, writeBatch } from "./write.ts";

const SERVICE = "aggregate-readings";
/** Below the 50 sockets that the SDK's HTTP handler opens. */
const CONCURRENT_WRITES = 40;

const dynamodb = new DynamoDBClient(CLIENT_OPTIONS);
const warmCache = createWarmCache();
const log = createLogger({ service: SERVICE });

export interface AggregateDeps {
  /** Name of the readings table. */
  table: string;
  /** How old a reading may be on arrival, in days, at most 31. @default 31 */
  maxAgeDays?: number;
  /** Replaced in tests. */
  client?: DynamoDBClient;
  cache?: WarmCache;
  logger?: Logger;
  emit?: typeof emitMetrics;
  emitAll?: typeof emitValues;
  now?: () => number;
}

function toMetrics(report: BatchReport): Record<string, number> {
  return {
    readingsAccepted: report.readings,
    invalidReadings: report.invalid,
    aggregatesWritten: report.written,
    aggregatesAlreadyApplied: report.alreadyApplied,
    writeConflicts: report.conflicts,
    failedBatches: report.failedSequence === undefined ? 0 : 1,
  };
}

/** From `at` to now; a device whose clock is ahead has none. */
function lagsOf({ measuredAt }: BatchReport, now: number): number[] {
  return measuredAt.map((at) => Math.max(0, now - at));
}

/** Brings a batch of readings into the table. */
export async function aggregateReadings(
  event: KinesisStreamEvent,
  deps: AggregateDeps,
): Promise<KinesisStreamBatchResponse> {
  const { client = dynamodb, cache = warmCache, logger = log } = deps;
  const { emit = emitMetrics, emitAll = emitValues, now = Date.now } = deps;
  const store = createStore(client, deps.table);
  const options = { store, cache, limits: limitsFor(deps.maxAgeDays), concurrency: CONCURRENT_WRITES };
  const batchItemFailures: { itemIdentifier: string }[] = [];
  for (const [shard, records] of groupByShard(event.Records)) {
    const report = await writeBatch(shard, records, options);
    emit(SERVICE, toMetrics(report));
    const { failedSequence, cause, readings } = report;
    const own = logger.with({ shard, ...report.correlationIds.fields() });
    if (failedSequence === undefined) {
      emitAll(SERVICE, ["ingestLag", lagsOf(report, now())], { unit: "Milliseconds" });
      own.info("readings stored", { readings });
      continue;
    }
    own.error("batch not finished; it will be delivered again", { failedSequence, cause });
    batchItemFailures.push({ itemIdentifier: failedSequence });
  }
  return { batchItemFailures };
}
