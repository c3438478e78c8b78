/** Streams, tables and buckets. */
import type { PropertyMap } from "../graph.ts";
import {
  arn,
  type Blueprint,
  type BlueprintContext,
  CREATED,
  dnsSuffixOf,
  hex,
  partitionOf,
  text,
} from "./blueprint.ts";
import { NAMES } from "./names.ts";

const createTable = ({ name, inputs, environment }: BlueprintContext) => {
  const own = arn(environment, "dynamodb", `table/${name}`);
  const label = "2020-01-01T00:00:00.000";
  const streaming = inputs.streamEnabled === true;
  return {
    id: name,
    outputs: {
      arn: own,
      streamArn: streaming ? `${own}/stream/${label}` : "",
      streamLabel: streaming ? label : "",
    },
  };
};

const createBucket = ({ name, environment }: BlueprintContext) => {
  const { region } = environment;
  return {
    id: name,
    outputs: {
      arn: `arn:${partitionOf(region)}:s3:::${name}`,
      bucketDomainName: `${name}.s3.${dnsSuffixOf(region)}`,
      bucketRegionalDomainName: `${name}.s3.${region}.${dnsSuffixOf(region)}`,
      bucketRegion: region,
      hostedZoneId: `Z${hex(region, 12).toUpperCase()}`,
      websiteDomain: "",
      websiteEndpoint: "",
    },
  };
};

const BUCKET: Blueprint = {
  naming: NAMES.bucket,
  defaults: { forceDestroy: false, objectLockEnabled: false },
  create: createBucket,
};

/** A setting of a bucket: AWS knows it by the bucket's name. */
const BUCKET_SETTING: Blueprint = { create: ({ inputs }) => ({ id: text(inputs, "bucket"), outputs: {} }) };

const BUCKET_SETTINGS = [
  "bucketPublicAccessBlock",
  "bucketOwnershipControls",
  "bucketServerSideEncryptionConfiguration",
  "bucketServerSideEncryptionConfigurationV2",
  "bucketVersioning",
  "bucketVersioningV2",
  "bucketLifecycleConfiguration",
  "bucketLifecycleConfigurationV2",
  "bucketCorsConfiguration",
  "bucketCorsConfigurationV2",
  "bucketLogging",
  "bucketLoggingV2",
  "bucketPolicy",
  "bucketNotification",
];

const capitalised = (word: string): string => word.charAt(0).toUpperCase() + word.slice(1);

const createObject = ({ inputs }: BlueprintContext): { id: string; outputs: PropertyMap } => {
  const path = `${text(inputs, "bucket")}/${text(inputs, "key")}`;
  return { id: path, outputs: { arn: `arn:aws:s3:::${path}`, versionId: "", etag: hex(path, 32) } };
};

export const DATA: Record<string, Blueprint> = {
  "aws:kinesis/stream:Stream": {
    naming: NAMES.stream,
    defaults: {
      retentionPeriod: 24,
      encryptionType: "NONE",
      maxRecordSizeInKib: 1024,
      streamModeDetails: { streamMode: "PROVISIONED" },
    },
    create: ({ name, environment }) => {
      const own = arn(environment, "kinesis", `stream/${name}`);
      return { id: own, outputs: { arn: own } };
    },
  },
  "aws:kinesis/streamConsumer:StreamConsumer": {
    create: ({ inputs }) => {
      const own = `${text(inputs, "streamArn")}/consumer/${text(inputs, "name")}:1577836800`;
      return { id: own, outputs: { arn: own, creationTimestamp: CREATED } };
    },
  },
  "aws:dynamodb/table:Table": {
    naming: NAMES.table,
    defaults: { billingMode: "PROVISIONED", readCapacity: 0, writeCapacity: 0, streamViewType: "" },
    create: createTable,
  },
  "aws:s3/bucket:Bucket": BUCKET,
  "aws:s3/bucketV2:BucketV2": BUCKET,
  ...Object.fromEntries(
    BUCKET_SETTINGS.map((setting) => [`aws:s3/${setting}:${capitalised(setting)}`, BUCKET_SETTING]),
  ),
  "aws:s3/bucketObjectv2:BucketObjectv2": { create: createObject },
};
