/**
 * What each AWS SDK command needs: its IAM actions, and the form of the resource they apply to.
 * Source: https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
 */

/** How an ARN becomes the resource of a statement. */
export type ResourceForm =
  /** The ARN itself. */
  | "itself"
  /** A bucket's objects: `arn/*`. */
  | "objects"
  /** A table, and its indexes where it has some: `arn` and `arn/index/*`. */
  | "indexed";

export interface Grant {
  actions: string[];
  form: ResourceForm;
}

export interface Service {
  /** Pulumi type tokens of the resources that its commands act on. */
  types: string[];
  /** What such a resource is called in an error. */
  noun: string;
  /** Command without its `Command` suffix -> what it needs. */
  commands: Record<string, Grant>;
}

function grants(
  prefix: string,
  form: ResourceForm,
  commands: Record<string, string[]>,
): Record<string, Grant> {
  return Object.fromEntries(
    Object.entries(commands).map(([command, actions]) => [
      command,
      { actions: actions.map((action) => `${prefix}:${action}`), form },
    ]),
  );
}

/** Commands whose one action has the command's own name. */
function own(...names: string[]): Record<string, string[]> {
  return Object.fromEntries(names.map((name) => [name, [name]]));
}

/** Transactions need the action of each item they may hold: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html */
const TRANSACTION = ["ConditionCheckItem", "DeleteItem", "PutItem", "UpdateItem"];
const PARTIQL = ["PartiQLDelete", "PartiQLInsert", "PartiQLSelect", "PartiQLUpdate"];

/** SDK package -> its commands. */
export const SERVICES: Record<string, Service> = {
  "@aws-sdk/client-dynamodb": {
    types: ["aws:dynamodb/table:Table"],
    noun: "table",
    commands: {
      ...grants("dynamodb", "itself", {
        ...own("BatchGetItem", "BatchWriteItem", "DeleteItem", "DescribeTable", "DescribeTimeToLive"),
        ...own("GetItem", "PutItem", "UpdateItem"),
        TransactGetItems: ["GetItem"],
        TransactWriteItems: TRANSACTION,
      }),
      ...grants("dynamodb", "indexed", {
        ...own("Query", "Scan"),
        ExecuteStatement: PARTIQL,
        BatchExecuteStatement: PARTIQL,
        ExecuteTransaction: PARTIQL,
      }),
    },
  },
  "@aws-sdk/client-kinesis": {
    types: ["aws:kinesis/stream:Stream"],
    noun: "stream",
    commands: grants("kinesis", "itself", {
      ...own("DescribeStream", "DescribeStreamSummary", "GetRecords", "GetShardIterator", "ListShards"),
      ...own("PutRecord", "PutRecords"),
    }),
  },
  "@aws-sdk/client-s3": {
    types: ["aws:s3/bucket:Bucket", "aws:s3/bucketV2:BucketV2"],
    noun: "bucket",
    commands: {
      ...grants("s3", "objects", {
        ...own(
          "AbortMultipartUpload",
          "DeleteObject",
          "DeleteObjectTagging",
          "GetObject",
          "GetObjectTagging",
        ),
        ...own("PutObject", "PutObjectTagging", "RestoreObject"),
        CompleteMultipartUpload: ["PutObject"],
        CopyObject: ["GetObject", "PutObject"],
        CreateMultipartUpload: ["PutObject"],
        DeleteObjects: ["DeleteObject"],
        GetObjectAttributes: ["GetObject", "GetObjectAttributes"],
        HeadObject: ["GetObject"],
        ListParts: ["ListMultipartUploadParts"],
        SelectObjectContent: ["GetObject"],
        UploadPart: ["PutObject"],
        UploadPartCopy: ["GetObject", "PutObject"],
      }),
      ...grants("s3", "itself", {
        ...own("GetBucketLocation"),
        HeadBucket: ["ListBucket"],
        ListMultipartUploads: ["ListBucketMultipartUploads"],
        ListObjects: ["ListBucket"],
        ListObjectsV2: ["ListBucket"],
        ListObjectVersions: ["ListBucketVersions"],
      }),
    },
  },
  "@aws-sdk/client-sqs": {
    types: ["aws:sqs/queue:Queue"],
    noun: "queue",
    commands: grants("sqs", "itself", {
      ...own("ChangeMessageVisibility", "DeleteMessage", "GetQueueAttributes", "GetQueueUrl", "PurgeQueue"),
      ...own("ReceiveMessage", "SendMessage"),
      ChangeMessageVisibilityBatch: ["ChangeMessageVisibility"],
      DeleteMessageBatch: ["DeleteMessage"],
      SendMessageBatch: ["SendMessage"],
    }),
  },
  "@aws-sdk/client-sns": {
    types: ["aws:sns/topic:Topic"],
    noun: "topic",
    commands: grants("sns", "itself", { ...own("GetTopicAttributes", "Publish"), PublishBatch: ["Publish"] }),
  },
  "@aws-sdk/client-eventbridge": {
    types: ["aws:cloudwatch/eventBus:EventBus"],
    noun: "event bus",
    commands: grants("events", "itself", own("PutEvents", "DescribeEventBus")),
  },
  "@aws-sdk/client-lambda": {
    types: ["aws:lambda/function:Function", "aws:lambda/alias:Alias"],
    noun: "function",
    commands: grants("lambda", "itself", {
      ...own("GetFunction", "GetFunctionConfiguration"),
      Invoke: ["InvokeFunction"],
      InvokeWithResponseStream: ["InvokeFunction"],
    }),
  },
  "@aws-sdk/client-ssm": {
    types: ["aws:ssm/parameter:Parameter"],
    noun: "parameter",
    commands: grants(
      "ssm",
      "itself",
      own("GetParameter", "GetParameters", "GetParametersByPath", "PutParameter"),
    ),
  },
  "@aws-sdk/client-secrets-manager": {
    types: ["aws:secretsmanager/secret:Secret"],
    noun: "secret",
    commands: grants("secretsmanager", "itself", own("DescribeSecret", "GetSecretValue", "PutSecretValue")),
  },
  "@aws-sdk/client-scheduler": {
    types: ["aws:scheduler/schedule:Schedule"],
    noun: "schedule",
    commands: grants("scheduler", "itself", own("DeleteSchedule", "GetSchedule")),
  },
  "@aws-sdk/client-sfn": {
    types: ["aws:sfn/stateMachine:StateMachine"],
    noun: "state machine",
    commands: grants("states", "itself", own("DescribeStateMachine", "StartExecution", "StartSyncExecution")),
  },
};

/** lib-dynamodb's name for a command -> the service's. */
const DOCUMENT_COMMANDS: Record<string, string> = {
  BatchGet: "BatchGetItem",
  BatchWrite: "BatchWriteItem",
  Delete: "DeleteItem",
  Get: "GetItem",
  Put: "PutItem",
  TransactGet: "TransactGetItems",
  TransactWrite: "TransactWriteItems",
  Update: "UpdateItem",
};

const DOCUMENT_CLIENT = "@aws-sdk/lib-dynamodb";
const DYNAMODB = "@aws-sdk/client-dynamodb";
const S3 = "@aws-sdk/client-s3";

/** Exports that send commands which the caller does not import: name -> the commands they stand for. */
const HELPERS: Record<string, { client: string; commands: string[] }> = {
  createPresignedPost: { client: S3, commands: ["PutObject"] },
  Upload: { client: S3, commands: ["PutObject", "AbortMultipartUpload"] },
  waitUntilBucketExists: { client: S3, commands: ["HeadBucket"] },
  waitUntilBucketNotExists: { client: S3, commands: ["HeadBucket"] },
  waitUntilObjectExists: { client: S3, commands: ["HeadObject"] },
  waitUntilObjectNotExists: { client: S3, commands: ["HeadObject"] },
  waitUntilTableExists: { client: DYNAMODB, commands: ["DescribeTable"] },
  waitUntilTableNotExists: { client: DYNAMODB, commands: ["DescribeTable"] },
  waitUntilStreamExists: { client: "@aws-sdk/client-kinesis", commands: ["DescribeStream"] },
  waitUntilStreamNotExists: { client: "@aws-sdk/client-kinesis", commands: ["DescribeStream"] },
  waitUntilFunctionActive: { client: "@aws-sdk/client-lambda", commands: ["GetFunctionConfiguration"] },
  waitUntilFunctionUpdated: { client: "@aws-sdk/client-lambda", commands: ["GetFunctionConfiguration"] },
  /** It signs a command that the caller imports, and sends nothing. */
  getSignedUrl: { client: S3, commands: [] },
};

/** Actions that AWS defines no resource for, so that `*` is the only resource there is. */
export const WITHOUT_RESOURCE: Record<string, string> = {
  "cloudwatch:PutMetricData": "CloudWatch metrics are no resources",
  "ec2:AssignPrivateIpAddresses": "a VPC function's network interfaces do not exist yet",
  "ec2:CreateNetworkInterface": "a VPC function's network interfaces do not exist yet",
  "ec2:DeleteNetworkInterface": "a VPC function's network interfaces do not exist yet",
  "ec2:DescribeNetworkInterfaces": "EC2's Describe actions take no resource",
  "ec2:DescribeSubnets": "EC2's Describe actions take no resource",
  "ec2:UnassignPrivateIpAddresses": "a VPC function's network interfaces do not exist yet",
  "xray:PutTelemetryRecords": "X-Ray defines no resource for it",
  "xray:PutTraceSegments": "X-Ray defines no resource for it",
};

/** The service's own command for an SDK export: lib-dynamodb's `PutCommand` sends `PutItemCommand`. */
export function serviceCommand(client: string, name: string): { client: string; command: string } {
  if (client !== DOCUMENT_CLIENT) return { client, command: name };
  const [, prefix = "", verb, suffix = ""] = /^(paginate)?(.*?)(Command)?$/.exec(name) ?? [];
  if (!verb || (!prefix && !suffix)) return { client, command: name };
  return { client: DYNAMODB, command: `${DOCUMENT_COMMANDS[verb] ?? verb}Command` };
}

/** What an import stands for. */
export type Meaning =
  | { kind: "commands"; client: string; names: string[] }
  /** A client that holds every command, e.g. `S3` or `DynamoDBDocument`. */
  | { kind: "aggregated" }
  | { kind: "unknown" };

export function meaningOf(client: string, name: string): Meaning {
  const helper = Object.hasOwn(HELPERS, name) ? HELPERS[name] : undefined;
  if (helper) return { kind: "commands", client: helper.client, names: helper.commands };
  const command = /^(?:paginate(.+)|(.+)Command)$/.exec(name);
  if (!command) return { kind: /^(paginate|waitUntil)/.test(name) ? "unknown" : "aggregated" };
  const verb = command[1] ?? command[2] ?? "";
  return grantOf(client, verb) ? { kind: "commands", client, names: [verb] } : { kind: "unknown" };
}

/** What a command needs, by its name without `Command`. */
export function grantOf(client: string, verb: string): Grant | undefined {
  const service = Object.hasOwn(SERVICES, client) ? SERVICES[client] : undefined;
  return service && Object.hasOwn(service.commands, verb) ? service.commands[verb] : undefined;
}
