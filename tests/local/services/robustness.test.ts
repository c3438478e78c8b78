import { expect } from "chai";
import { VirtualClock } from "../../../local/kit/clock.ts";
import { DynamoDb } from "../../../local/services/dynamodb.ts";
import { ServiceError } from "../../../local/services/faults.ts";
import { Kinesis } from "../../../local/services/kinesis.ts";
import type { Input, JsonService } from "../../../local/services/service.ts";
import { PLACE } from "./aws.ts";
import { TABLE, TableName } from "./dynamodb-bed.ts";

type Path = readonly string[];

const JUNK = [
  null,
  5,
  Number.POSITIVE_INFINITY,
  "",
  "9".repeat(60),
  [],
  {},
  [null],
  { S: null },
  { S: "a", N: "1" },
  "constructor",
  "a.b[",
];

const KEY = { pk: { S: "a" }, sk: { S: "1" } };
const REQUESTS: readonly [operation: string, input: Input][] = [
  [
    "PutItem",
    {
      TableName,
      Item: { ...KEY, l: { L: [] } },
      ConditionExpression: "size(l) > :c",
      ExpressionAttributeValues: { ":c": { N: "0" } },
    },
  ],
  [
    "UpdateItem",
    {
      TableName,
      Key: KEY,
      UpdateExpression: "SET #x = list_append(l, :v) ADD n :n",
      ExpressionAttributeNames: { "#x": "y" },
      ExpressionAttributeValues: { ":v": { L: [] }, ":n": { N: "1" } },
    },
  ],
  [
    "Query",
    {
      TableName,
      IndexName: "byKind",
      KeyConditionExpression: "kind = :g",
      FilterExpression: "contains(ss, :g)",
      ExpressionAttributeValues: { ":g": { S: "x" } },
      Limit: 2,
    },
  ],
  [
    "Scan",
    {
      TableName,
      FilterExpression: "m.a BETWEEN :a AND :a",
      ExpressionAttributeValues: { ":a": { N: "0" } },
      ProjectionExpression: "pk, l[0]",
      ExclusiveStartKey: KEY,
    },
  ],
  ["BatchWriteItem", { RequestItems: { [TableName]: [{ PutRequest: { Item: KEY } }] } }],
  ["BatchGetItem", { RequestItems: { [TableName]: { Keys: [KEY] } } }],
  ["TransactWriteItems", { TransactItems: [{ Put: { TableName, Item: KEY } }] }],
  ["TransactGetItems", { TransactItems: [{ Get: { TableName, Key: KEY } }] }],
  ["UpdateTimeToLive", { TableName, TimeToLiveSpecification: { Enabled: true, AttributeName: "x" } }],
  ["GetRecords", { ShardIterator: "a|b" }],
];
const KINESIS_REQUESTS: readonly [operation: string, input: Input][] = [
  ["PutRecords", { StreamName: "s", Records: [{ Data: "aGk=", PartitionKey: "k", ExplicitHashKey: "0" }] }],
  ["PutRecord", { StreamName: "s", Data: "aGk=", PartitionKey: "k" }],
  ["GetShardIterator", { StreamName: "s", ShardId: "0", ShardIteratorType: "AT_TIMESTAMP", Timestamp: 1 }],
  ["GetRecords", { ShardIterator: "x", Limit: 5 }],
  ["ListShards", { StreamName: "s", MaxResults: 1 }],
  [
    "CreateStream",
    { StreamName: "t", ShardCount: 1, StreamModeDetails: { StreamMode: "PROVISIONED" }, Tags: { a: "b" } },
  ],
  ["AddTagsToStream", { StreamName: "s", Tags: { a: "b" } }],
  ["RemoveTagsFromStream", { StreamName: "s", TagKeys: ["a"] }],
];

/** Every place inside a value. */
const placesOf = (value: unknown, at: Path = []): Path[] => {
  if (typeof value !== "object" || value === null) return [at];
  const inner = Object.entries(value).flatMap(([key, member]) => placesOf(member, [...at, key]));
  return at.length === 0 ? inner : [at, ...inner];
};

const replaced = (value: unknown, [key, ...rest]: Path, junk: unknown): unknown => {
  if (key === undefined) return structuredClone(junk);
  const copy = structuredClone(value) as Record<string, unknown>;
  copy[key] = replaced(copy[key], rest, junk);
  return copy;
};

/** Every request with every member replaced by every kind of junk. */
const spoilt = (requests: typeof REQUESTS): [operation: string, input: Input][] =>
  requests.flatMap(([operation, input]) =>
    placesOf(input).flatMap((place) =>
      JUNK.map((junk): [string, Input] => [operation, replaced(input, place, junk) as Input]),
    ),
  );

/** What went wrong other than a refusal. */
const defects = async (service: JsonService, requests: typeof REQUESTS): Promise<string[]> => {
  const found: string[] = [];
  for (const [operation, input] of spoilt(requests)) {
    const text = JSON.stringify(input);
    try {
      service.permissions(operation, input);
      await service.handle(operation, input);
    } catch (error) {
      if (!(error instanceof ServiceError)) found.push(`${operation} ${text}: ${error}`);
    }
  }
  return found;
};

describe("A request with junk in any member", () => {
  it("is refused by DynamoDB as the caller's mistake, and leaves it working", async () => {
    const dynamodb = await DynamoDb.start({ ...PLACE, clock: new VirtualClock() });
    await dynamodb.createTable(TABLE);
    const found = await defects(dynamodb, REQUESTS);
    await dynamodb.handle("PutItem", { TableName, Item: { ...KEY, after: { S: "junk" } } });
    const read = await dynamodb.handle("GetItem", { TableName, Key: KEY });
    await dynamodb.close();

    expect(found).to.deep.equal([]);
    expect((read as { Item?: object }).Item).to.have.property("after");
  });

  it("is refused by Kinesis as the caller's mistake, and leaves it working", async () => {
    const kinesis = new Kinesis({ ...PLACE, clock: new VirtualClock() });
    kinesis.createStream({ name: "s" });
    const found = await defects(kinesis, KINESIS_REQUESTS);

    expect(found).to.deep.equal([]);
    expect(kinesis.putRecords("s", [{ Data: "aGk=", PartitionKey: "k" }]).FailedRecordCount).to.equal(0);
  });
});
