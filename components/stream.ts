import * as aws from "@pulumi/aws";
import type * as pulumi from "@pulumi/pulumi";
import type { KinesisStreamBatchResponse, KinesisStreamEvent } from "aws-lambda";
import { Bucket } from "./bucket.ts";
import { Component, type ComponentArgs } from "./component.ts";
import { type Callback, Function, type FunctionSettings, SETTING_KEYS, settingsOf } from "./function.ts";
import {
  argumentError,
  type Culprit,
  type Keys,
  refuseUnknownKeys,
  requireRange,
} from "./internal/arguments.ts";
import { checkAutoname } from "./internal/names.ts";
import { applyTransform, type Transform } from "./internal/transform.ts";
import type { PolicyStatement } from "./policy.ts";

export interface StreamArgs extends ComponentArgs {
  /**
   * `on-demand` scales by itself and is paid per gigabyte and hour; a number of shards is paid per shard hour
   * and takes 1 MB and 1,000 records a second each.
   * @default "on-demand"
   */
  mode?: "on-demand" | { shards: number };
  /**
   * Hours that records are kept. 24-8,760; beyond 24 costs extra.
   * @default 24
   */
  retentionHours?: number;
  /**
   * Bucket for the batches that a subscriber could not process; they land under `aws/lambda/<mapping>/`.
   * @default a bucket of the stream's own, made with the first subscription
   */
  failures?: Bucket;
  /**
   * Refuse to delete or replace the stream, in Pulumi, until it is switched off.
   * @default false
   */
  deletionProtection?: boolean;
  /** The last word on the stream itself. */
  transform?: { stream?: Transform<aws.kinesis.StreamArgs> };
}

/** The callback for one batch: records of one shard, in order. Returns nothing, or what to deliver again. */
export type StreamCallback =
  | Callback<KinesisStreamEvent, KinesisStreamBatchResponse>
  | Callback<KinesisStreamEvent, void>;

export interface StreamSubscriptionArgs extends FunctionSettings {
  /** The code, inline. Return `{ batchItemFailures: [{ itemIdentifier: sequenceNumber }] }` to retry from there. */
  callback: StreamCallback;
  /**
   * Most records in one batch. 1-10,000; also cut at 6 MB.
   * @default 100
   */
  batchSize?: number;
  /**
   * Seconds to wait for a batch to fill. 0-300.
   * @default 0
   */
  maximumBatchingWindowInSeconds?: number;
  /**
   * Batches of one shard in work at once, ordered per partition key. 1-10.
   * @default 1
   */
  parallelizationFactor?: number;
  /**
   * Whether a failed batch is halved before it is tried again, to isolate a record that crashes the function.
   * @default true
   */
  bisectBatchOnFunctionError?: boolean;
  /**
   * Retries of a failed batch; -1 for until it expires. Few attempts give good records up in an outage (they
   * wait in the failures bucket); many let one crashing record hold its shard.
   * @default 10
   */
  maximumRetryAttempts?: number;
  /**
   * Seconds after which a record is given up. 60-604,800, at most 0.8 of the retention; or -1 for never: then what
   * expires in the stream while it waits is lost without a trace.
   * @default three quarters of the stream's retention
   */
  maximumRecordAgeInSeconds?: number;
  /**
   * Where a new subscription starts.
   * @default "TRIM_HORIZON" (the oldest record kept)
   */
  startingPosition?: "TRIM_HORIZON" | "LATEST";
  /**
   * Up to 5 event patterns, ORed, on the record's `data`, e.g. `[{ data: { metric: ["temperature"] } }]`; a record that
   * is no JSON matches none. AWS does not say what becomes of one that holds an array; locally it matches none.
   */
  filters?: Record<string, unknown>[];
  /** Length of a tumbling window in seconds. 1-900; needs parallelizationFactor 1. */
  tumblingWindowInSeconds?: number;
  /** The last word on the event source mapping. */
  transform?: { mapping?: Transform<aws.lambda.EventSourceMappingArgs> };
}

const SUBSCRIPTION_KEYS: Keys<StreamSubscriptionArgs> = {
  ...SETTING_KEYS,
  callback: true,
  batchSize: true,
  maximumBatchingWindowInSeconds: true,
  parallelizationFactor: true,
  bisectBatchOnFunctionError: true,
  maximumRetryAttempts: true,
  maximumRecordAgeInSeconds: true,
  startingPosition: true,
  filters: true,
  tumblingWindowInSeconds: true,
  transform: true,
};

const DEFAULTS = {
  retentionHours: 24,
  batchSize: 100,
  parallelizationFactor: 1,
  bisectBatchOnFunctionError: true,
  maximumRetryAttempts: 10,
  startingPosition: "TRIM_HORIZON",
  recordAgeShare: 0.75,
} as const;

/** A record older than this share of the retention may vanish from the stream while it is being retried. */
const LARGEST_RECORD_AGE_SHARE = 0.8;
const LONGEST_RECORD_AGE = 604_800;
const MOST_FILTERS = 5;

/**
 * A Kinesis data stream and its subscribers.
 *
 * Creates the stream (encrypted with the account's `aws/kinesis` key, which readers and writers need no right for)
 * and, per subscription, a function and its event source mapping; with the first one, a bucket for failed batches.
 * Cost driver: shard hours or gigabytes, and longer retention. Subscribers share each shard's 2 MB a second.
 *
 * ```ts
 * const telemetry = new Stream("telemetry", { mode: { shards: 1 } });
 * telemetry.subscribe("count", { callback: async (event) => { console.log(event.Records.length); } });
 * ```
 *
 * Failure path: order per shard is kept. A failed batch is halved and retried (`ReportBatchItemFailures`: from
 * the first failed record on); after `maximumRetryAttempts` or the record age, records and reason go to the
 * failures bucket and the shard moves on. Sent again, they are new records: for every subscriber, with new sequence
 * numbers. Locally the same rules hold, without the polling delay.
 * Sources: https://docs.aws.amazon.com/lambda/latest/dg/with-kinesis.html,
 * https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-parameters.html
 */
export class Stream extends Component {
  /** The stream's physical name. */
  readonly name: pulumi.Output<string>;
  /** The stream's ARN. */
  readonly arn: pulumi.Output<string>;
  /** The stream itself. */
  readonly stream: aws.kinesis.Stream;

  private failures: Bucket | undefined;
  private readonly retentionSeconds: number;

  constructor(name: string, args: StreamArgs = {}, opts?: pulumi.ComponentResourceOptions) {
    super("Stream", name, args, opts);
    this.validate(args);
    this.failures = args.failures;
    this.retentionSeconds = (args.retentionHours ?? DEFAULTS.retentionHours) * 3_600;
    this.stream = this.createStream(args);
    this.name = this.stream.name;
    this.arn = this.stream.arn;
    this.registerOutputs({ name: this.name, arn: this.arn });
  }

  /** Runs `callback` for every batch of records. Returns the function behind it. */
  subscribe(name: string, args: StreamSubscriptionArgs): Function<KinesisStreamEvent> {
    this.validateSubscription(name, args);
    const failures = this.failuresBucket();
    const subscriber = new Function<KinesisStreamEvent>(
      `${this.componentName}-${name}`,
      {
        ...settingsOf(args),
        callback: args.callback,
        tags: this.tags,
        permissions: [
          ...readingPermissions(this.arn),
          ...failurePermissions(failures),
          ...(args.permissions ?? []),
        ],
      },
      { parent: this },
    );
    this.createMapping(name, args, subscriber, failures);
    return subscriber;
  }

  private validate(args: StreamArgs): void {
    const who = { noun: this.noun, name: this.componentName };
    this.refuseUnknown(args, {
      mode: true,
      retentionHours: true,
      failures: true,
      transform: true,
      tags: true,
      deletionProtection: true,
    });
    requireRange(who, "retentionHours", args.retentionHours, { minimum: 24, maximum: 8_760, unit: "hours" });
    if (typeof args.mode === "object") {
      requireRange(who, "mode.shards", args.mode.shards, { minimum: 1, maximum: 10_000, unit: "shards" });
    }
    checkAutoname(who, "stream", `${this.componentName}-stream`);
  }

  private createStream(args: StreamArgs): aws.kinesis.Stream {
    const mode = args.mode ?? "on-demand";
    const [streamArgs, opts] = applyTransform<aws.kinesis.StreamArgs>(
      args.transform?.stream,
      {
        streamModeDetails: { streamMode: mode === "on-demand" ? "ON_DEMAND" : "PROVISIONED" },
        shardCount: mode === "on-demand" ? undefined : mode.shards,
        retentionPeriod: args.retentionHours ?? DEFAULTS.retentionHours,
        encryptionType: "KMS",
        kmsKeyId: "alias/aws/kinesis",
        tags: this.tags,
      },
      this.child({ protect: args.deletionProtection ?? false }),
    );
    return new aws.kinesis.Stream(`${this.componentName}-stream`, streamArgs, opts);
  }

  private failuresBucket(): Bucket {
    this.failures ??= new Bucket(`${this.componentName}-failures`, { tags: this.tags }, { parent: this });
    return this.failures;
  }

  private createMapping(
    name: string,
    args: StreamSubscriptionArgs,
    subscriber: Function<KinesisStreamEvent>,
    failures: Bucket,
  ): void {
    const [mappingArgs, opts] = applyTransform<aws.lambda.EventSourceMappingArgs>(
      args.transform?.mapping,
      {
        eventSourceArn: this.arn,
        functionName: subscriber.arn,
        startingPosition: args.startingPosition ?? DEFAULTS.startingPosition,
        batchSize: args.batchSize ?? DEFAULTS.batchSize,
        maximumBatchingWindowInSeconds: args.maximumBatchingWindowInSeconds,
        parallelizationFactor: args.parallelizationFactor ?? DEFAULTS.parallelizationFactor,
        bisectBatchOnFunctionError: args.bisectBatchOnFunctionError ?? DEFAULTS.bisectBatchOnFunctionError,
        functionResponseTypes: ["ReportBatchItemFailures"],
        maximumRetryAttempts: args.maximumRetryAttempts ?? DEFAULTS.maximumRetryAttempts,
        maximumRecordAgeInSeconds: args.maximumRecordAgeInSeconds ?? this.defaultRecordAge(),
        destinationConfig: { onFailure: { destinationArn: failures.arn } },
        filterCriteria: args.filters && {
          filters: args.filters.map((pattern) => ({ pattern: JSON.stringify(pattern) })),
        },
        tumblingWindowInSeconds: args.tumblingWindowInSeconds,
        tags: this.tags,
      },
      this.child({ dependsOn: [subscriber.policy] }),
    );
    new aws.lambda.EventSourceMapping(`${this.componentName}-${name}-mapping`, mappingArgs, opts);
  }

  private defaultRecordAge(): number {
    return Math.min(Math.floor(this.retentionSeconds * DEFAULTS.recordAgeShare), LONGEST_RECORD_AGE);
  }

  private validateSubscription(name: string, args: StreamSubscriptionArgs): void {
    const who = { noun: "Stream subscription", name: `${this.componentName}/${name}` };
    refuseUnknownKeys(who, args, SUBSCRIPTION_KEYS);
    requireRange(who, "batchSize", args.batchSize, { minimum: 1, maximum: 10_000, unit: "records" });
    requireRange(who, "maximumBatchingWindowInSeconds", args.maximumBatchingWindowInSeconds, {
      minimum: 0,
      maximum: 300,
      unit: "seconds",
    });
    requireRange(who, "parallelizationFactor", args.parallelizationFactor, { minimum: 1, maximum: 10 });
    requireRange(who, "maximumRetryAttempts", args.maximumRetryAttempts, { minimum: -1, maximum: 10_000 });
    requireRange(who, "maximumRecordAgeInSeconds", args.maximumRecordAgeInSeconds, {
      minimum: 60,
      maximum: LONGEST_RECORD_AGE,
      unit: "seconds",
      also: [-1],
    });
    requireRange(who, "tumblingWindowInSeconds", args.tumblingWindowInSeconds, {
      minimum: 1,
      maximum: 900,
      unit: "seconds",
    });
    if (args.tumblingWindowInSeconds && (args.parallelizationFactor ?? 1) > 1) {
      throw argumentError(
        who,
        `parallelizationFactor is ${args.parallelizationFactor} with a tumbling window; AWS allows 1. Leave one of them out.`,
      );
    }
    const most = Math.floor(this.retentionSeconds * LARGEST_RECORD_AGE_SHARE);
    if ((args.maximumRecordAgeInSeconds ?? 0) > most) {
      throw argumentError(
        who,
        `maximumRecordAgeInSeconds ${args.maximumRecordAgeInSeconds} is above 0.8 of the stream's retention (${this.retentionSeconds} s): records could vanish while they wait. Set it to at most ${most}, or keep records longer with retentionHours.`,
      );
    }
    checkFilters(who, args.filters ?? []);
  }
}

/** https://docs.aws.amazon.com/lambda/latest/dg/with-kinesis-filtering.html */
function checkFilters(who: Culprit, filters: Record<string, unknown>[]): void {
  if (filters.length > MOST_FILTERS) {
    throw argumentError(
      who,
      `it has ${filters.length} filters; AWS allows ${MOST_FILTERS}. Join some of them.`,
    );
  }
  const other = filters.flatMap((pattern) => Object.keys(pattern)).find((key) => key !== "data");
  if (other !== undefined) {
    throw argumentError(
      who,
      `a filter is on "${other}"; a stream's records can be filtered on "data" only: { data: { ... } }.`,
    );
  }
}

/** What Lambda's poller needs: https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-create.html */
const readingPermissions = (streamArn: pulumi.Output<string>): PolicyStatement[] => [
  {
    actions: [
      "kinesis:DescribeStream",
      "kinesis:DescribeStreamSummary",
      "kinesis:GetRecords",
      "kinesis:GetShardIterator",
      "kinesis:ListShards",
    ],
    resources: [streamArn],
    reason: "Lambda reads the stream with the function's role",
  },
];

/** What an S3 on-failure destination needs: https://docs.aws.amazon.com/lambda/latest/dg/kinesis-on-failure-destination.html */
const failurePermissions = (failures: Bucket): PolicyStatement[] => [
  { actions: ["s3:PutObject"], resources: [failures.objectsArn], reason: "failed batches are kept" },
  { actions: ["s3:ListBucket"], resources: [failures.arn], reason: "failed batches are kept" },
];
