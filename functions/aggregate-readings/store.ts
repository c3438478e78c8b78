/** The readings table as aggregate-readings uses it: three kinds of writes, every one safe to repeat. */
import {
  BatchGetItemCommand,
  ConditionalCheckFailedException,
  type DynamoDBClient,
  PutItemCommand,
} from "@aws-sdk/client-dynamodb";
import { type Item, keyItem } from "../shared/attributes.ts";
import { deviceKey, type TableKey } from "../shared/keys.ts";
import type { Delta, Latest } from "./core.ts";
import { fromItem, toItem, toLatestItem } from "./items.ts";
import type { Aggregate } from "./summary.ts";

/** Keys in one BatchGetItem: AWS's limit. */
const READ_CHUNK = 100;
const MAX_READ_ROUNDS = 5;

/** What became of a conditional put. `current` is missing where the service does not say what is there instead. */
type PutOutcome = { written: true } | { written: false; current?: Aggregate };

export interface Store {
  /** The aggregates that exist, by `identity(key)`. Consistent. */
  read(keys: TableKey[]): Promise<Map<string, Aggregate>>;
  /** Writes `next` if the item still is what `expected` was read as (undefined: if there is none). */
  put(delta: Delta, next: Aggregate, expected: Aggregate | undefined): Promise<PutOutcome>;
  /** Writes the latest reading unless the table has a later one. */
  putLatest(latest: Latest): Promise<void>;
  /** Lists the device in the index. */
  putDevice(deviceId: string): Promise<void>;
}

/** One text for a key; neither part holds a space. */
export function identity({ pk, sk }: TableKey): string {
  return `${pk} ${sk}`;
}

/** @see https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html */
async function readAll(client: DynamoDBClient, table: string, keys: Item[]): Promise<Item[]> {
  const items: Item[] = [];
  let open = keys;
  for (let round = 0; open.length > 0; round++) {
    if (round === MAX_READ_ROUNDS)
      throw new Error(`Table "${table}" left ${open.length} keys unread: throttled.`);
    const command = new BatchGetItemCommand({
      RequestItems: { [table]: { Keys: open, ConsistentRead: true } },
    });
    const { Responses, UnprocessedKeys } = await client.send(command);
    items.push(...(Responses?.[table] ?? []));
    open = UnprocessedKeys?.[table]?.Keys ?? [];
  }
  return items;
}

function chunks<Value>(values: Value[], size: number): Value[][] {
  const result: Value[][] = [];
  for (let start = 0; start < values.length; start += size) result.push(values.slice(start, start + size));
  return result;
}

/** Runs a conditional put; the item that stands in the way when the condition fails, undefined when it was written. */
async function putIf(
  client: DynamoDBClient,
  command: PutItemCommand,
): Promise<{ instead?: Item } | undefined> {
  try {
    await client.send(command);
    return undefined;
  } catch (error) {
    if (!(error instanceof ConditionalCheckFailedException)) throw error;
    return { instead: error.Item };
  }
}

/**
 * "As it was read" is decided by the count: every write adds at least one reading, so a count names one state of an
 * aggregate, and no version attribute is needed.
 */
function putAggregate(table: string, item: Item, expected: Aggregate | undefined): PutItemCommand {
  const condition =
    expected === undefined
      ? { ConditionExpression: "attribute_not_exists(pk)" }
      : {
          ConditionExpression: "#count = :count",
          ExpressionAttributeNames: { "#count": "count" },
          ExpressionAttributeValues: { ":count": { N: String(expected.count) } },
        };
  return new PutItemCommand({
    TableName: table,
    Item: item,
    ReturnValuesOnConditionCheckFailure: "ALL_OLD",
    ...condition,
  });
}

function putLatest(table: string, latest: Latest): PutItemCommand {
  const item = toLatestItem(latest);
  return new PutItemCommand({
    TableName: table,
    Item: item,
    ConditionExpression: "attribute_not_exists(pk) OR #at < :at OR (#at = :at AND #sequence < :sequence)",
    ExpressionAttributeNames: { "#at": "at", "#sequence": "sequence" },
    ExpressionAttributeValues: { ":at": item.at, ":sequence": item.sequence } as Item,
  });
}

export function createStore(client: DynamoDBClient, table: string): Store {
  return {
    read: async (keys) => {
      const reads = chunks(keys.map(keyItem), READ_CHUNK).map((chunk) => readAll(client, table, chunk));
      const items = (await Promise.all(reads)).flat();
      return new Map(
        items.map((item) => [identity({ pk: item.pk?.S ?? "", sk: item.sk?.S ?? "" }), fromItem(item)]),
      );
    },
    put: async (delta, next, expected) => {
      const refused = await putIf(client, putAggregate(table, toItem(delta, next), expected));
      if (refused === undefined) return { written: true };
      return refused.instead === undefined
        ? { written: false }
        : { written: false, current: fromItem(refused.instead) };
    },
    putLatest: async (latest) => {
      await putIf(client, putLatest(table, latest));
    },
    putDevice: async (deviceId) => {
      await client.send(new PutItemCommand({ TableName: table, Item: keyItem(deviceKey(deviceId)) }));
    },
  };
}
