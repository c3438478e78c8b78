import { expect } from "chai";
import { aggregateReadings } from "../../../functions/aggregate-readings/handler.ts";
import { createWarmCache } from "../../../functions/aggregate-readings/write.ts";
import { deviceKey } from "../../../functions/shared/keys.ts";
import { event, FakeDynamoDb, NOW, reading, record, sequence, silent } from "../fakes.ts";

function prepare() {
  const table = new FakeDynamoDb();
  const metrics: Record<string, number>[] = [];
  const cache = createWarmCache();
  const emit = (_service: string, values: Record<string, number>) => metrics.push(values);
  const lags: [string, readonly number[]][] = [];
  const emitAll = (_service: string, values: [string, readonly number[]]) => lags.push(values);
  const now = () => NOW;
  const deps = { table: "readings", client: table.client, cache, logger: silent, emit, emitAll, now };
  return { table, metrics, lags, deps };
}

const HOUR = ["d1#temperature", "hour#2026-01-31T11"] as const;

function failing(name: string, matches: (input: { Item?: { pk?: { S?: string } } }) => boolean) {
  return async (run: () => unknown, command: string, input: unknown) => {
    if (command === name && matches(input as object)) throw new Error("internal server error");
    return run();
  };
}

describe("aggregate-readings: handler", () => {
  it("writes three resolutions, the latest reading and the device", async () => {
    const { table, deps } = prepare();
    expect(await aggregateReadings(event(reading()), deps)).to.deep.equal({ batchItemFailures: [] });
    const device = deviceKey("d1");
    expect([...table.items.keys()].sort()).to.deep.equal(
      [
        "d1#temperature minute#2026-01-31T11:59",
        "d1#temperature hour#2026-01-31T11",
        "d1#temperature day#2026-01-31",
        "d1 latest#temperature",
        `${device.pk} ${device.sk}`,
      ].sort(),
    );
  });

  it("counts the same batch once, from a warm and from a cold environment", async () => {
    const { table, deps, metrics } = prepare();
    const batch = event(reading(), reading({ value: 1 }));
    await aggregateReadings(batch, deps);
    await aggregateReadings(batch, deps);
    await aggregateReadings(batch, { ...deps, cache: createWarmCache() });
    expect(table.item(...HOUR)?.count).to.deep.equal({ N: "2" });
    expect(metrics[1]).to.include({ aggregatesWritten: 0, aggregatesAlreadyApplied: 3 });
  });

  it("reads nothing for what it knows from the batch before", async () => {
    const { table, deps } = prepare();
    await aggregateReadings(event(reading()), deps);
    table.sent.length = 0;
    await aggregateReadings({ Records: [record(reading(), { number: 2 })] }, deps);
    expect(table.sent.filter((name) => name === "BatchGetItemCommand")).to.deep.equal([]);
    expect(table.item(...HOUR)?.count).to.deep.equal({ N: "2" });
  });

  it("writes each device to the index once in an environment", async () => {
    const { table, deps } = prepare();
    for (let number = 1; number <= 3; number++) {
      await aggregateReadings({ Records: [record(reading(), { number })] }, deps);
    }
    const { pk } = deviceKey("d1");
    expect([...table.items.keys()].filter((id) => id.startsWith(pk))).to.have.length(1);
    // Three aggregates a batch; the latest reading did not change, the device was known.
    expect(table.sent.filter((name) => name === "PutItemCommand")).to.have.length(3 * 3 + 3 + 1);
  });

  it("folds again from the item that stands in the way when another environment was faster", async () => {
    const { table, deps, metrics } = prepare();
    const other = { ...deps, cache: createWarmCache() };
    await aggregateReadings({ Records: [record(reading({ value: 1 }), { number: 1, shard: "a" })] }, deps);
    await aggregateReadings({ Records: [record(reading({ value: 2 }), { number: 2, shard: "b" })] }, other);
    await aggregateReadings({ Records: [record(reading({ value: 4 }), { number: 3, shard: "a" })] }, deps);
    expect(table.item(...HOUR)).to.deep.include({ count: { N: "3" }, sum: { N: "7" } });
    expect(metrics[2]).to.include({ writeConflicts: 3 });
  });

  it("names the first record with work left when a write fails, and finishes the rest", async () => {
    // Prepare
    const { table, deps } = prepare();
    const batch = event(reading(), reading({ deviceId: "d2" }), reading(), reading({ deviceId: "d2" }));
    table.around = failing("PutItemCommand", ({ Item }) => Item?.pk?.S === "d2#temperature");

    // Act
    const first = await aggregateReadings(batch, deps);
    table.around = async (run) => run();
    const second = await aggregateReadings({ Records: batch.Records.slice(1) }, deps);

    // Assess
    expect(first).to.deep.equal({ batchItemFailures: [{ itemIdentifier: sequence(2) }] });
    expect(second).to.deep.equal({ batchItemFailures: [] });
    expect(table.item(...HOUR)?.count).to.deep.equal({ N: "2" });
    expect(table.item("d2#temperature", HOUR[1])?.count).to.deep.equal({ N: "2" });
  });

  it("gives a table that is down up early", async () => {
    const { table, deps } = prepare();
    table.around = failing("PutItemCommand", () => true);
    const many = Array.from({ length: 400 }, (_, index) => reading({ deviceId: `d${index}` }));
    const { batchItemFailures } = await aggregateReadings(event(...many), deps);
    expect(batchItemFailures).to.deep.equal([{ itemIdentifier: sequence(1) }]);
    expect(table.sent.filter((name) => name === "PutItemCommand").length).to.be.lessThan(60);
  });

  it("fails the batch before it writes anything when it cannot read", async () => {
    const { table, deps } = prepare();
    table.around = failing("BatchGetItemCommand", () => true);
    const failure = await aggregateReadings(event(reading()), deps).catch((error: Error) => error);
    expect(failure).to.be.an("error").with.property("message", "internal server error");
    expect(table.items.size).to.equal(0);
  });

  it("counts invalid readings and goes on", async () => {
    const { table, deps, metrics } = prepare();
    const result = await aggregateReadings(event("{", reading(), reading({ value: "x" })), deps);
    expect(result.batchItemFailures).to.deep.equal([]);
    expect(metrics[0]).to.include({ readingsAccepted: 1, invalidReadings: 2, failedBatches: 0 });
    expect(table.item(...HOUR)?.count).to.deep.equal({ N: "1" });
  });

  it("tells how long each reading took from its device to the table, none of an unfinished batch", async () => {
    const { table, lags, deps } = prepare();
    const batch = event(reading(), reading({ at: "2026-01-31T12:00:05Z" }), "{");
    table.around = failing("PutItemCommand", () => true);
    await aggregateReadings(batch, deps);
    expect(lags).to.deep.equal([]);
    table.around = async (run) => run();
    await aggregateReadings(batch, deps);
    expect(lags).to.deep.equal([["ingestLag", [30_000, 0]]]);
  });

  it("keeps the latest reading when an older one comes later", async () => {
    const { table, deps } = prepare();
    await aggregateReadings({ Records: [record(reading({ value: 1 }), { number: 1 })] }, deps);
    const older = reading({ value: 2, at: "2026-01-31T11:00:00Z" });
    const cold = { ...deps, cache: createWarmCache() };
    await aggregateReadings({ Records: [record(older, { number: 2 })] }, cold);
    expect(table.item("d1", "latest#temperature")?.value).to.deep.equal({ N: "1" });
  });

  it("stays exact when its cache holds almost nothing", async () => {
    const { table, deps } = prepare();
    const tiny = { ...deps, cache: createWarmCache(1) };
    for (let number = 1; number <= 5; number++) {
      const records = [record([reading(), reading({ deviceId: "d2" })], { number })];
      await aggregateReadings({ Records: records }, tiny);
    }
    expect(table.item(...HOUR)?.count).to.deep.equal({ N: "5" });
    expect(tiny.cache.aggregates.size).to.equal(1);
  });
});
