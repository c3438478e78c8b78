/**
 * What each hour of the lake was compacted from: one item per arrival hour (`pk`) and device bucket (`sk`).
 *
 * Names and ETags of the sources are kept as their hash: an hour may have thousands of objects, an item 400 KB.
 */
import { type DynamoDBClient, PutItemCommand, QueryCommand } from "@aws-sdk/client-dynamodb";
import { type Item, numberValue, readNumber, readText } from "../attributes.ts";
import { conditionHeld } from "../condition.ts";

export interface ManifestFile {
  key: string;
  eTag: string;
  rows: number;
}

export interface Manifest {
  /** `2026-01-31T12`. */
  hour: string;
  bucket: number;
  /** Of how many buckets. */
  buckets: number;
  /** Hash of the sources' names and ETags. */
  sources: string;
  /** How many sources. */
  objects: number;
  files: ManifestFile[];
  rows: number;
  redelivered: number;
  repeated: number;
  refused: number;
}

/** Message of the compaction queue: one hour and bucket to build. */
export interface CompactionJob {
  hour: string;
  bucket: number;
  buckets: number;
  /** Build it even when nothing has changed. */
  force?: boolean;
  /** Of the planning that asked for it. */
  correlationId?: string;
}

/** Message of the reports queue: one day and bucket to report. */
export interface ReportJob {
  date: string;
  bucket: number;
  /** Of what changed the day. */
  correlationId?: string;
}

export const bucketName = (bucket: number): string => String(bucket).padStart(4, "0");

/** What makes two builds alike. */
const buildOf = ({ sources, buckets }: Manifest): string => `${buckets} ${sources}`;

function toManifest(item: Item): Manifest {
  return {
    hour: readText(item, "pk"),
    bucket: Number(readText(item, "sk")),
    buckets: readNumber(item, "buckets"),
    sources: readText(item, "sources"),
    objects: readNumber(item, "objects"),
    files: JSON.parse(readText(item, "files")) as ManifestFile[],
    rows: readNumber(item, "rows"),
    redelivered: readNumber(item, "redelivered"),
    repeated: readNumber(item, "repeated"),
    refused: readNumber(item, "refused"),
  };
}

/** An hour's manifests, of all its buckets. */
export async function readManifests(
  client: DynamoDBClient,
  table: string,
  hour: string,
): Promise<Manifest[]> {
  const manifests: Manifest[] = [];
  let ExclusiveStartKey: Item | undefined;
  do {
    const command: QueryCommand = new QueryCommand({
      TableName: table,
      KeyConditionExpression: "pk = :pk",
      ExpressionAttributeValues: { ":pk": { S: hour } },
      ConsistentRead: true,
      ExclusiveStartKey,
    });
    const { Items = [], LastEvaluatedKey } = await client.send(command);
    manifests.push(...Items.map(toManifest));
    ExclusiveStartKey = LastEvaluatedKey;
  } while (ExclusiveStartKey);
  return manifests;
}

/**
 * Writes a manifest if its hour and bucket are still as `seen`; false when another build has been faster: what it
 * was built from may be newer.
 */
export async function writeManifest(
  client: DynamoDBClient,
  table: string,
  manifest: Manifest,
  seen: Manifest | undefined,
): Promise<boolean> {
  const { hour, bucket, files, buckets, sources, ...counts } = manifest;
  const numbers = Object.entries({ buckets, ...counts }).map(([name, value]) => [name, numberValue(value)]);
  const command = new PutItemCommand({
    TableName: table,
    Item: {
      pk: { S: hour },
      sk: { S: bucketName(bucket) },
      ...Object.fromEntries(numbers),
      sources: { S: sources },
      files: { S: JSON.stringify(files) },
      build: { S: buildOf(manifest) },
    },
    ConditionExpression: seen ? "build = :seen" : "attribute_not_exists(pk)",
    ExpressionAttributeValues: seen && { ":seen": { S: buildOf(seen) } },
  });
  return conditionHeld(client.send(command));
}
