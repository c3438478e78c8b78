import { fileURLToPath } from "node:url";
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import type { S3Event, SQSEvent } from "aws-lambda";
import { Component, type ComponentArgs } from "./component.ts";
import { whenComplete } from "./finaliser.ts";
import { type Callback, Function, type FunctionSettings, SETTING_KEYS, settingsOf } from "./function.ts";
import { argumentError, type Keys, refuseUnknownKeys, requireRange } from "./internal/arguments.ts";
import { checkAutoname } from "./internal/names.ts";
import { checkObjectFilter, type ObjectFilter } from "./internal/object-filters.ts";
import { DELIVERY_KEYS, type DeliveryArgs } from "./internal/queue-delivery.ts";
import { applyTransform, type Transform } from "./internal/transform.ts";
import { Queue } from "./queue.ts";
import type { ObjectCallback } from "./runtime/objects.ts";

export interface BucketArgs extends ComponentArgs {
  /**
   * Whether `destroy` may delete the bucket with everything in it.
   * @default false
   */
  forceDestroy?: boolean;
  /**
   * Refuse to delete or replace the bucket, in Pulumi, until it is switched off.
   * @default false
   */
  deletionProtection?: boolean;
  /**
   * Whether overwritten and deleted objects are kept as noncurrent versions.
   * @default true
   */
  versioning?: boolean;
  /**
   * Days after which noncurrent versions are deleted. 1-3,650.
   * @default 30
   */
  noncurrentVersionDays?: number;
  /**
   * Objects that expire: prefix -> days after creation, e.g. `{ "quarantine/": 90 }`. 1-36,500. With versioning the
   * bytes stay for `noncurrentVersionDays` more.
   */
  expiration?: Record<string, number>;
  /**
   * Origins of web pages that may post forms to the bucket and read from it with presigned URLs, exact:
   * `https://app.example.com`. At most 100.
   * @default none
   */
  corsOrigins?: string[];
  /** The last word on the bucket itself. */
  transform?: { bucket?: Transform<aws.s3.BucketArgs> };
}

export interface ObjectSubscriptionArgs extends FunctionSettings, DeliveryArgs {
  /** The code, inline: one call per object, `(object, context)` with `object.key` as it was written. */
  callback: ObjectCallback;
  /** What an object's key must start with. At most 1,024 characters. @default "" (any) */
  prefix?: string;
  /** What an object's key must end with, e.g. `.json`. At most 1,024 characters. @default "" (any) */
  suffix?: string;
  /**
   * Invoke the function straight from S3, one object at a time, instead of through a queue: a few milliseconds less,
   * and nothing that holds a flood back. Then batch settings and filters have no meaning and are refused.
   * @default false
   */
  direct?: boolean;
  /** Where the callback writes into this same bucket, if it does: a prefix that would trigger it again is refused. */
  outputPrefix?: string;
}

const SUBSCRIPTION_KEYS: Keys<ObjectSubscriptionArgs> = {
  ...SETTING_KEYS,
  ...DELIVERY_KEYS,
  callback: true,
  prefix: true,
  suffix: true,
  direct: true,
  outputPrefix: true,
};

/** One subscription in the bucket's notification. */
interface Receiver extends ObjectFilter {
  queueArn?: pulumi.Output<string>;
  functionArn?: pulumi.Output<string>;
  /** What lets S3 in; S3 tries it when it is configured. */
  grant: pulumi.Resource;
}

const EVENTS = ["s3:ObjectCreated:*"];

const DEFAULTS = {
  versioning: true,
  noncurrentVersionDays: 30,
  abortIncompleteMultipartUploadDays: 7,
} as const;

const LONGEST_RULE_ID = 255;

/**
 * A private S3 bucket: no public access, owner-enforced, encrypted, versioned, TLS only, with a lifecycle that
 * drops abandoned uploads and old versions; and functions that run for every object that is written.
 *
 * Cost driver: bytes kept and requests; noncurrent versions count until they expire. A subscription adds a queue.
 *
 * ```ts
 * const lake = new Bucket("lake", { expiration: { "quarantine/": 90 } });
 * lake.onObjectCreated("index", { prefix: "raw/", callback: async ({ key, size }) => { console.log(key, size); } });
 * ```
 *
 * Failure path: writers retry. An object whose callback throws comes again through its queue and after 5 deliveries
 * ends in the queue's dead letters, without its neighbours; with `direct` it is tried three times and then kept in the
 * function's failures queue. S3 delivers at least once and in no order: compare `sequencer`, or be idempotent by
 * `eTag` or `versionId`. Locally: the same objects over the same API, in memory, and notifications at once.
 * Sources: https://docs.aws.amazon.com/AmazonS3/latest/userguide/EventNotifications.html,
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/security-best-practices.html,
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpu-abort-incomplete-mpu-lifecycle-config.html
 */
export class Bucket extends Component {
  /** The bucket's physical name. */
  readonly name: pulumi.Output<string>;
  /** The bucket's ARN. */
  readonly arn: pulumi.Output<string>;
  /** ARN of every object in it, for policies. */
  readonly objectsArn: pulumi.Output<string>;
  /** The bucket itself. */
  readonly bucket: aws.s3.Bucket;

  private readonly receivers: Receiver[] = [];

  constructor(name: string, args: BucketArgs = {}, opts?: pulumi.ComponentResourceOptions) {
    super("Bucket", name, args, opts);
    this.validate(args);
    this.bucket = this.createBucket(args);
    this.name = this.bucket.bucket;
    this.arn = this.bucket.arn;
    this.objectsArn = pulumi.interpolate`${this.arn}/*`;
    this.closeToThePublic();
    const versions = this.createVersioning(args);
    this.createLifecycle(args, versions);
    if (args.corsOrigins?.length) this.openToPages(args.corsOrigins);
    this.registerOutputs({ name: this.name, arn: this.arn });
  }

  /** Runs `callback` for every object that is written. Returns the function behind it. */
  onObjectCreated(name: string, args: ObjectSubscriptionArgs): Function<SQSEvent | S3Event> {
    const filter = this.checkSubscription(name, args);
    const logical = `${this.componentName}-${name}`;
    const receiver = args.direct ? this.invokeDirectly(logical, args) : this.feedThroughQueue(logical, args);
    this.receivers.push({ ...filter, ...receiver });
    whenComplete(`Bucket/${this.componentName}`, () => this.createNotification());
    return receiver.subscriber;
  }

  private checkSubscription(name: string, args: ObjectSubscriptionArgs): ObjectFilter {
    const who = { noun: "Bucket subscription", name: `${this.componentName}/${name}` };
    refuseUnknownKeys(who, args, SUBSCRIPTION_KEYS);
    const batching = Object.keys(DELIVERY_KEYS).find((key) => Object.hasOwn(args, key));
    if (args.direct && batching) {
      throw argumentError(who, `${batching} is for the queue, and direct leaves it out. Drop one of them.`);
    }
    if (args.filters) {
      throw argumentError(
        who,
        "filters are for a queue's own messages; choose objects by prefix and suffix.",
      );
    }
    const { prefix = "", suffix = "", outputPrefix } = args;
    const filter = { name, prefix, suffix };
    const bucket = { noun: this.noun, name: this.componentName };
    checkObjectFilter(bucket, filter, this.receivers, outputPrefix);
    return filter;
  }

  private feedThroughQueue(logical: string, args: ObjectSubscriptionArgs) {
    const queue = new Queue(logical, { tags: this.tags }, { parent: this });
    const subscriber = this.createSubscriber(logical, {
      ...args,
      permissions: [queue.readingPermission, ...(args.permissions ?? [])],
    });
    queue.feed(logical, subscriber, args);
    const grant = queue.allowSend({ service: "s3.amazonaws.com", sourceArn: this.arn, sid: "ObjectCreated" });
    return { subscriber, queueArn: queue.arn, grant };
  }

  private invokeDirectly(logical: string, args: ObjectSubscriptionArgs) {
    const subscriber = this.createSubscriber(logical, args);
    const grant = new aws.lambda.Permission(
      `${logical}-permission`,
      {
        action: "lambda:InvokeFunction",
        function: subscriber.name,
        qualifier: subscriber.qualifier,
        principal: "s3.amazonaws.com",
        sourceArn: this.arn,
        // A bucket's ARN names no account, and names of deleted buckets are taken again.
        sourceAccount: subscriber.arn.apply((arn) => arn.split(":")[4] ?? ""),
      },
      this.child(),
    );
    return { subscriber, functionArn: subscriber.arn, grant };
  }

  private createSubscriber(logical: string, args: ObjectSubscriptionArgs): Function<SQSEvent | S3Event> {
    return new Function<SQSEvent | S3Event>(
      logical,
      {
        ...settingsOf(args),
        // The wrapper calls it with each object of the event.
        callback: args.callback as unknown as Callback<SQSEvent | S3Event, unknown>,
        wrap: {
          module: fileURLToPath(new URL("./runtime/objects.ts", import.meta.url)),
          export: "serveObjects",
          options: {},
        },
        ...(args.direct ? { asyncInvoke: {} } : {}),
        tags: this.tags,
      },
      { parent: this },
    );
  }

  /** A bucket has one notification configuration, whatever subscribes: S3 replaces it whole. */
  private createNotification(): void {
    const entries = this.receivers.map(({ name, prefix, suffix, queueArn, functionArn }) => ({
      queueArn,
      functionArn,
      entry: {
        id: name,
        events: EVENTS,
        ...(prefix === "" ? {} : { filterPrefix: prefix }),
        ...(suffix === "" ? {} : { filterSuffix: suffix }),
      },
    }));
    const queues = entries.flatMap(({ queueArn, entry }) => (queueArn ? [{ ...entry, queueArn }] : []));
    const lambdaFunctions = entries.flatMap(({ functionArn, entry }) =>
      functionArn ? [{ ...entry, lambdaFunctionArn: functionArn }] : [],
    );
    new aws.s3.BucketNotification(
      `${this.componentName}-notification`,
      {
        bucket: this.bucket.id,
        ...(queues.length > 0 ? { queues } : {}),
        ...(lambdaFunctions.length > 0 ? { lambdaFunctions } : {}),
      },
      this.child({ dependsOn: this.receivers.map(({ grant }) => grant) }),
    );
  }

  private validate(args: BucketArgs): void {
    const who = { noun: this.noun, name: this.componentName };
    this.refuseUnknown(args, {
      forceDestroy: true,
      versioning: true,
      noncurrentVersionDays: true,
      expiration: true,
      corsOrigins: true,
      transform: true,
      tags: true,
      deletionProtection: true,
    });
    requireRange(who, "noncurrentVersionDays", args.noncurrentVersionDays, {
      minimum: 1,
      maximum: 3_650,
      unit: "days",
    });
    for (const [prefix, days] of Object.entries(args.expiration ?? {})) {
      requireRange(who, `expiration["${prefix}"]`, days, { minimum: 1, maximum: 36_500, unit: "days" });
    }
    checkAutoname(who, "bucket", `${this.componentName}-bucket`);
  }

  private createBucket(args: BucketArgs): aws.s3.Bucket {
    const [bucketArgs, opts] = applyTransform<aws.s3.BucketArgs>(
      args.transform?.bucket,
      { forceDestroy: args.forceDestroy, tags: this.tags },
      this.child({ protect: args.deletionProtection ?? false }),
    );
    return new aws.s3.Bucket(`${this.componentName}-bucket`, bucketArgs, opts);
  }

  private closeToThePublic(): void {
    const bucket = this.bucket.id;
    const block = new aws.s3.BucketPublicAccessBlock(
      `${this.componentName}-access-block`,
      {
        bucket,
        blockPublicAcls: true,
        blockPublicPolicy: true,
        ignorePublicAcls: true,
        restrictPublicBuckets: true,
      },
      this.child(),
    );
    new aws.s3.BucketOwnershipControls(
      `${this.componentName}-ownership`,
      { bucket, rule: { objectOwnership: "BucketOwnerEnforced" } },
      this.child(),
    );
    new aws.s3.BucketServerSideEncryptionConfiguration(
      `${this.componentName}-encryption`,
      {
        bucket,
        rules: [{ applyServerSideEncryptionByDefault: { sseAlgorithm: "AES256" }, bucketKeyEnabled: true }],
      },
      this.child(),
    );
    // S3 refuses two changes of a bucket's public access at once, so the policy waits for the block.
    new aws.s3.BucketPolicy(
      `${this.componentName}-tls-only`,
      { bucket, policy: pulumi.jsonStringify(tlsOnly(this.arn, this.objectsArn)) },
      this.child({ dependsOn: [block] }),
    );
  }

  private createVersioning(args: BucketArgs): aws.s3.BucketVersioning {
    const status = (args.versioning ?? DEFAULTS.versioning) ? "Enabled" : "Suspended";
    return new aws.s3.BucketVersioning(
      `${this.componentName}-versioning`,
      { bucket: this.bucket.id, versioningConfiguration: { status } },
      this.child(),
    );
  }

  /** https://docs.aws.amazon.com/AmazonS3/latest/userguide/ManageCorsUsing.html */
  private openToPages(allowedOrigins: string[]): void {
    const [allowedMethods, allowedHeaders] = [["GET", "POST"], ["*"]];
    new aws.s3.BucketCorsConfiguration(
      `${this.componentName}-cors`,
      { bucket: this.bucket.id, corsRules: [{ allowedOrigins, allowedMethods, allowedHeaders }] },
      this.child(),
    );
  }

  private createLifecycle(args: BucketArgs, versions: aws.s3.BucketVersioning): void {
    const noncurrentDays = args.noncurrentVersionDays ?? DEFAULTS.noncurrentVersionDays;
    const expiring = Object.entries(args.expiration ?? {}).map(([prefix, days]) => ({
      // Unique, as the prefixes are; S3 takes any text of up to 255 characters.
      id: `expire-${prefix}`.slice(0, LONGEST_RULE_ID),
      status: "Enabled",
      filter: { prefix },
      expiration: { days },
    }));
    new aws.s3.BucketLifecycleConfiguration(
      `${this.componentName}-lifecycle`,
      {
        bucket: this.bucket.id,
        rules: [
          {
            id: "housekeeping",
            status: "Enabled",
            filter: {},
            abortIncompleteMultipartUpload: {
              daysAfterInitiation: DEFAULTS.abortIncompleteMultipartUploadDays,
            },
            noncurrentVersionExpiration: { noncurrentDays },
          },
          ...expiring,
        ],
      },
      this.child({ dependsOn: [versions] }),
    );
  }
}

const tlsOnly = (arn: pulumi.Input<string>, objectsArn: pulumi.Input<string>) => ({
  Version: "2012-10-17",
  Statement: [
    {
      Sid: "TlsOnly",
      Effect: "Deny",
      Principal: "*",
      Action: "s3:*",
      Resource: [arn, objectsArn],
      Condition: { Bool: { "aws:SecureTransport": "false" } },
    },
  ],
});
