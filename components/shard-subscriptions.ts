import * as aws from "@pulumi/aws";
import type * as pulumi from "@pulumi/pulumi";
import { Bucket } from "./bucket.ts";
import type { Component } from "./component.ts";
import { type Callback, Function, type FunctionSettings, SETTING_KEYS, settingsOf } from "./function.ts";
import { type Keys, refuseUnknownKeys } from "./internal/arguments.ts";
import {
  checkShardSettings,
  SHARD_KEYS,
  type ShardRules,
  type ShardSettings,
  shardMappingArgs,
} from "./internal/shard-mapping.ts";
import { applyTransform } from "./internal/transform.ts";
import type { PolicyStatement } from "./policy.ts";

/** Arguments of a subscription to records in shards: the function's settings, the mapping's, and the code. */
export interface ShardSubscriptionArgs<Event, Response> extends FunctionSettings, ShardSettings {
  /** The code, inline. Return `{ batchItemFailures: [{ itemIdentifier: sequenceNumber }] }` to retry from there. */
  callback: Callback<Event, Response> | Callback<Event, void>;
}

export interface ShardSource extends ShardRules {
  /** The component whose records these are; parent of everything that is made. */
  owner: Component;
  tags: Record<string, pulumi.Input<string>>;
  /** What a subscription is called in errors, e.g. "Stream subscription". */
  noun: string;
  /** ARN that the records are read from. */
  arn: pulumi.Output<string>;
  /** What Lambda's poller needs. */
  reading: PolicyStatement[];
  /** Bucket for batches that were given up; one of the owner's own is made with the first subscription. */
  failures?: Bucket;
}

type AnyArgs = ShardSubscriptionArgs<unknown, unknown>;

const SUBSCRIPTION_KEYS: Keys<AnyArgs> = { ...SETTING_KEYS, ...SHARD_KEYS, callback: true };

/**
 * The subscribers of one stream or table: per subscription a function and its event source mapping, and with the first
 * one a bucket for the batches that are given up (the only destination that keeps their records).
 */
export class ShardSubscriptions<Event, Response> {
  private readonly source: ShardSource;
  private failures: Bucket | undefined;

  constructor(source: ShardSource) {
    this.source = source;
    this.failures = source.failures;
  }

  /** Creates the function and its mapping. @throws an error naming the subscription, before anything is created */
  add(name: string, args: ShardSubscriptionArgs<Event, Response>): Function<Event> {
    const { owner, noun, tags, reading } = this.source;
    const who = { noun, name: `${owner.componentName}/${name}` };
    refuseUnknownKeys(who, args as AnyArgs, SUBSCRIPTION_KEYS);
    checkShardSettings(who, args, this.source);
    const failures = this.failuresBucket();
    const subscriber = new Function<Event>(
      `${owner.componentName}-${name}`,
      {
        ...settingsOf(args),
        callback: args.callback,
        tags,
        permissions: [...reading, ...failurePermissions(failures), ...(args.permissions ?? [])],
      },
      { parent: owner },
    );
    this.createMapping(name, args, subscriber, failures);
    return subscriber;
  }

  private failuresBucket(): Bucket {
    const { owner, tags } = this.source;
    this.failures ??= new Bucket(`${owner.componentName}-failures`, { tags }, { parent: owner });
    return this.failures;
  }

  private createMapping(
    name: string,
    args: ShardSettings,
    subscriber: Function<Event>,
    failures: Bucket,
  ): void {
    const { owner, tags, arn, retention } = this.source;
    const [mappingArgs, opts] = applyTransform<aws.lambda.EventSourceMappingArgs>(
      args.transform?.mapping,
      shardMappingArgs(args, {
        sourceArn: arn,
        functionArn: subscriber.arn,
        failuresArn: failures.arn,
        retention,
        tags,
      }),
      { parent: owner, dependsOn: [subscriber.policy] },
    );
    new aws.lambda.EventSourceMapping(`${owner.componentName}-${name}-mapping`, mappingArgs, opts);
  }
}

/**
 * What an S3 on-failure destination needs:
 * https://docs.aws.amazon.com/lambda/latest/dg/kinesis-on-failure-destination.html
 */
const failurePermissions = (failures: Bucket): PolicyStatement[] => [
  { actions: ["s3:PutObject"], resources: [failures.objectsArn], reason: "failed batches are kept" },
  { actions: ["s3:ListBucket"], resources: [failures.arn], reason: "failed batches are kept" },
];
