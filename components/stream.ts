import * as aws from "@pulumi/aws";
import type * as pulumi from "@pulumi/pulumi";
import type { KinesisStreamBatchResponse, KinesisStreamEvent } from "aws-lambda";
import type { Bucket } from "./bucket.ts";
import { Component, type ComponentArgs } from "./component.ts";
import type { Function } from "./function.ts";
import { requireRange } from "./internal/arguments.ts";
import { checkAutoname } from "./internal/names.ts";
import { applyTransform, type Transform } from "./internal/transform.ts";
import type { PolicyStatement } from "./policy.ts";
import { type ShardSubscriptionArgs, ShardSubscriptions } from "./shard-subscriptions.ts";

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

/** A subscription; its callback gets one batch: records of one shard, in order. */
export type StreamSubscriptionArgs = ShardSubscriptionArgs<KinesisStreamEvent, KinesisStreamBatchResponse>;

const DEFAULTS = { retentionHours: 24 } as const;

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

  private readonly subscriptions: ShardSubscriptions<KinesisStreamEvent, KinesisStreamBatchResponse>;

  constructor(name: string, args: StreamArgs = {}, opts?: pulumi.ComponentResourceOptions) {
    super("Stream", name, args, opts);
    this.validate(args);
    this.stream = this.createStream(args);
    this.name = this.stream.name;
    this.arn = this.stream.arn;
    this.subscriptions = new ShardSubscriptions({
      owner: this,
      tags: this.tags,
      noun: "Stream subscription",
      arn: this.arn,
      reading: readingPermissions(this.arn),
      failures: args.failures,
      retention: {
        seconds: (args.retentionHours ?? DEFAULTS.retentionHours) * 3_600,
        says: "the stream's retention",
        cure: ", or keep records longer with retentionHours",
      },
      filterKeys: ["data"],
      filterRule: 'a stream\'s records can be filtered on "data" only: { data: { ... } }.',
    });
    this.registerOutputs({ name: this.name, arn: this.arn });
  }

  /** Runs `callback` for every batch of records. Returns the function behind it. */
  subscribe(name: string, args: StreamSubscriptionArgs): Function<KinesisStreamEvent> {
    return this.subscriptions.add(name, args);
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
