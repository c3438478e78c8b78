/** The lake's functions in tests: raw objects in, Parquet, reports and jobs out. */
import { zstdCompressSync } from "node:zlib";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { ListObjectsV2Command, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { CreateQueueCommand, ReceiveMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import type { SQSEvent } from "aws-lambda";
import { buildDailyReport } from "../../functions/build-daily-report/handler.ts";
import { compactLake } from "../../functions/compact-lake/handler.ts";
import { getReport } from "../../functions/get-report/handler.ts";
import { planBackfill, planCompaction } from "../../functions/plan-compaction/handler.ts";
import { curatedPrefix, rawPrefix } from "../../functions/shared/lake/layout.ts";
import type { CompactionJob, ReportJob } from "../../functions/shared/lake/manifest.ts";
import { createLogger } from "../../functions/shared/logger.ts";
import { type Aws, startAws } from "../../local/aws.ts";
import { systemClock } from "../../local/kit/clock.ts";
import { Trace } from "../../local/kit/trace.ts";
import { monitor } from "../../local/monitoring.ts";
import { capturing, request, sequence } from "./fakes.ts";

const PLACE = { region: "us-east-1", account: "000000000000" };
export const HOUR = "2026-01-31T12";
const HOUR_START = Date.parse(`${HOUR}:00:00Z`);
/** Correlation id of what a schedule plans. */
export const PLANNING = "planning";
export const JOB: CompactionJob = { hour: HOUR, bucket: 0, buckets: 1 };
export const LAKE = "lake";
const [MANIFESTS, REPORTS] = ["manifests", "reports"];
/** Device buckets. */
const BUCKETS = 1;

/** A line of a raw object; its number is its value and its place in the shard. */
export const line = (
  number: number,
  deviceId = "d1",
  ids: { eventId?: string; correlationId?: string } = {},
): string => {
  const arrivedAt = new Date(HOUR_START + number).toISOString();
  const origin = { arrivedAt, shard: "shardId-0", sequence: sequence(number), index: 0 };
  return JSON.stringify({ deviceId, metric: "m", value: number, at: arrivedAt, ...ids, ...origin });
};

type Job = CompactionJob | ReportJob | string;

const event = (...jobs: Job[]): SQSEvent =>
  ({
    Records: jobs.map((job, index) => ({
      messageId: String(index),
      attributes: { ApproximateReceiveCount: "1" },
      eventSourceARN: "arn:aws:sqs:us-east-1:000000000000:compactions",
      body: typeof job === "string" ? job : JSON.stringify(job),
    })),
  }) as SQSEvent;

/** Says whether a call is to fail. */
type Fault = (command: string, input: Record<string, unknown>) => boolean;

/** What the three clients' middleware stacks have in common. */
interface Stack {
  add(
    middleware: (
      next: (args: { input: Record<string, unknown> }) => Promise<unknown>,
      context: { commandName?: string },
    ) => (args: { input: Record<string, unknown> }) => Promise<unknown>,
    options: { step: "initialize" },
  ): void;
}

/** The functions of the lake beside the services of this machine, with faults between them. */
export class LakeBed {
  fault: Fault = () => false;
  /** Awaited before a command is sent: lets a test hold one build while another runs. */
  hold: ((command: string) => Promise<void>) | undefined;
  /** Names of the commands that were sent, in their order. */
  readonly sent: string[] = [];
  readonly emitted: Record<string, number>[] = [];
  readonly log = capturing();
  readonly s3: S3Client;
  readonly #aws: Aws;
  readonly #dynamodb: DynamoDBClient;
  readonly #sqs: SQSClient;
  readonly #reports: string;
  readonly #compactions: string;

  private constructor(aws: Aws) {
    this.#aws = aws;
    const credentials = { accessKeyId: "local", secretAccessKey: "local" };
    const options = { region: PLACE.region, endpoint: aws.endpoint.url, credentials, maxAttempts: 1 };
    this.s3 = new S3Client({ ...options, forcePathStyle: true });
    this.#dynamodb = new DynamoDBClient(options);
    this.#sqs = new SQSClient(options);
    this.#reports = `${aws.endpoint.url}/${PLACE.account}/reports`;
    this.#compactions = `${aws.endpoint.url}/${PLACE.account}/compactions`;
    for (const { middlewareStack } of [this.s3, this.#dynamodb, this.#sqs]) {
      (middlewareStack as unknown as Stack).add(
        (next, { commandName = "" }) =>
          async (args) => {
            const command = commandName.replace(/Command$/, "");
            this.sent.push(command);
            await this.hold?.(command);
            if (this.fault(command, args.input)) throw new Error(`${command} failed.`);
            return next(args);
          },
        { step: "initialize" },
      );
    }
  }

  static async open(): Promise<LakeBed> {
    const trace = new Trace();
    const aws = await startAws({
      ...PLACE,
      port: 0,
      throttle: false,
      clock: systemClock,
      trace,
      authorise: () => ({ allowed: true }),
      monitoring: monitor({ ...PLACE, clock: systemClock, trace }),
      others: [],
      log: () => {},
    });
    aws.objects.createBucket(LAKE);
    for (const TableName of [MANIFESTS, REPORTS]) {
      await aws.dynamodb.createTable({
        TableName,
        AttributeDefinitions: [
          { AttributeName: "pk", AttributeType: "S" },
          { AttributeName: "sk", AttributeType: "S" },
        ],
        KeySchema: [
          { AttributeName: "pk", KeyType: "HASH" },
          { AttributeName: "sk", KeyType: "RANGE" },
        ],
        BillingMode: "PAY_PER_REQUEST",
      });
    }
    const bed = new LakeBed(aws);
    for (const QueueName of ["reports", "compactions"]) {
      await bed.#sqs.send(new CreateQueueCommand({ QueueName }));
    }
    return bed;
  }

  /** Runs the job; the identifiers of the messages that come again. */
  async run(...jobs: (CompactionJob | string)[]): Promise<string[]> {
    const { batchItemFailures } = await compactLake(event(...jobs), {
      lake: LAKE,
      manifests: MANIFESTS,
      reports: this.#reports,
      reportDelaySeconds: 0,
      clients: { s3: this.s3, dynamodb: this.#dynamodb, sqs: this.#sqs },
      logger: this.log.logger,
      emit: (_service, figures) => void this.emitted.push(figures as Record<string, number>),
    });
    return batchItemFailures.map(({ itemIdentifier }) => itemIdentifier);
  }

  /** Builds reports; the identifiers of the messages that come again. */
  async report(...jobs: (ReportJob | string)[]): Promise<string[]> {
    const { batchItemFailures } = await buildDailyReport(event(...jobs), {
      lake: LAKE,
      reports: REPORTS,
      clients: { s3: this.s3, dynamodb: this.#dynamodb },
      logger: this.log.logger,
      emit: (_service, figures) => void this.emitted.push(figures as Record<string, number>),
    });
    return batchItemFailures.map(({ itemIdentifier }) => itemIdentifier);
  }

  /** Plans the last 48 hours as of `now`, or what messages ask for. */
  async plan(now: number, ...backfills: string[]): Promise<void> {
    const deps = {
      lake: LAKE,
      manifests: MANIFESTS,
      jobs: this.#compactions,
      buckets: BUCKETS,
      clients: { s3: this.s3, dynamodb: this.#dynamodb, sqs: this.#sqs },
      now: () => now,
      newId: () => PLANNING,
      logger: createLogger({ service: "plan", write: () => {} }),
      emit: () => {},
    };
    if (backfills.length === 0) await planCompaction(deps);
    else await planBackfill(event(...backfills), deps);
  }

  /** What the table says of the day's series. */
  async series(date: string): Promise<unknown> {
    const { path, ...rest } = request({ query: {} });
    const deps = { table: REPORTS, cursorKey: "a secret of some length", client: this.#dynamodb };
    const { status, body } = await getReport({ ...rest, path: { ...path, date } }, deps);
    return status === 404 ? undefined : (body as { series: unknown }).series;
  }

  async write(name: string, ...lines: string[]): Promise<void> {
    const Body = zstdCompressSync(`${lines.join("\n")}\n`);
    await this.s3.send(
      new PutObjectCommand({ Bucket: LAKE, Key: `${rawPrefix(HOUR)}${name}.ndjson.zst`, Body }),
    );
  }

  /** Keys and ETags of what has been built. */
  async built(Prefix = curatedPrefix(HOUR.slice(0, 10))): Promise<string[]> {
    const { Contents = [] } = await this.s3.send(new ListObjectsV2Command({ Bucket: LAKE, Prefix }));
    return Contents.map(({ Key, ETag }) => `${Key} ${ETag}`);
  }

  /** Days whose reports were asked for since the last look. */
  async reports(): Promise<string[]> {
    return (await this.reportJobs()).map(({ date }) => date);
  }

  /** The same, whole. */
  async reportJobs(): Promise<ReportJob[]> {
    const command = new ReceiveMessageCommand({ QueueUrl: this.#reports, MaxNumberOfMessages: 10 });
    const { Messages = [] } = await this.#sqs.send(command);
    return Messages.map(({ Body }) => JSON.parse(Body ?? "{}"));
  }

  /** Compactions that were asked for since the last look. */
  async compactions(): Promise<CompactionJob[]> {
    const command = new ReceiveMessageCommand({ QueueUrl: this.#compactions, MaxNumberOfMessages: 10 });
    const { Messages = [] } = await this.#sqs.send(command);
    return Messages.map(({ Body }) => JSON.parse(Body ?? "{}"));
  }

  async close(): Promise<void> {
    for (const client of [this.s3, this.#dynamodb, this.#sqs]) client.destroy();
    await this.#aws.stop();
  }
}
