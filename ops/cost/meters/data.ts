/** Where data lies or flows: streams, tables, buckets, the cache, SQL over the lake, keys and secrets. */
import type { ResourceNode } from "../../../local/engine/graph.ts";
import { BUCKET, listOf, mapOf, numberOf, STREAM, TABLE } from "../../../local/engine/rules/view.ts";
import type { Use } from "../../shared/workload.ts";
import { SECONDS_PER_DAY } from "../../shared/workload-assumptions.ts";
import { isOnDemand, shardsOf } from "../../shared/workload-batches.ts";
import {
  arrivalOf,
  type Charge,
  GB,
  HOURS,
  type Meter,
  type Metering,
  monthly,
  perUse,
  unitsOf,
  usesOf,
} from "../charge.ts";

const CONSUMER = "aws:kinesis/streamConsumer:StreamConsumer";
/** Kinesis asks for a new data key every five minutes, per shard and reader or writer: https://docs.aws.amazon.com/streams/latest/dev/costs-performance.html */
const KEY_SECONDS = 300;

const readersOf = (stream: ResourceNode, { view }: Metering): number =>
  view
    .ofType("aws:lambda/eventSourceMapping:EventSourceMapping")
    .filter((mapping) => view.origins(mapping, "eventSourceArn", STREAM).includes(stream)).length;

/** Source: https://aws.amazon.com/kinesis/data-streams/pricing/ */
const onDemandCharges = (stream: ResourceNode, metering: Metering): Charge[] => {
  const { urn } = stream;
  const puts = usesOf(stream, metering).filter(({ kind }) => kind === "put");
  const inGb = ({ perSecond, bytes }: Use) => (monthly(perSecond) * unitsOf(bytes, 1) * 1024) / GB;
  const gb = puts.reduce((sum, use) => sum + inGb(use), 0);
  const extraDays = Math.max(0, Math.min(168, numberOf(stream, "retentionPeriod") ?? 24) - 24) / 24;
  return [
    { price: "kinesis.streamHours", quantity: HOURS, urn },
    ...perUse(stream, puts, "kinesis.dataIn", inGb),
    { price: "kinesis.dataOut", quantity: gb * readersOf(stream, metering), urn },
    { price: "kinesis.extendedRetention", quantity: (gb / (HOURS / 24)) * extraDays, urn },
  ];
};

const provisionedCharges = (stream: ResourceNode, metering: Metering): Charge[] => {
  const { urn } = stream;
  const shards = shardsOf(stream, arrivalOf(stream, metering));
  const puts = usesOf(stream, metering).filter(({ kind }) => kind === "put");
  const isExtended = (numberOf(stream, "retentionPeriod") ?? 24) > 24;
  return [
    { price: "kinesis.shardHours", quantity: shards * HOURS, urn },
    ...perUse(
      stream,
      puts,
      "kinesis.putUnits",
      ({ perSecond, bytes }) => monthly(perSecond) * unitsOf(bytes, 25),
    ),
    ...(isExtended ? [{ price: "kinesis.extendedShardHours" as const, quantity: shards * HOURS, urn }] : []),
  ];
};

const streamMeter: Meter = (stream, metering) => {
  if ((numberOf(stream, "retentionPeriod") ?? 24) > 168)
    return { notPriced: "long-term retention, over 7 days" };
  const shards = shardsOf(stream, arrivalOf(stream, metering));
  const keys =
    stream.inputs.encryptionType === "KMS" ? (shards * (1 + readersOf(stream, metering))) / KEY_SECONDS : 0;
  return [
    ...(isOnDemand(stream) ? onDemandCharges : provisionedCharges)(stream, metering),
    { price: "kms.requests", quantity: monthly(keys), urn: stream.urn },
  ];
};

const consumerMeter: Meter = ({ urn, ...consumer }, metering) => {
  const [stream] = metering.view.origins({ urn, ...consumer }, "streamArn", STREAM);
  if (!stream) return { notPriced: "its stream is not in the program" };
  const arrival = arrivalOf(stream, metering);
  return [
    { price: "kinesis.fanOutShardHours", quantity: shardsOf(stream, arrival) * HOURS, urn },
    { price: "kinesis.fanOutData", quantity: (monthly(arrival.perSecond) * arrival.bytes) / GB, urn },
  ];
};

const isProvisionedTable = (table: ResourceNode): boolean =>
  table.inputs.billingMode !== "PAY_PER_REQUEST" && numberOf(table, "writeCapacity") !== undefined;

/** An index gets every write; reads are counted as strongly consistent, the dearer kind. */
const requestCharges = (table: ResourceNode, metering: Metering): Charge[] => {
  const uses = usesOf(table, metering);
  const copies = 1 + listOf(table.inputs.globalSecondaryIndexes).length;
  return [
    ...perUse(
      table,
      uses.filter(({ kind }) => kind === "put"),
      "dynamodb.writes",
      ({ perSecond, bytes }) => monthly(perSecond) * unitsOf(bytes, 1) * copies,
    ),
    ...perUse(
      table,
      uses.filter(({ kind }) => kind === "get"),
      "dynamodb.reads",
      ({ perSecond, bytes }) => monthly(perSecond) * unitsOf(bytes, 4),
    ),
  ];
};

const capacityCharges = (table: ResourceNode): Charge[] => {
  const hours = (property: string) => (numberOf(table, property) ?? 0) * HOURS;
  return [
    { price: "dynamodb.writeUnitHours", quantity: hours("writeCapacity"), urn: table.urn },
    { price: "dynamodb.readUnitHours", quantity: hours("readCapacity"), urn: table.urn },
  ];
};

/** Source: https://aws.amazon.com/dynamodb/pricing/on-demand/; Lambda reads change streams for nothing. */
const tableMeter: Meter = (table, metering) => {
  if (listOf(table.inputs.replicas).length > 0) return { notPriced: "replicas in other regions" };
  const { urn } = table;
  const gb = (metering.workload.stored.get(urn) ?? 0) / GB;
  const pointInTime = mapOf(table.inputs.pointInTimeRecovery).enabled === true;
  return [
    ...(isProvisionedTable(table) ? capacityCharges(table) : requestCharges(table, metering)),
    { price: "dynamodb.storage", quantity: gb, urn },
    ...(pointInTime ? [{ price: "dynamodb.pointInTime" as const, quantity: gb, urn }] : []),
  ];
};

/** What a function gets stays in the region; what clients fetch by a presigned address is in `transfer.out` of the API. */
const bucketMeter: Meter = (bucket, metering) => {
  const uses = usesOf(bucket, metering);
  const of = (...kinds: Use["kind"][]) => uses.filter(({ kind }) => kinds.includes(kind));
  const requests = ({ perSecond }: Use) => monthly(perSecond);
  return [
    ...perUse(bucket, of("put", "list"), "s3.puts", requests),
    ...perUse(bucket, of("get"), "s3.gets", requests),
    { price: "s3.storage", quantity: (metering.workload.stored.get(bucket.urn) ?? 0) / GB, urn: bucket.urn },
  ];
};

/** A serverless Valkey cache is billed for at least 100 MB, one for Redis OSS for 1 GB. A command of 1 KB is an ECPU. */
const cacheMeter: Meter = (cache, metering) => {
  const isValkey = cache.inputs.engine === "valkey";
  if (!isValkey && cache.inputs.engine !== "redis") return { notPriced: `engine ${cache.inputs.engine}` };
  const [storage, units] = isValkey
    ? (["elasticache.valkeyStorage", "elasticache.valkeyUnits"] as const)
    : (["elasticache.redisStorage", "elasticache.redisUnits"] as const);
  return [
    { price: storage, quantity: (isValkey ? 0.1 : 1) * HOURS, urn: cache.urn },
    ...perUse(
      cache,
      usesOf(cache, metering),
      units,
      ({ perSecond, bytes }) => monthly(perSecond) * unitsOf(bytes, 1),
    ),
  ];
};

const workgroupMeter: Meter = ({ urn }, { workload }) => [
  {
    price: "athena.scanned",
    quantity: monthly(workload.load.queriedBytesPerDay / SECONDS_PER_DAY) / 1024 ** 4,
    urn,
  },
];

const one =
  (price: "glue.objects" | "kms.keys" | "secretsmanager.secrets"): Meter =>
  ({ urn }) => [{ price, quantity: 1, urn }];

export const DATA: Record<string, Meter> = {
  [STREAM]: streamMeter,
  [CONSUMER]: consumerMeter,
  [TABLE]: tableMeter,
  [BUCKET]: bucketMeter,
  "aws:elasticache/serverlessCache:ServerlessCache": cacheMeter,
  "aws:athena/workgroup:Workgroup": workgroupMeter,
  "aws:glue/catalogDatabase:CatalogDatabase": one("glue.objects"),
  "aws:glue/catalogTable:CatalogTable": one("glue.objects"),
  "aws:kms/key:Key": one("kms.keys"),
  "aws:secretsmanager/secret:Secret": one("secretsmanager.secrets"),
};
