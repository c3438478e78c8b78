/** The reports' table: series of a build, and the day that points to them. */

import {
  BatchWriteItemCommand,
  DeleteItemCommand,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  type WriteRequest,
} from "@aws-sdk/client-dynamodb";
import { type Item, numberValue } from "../shared/attributes.ts";
import { conditionHeld } from "../shared/condition.ts";
import { bucketName } from "../shared/lake/manifest.ts";
import { fromBuildItem, type ReportBuild, seriesPartition } from "../shared/report.ts";

/** https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html */
const MOST = 25;
const ATTEMPTS = 8;

/** Writes or deletes; what the table does not take is sent again, eight times at most. */
async function writeAll(client: DynamoDBClient, table: string, requests: WriteRequest[]): Promise<void> {
  let rest = requests;
  for (let attempt = 1; rest.length > 0; attempt++) {
    if (attempt > ATTEMPTS)
      throw new Error(`Table ${table} did not take ${rest.length} items in ${ATTEMPTS} attempts.`);
    const command = new BatchWriteItemCommand({ RequestItems: { [table]: rest } });
    rest = (await client.send(command)).UnprocessedItems?.[table] ?? [];
  }
}

export async function putItems(client: DynamoDBClient, table: string, items: Item[]): Promise<void> {
  for (let start = 0; start < items.length; start += MOST) {
    const requests = items.slice(start, start + MOST).map((item) => ({ PutRequest: { Item: item } }));
    await writeAll(client, table, requests);
  }
}

export async function readBuild(
  client: DynamoDBClient,
  table: string,
  { date, bucket }: { date: string; bucket: number },
): Promise<ReportBuild | undefined> {
  const Key = { pk: { S: date }, sk: { S: bucketName(bucket) } };
  const { Item } = await client.send(new GetItemCommand({ TableName: table, Key, ConsistentRead: true }));
  return Item && fromBuildItem(Item);
}

/** Points the day to a build; false when it is no longer as `seen`. */
export async function writeBuild(
  client: DynamoDBClient,
  table: string,
  date: string,
  { next, seen }: { next: ReportBuild; seen?: ReportBuild },
): Promise<boolean> {
  const key = { pk: { S: date }, sk: { S: bucketName(next.bucket) } };
  const condition = {
    TableName: table,
    ConditionExpression: seen ? "build = :seen" : "attribute_not_exists(pk)",
    ExpressionAttributeValues: seen && { ":seen": { S: seen.build } },
  };
  const { build, series, eTag } = next;
  const item = { ...key, build: { S: build }, series: numberValue(series), eTag: { S: eTag } };
  return conditionHeld(
    next.series > 0
      ? client.send(new PutItemCommand({ ...condition, Item: item }))
      : client.send(new DeleteItemCommand({ ...condition, Key: key })),
  );
}

/** Removes the series of a build that nothing points to any more. */
export async function removeBuild(
  client: DynamoDBClient,
  table: string,
  date: string,
  { bucket, build }: ReportBuild,
): Promise<void> {
  const query = {
    TableName: table,
    KeyConditionExpression: "pk = :pk",
    ExpressionAttributeValues: { ":pk": { S: seriesPartition(date, bucket, build) } },
    ProjectionExpression: "pk, sk",
    Limit: MOST,
  };
  for (;;) {
    const { Items = [] } = await client.send(new QueryCommand(query));
    if (Items.length === 0) return;
    await writeAll(
      client,
      table,
      Items.map((Key) => ({ DeleteRequest: { Key } })),
    );
  }
}
