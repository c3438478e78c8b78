/**
 * AWS's quotas that a growing system meets: default values in us-east-1, as their pages said on `QUOTAS_DATE`. An
 * account's own values are in its Service Quotas console and may be higher already, or lower in a new account.
 */

export const QUOTAS_DATE = "2026-11-29";

export interface Quota {
  /** What is bounded, in the page's words where they are short. */
  what: string;
  value: number;
  unit: string;
  /** `adjustable`: on request; `hard`: never; `scales`: the service raises it by itself under lasting load. */
  kind: "adjustable" | "hard" | "scales";
  /** Whose: the account's in a region, or each resource's, function's, key's ... own. */
  per: string;
  /** What to do when it binds. */
  change: string;
  page: string;
}

const LAMBDA = "https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html";
const KINESIS = "https://docs.aws.amazon.com/streams/latest/dev/service-sizes-and-limits.html";
const DYNAMODB = "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html";
const PARTITIONS =
  "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html";
const IOT = "https://docs.aws.amazon.com/general/latest/gr/iot-core.html";
const API = "https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html";
const S3 = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/optimizing-performance.html";
const SQS = "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html";
const EVENTBRIDGE = "https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html";
const COGNITO = "https://docs.aws.amazon.com/cognito/latest/developerguide/limits.html";
const CACHE =
  "https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/BestPractices.Clients.Redis.Connections.html";

export const QUOTAS = {
  lambdaConcurrency: {
    what: "Lambda: concurrent executions",
    value: 1_000,
    unit: "executions",
    kind: "adjustable",
    per: "account",
    change:
      "ask for more concurrency in time (tens of thousands are given); make batches larger and functions shorter; above that, further accounts",
    page: LAMBDA,
  },
  lambdaScaling: {
    what: "Lambda: new environments in ten seconds",
    value: 1_000,
    unit: "environments",
    kind: "hard",
    per: "function",
    change: "provision what a burst needs at once, or let it wait in a queue",
    page: "https://docs.aws.amazon.com/lambda/latest/dg/scaling-behavior.html",
  },
  lambdaUnreserved: {
    what: "Lambda: concurrency that reservations must leave",
    value: 100,
    unit: "executions",
    kind: "hard",
    per: "account",
    change: "reserve less, or ask for more concurrency first",
    page: "https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html",
  },
  queuePollers: {
    what: "Lambda: batches of one queue at once",
    value: 1_250,
    unit: "batches",
    kind: "hard",
    per: "queue",
    change: "batches of more than one message, provisioned pollers (up to 20,000 at once), or several queues",
    page: "https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html",
  },
  kinesisShards: {
    what: "Kinesis: shards",
    value: 20_000,
    unit: "shards",
    kind: "adjustable",
    per: "account",
    change: "ask for more shards; send several readings as one record",
    page: KINESIS,
  },
  kinesisOnDemand: {
    what: "Kinesis: bytes written to an on-demand stream",
    value: 10e9,
    unit: "bytes/s",
    kind: "hard",
    per: "stream",
    change: "several streams by a hash of the device, each with its own subscribers; or provisioned shards",
    page: KINESIS,
  },
  kinesisOnDemandRecords: {
    // Its bytes at a shard's thousand records per megabyte.
    what: "Kinesis: records written to an on-demand stream",
    value: 10e6,
    unit: "records/s",
    kind: "hard",
    per: "stream",
    change: "several readings as one record; then several streams by a hash of the device",
    page: "https://docs.aws.amazon.com/streams/latest/dev/how-do-i-size-a-stream.html",
  },
  tableWrites: {
    what: "DynamoDB: write units of an on-demand table",
    value: 40_000,
    unit: "units/s",
    kind: "adjustable",
    per: "table",
    change:
      "ask for a higher quota of the table; several readings of a device in one record, as a batch writes each item once",
    page: DYNAMODB,
  },
  tableReads: {
    what: "DynamoDB: read units of an on-demand table",
    value: 40_000,
    unit: "units/s",
    kind: "adjustable",
    per: "table",
    change: "ask for a higher quota of the table; several readings of a device in one record; a larger cache",
    page: DYNAMODB,
  },
  partitionWrites: {
    what: "DynamoDB: write units of one partition key",
    value: 1_000,
    unit: "units/s",
    kind: "hard",
    per: "key",
    change:
      "spread the key over more values (INDEX_SHARDS in functions/shared/keys.ts), and write it only for what is new",
    page: PARTITIONS,
  },
  newTableWrites: {
    what: "DynamoDB: write units of a new on-demand table",
    value: 4_000,
    unit: "units/s",
    kind: "scales",
    per: "table",
    change:
      "warm the table before the fleet comes (its warm throughput), or let the load grow over hours: it adapts by itself",
    page: "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/on-demand-capacity-mode.html",
  },
  iotConnections: {
    what: "IoT Core: devices connected",
    value: 500_000,
    unit: "connections",
    kind: "adjustable",
    per: "account",
    change: "ask for more connections",
    page: IOT,
  },
  iotConnects: {
    what: "IoT Core: devices connecting",
    value: 500,
    unit: "connects/s",
    kind: "adjustable",
    per: "account",
    change: "ask for a higher rate; let devices wait a random time before they connect again",
    page: IOT,
  },
  iotPublishes: {
    what: "IoT Core: messages published",
    value: 20_000,
    unit: "messages/s",
    kind: "adjustable",
    per: "account",
    change: "ask for a higher rate; let devices gather readings and publish them as one array",
    page: IOT,
  },
  iotRules: {
    what: "IoT Core: rules evaluated",
    value: 20_000,
    unit: "evaluations/s",
    kind: "adjustable",
    per: "account",
    change: "ask for a higher rate, with the publishes",
    page: IOT,
  },
  apiRequests: {
    what: "API Gateway: requests",
    value: 10_000,
    unit: "requests/s",
    kind: "adjustable",
    per: "account",
    change: "ask for a higher rate; cache answers in front of the API; devices write to the stream instead",
    page: API,
  },
  s3Writes: {
    what: "S3: PUT, POST and DELETE requests",
    value: 3_500,
    unit: "requests/s",
    kind: "scales",
    per: "prefix",
    change:
      "larger batches and windows make fewer objects; a hash in front of the hour spreads them over prefixes",
    page: S3,
  },
  s3Reads: {
    what: "S3: GET and HEAD requests",
    value: 5_500,
    unit: "requests/s",
    kind: "scales",
    per: "prefix",
    change: "fewer, larger objects; a hash in front of the hour spreads them over prefixes",
    page: S3,
  },
  queueInFlight: {
    what: "SQS: messages in flight",
    value: 120_000,
    unit: "messages",
    kind: "adjustable",
    per: "queue",
    change: "shorter work per message, fewer pollers, or several queues",
    page: SQS,
  },
  busPuts: {
    what: "EventBridge: PutEvents",
    value: 10_000,
    unit: "requests/s",
    kind: "adjustable",
    per: "account",
    change: "ask for a higher rate; ten events go in one request",
    page: EVENTBRIDGE,
  },
  busInvocations: {
    what: "EventBridge: targets invoked",
    value: 18_750,
    unit: "invocations/s",
    kind: "adjustable",
    per: "account",
    change: "ask for a higher rate; let rules match less",
    page: EVENTBRIDGE,
  },
  tokens: {
    what: "Cognito: tokens for clients",
    value: 150,
    unit: "requests/s",
    kind: "adjustable",
    per: "account",
    change:
      "ask for a higher rate; let callers keep a token for its hour; a token issuer of your own (jwtIssuer)",
    page: COGNITO,
  },
  cacheConnections: {
    what: "ElastiCache: connections of a serverless cache",
    value: 65_000,
    unit: "connections",
    kind: "hard",
    per: "cache",
    change: "a function per cache, or several caches by a hash of the key",
    page: CACHE,
  },
  cacheUnits: {
    what: "ElastiCache: processing units",
    value: 15_000_000,
    unit: "units/s",
    kind: "hard",
    per: "cache",
    change: "several caches by a hash of the key",
    page: "https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_ECPUPerSecond.html",
  },
} as const satisfies Record<string, Quota>;

export type QuotaName = keyof typeof QUOTAS;
