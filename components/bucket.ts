import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { Component, type ComponentArgs } from "./component.ts";
import { requireRange } from "./internal/arguments.ts";
import { checkAutoname } from "./internal/names.ts";
import { applyTransform, type Transform } from "./internal/transform.ts";

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
  /** The last word on the bucket itself. */
  transform?: { bucket?: Transform<aws.s3.BucketArgs> };
}

const DEFAULTS = {
  versioning: true,
  noncurrentVersionDays: 30,
  abortIncompleteMultipartUploadDays: 7,
} as const;

const LONGEST_RULE_ID = 255;

/**
 * A private S3 bucket: no public access, owner-enforced, encrypted, versioned, TLS only, with a lifecycle that
 * drops abandoned uploads and old versions.
 *
 * Cost driver: bytes kept and requests; noncurrent versions count until they expire.
 *
 * ```ts
 * const lake = new Bucket("lake", { expiration: { "quarantine/": 90 } });
 * ```
 *
 * Failure path: none of its own; writers retry. Locally: the same objects over the same API, in memory.
 * Sources: https://docs.aws.amazon.com/AmazonS3/latest/userguide/security-best-practices.html,
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
    this.registerOutputs({ name: this.name, arn: this.arn });
  }

  private validate(args: BucketArgs): void {
    const who = { noun: this.noun, name: this.componentName };
    this.refuseUnknown(args, {
      forceDestroy: true,
      versioning: true,
      noncurrentVersionDays: true,
      expiration: true,
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
