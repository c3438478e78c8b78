import { expect } from "chai";
import { Table, type TableArgs } from "../../components/table.ts";
import { find, recordResources, resolved, settled } from "../helpers/mocks.ts";

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
