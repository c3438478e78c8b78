import { QueryCommand, TransactGetCommand, TransactWriteCommand } from "@aws-sdk/lib-dynamodb";
import { expect } from "chai";
import { failure } from "./aws.ts";
import { type Bed, openBed, TableName } from "./dynamodb-bed.ts";

describe("DynamoDB transactions", () => {
  let bed: Bed;

  beforeEach(async () => {
    bed = await openBed();
  });

  afterEach(() => bed.stop());

  const once = { ConditionExpression: "attribute_not_exists(pk)" };

  it("writes all or nothing, and says why per item", async () => {
    await bed.put({ pk: "t", sk: "taken", v: 7 });
    const error = await failure(
      bed.documents.send(
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
    expect(await bed.get("t", "new")).to.equal(undefined);
    expect(bed.changes()).to.deep.equal([["INSERT", "taken"]]);
  });

  it("puts, updates, deletes and checks in one, indexes included", async () => {
    await bed.put({ pk: "t", sk: "old" });
    await bed.put({ pk: "t", sk: "guard", v: 1 });
    await bed.documents.send(
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
    const { Responses = [] } = await bed.documents.send(
      new TransactGetCommand({
        TransactItems: ["new", "count", "old", "guard"].map((sk) => ({
          Get: { TableName, Key: { pk: "t", sk } },
        })),
      }),
    );
    const { Items } = await bed.documents.send(
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
      bed.documents.send(
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
    await bed.clock.advance(600_000);
    await write(2);

    expect(other.name).to.equal("IdempotentParameterMismatchException");
    expect((await bed.get("t", "n"))?.n).to.equal(3);
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
        return bed.documents.send(new TransactWriteCommand({ TransactItems: order.map(add) }));
      }),
    );
    for (const sk of items) expect((await bed.get("t", sk))?.n).to.equal(60);
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
      const answer = await bed.call("TransactWriteItems", body);
      expect(answer.status, JSON.stringify(body)).to.equal(400);
      expect(answer.body.message).to.match(message);
    }
  });
});
