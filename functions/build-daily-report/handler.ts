/**
 * Triggers: the reports queue, one job `{ date, bucket }` per day whose curated files changed; and a schedule, daily,
 * which queues the two days before, whatever happened to earlier jobs. Writes a report per device and metric to the
 * `reports` table and to `curated/reports/dt=<day>/<bucket>.parquet`.
 *
 * Failure contract: it throws when a service fails, a file changed while it was read or another build was faster, and
 * the job comes again. Idempotency: a build is named by what it was built from; the same files give the same bytes,
 * and a day that is reported from what there is, is left alone, unless a slower job has replaced its file meanwhile.
 */
import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { DeleteObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { SQSClient } from "@aws-sdk/client-sqs";
import type { SQSBatchResponse, SQSEvent, SQSRecord } from "aws-lambda";
import type { Item } from "../shared/attributes.ts";
import { CLIENT_OPTIONS } from "../shared/clients.ts";
import { asCorrelationId, correlating } from "../shared/correlation.ts";
import { DAY } from "../shared/instant.ts";
import {
  bucketOfKey,
  curatedPrefix,
  dayName,
  parseDay,
  reportKey,
  startOfDay,
} from "../shared/lake/layout.ts";
import type { ReportJob } from "../shared/lake/manifest.ts";
import { fingerprint, type LakeEntry, listObjects, uploadFile } from "../shared/lake/objects.ts";
import { ReadingSorter } from "../shared/lake/sorter.ts";
import { createLogger, type Logger } from "../shared/logger.ts";
import { eachMessage } from "../shared/messages.ts";
import { emitMetrics } from "../shared/metrics.ts";
import { type ReportBuild, seriesPartition, toSeriesItem } from "../shared/report.ts";
import { sendMessages } from "../shared/send-messages.ts";
import { DayReport } from "./core.ts";
import { ReportFile } from "./report-file.ts";
import { SampleFile } from "./samples.ts";
import { readFile } from "./source.ts";
import { putItems, readBuild, removeBuild, writeBuild } from "./store.ts";

const SERVICE = "build-daily-report";
/** Days before today that the schedule queues. */
const DAYS_BEFORE = 2;

const s3 = new S3Client(CLIENT_OPTIONS);
const dynamodb = new DynamoDBClient(CLIENT_OPTIONS);
const sqs = new SQSClient(CLIENT_OPTIONS);
const log = createLogger({ service: SERVICE });

export interface ReportDeps {
  /** Name of the lake bucket. */
  lake: string;
  /** Name of the reports' table. */
  reports: string;
  /** Replaced in tests. */
  clients?: { s3: S3Client; dynamodb: DynamoDBClient };
  logger?: Logger;
  emit?: typeof emitMetrics;
}

export interface ReportPlanDeps {
  /** URL of the reports queue. */
  jobs: string;
  /** Device buckets that a day is split into. */
  buckets: number;
  client?: SQSClient;
  logger?: Logger;
  now?: () => number;
  newId?: () => string;
}

function parseJob({ body, messageId }: SQSRecord): Required<ReportJob> {
  const { date, bucket, correlationId } = JSON.parse(body) as ReportJob;
  if (typeof date === "string" && !Number.isNaN(parseDay(date)) && Number.isInteger(bucket))
    return { date, bucket, correlationId: asCorrelationId(correlationId) ?? messageId };
  throw new Error(`This is no report job: ${body.slice(0, 200)}`);
}

interface Work {
  job: ReportJob;
  entries: LakeEntry[];
  build: string;
  directory: string;
}

/** Folds the files into series: to the file, and to the table in the order of the keys. */
async function fold({ job, entries, build, directory }: Work, deps: ReportDeps): Promise<number> {
  const clients = deps.clients ?? { s3, dynamodb };
  const sorter = new ReadingSorter(join(directory, "runs"));
  const samples = new SampleFile(join(directory, "samples"));
  const file = new ReportFile(join(directory, "report.parquet"));
  const pk = seriesPartition(job.date, job.bucket, build);
  const items: Item[] = [];
  try {
    for (const entry of entries) {
      await readFile(clients.s3, deps.lake, entry, { sorter, share: { bucket: job.bucket, buckets: 1 } });
    }
    const report = new DayReport(parseDay(job.date), samples, (series) => {
      file.push(series);
      items.push(toSeriesItem(pk, series));
    });
    sorter.drain((record) => report.take(record));
    report.end();
  } finally {
    sorter.close();
    samples.reset();
    file.finish();
  }
  await putItems(clients.dynamodb, deps.reports, items);
  return items.length;
}

/** Is the report's file still the one that the build wrote, or none where there is no build? */
async function isIntact(
  client: S3Client,
  lake: string,
  { date, bucket }: ReportJob,
  seen: ReportBuild | undefined,
): Promise<boolean> {
  const [file] = await listObjects(client, lake, reportKey(date, bucket));
  return (file?.eTag ?? "") === (seen?.eTag ?? "");
}

/** Puts the report's file in place, or removes it when there is nothing to report. @returns its ETag; "" of none */
async function putFile(
  client: S3Client,
  { bucket, key }: { bucket: string; key: string },
  path: string | undefined,
): Promise<string> {
  if (path !== undefined) return uploadFile(client, { bucket, key, path });
  await client.send(new DeleteObjectCommand({ Bucket: bucket, Key: key }));
  return "";
}

function tell(job: ReportJob, series: number, { logger = log, emit = emitMetrics }: ReportDeps): void {
  logger.info("report built", { ...job, series });
  emit(SERVICE, { reportedSeries: series });
}

async function buildReport(job: ReportJob, deps: ReportDeps): Promise<void> {
  const clients = deps.clients ?? { s3, dynamodb };
  const { date, bucket } = job;
  const seen = await readBuild(clients.dynamodb, deps.reports, job);
  const listed = await listObjects(clients.s3, deps.lake, curatedPrefix(date));
  const entries = listed.filter(({ key }) => bucketOfKey(key) === bucket);
  const build = fingerprint(entries);
  const isSame = seen ? seen.build === build : entries.length === 0;
  if (isSame && (await isIntact(clients.s3, deps.lake, job, seen))) return;
  const directory = mkdtempSync(join(tmpdir(), "report-"));
  try {
    const series = await fold({ job, entries, build, directory }, deps);
    const path = series > 0 ? join(directory, "report.parquet") : undefined;
    const eTag = await putFile(clients.s3, { bucket: deps.lake, key: reportKey(date, bucket) }, path);
    const next = { bucket, build, series, eTag };
    const written = await writeBuild(clients.dynamodb, deps.reports, date, { next, seen });
    if (!written)
      throw new Error(
        `The report of ${date}, bucket ${bucket} was built by another job meanwhile; this one comes again.`,
      );
    if (seen && seen.build !== build) await removeBuild(clients.dynamodb, deps.reports, date, seen);
    tell(job, series, deps);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Builds the reports that the jobs ask for. */
export async function buildDailyReport(event: SQSEvent, deps: ReportDeps): Promise<SQSBatchResponse> {
  const build = async (record: SQSRecord): Promise<void> => {
    const job = parseJob(record);
    await correlating(job.correlationId, () => buildReport(job, deps));
  };
  return eachMessage(event, build, { concurrency: 1, logger: deps.logger ?? log });
}

/** Queues the days before today. */
export async function queueDailyReports(deps: ReportPlanDeps): Promise<void> {
  const { now = Date.now, newId = randomUUID, logger = log } = deps;
  const today = startOfDay(now());
  const correlationId = newId();
  const jobs = Array.from({ length: DAYS_BEFORE * deps.buckets }, (_, index) => ({
    date: dayName(today - (1 + Math.floor(index / deps.buckets)) * DAY),
    bucket: index % deps.buckets,
    correlationId,
  }));
  await sendMessages(deps.client ?? sqs, deps.jobs, jobs);
  logger.info("reports planned", { correlationId, jobs: jobs.length });
}
