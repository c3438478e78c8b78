import { expect } from "chai";
import { Bucket } from "../../components/bucket.ts";
import { type ChangeSubscriptionArgs, Table, type TableArgs } from "../../components/table.ts";
import { find, type Registered, recordResources, resolved, settled } from "../helpers/mocks.ts";

const MAPPING = "aws:lambda/eventSourceMapping:EventSourceMapping";
const STREAM_ARN = "arn:aws:test:::orders-table/stream/2026-01-01";
const callback = async () => {};

async function create(args: TableArgs): Promise<Record<string, unknown>> {
  const resources = recordResources();
  const table = new Table("readings", args);
  await settled(table);
  await resolved(table.name);
  return find(resources, "aws:dynamodb/table:Table", "readings-table");
}

describe("Table", () => {
  it("is paid per request, encrypted, and unprotected unless asked", async () => {
    expect(await create({ partitionKey: "pk", sortKey: "sk", timeToLive: "expiresAt" })).to.deep.include({
      hashKey: "pk",
      rangeKey: "sk",
      attributes: [
        { name: "pk", type: "S" },
        { name: "sk", type: "S" },
      ],
      billingMode: "PAY_PER_REQUEST",
      serverSideEncryption: { enabled: true },
      ttl: { attributeName: "expiresAt", enabled: true },
      pointInTimeRecovery: { enabled: false },
      deletionProtectionEnabled: false,
    });
  });

  it("declares each key attribute of table and indexes once", async () => {
    const table = await create({
      partitionKey: "pk",
      indexes: {
        byTime: { partitionKey: "pk", sortKey: { name: "at", type: "number" }, projection: ["value"] },
        keys: { partitionKey: { name: "at", type: "number" }, projection: "keys" },
      },
    });
    expect(table.attributes).to.deep.equal([
      { name: "pk", type: "S" },
      { name: "at", type: "N" },
    ]);
    expect(table.globalSecondaryIndexes).to.deep.equal([
      {
        name: "byTime",
        hashKey: "pk",
        rangeKey: "at",
        projectionType: "INCLUDE",
        nonKeyAttributes: ["value"],
      },
      { name: "keys", hashKey: "at", projectionType: "KEYS_ONLY" },
    ]);
  });

  it("recovers and protects when asked", async () => {
    expect(
      await create({ partitionKey: "pk", pointInTimeRecovery: true, deletionProtection: true }),
    ).to.deep.include({
      pointInTimeRecovery: { enabled: true },
      deletionProtectionEnabled: true,
    });
  });

  it("refuses what DynamoDB would refuse late, naming the table", () => {
    recordResources();
    const twice = {
      partitionKey: "pk",
      indexes: { i: { partitionKey: { name: "pk", type: "number" as const } } },
    };
    expect(() => new Table("readings", twice)).to.throw('key attribute "pk" is both S and N');
    expect(() => new Table("readings", { partitionKey: "pk", hashKey: "pk" } as TableArgs)).to.throw(
      'unknown argument "hashKey"',
    );
    const indexes = Object.fromEntries(
      Array.from({ length: 21 }, (_, i) => [`i${i}`, { partitionKey: "pk" }]),
    );
    expect(() => new Table("readings", { partitionKey: "pk", indexes })).to.throw(
      "21 indexes; DynamoDB allows 20",
    );
  });
});

async function subscribe(
  args: Partial<ChangeSubscriptionArgs> = {},
  more: Partial<TableArgs> = {},
): Promise<Registered[]> {
  const resources = recordResources();
  const table = new Table("orders", { partitionKey: "pk", changes: true, ...more });
  const subscriber = table.onChange("publish", { callback, ...args });
  await resolved(subscriber.arn);
  while (!resources.some(({ type }) => type === MAPPING)) await new Promise(setImmediate);
  return resources;
}

describe("Table: changes", () => {
  it("are kept, old item and new, only when asked for", async () => {
    expect(await create({ partitionKey: "pk", changes: true })).to.deep.include({
      streamEnabled: true,
      streamViewType: "NEW_AND_OLD_IMAGES",
    });
    expect(await create({ partitionKey: "pk" })).not.to.have.any.keys("streamEnabled", "streamViewType");
  });

  it("reach a function of their own through a mapping, with a bucket for what fails", async () => {
    const resources = await subscribe();
    const own = resources.filter(
      ({ type }) => !type.startsWith("serverless:") && !type.startsWith("aws:s3/"),
    );
    expect(own.map(({ type, name }) => `${type.split(":").at(-1)} ${name}`).sort()).to.deep.equal([
      "EventSourceMapping orders-publish-mapping",
      "Function orders-publish-function",
      "LogGroup orders-publish-logs",
      "Role orders-publish-role",
      "RolePolicy orders-publish-policy",
      "Table orders-table",
    ]);
    expect(find(resources, "aws:s3/bucket:Bucket", "orders-failures-bucket")).to.have.property("tags");
  });

  it("are handled like a stream's records: halved batches, partial responses, bounded retries and age", async () => {
    const mapping = find(await subscribe(), MAPPING, "orders-publish-mapping");
    expect(mapping).to.deep.include({
      eventSourceArn: STREAM_ARN,
      batchSize: 100,
      startingPosition: "TRIM_HORIZON",
      bisectBatchOnFunctionError: true,
      functionResponseTypes: ["ReportBatchItemFailures"],
      maximumRetryAttempts: 10,
      maximumRecordAgeInSeconds: 64_800,
      parallelizationFactor: 1,
      destinationConfig: { onFailure: { destinationArn: "arn:aws:test:::orders-failures-bucket" } },
    });
  });

  it("can be filtered by what happened, by both images, and by who did it", async () => {
    const filters = [
      { eventName: ["INSERT"], dynamodb: { NewImage: { status: { S: ["placed"] } } } },
      { userIdentity: { type: ["Service"], principalId: ["dynamodb.amazonaws.com"] } },
    ];
    const mapping = find(await subscribe({ filters }), MAPPING, "orders-publish-mapping");
    expect(mapping.filterCriteria).to.deep.equal({
      filters: filters.map((pattern) => ({ pattern: JSON.stringify(pattern) })),
    });
  });

  it("may be read by the function and nothing else of the table", async () => {
    const { policy } = find(await subscribe(), "aws:iam/rolePolicy:RolePolicy", "orders-publish-policy");
    const { Statement } = JSON.parse(String(policy)) as {
      Statement: { Action: string[]; Resource: string[] }[];
    };
    const ofTable = Statement.filter(({ Action }) => Action.some((action) => action.startsWith("dynamodb:")));
    expect(ofTable.map(({ Action, Resource }) => [Action, Resource])).to.deep.equal([
      [["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"], [STREAM_ARN]],
      [["dynamodb:ListStreams"], ["arn:aws:test:::orders-table/stream/*"]],
    ]);
  });

  it("go to the bucket that was given when they are given up", async () => {
    const resources = recordResources();
    const failures = new Bucket("mine");
    const table = new Table("orders", { partitionKey: "pk", changes: true, failures });
    await resolved(table.onChange("publish", { callback }).arn);
    expect(resources.filter(({ type }) => type === "aws:s3/bucket:Bucket")).to.have.length(1);
  });

  it("are refused where the table keeps none, naming the cure", () => {
    recordResources();
    const table = new Table("orders", { partitionKey: "pk" });
    expect(() => table.onChange("publish", { callback })).to.throw(
      'Table "orders": onChange("publish") needs the table\'s changes, which it does not keep. Create it with changes: true.',
    );
  });

  for (const [args, message] of [
    [{ batchSize: 0 }, /batchSize is 0/],
    [
      { maximumRecordAgeInSeconds: 80_000 },
      /above 0.8 of the time that changes are kept \(86400 s\).*at most 69120\.$/,
    ],
    [{ tumblingWindowInSeconds: 60, parallelizationFactor: 2 }, /parallelizationFactor is 2 with a tumbling/],
    [{ filters: [{ data: ["x"] }] }, /a filter is on "data"; .*"eventName", "dynamodb" and "userIdentity"/],
    [{ retries: 5 } as object, /unknown argument "retries"/],
  ] as [Partial<ChangeSubscriptionArgs>, RegExp][]) {
    it(`refuse ${JSON.stringify(args)}, naming the subscription`, () => {
      recordResources();
      const table = new Table("orders", { partitionKey: "pk", changes: true });
      expect(() => table.onChange("publish", { callback, ...args }))
        .to.throw(message)
        .with.property("message")
        .that.contains('Table subscription "orders/publish"');
    });
  }
});

// Not proven here: that AWS accepts the mapping; how changes are delivered locally is in tests/sources/table.test.ts.
