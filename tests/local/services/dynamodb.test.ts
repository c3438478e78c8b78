import {
  CreateTableCommand,
  DeleteTableCommand,
  DescribeTableCommand,
  DescribeTimeToLiveCommand,
  DynamoDBClient,
  UpdateTableCommand,
  UpdateTimeToLiveCommand,
} from "@aws-sdk/client-dynamodb";
import {
  BatchGetCommand,
  BatchWriteCommand,
  DeleteCommand,
  DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  QueryCommand,
  ScanCommand,
  TransactGetCommand,
  TransactWriteCommand,
  UpdateCommand,
} from "@aws-sdk/lib-dynamodb";
import { expect } from "chai";
import { VirtualClock } from "../../../local/kit/clock.ts";
import { DynamoDb } from "../../../local/services/dynamodb.ts";
import type { Endpoint } from "../../../local/services/endpoint.ts";
import { authorization, callJson, clientConfig, failure, PLACE, start } from "./aws.ts";

const TableName = "readings";
const TABLE = {
  TableName,
  BillingMode: "PAY_PER_REQUEST",
  AttributeDefinitions: ["pk", "sk", "kind"].map((AttributeName) => ({ AttributeName, AttributeType: "S" })),
  KeySchema: [
    { AttributeName: "pk", KeyType: "HASH" },
    { AttributeName: "sk", KeyType: "RANGE" },
  ],
  GlobalSecondaryIndexes: [
    {
      IndexName: "byKind",
      KeySchema: [
        { AttributeName: "kind", KeyType: "HASH" },
        { AttributeName: "sk", KeyType: "RANGE" },
      ],
      Projection: { ProjectionType: "ALL" },
    },
  ],
  StreamSpecification: { StreamEnabled: true, StreamViewType: "NEW_AND_OLD_IMAGES" },
};

describe("DynamoDB through the default client", () => {
  let clock: VirtualClock;
  let dynamodb: DynamoDb;
  let endpoint: Endpoint;
  let client: DynamoDBClient;
  let documents: DynamoDBDocumentClient;
  let refuse: (action: string, resource: string) => boolean;

  beforeEach(async () => {
    clock = new VirtualClock();
    refuse = () => false;
    dynamodb = await DynamoDb.start({ ...PLACE, clock });
    await dynamodb.createTable(TABLE);
    endpoint = await start({
      json: [dynamodb],
      authorise: (_, action, resource) =>
        refuse(action, resource) ? { allowed: false, message: `${action} ${resource}` } : { allowed: true },
    });
    client = new DynamoDBClient(clientConfig(endpoint));
    documents = DynamoDBDocumentClient.from(client);
  });

  afterEach(async () => {
    client.destroy();
    await endpoint.close();
    await dynamodb.close();
  });

  const put = (Item: Record<string, unknown>) => documents.send(new PutCommand({ TableName, Item }));
  const get = async (pk: string, sk: string) =>
    (await documents.send(new GetCommand({ TableName, Key: { pk, sk } }))).Item;
  const call = (operation: string, body: unknown) =>
    callJson(
      endpoint,
      `DynamoDB_20120810.${operation}`,
      typeof body === "string" ? body : JSON.stringify(body),
      { authorization: authorization("dynamodb"), "content-type": "application/x-amz-json-1.0" },
    );
  const changes = () =>
    dynamodb.streams
      .read(TableName, 0)
      .records.map(({ eventName, dynamodb: { Keys } }) => [eventName, Keys.sk?.S]);

  it("creates tables that are active at once in process, and describes them", async () => {
    const { Table } = await client.send(new DescribeTableCommand({ TableName }));
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
    await put(item);
    expect(await get("a", "1")).to.deep.equal(item);
  });

  it("queries, pages backwards, filters, and reads an index", async () => {
    const requests = Array.from({ length: 25 }, (_, i) => ({
      PutRequest: { Item: { pk: "b", sk: String(i).padStart(3, "0"), i, kind: i % 2 ? "odd" : "even" } },
    }));
    await documents.send(new BatchWriteCommand({ RequestItems: { [TableName]: requests } }));
    const query = (more: object) => documents.send(new QueryCommand({ TableName, ...more }));
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
    const { Responses } = await documents.send(
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
    expect((await documents.send(new ScanCommand({ TableName, Select: "COUNT" }))).Count).to.equal(25);
  });

  it("counts exactly under concurrent updates", async () => {
    const add = () =>
      documents.send(
        new UpdateCommand({
          TableName,
          Key: { pk: "c", sk: "1" },
          UpdateExpression: "ADD n :one",
          ExpressionAttributeValues: { ":one": 1 },
        }),
      );
    await Promise.all(Array.from({ length: 100 }, add));
    expect((await get("c", "1"))?.n).to.equal(100);
  });

  it("returns the item that a condition failed on, for ALL_OLD only", async () => {
    await put({ pk: "a", sk: "1", v: 1 });
    const failing = (ReturnValuesOnConditionCheckFailure: "ALL_OLD" | "NONE" | undefined) => ({
      TableName,
      ConditionExpression: "attribute_not_exists(pk)",
      ReturnValuesOnConditionCheckFailure,
    });
    const Key = { pk: "a", sk: "1" };
    const commands = (mode: "ALL_OLD" | "NONE" | undefined) => [
      () => documents.send(new PutCommand({ ...failing(mode), Item: Key })),
      () => documents.send(new DeleteCommand({ ...failing(mode), Key })),
      () => documents.send(new UpdateCommand({ ...failing(mode), Key, UpdateExpression: "REMOVE v" })),
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
      documents.send(
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
    const odd = await call("PutItem", { TableName, Item: {}, ReturnValuesOnConditionCheckFailure: "ALL" });
    expect(odd.body.message).to.contain("enum value set: [ALL_OLD, NONE]");
  });

  describe("transactions", () => {
    const once = { ConditionExpression: "attribute_not_exists(pk)" };

    it("writes all or nothing, and says why per item", async () => {
      await put({ pk: "t", sk: "taken", v: 7 });
      const error = await failure(
        documents.send(
          new TransactWriteCommand({
            TransactItems: [
              { Put: { TableName, Item: { pk: "t", sk: "new", kind: "x" } } },
              {
                Put: {
                  TableName,
                  Item: { pk: "t", sk: "taken" },
                  ...once,
                  ReturnValuesOnConditionCheckFailure: "ALL_OLD",
                },
              },
              {
                Update: {
                  TableName,
                  Key: { pk: "t", sk: "absent" },
                  UpdateExpression: "SET v = absentValue",
                },
              },
            ],
          }),
        ),
      );
      const reasons = error.CancellationReasons as { Code: string; Item?: object }[];

      expect(error.name, error.message).to.equal("TransactionCanceledException");
      expect(error.message).to.match(/\[None, ConditionalCheckFailed, ValidationError\]$/);
      expect(reasons.map(({ Code }) => Code)).to.deep.equal([
        "None",
        "ConditionalCheckFailed",
        "ValidationError",
      ]);
      expect(reasons[1]?.Item).to.deep.equal({ pk: { S: "t" }, sk: { S: "taken" }, v: { N: "7" } });
      expect(await get("t", "new")).to.equal(undefined);
      expect(changes()).to.deep.equal([["INSERT", "taken"]]);
    });

    it("puts, updates, deletes and checks in one, indexes included", async () => {
      await put({ pk: "t", sk: "old" });
      await put({ pk: "t", sk: "guard", v: 1 });
      await documents.send(
        new TransactWriteCommand({
          TransactItems: [
            { Put: { TableName, Item: { pk: "t", sk: "new", kind: "x" }, ...once } },
            {
              Update: {
                TableName,
                Key: { pk: "t", sk: "count" },
                UpdateExpression: "ADD v :one",
                ExpressionAttributeValues: { ":one": 1 },
              },
            },
            { Delete: { TableName, Key: { pk: "t", sk: "old" } } },
            {
              ConditionCheck: {
                TableName,
                Key: { pk: "t", sk: "guard" },
                ConditionExpression: "v = :one",
                ExpressionAttributeValues: { ":one": 1 },
              },
            },
          ],
        }),
      );
      const { Responses = [] } = await documents.send(
        new TransactGetCommand({
          TransactItems: ["new", "count", "old", "guard"].map((sk) => ({
            Get: { TableName, Key: { pk: "t", sk } },
          })),
        }),
      );
      const { Items } = await documents.send(
        new QueryCommand({
          TableName,
          IndexName: "byKind",
          KeyConditionExpression: "kind = :k",
          ExpressionAttributeValues: { ":k": "x" },
        }),
      );

      expect(Responses.map(({ Item }) => Item?.v ?? Item?.sk)).to.deep.equal(["new", 1, undefined, 1]);
      expect(Items).to.have.length(1);
    });

    it("does a request with the same token once, and refuses the token for another request", async () => {
      const write = (n: number) =>
        documents.send(
          new TransactWriteCommand({
            ClientRequestToken: "token",
            TransactItems: [
              {
                Update: {
                  TableName,
                  Key: { pk: "t", sk: "n" },
                  UpdateExpression: "ADD n :n",
                  ExpressionAttributeValues: { ":n": n },
                },
              },
            ],
          }),
        );
      await Promise.all([write(1), write(1)]);
      const other = await failure(write(2));
      await clock.advance(600_000);
      await write(2);

      expect(other.name).to.equal("IdempotentParameterMismatchException");
      expect((await get("t", "n"))?.n).to.equal(3);
    });

    it("keeps counts exact when many of them meet on the same items", async () => {
      const items = ["a", "b", "c"];
      const add = (sk: string) => ({
        Update: {
          TableName,
          Key: { pk: "t", sk },
          UpdateExpression: "ADD n :one",
          ExpressionAttributeValues: { ":one": 1 },
        },
      });
      await Promise.all(
        Array.from({ length: 60 }, (_, i) => {
          const order = i % 2 ? items : [...items].reverse();
          return documents.send(new TransactWriteCommand({ TransactItems: order.map(add) }));
        }),
      );
      for (const sk of items) expect((await get("t", sk))?.n).to.equal(60);
    });

    it("refuses requests that are none", async () => {
      const key = { pk: { S: "a" }, sk: { S: "1" } };
      const cases: [unknown, RegExp][] = [
        [{}, /transactItems/],
        [{ TransactItems: [] }, /greater than or equal to 1/],
        [{ TransactItems: Array.from({ length: 101 }, () => ({})) }, /less than or equal to 100/],
        [{ TransactItems: [{}] }, /can only contain one of/],
        [{ TransactItems: [{ constructor: {} }] }, /can only contain one of/],
        [{ TransactItems: [null] }, /can only contain one of/],
        [{ TransactItems: [{ ConditionCheck: { TableName, Key: key } }] }, /conditionExpression/],
        [
          { TransactItems: [{ Delete: { TableName, Key: key } }, { Delete: { TableName, Key: key } }] },
          /multiple operations on one item/,
        ],
        [{ TransactItems: [{ Delete: { TableName: "nope", Key: key } }] }, /not found/],
      ];
      for (const [body, message] of cases) {
        const answer = await call("TransactWriteItems", body);
        expect(answer.status, JSON.stringify(body)).to.equal(400);
        expect(answer.body.message).to.match(message);
      }
    });
  });

  it("deletes items once their time to live is over, and tells the stream who did it", async () => {
    const inSeconds = (s: number) => Math.floor(clock.now() / 1000) + s;
    await put({ pk: "ttl", sk: "before", expires: inSeconds(30) });
    await client.send(
      new UpdateTimeToLiveCommand({
        TableName,
        TimeToLiveSpecification: { Enabled: true, AttributeName: "expires" },
      }),
    );
    await put({ pk: "ttl", sk: "soon", expires: inSeconds(40) });
    await put({ pk: "ttl", sk: "extended", expires: inSeconds(40) });
    await put({ pk: "ttl", sk: "extended", expires: inSeconds(4_000) });
    await put({ pk: "ttl", sk: "never" });
    await clock.advance(120_000);
    await dynamodb.sweep();
    const { Items } = await documents.send(new ScanCommand({ TableName }));
    const removed = dynamodb.streams
      .read(TableName, 0)
      .records.filter(({ eventName }) => eventName === "REMOVE");
    const { TimeToLiveDescription } = await client.send(new DescribeTimeToLiveCommand({ TableName }));

    expect(Items?.map(({ sk }) => sk).sort()).to.deep.equal(["extended", "never"]);
    expect(removed.map(({ userIdentity }) => userIdentity?.PrincipalId)).to.deep.equal([
      "dynamodb.amazonaws.com",
      "dynamodb.amazonaws.com",
    ]);
    expect(TimeToLiveDescription).to.deep.equal({ TimeToLiveStatus: "ENABLED", AttributeName: "expires" });
  });

  it("records every change once, and none for a write that changes nothing", async () => {
    await put({ pk: "a", sk: "1", v: 1 });
    await put({ pk: "a", sk: "1", v: 1 });
    await put({ pk: "a", sk: "1", v: 2 });
    await documents.send(new DeleteCommand({ TableName, Key: { pk: "a", sk: "1" } }));
    const [, modified] = dynamodb.streams.read(TableName, 0).records;

    expect(changes()).to.deep.equal([
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
    refuse = (action, resource) => {
      asked.push(`${action} ${resource.split(":").at(-1)}`);
      return false;
    };
    const key = { pk: { S: "a" }, sk: { S: "1" } };
    await call("GetItem", { TableName: "arn:aws:dynamodb:us-east-1:000000000000:table/readings", Key: key });
    await call("Query", { TableName, IndexName: "byKind" });
    await call("BatchGetItem", { RequestItems: { a: { Keys: [key] }, b: { Keys: [key] } } });
    await call("TransactWriteItems", {
      TransactItems: [
        { Put: { TableName: "a", Item: key } },
        { ConditionCheck: { TableName: "b", Key: key } },
      ],
    });
    await call("ListTables", {});

    expect(asked).to.deep.equal([
      "dynamodb:GetItem table/readings",
      "dynamodb:Query table/readings/index/byKind",
      "dynamodb:BatchGetItem table/a",
      "dynamodb:BatchGetItem table/b",
      "dynamodb:PutItem table/a",
      "dynamodb:ConditionCheckItem table/b",
      "dynamodb:ListTables *",
    ]);
    refuse = (action) => action === "dynamodb:PutItem";
    expect((await failure(put({ pk: "a", sk: "1" }))).name).to.equal("AccessDeniedException");
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
      const answer = await call("PutItem", body);
      expect(answer.status, body.slice(0, 80)).to.equal(400);
      expect(answer.body.__type, body.slice(0, 80)).to.match(
        /(Serialization|Validation|ResourceNotFound)Exception$/,
      );
    }
    expect(({} as Record<string, unknown>).S).to.equal(undefined);
    await put({ pk: "a", sk: "1" });
  });

  it("does not take an inherited property for an attribute", async () => {
    await put({ pk: "a", sk: "1" });
    const write = documents.send(
      new PutCommand({
        TableName,
        Item: { pk: "a", sk: "1" },
        ConditionExpression: "attribute_not_exists(toString)",
      }),
    );
    await write;
  });

  it("says 501 for what is not served", async () => {
    const statement = await call("ExecuteStatement", { Statement: "SELECT 1" });
    expect([statement.status, statement.body.message]).to.deep.equal([
      501,
      "The local runtime does not serve dynamodb:ExecuteStatement.",
    ]);
    const index = { Create: { IndexName: "x", KeySchema: [], Projection: {} } };
    const update = await failure(
      client.send(new UpdateTableCommand({ TableName, GlobalSecondaryIndexUpdates: [index] })),
    );
    expect(update.message).to.contain("An index can be made only with its table");
  });

  it("deletes a table, and its name can be used again", async () => {
    await put({ pk: "a", sk: "1" });
    await client.send(new DeleteTableCommand({ TableName }));
    while (await dynamodb.hasTable(TableName)) await new Promise((resolve) => setImmediate(resolve));
    await client.send(new CreateTableCommand(TABLE as never));
    expect(dynamodb.streams.read(TableName, 0).records).to.have.length(0);
  });
});
