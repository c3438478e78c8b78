/** The bucket that keeps the state: versioned, encrypted, private, over TLS only. */
import {
  type BucketLocationConstraint,
  CreateBucketCommand,
  GetBucketEncryptionCommand,
  GetBucketPolicyCommand,
  GetBucketVersioningCommand,
  GetPublicAccessBlockCommand,
  HeadBucketCommand,
  PutBucketEncryptionCommand,
  PutBucketPolicyCommand,
  PutBucketVersioningCommand,
  PutPublicAccessBlockCommand,
  type S3Client,
} from "@aws-sdk/client-s3";
import type { Place } from "./policies.ts";
import { type Findings, orAbsent, saysTheSame, type Task } from "./task.ts";

/** S3: 3-63 characters. */
const LONGEST_NAME = 63;

/** @throws {Error} when the project's name leaves no room. */
export const bucketNameOf = (project: string, { account, region }: Place): string => {
  const name = `${project.toLowerCase().replaceAll(/[^a-z0-9-]/g, "-")}-state-${account}-${region}`;
  if (name.length <= LONGEST_NAME) return name;
  throw new Error(
    `The state bucket would be "${name}", ${name.length} characters; S3 takes ${LONGEST_NAME}. Shorten \`name\` in Pulumi.yaml.`,
  );
};

export const bucketArnOf = (name: string, { partition }: Place): string => `arn:${partition}:s3:::${name}`;

const BLOCKED = {
  BlockPublicAcls: true,
  BlockPublicPolicy: true,
  IgnorePublicAcls: true,
  RestrictPublicBuckets: true,
};

const tlsOnly = (arn: string): object => ({
  Version: "2012-10-17",
  Statement: [
    {
      Sid: "TlsOnly",
      Effect: "Deny",
      Principal: "*",
      Action: "s3:*",
      Resource: [arn, `${arn}/*`],
      Condition: { Bool: { "aws:SecureTransport": "false" } },
    },
  ],
});

interface Options {
  s3: S3Client;
  name: string;
  place: Place;
  findings: Findings;
}

const exists = async ({ s3, name, place }: Options): Promise<boolean> => {
  const asked = s3.send(new HeadBucketCommand({ Bucket: name, ExpectedBucketOwner: place.account }));
  try {
    return (await orAbsent(asked, "404", "NotFound", "NoSuchBucket")) !== undefined;
  } catch (error) {
    const status = (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode;
    if (status !== 403) throw error;
    throw new Error(
      `The bucket ${name} exists and cannot be used from account ${place.account}: it belongs to another one, or s3:ListBucket is not allowed.`,
    );
  }
};

const create = async ({ s3, name, place }: Options): Promise<void> => {
  // us-east-1 is the one region that must not be named.
  const elsewhere = place.region === "us-east-1" ? undefined : (place.region as BucketLocationConstraint);
  await s3.send(
    new CreateBucketCommand({
      Bucket: name,
      ...(elsewhere && { CreateBucketConfiguration: { LocationConstraint: elsewhere } }),
    }),
  );
};

const blockTask = (options: Options, found: () => Promise<boolean>): Task => ({
  what: "block public access to the bucket in all four ways",
  isDone: async () => {
    if (!(await found())) return false;
    const asked = options.s3.send(new GetPublicAccessBlockCommand({ Bucket: options.name }));
    const block = (await orAbsent(asked, "NoSuchPublicAccessBlockConfiguration"))
      ?.PublicAccessBlockConfiguration;
    return Object.keys(BLOCKED).every((setting) => block?.[setting as keyof typeof BLOCKED] === true);
  },
  perform: async () => {
    const input = { Bucket: options.name, PublicAccessBlockConfiguration: BLOCKED };
    await options.s3.send(new PutPublicAccessBlockCommand(input));
  },
});

const versioningTask = (options: Options, found: () => Promise<boolean>): Task => ({
  what: "keep every version of the state",
  isDone: async () => {
    if (!(await found())) return false;
    const { Status } = await options.s3.send(new GetBucketVersioningCommand({ Bucket: options.name }));
    return Status === "Enabled";
  },
  perform: async () => {
    const input = { Bucket: options.name, VersioningConfiguration: { Status: "Enabled" as const } };
    await options.s3.send(new PutBucketVersioningCommand(input));
  },
});

const encryptionTask = (options: Options, found: () => Promise<boolean>): Task => ({
  what: "encrypt the bucket with the key",
  isDone: async () => {
    if (!(await found())) return false;
    const asked = options.s3.send(new GetBucketEncryptionCommand({ Bucket: options.name }));
    const answer = await orAbsent(asked, "ServerSideEncryptionConfigurationNotFoundError");
    const [rule] = answer?.ServerSideEncryptionConfiguration?.Rules ?? [];
    const { SSEAlgorithm, KMSMasterKeyID } = rule?.ApplyServerSideEncryptionByDefault ?? {};
    return SSEAlgorithm === "aws:kms" && KMSMasterKeyID === options.findings.keyArn;
  },
  perform: async () => {
    const byDefault = { SSEAlgorithm: "aws:kms" as const, KMSMasterKeyID: options.findings.keyArn };
    await options.s3.send(
      new PutBucketEncryptionCommand({
        Bucket: options.name,
        ServerSideEncryptionConfiguration: {
          Rules: [{ ApplyServerSideEncryptionByDefault: byDefault, BucketKeyEnabled: true }],
        },
      }),
    );
  },
});

const policyTask = (options: Options, found: () => Promise<boolean>): Task => {
  const wanted = tlsOnly(bucketArnOf(options.name, options.place));
  return {
    what: "refuse plain HTTP to the bucket",
    isDone: async () => {
      if (!(await found())) return false;
      const asked = options.s3.send(new GetBucketPolicyCommand({ Bucket: options.name }));
      return saysTheSame((await orAbsent(asked, "NoSuchBucketPolicy"))?.Policy, wanted);
    },
    perform: async () => {
      const input = { Bucket: options.name, Policy: JSON.stringify(wanted) };
      await options.s3.send(new PutBucketPolicyCommand(input));
    },
  };
};

export const bucketTasks = (options: Options): Task[] => {
  const found = () => exists(options);
  return [
    {
      what: `create the bucket ${options.name} for the state, in ${options.place.region}`,
      isDone: found,
      perform: () => create(options),
    },
    blockTask(options, found),
    versioningTask(options, found),
    encryptionTask(options, found),
    policyTask(options, found),
  ];
};
