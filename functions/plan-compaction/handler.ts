/**
 * Triggers: a schedule, every 15 minutes, for the last 48 arrival hours; and a queue, whose messages
 * `{ from, to, force?, correlationId? }` name hours or days to plan (backfill). Compares each hour's raw objects with what
 * it was built from, and queues one job per changed hour and device bucket. A job carries the message's correlation id, or
 * else its message id; what a schedule plans gets one of its own.
 *
 * Failure contract: it throws when the lake, the table or the queue cannot be asked; the schedule comes again, the
 * message too. A message that asks for nothing possible is logged and done with. Idempotency: planning twice queues
 * jobs twice at worst, and a job finds that its hour is built.
 */
import { randomUUID } from "node:crypto";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { S3Client } from "@aws-sdk/client-s3";
import { SQSClient } from "@aws-sdk/client-sqs";
import type { SQSBatchResponse, SQSEvent } from "aws-lambda";
import { CLIENT_OPTIONS } from "../shared/clients.ts";
import { correlating } from "../shared/correlation.ts";
import { rawPrefix } from "../shared/lake/layout.ts";
import { type CompactionJob, readManifests } from "../shared/lake/manifest.ts";
import { fingerprint, listObjects } from "../shared/lake/objects.ts";
import { createLogger, type Logger } from "../shared/logger.ts";
import { eachMessage } from "../shared/messages.ts";
import { emitMetrics } from "../shared/metrics.ts";
import { sendMessages } from "../shared/send-messages.ts";
import { type Backfill, BackfillError, jobsOf, latestHours, parseBackfill } from "./core.ts";

const SERVICE = "plan-compaction";
/** Hours that are looked at together. */
const TOGETHER = 12;

const s3 = new S3Client(CLIENT_OPTIONS);
const dynamodb = new DynamoDBClient(CLIENT_OPTIONS);
const sqs = new SQSClient(CLIENT_OPTIONS);
const log = createLogger({ service: SERVICE });

export interface PlanDeps {
  /** Name of the lake bucket. */
  lake: string;
  /** Name of the manifests' table. */
  manifests: string;
  /** URL of the compaction queue. */
  jobs: string;
  /** Device buckets that an hour is split into. */
  buckets: number;
  /** Replaced in tests. */
  clients?: { s3: S3Client; dynamodb: DynamoDBClient; sqs: SQSClient };
  now?: () => number;
  newId?: () => string;
  logger?: Logger;
  emit?: typeof emitMetrics;
}

async function jobsOfHour(hour: string, deps: PlanDeps, force: boolean): Promise<CompactionJob[]> {
  const clients = deps.clients ?? { s3, dynamodb };
  const [objects, manifests] = await Promise.all([
    listObjects(clients.s3, deps.lake, rawPrefix(hour)),
    readManifests(clients.dynamodb, deps.manifests, hour),
  ]);
  const state = { hour, sources: fingerprint(objects), objects: objects.length, manifests };
  return jobsOf(state, deps.buckets, force);
}

async function planHours({ hours, force, correlationId }: Required<Backfill>, deps: PlanDeps): Promise<void> {
  const { logger = log, emit = emitMetrics } = deps;
  let queued = 0;
  for (let start = 0; start < hours.length; start += TOGETHER) {
    const batch = hours.slice(start, start + TOGETHER).map((hour) => jobsOfHour(hour, deps, force));
    const jobs = (await Promise.all(batch)).flat().map((job) => ({ ...job, correlationId }));
    await sendMessages(deps.clients?.sqs ?? sqs, deps.jobs, jobs);
    queued += jobs.length;
  }
  const planned = { correlationId, from: hours[0], to: hours.at(-1), jobs: queued };
  if (queued > 0) logger.info("compaction planned", planned);
  emit(SERVICE, { plannedHours: hours.length, queuedCompactions: queued });
}

/** Plans the last 48 hours. */
export async function planCompaction(deps: PlanDeps): Promise<void> {
  const { now = Date.now, newId = randomUUID } = deps;
  await planHours({ hours: latestHours(now()), force: false, correlationId: newId() }, deps);
}

/** Plans what the messages ask for. */
export async function planBackfill(event: SQSEvent, deps: PlanDeps): Promise<SQSBatchResponse> {
  const { logger = log } = deps;
  const plan = async ({ body, messageId }: { body: string; messageId: string }): Promise<void> => {
    try {
      const backfill = parseBackfill(body);
      const { correlationId = messageId } = backfill;
      await correlating(correlationId, () => planHours({ ...backfill, correlationId }, deps));
    } catch (error) {
      if (!(error instanceof BackfillError)) throw error;
      logger.error("backfill refused", { correlationId: messageId, messageId, reason: error.message });
    }
  };
  return eachMessage(event, plan, { concurrency: 1, logger });
}
