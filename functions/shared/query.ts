/** One page of a table's partition, by sort key. */
import { type DynamoDBClient, QueryCommand } from "@aws-sdk/client-dynamodb";
import type { Item } from "./attributes.ts";

export interface PartitionQuery {
  pk: string;
  /** Sort keys from here, inclusive. */
  from: string;
  /** Sort keys up to here, inclusive. */
  to: string;
  /** Items on the page, at least 1. */
  limit: number;
}

export interface Page<Entry> {
  entries: Entry[];
  /** Is there something after them? */
  more: boolean;
}

/** What sorts after every id and every bucket that begins alike: none holds a `~`. */
export const AFTER_ALL = "~";

/** The first sort key after this one: none holds a space. */
export function justAfter(sortKey: string): string {
  return `${sortKey} `;
}

/**
 * A page in order of the sort keys. It may hold less than `limit` where DynamoDB cuts at one megabyte.
 * Source: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Query.html
 */
export async function queryPage(
  client: DynamoDBClient,
  table: string,
  query: PartitionQuery,
): Promise<Page<Item>> {
  const command = new QueryCommand({
    TableName: table,
    KeyConditionExpression: "pk = :pk AND sk BETWEEN :from AND :to",
    ExpressionAttributeValues: { ":pk": { S: query.pk }, ":from": { S: query.from }, ":to": { S: query.to } },
    Limit: query.limit + 1,
  });
  const { Items = [], LastEvaluatedKey } = await client.send(command);
  const more = Items.length > query.limit || LastEvaluatedKey !== undefined;
  return { entries: Items.slice(0, query.limit), more: more && Items.length > 0 };
}
