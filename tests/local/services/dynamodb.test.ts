import {
  CreateTableCommand,
  DeleteTableCommand,
  DescribeTableCommand,
  DescribeTimeToLiveCommand,
  UpdateTableCommand,
  UpdateTimeToLiveCommand,
} from "@aws-sdk/client-dynamodb";
import {
  BatchGetCommand,
  BatchWriteCommand,
  DeleteCommand,
  PutCommand,
  QueryCommand,
  ScanCommand,
  UpdateCommand,
} from "@aws-sdk/lib-dynamodb";
import { expect } from "chai";
import { failure } from "./aws.ts";
import { type Bed, openBed, TABLE, TableName } from "./dynamodb-bed.ts";

describe("DynamoDB through the default client", () => {
  let bed: Bed;

  beforeEach(async () => {
    bed = await openBed();
  });

  afterEach(() => bed.stop());

  it("creates tables that are active at once in process, and describes them", async () => {
    const { Table } = await bed.client.send(new DescribeTableCommand({ TableName }));
    expect(Table).to.include({
      TableStatus: "ACTIVE",
      TableArn: "arn:aws:dynamodb:us-east-1:000000000000:table/readings",
    });
    expect(Table?.LatestStreamArn).to.match(/^arn:aws:dynamodb:.*:table\/readings\/stream\//);
  });

  it("stores and returns every type", async () => {
    const item = {
      pk: "a",
      sk: "1",
      n: 1.5,
      list: [1, "x"],
      map: { a: { b: true } },
      set: new Set(["q"]),
      none: null,
    };
    await bed.put(item);
    expect(await bed.get("a", "1")).to.deep.equal(item);
  });

  it("queries, pages backwards, filters, and reads an index", async () => {
    const requests = Array.from({ length: 25 }, (_, i) => ({
      PutRequest: { Item: { pk: "b", sk: String(i).padStart(3, "0"), i, kind: i % 2 ? "odd" : "even" } },
    }));
    await bed.documents.send(new BatchWriteCommand({ RequestItems: { [TableName]: requests } }));
    const query = (more: object) => bed.documents.send(new QueryCommand({ TableName, ...more }));
    const range = {
      KeyConditionExpression: "pk = :p AND sk BETWEEN :a AND :b",
      ExpressionAttributeValues: { ":p": "b", ":a": "005", ":b": "020" },
      ScanIndexForward: false,
      Limit: 3,
    };
    const first = await query(range);
    const second = await query({ ...range, ExclusiveStartKey: first.LastEvaluatedKey });
    const odd = await query({
      IndexName: "byKind",
      KeyConditionExpression: "kind = :k",
      FilterExpression: "i > :i",
      ExpressionAttributeValues: { ":k": "odd", ":i": 19 },
    });
    const { Responses } = await bed.documents.send(
      new BatchGetCommand({
        RequestItems: {
          [TableName]: {
            Keys: [
              { pk: "b", sk: "001" },
              { pk: "x", sk: "x" },
            ],
          },
        },
      }),
    );

    expect(first.Items?.map(({ sk }) => sk)).to.deep.equal(["020", "019", "018"]);
    expect(second.Items?.map(({ sk }) => sk)).to.deep.equal(["017", "016", "015"]);
    expect(odd.Items?.map(({ i }) => i)).to.deep.equal([21, 23]);
    expect(Responses?.[TableName]).to.have.length(1);
    expect((await bed.documents.send(new ScanCommand({ TableName, Select: "COUNT" }))).Count).to.equal(25);
  });

  it("counts exactly under concurrent updates", async () => {
    const add = () =>
      bed.documents.send(
        new UpdateCommand({
          TableName,
          Key: { pk: "c", sk: "1" },
          UpdateExpression: "ADD n :one",
          ExpressionAttributeValues: { ":one": 1 },
        }),
      );
    await Promise.all(Array.from({ length: 100 }, add));
    expect((await bed.get("c", "1"))?.n).to.equal(100);
  });

  it("returns the item that a condition failed on, for ALL_OLD only", async () => {
    await bed.put({ pk: "a", sk: "1", v: 1 });
    const failing = (ReturnValuesOnConditionCheckFailure: "ALL_OLD" | "NONE" | undefined) => ({
      TableName,
      ConditionExpression: "attribute_not_exists(pk)",
      ReturnValuesOnConditionCheckFailure,
    });
    const Key = { pk: "a", sk: "1" };
    const commands = (mode: "ALL_OLD" | "NONE" | undefined) => [
      () => bed.documents.send(new PutCommand({ ...failing(mode), Item: Key })),
      () => bed.documents.send(new DeleteCommand({ ...failing(mode), Key })),
      () => bed.documents.send(new UpdateCommand({ ...failing(mode), Key, UpdateExpression: "REMOVE v" })),
    ];
    for (const [mode, expected] of [
      ["ALL_OLD", { N: "1" }],
      ["NONE", undefined],
      [undefined, undefined],
    ] as const) {
      for (const run of commands(mode)) {
        const error = await failure(run());
        expect(error.name).to.equal("ConditionalCheckFailedException");
        expect((error.Item as { v?: object } | undefined)?.v).to.deep.equal(expected);
      }
    }
    const absent = await failure(
      bed.documents.send(
        new UpdateCommand({
          TableName,
          Key: { pk: "none", sk: "1" },
          UpdateExpression: "SET v = :v",
          ConditionExpression: "v = :v",
          ExpressionAttributeValues: { ":v": 1 },
          ReturnValuesOnConditionCheckFailure: "ALL_OLD",
        }),
      ),
    );
    expect(absent.Item).to.equal(undefined);
    const odd = await bed.call("PutItem", {
      TableName,
      Item: {},
      ReturnValuesOnConditionCheckFailure: "ALL",
    });
    expect(odd.body.message).to.contain("enum value set: [ALL_OLD, NONE]");
  });

  it("deletes items once their time to live is over, and tells the stream who did it", async () => {
    const inSeconds = (s: number) => Math.floor(bed.clock.now() / 1000) + s;
    await bed.put({ pk: "ttl", sk: "before", expires: inSeconds(30) });
    await bed.client.send(
      new UpdateTimeToLiveCommand({
        TableName,
        TimeToLiveSpecification: { Enabled: true, AttributeName: "expires" },
      }),
    );
    await bed.put({ pk: "ttl", sk: "soon", expires: inSeconds(40) });
    await bed.put({ pk: "ttl", sk: "extended", expires: inSeconds(40) });
    await bed.put({ pk: "ttl", sk: "extended", expires: inSeconds(4_000) });
    await bed.put({ pk: "ttl", sk: "never" });
    await bed.clock.advance(120_000);
    await bed.dynamodb.sweep();
    const { Items } = await bed.documents.send(new ScanCommand({ TableName }));
    const removed = bed.dynamodb.streams
      .read(TableName, 0)
      .records.filter(({ eventName }) => eventName === "REMOVE");
    const { TimeToLiveDescription } = await bed.client.send(new DescribeTimeToLiveCommand({ TableName }));

    expect(Items?.map(({ sk }) => sk).sort()).to.deep.equal(["extended", "never"]);
    expect(removed.map(({ userIdentity }) => userIdentity?.PrincipalId)).to.deep.equal([
      "dynamodb.amazonaws.com",
      "dynamodb.amazonaws.com",
    ]);
    expect(TimeToLiveDescription).to.deep.equal({ TimeToLiveStatus: "ENABLED", AttributeName: "expires" });
  });

  it("records every change once, and none for a write that changes nothing", async () => {
    await bed.put({ pk: "a", sk: "1", v: 1 });
    await bed.put({ pk: "a", sk: "1", v: 1 });
    await bed.put({ pk: "a", sk: "1", v: 2 });
    await bed.documents.send(new DeleteCommand({ TableName, Key: { pk: "a", sk: "1" } }));
    const [, modified] = bed.dynamodb.streams.read(TableName, 0).records;

    expect(bed.changes()).to.deep.equal([
      ["INSERT", "1"],
      ["MODIFY", "1"],
      ["REMOVE", "1"],
    ]);
    expect([modified?.dynamodb.OldImage?.v, modified?.dynamodb.NewImage?.v]).to.deep.equal([
      { N: "1" },
      { N: "2" },
    ]);
  });

  it("checks every table, index and item of a request against the caller's policies", async () => {
    const asked: string[] = [];
    bed.refuse = (action, resource) => {
      asked.push(`${action} ${resource.split(":").at(-1)}`);
      return false;
    };
    const key = { pk: { S: "a" }, sk: { S: "1" } };
    await bed.call("GetItem", {
      TableName: "arn:aws:dynamodb:us-east-1:000000000000:table/readings",
      Key: key,
    });
    await bed.call("Query", { TableName, IndexName: "byKind" });
    await bed.call("BatchGetItem", { RequestItems: { a: { Keys: [key] }, b: { Keys: [key] } } });
    await bed.call("TransactWriteItems", {
      TransactItems: [
        { Put: { TableName: "a", Item: key } },
        { ConditionCheck: { TableName: "b", Key: key } },
      ],
    });
    await bed.call("ListTables", {});

    expect(asked).to.deep.equal([
      "dynamodb:GetItem table/readings",
      "dynamodb:Query table/readings/index/byKind",
      "dynamodb:BatchGetItem table/a",
      "dynamodb:BatchGetItem table/b",
      "dynamodb:PutItem table/a",
      "dynamodb:ConditionCheckItem table/b",
      "dynamodb:ListTables *",
    ]);
    bed.refuse = (action) => action === "dynamodb:PutItem";
    expect((await failure(bed.put({ pk: "a", sk: "1" }))).name).to.equal("AccessDeniedException");
  });

  it("refuses malformed input without a 5xx, and lives on", async () => {
    const item = (value: string) => `{"TableName":"readings","Item":{"pk":{"S":"a"},"sk":${value}}}`;
    const bodies = [
      "{",
      "[]",
      "{}",
      '{"TableName":5}',
      '{"TableName":"nope","Item":{}}',
      item("null"),
      item('"text"'),
      item('{"S":5}'),
      item('{"S":""}'),
      item('{"N":"1"}'),
      item('{"S":"1"},"x":{"N":"abc"}'),
      item('{"S":"1"},"__proto__":{"S":"x"}'),
      item('{"S":"1"},"\\u005f_proto__":{"S":"x"}'),
      item('{"S":"1"},"x":{"S":"a","N":"1"}'),
      item(`{"S":"1"},"x":{"S":"${"y".repeat(420_000)}"}`),
    ];
    for (const body of bodies) {
      const answer = await bed.call("PutItem", body);
      expect(answer.status, body.slice(0, 80)).to.equal(400);
      expect(answer.body.__type, body.slice(0, 80)).to.match(
        /(Serialization|Validation|ResourceNotFound)Exception$/,
      );
    }
    expect(({} as Record<string, unknown>).S).to.equal(undefined);
    await bed.put({ pk: "a", sk: "1" });
  });

  it("does not take an inherited property for an attribute", async () => {
    await bed.put({ pk: "a", sk: "1" });
    const write = bed.documents.send(
      new PutCommand({
        TableName,
        Item: { pk: "a", sk: "1" },
        ConditionExpression: "attribute_not_exists(toString)",
      }),
    );
    await write;
  });

  it("says 501 for what is not served", async () => {
    const statement = await bed.call("ExecuteStatement", { Statement: "SELECT 1" });
    expect([statement.status, statement.body.message]).to.deep.equal([
      501,
      "The local runtime does not serve dynamodb:ExecuteStatement.",
    ]);
    const index = { Create: { IndexName: "x", KeySchema: [], Projection: {} } };
    const update = await failure(
      bed.client.send(new UpdateTableCommand({ TableName, GlobalSecondaryIndexUpdates: [index] })),
    );
    expect(update.message).to.contain("An index can be made only with its table");
  });

  it("deletes a table, and its name can be used again", async () => {
    await bed.put({ pk: "a", sk: "1" });
    await bed.client.send(new DeleteTableCommand({ TableName }));
    while (await bed.dynamodb.hasTable(TableName)) await new Promise((resolve) => setImmediate(resolve));
    await bed.client.send(new CreateTableCommand(TABLE as never));
    expect(bed.dynamodb.streams.read(TableName, 0).records).to.have.length(0);
  });
});
