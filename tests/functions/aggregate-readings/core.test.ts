import { expect } from "chai";
import fc from "fast-check";
import { foldRecords } from "../../../functions/aggregate-readings/core.ts";
import { fromItem, toItem, toLatestItem } from "../../../functions/aggregate-readings/items.ts";
import { type Aggregate, applyDelta, standingOf } from "../../../functions/aggregate-readings/summary.ts";
import { event, NOW, reading, record, SHARD, sequence } from "../fakes.ts";

function byResolution(records: Parameters<typeof foldRecords>[0], resolution: string) {
  return foldRecords(records).deltas.filter((delta) => delta.resolution === resolution);
}

const batch = { shard: SHARD, through: sequence(9) };

describe("aggregate-readings: fold", () => {
  it("folds a batch to one delta for each series and bucket", () => {
    // Prepare
    const { Records } = event(
      reading({ value: 3, at: "2026-01-31T11:59:10Z" }),
      reading({ value: -1, at: "2026-01-31T11:59:50Z" }),
      reading({ value: 7, at: "2026-01-31T11:58:00Z" }),
      reading({ value: 1, at: "2026-01-30T11:58:00Z" }),
      reading({ value: 9, metric: "wind" }),
    );

    // Act
    const folded = foldRecords(Records);

    // Assess
    const temperature = folded.deltas.filter(({ metric }) => metric === "temperature");
    const counts = temperature.map(({ resolution, start, count }) => [
      resolution,
      new Date(start).toISOString(),
      count,
    ]);
    expect(counts).to.deep.equal([
      ["minute", "2026-01-31T11:59:00.000Z", 2],
      ["minute", "2026-01-31T11:58:00.000Z", 1],
      ["minute", "2026-01-30T11:58:00.000Z", 1],
      ["hour", "2026-01-31T11:00:00.000Z", 3],
      ["hour", "2026-01-30T11:00:00.000Z", 1],
      ["day", "2026-01-31T00:00:00.000Z", 3],
      ["day", "2026-01-30T00:00:00.000Z", 1],
    ]);
    expect(temperature[3]).to.include({ sum: 9, min: -1, max: 7, last: -1, firstIndex: 0, lastIndex: 2 });
    expect(folded).to.include({ readings: 5, invalid: 0 });
  });

  it("takes the reading with the greatest time as the last, and of two alike the later sent", () => {
    const { Records } = event(
      [reading({ value: 1, at: "2026-01-31T11:59:50Z" }), reading({ value: 2, at: "2026-01-31T11:59:50Z" })],
      reading({ value: 3, at: "2026-01-31T11:59:00Z" }),
    );
    const { latest, deltas } = foldRecords(Records);
    expect(deltas[0]).to.include({ last: 2, lastSequence: sequence(1) });
    expect(latest).to.deep.equal([
      {
        deviceId: "d1",
        metric: "temperature",
        value: 2,
        at: Date.UTC(2026, 0, 31, 11, 59, 50),
        sequence: sequence(1),
        firstIndex: 0,
      },
    ]);
  });

  it("leaves out what is invalid, and nothing else", () => {
    const { Records } = event("{", "[]", reading({ value: 1e16 }), [reading(), 7, reading()], reading());
    expect(foldRecords(Records)).to.include({ readings: 3, invalid: 4 });
  });

  it("judges a reading by the arrival of its record, so that a late retry decides alike", () => {
    const old = reading({ at: "2025-12-31T12:00:00Z" });
    expect(foldRecords([record(old, { arrivedAt: NOW })]).readings).to.equal(1);
    expect(foldRecords([record(old, { arrivedAt: NOW + 1000 })]).readings).to.equal(0);
  });

  it("leaves out records up to a sequence number", () => {
    const { Records } = event(reading({ value: 1 }), reading({ value: 2 }), reading({ value: 4 }));
    const { deltas } = foldRecords(Records, { after: sequence(2) });
    expect(deltas[0]).to.include({ count: 1, sum: 4, firstIndex: 2 });
  });

  it("puts an instant before 1970 into its own minute", () => {
    const [delta] = byResolution(
      [record(reading({ at: "1969-12-31T23:59:30Z" }), { arrivedAt: 0 })],
      "minute",
    );
    expect(delta?.start).to.equal(-60_000);
  });

  it("has no trouble with a device named like an object's own properties", () => {
    const { Records } = event(reading({ deviceId: "constructor", metric: "__proto__" }));
    expect(foldRecords(Records).deltas[0]).to.include({
      deviceId: "constructor",
      metric: "__proto__",
      count: 1,
    });
  });
});

describe("aggregate-readings: apply", () => {
  const stored: Aggregate = {
    ...{ count: 1, sum: 5, sumLow: 0, min: 5, max: 5, last: 5, lastAt: NOW, lastSequence: sequence(1) },
    applied: new Map([[SHARD, sequence(3)]]),
  };

  it("knows what a stored aggregate has of a batch", () => {
    const range = (first: number, last: number) => ({ first: sequence(first), last: sequence(last) });
    expect(standingOf(undefined, SHARD, range(1, 2))).to.equal("new");
    expect(standingOf(stored, "shardId-000000000001", range(1, 2))).to.equal("new");
    expect(standingOf(stored, SHARD, range(4, 5))).to.equal("new");
    expect(standingOf(stored, SHARD, range(1, 3))).to.equal("applied");
    expect(standingOf(stored, SHARD, range(2, 4))).to.deep.equal({ partlyAppliedUpTo: sequence(3) });
  });

  it("merges, and remembers up to where it has applied the shard beside the others", () => {
    const [delta] = foldRecords(event(reading({ value: 2, at: "2026-01-31T11:00:00Z" })).Records).deltas;
    const next = applyDelta(stored, delta!, { shard: "other", through: sequence(9) });
    expect(next).to.include({ count: 2, sum: 7, min: 2, max: 5, last: 5, lastAt: NOW });
    expect([...next.applied]).to.deep.equal([
      [SHARD, sequence(3)],
      ["other", sequence(9)],
    ]);
  });

  it("gives the exact sum, rounded once, however the readings are cut into batches", () => {
    const cents = fc.array(fc.integer({ min: -1e9, max: 1e9 }), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(cents, fc.integer({ min: 1, max: 60 }), (values, cut) => {
        // Prepare
        const sent = values.map((value) => reading({ value: value / 64, at: "2026-01-31T11:59:00Z" }));
        const scaled = values.reduce((sum, value) => sum + BigInt(value), 0n);

        // Act
        let aggregate: Aggregate | undefined;
        for (let start = 0; start < sent.length; start += cut) {
          const [delta] = foldRecords(event(...sent.slice(start, start + cut)).Records).deltas;
          aggregate = applyDelta(aggregate, delta!, batch);
        }

        // Assess
        expect(aggregate!.sum + aggregate!.sumLow).to.equal(Number(scaled) / 64);
      }),
    );
  });

  it("adds a million tenths to a hundred thousand", () => {
    const sent = new Array(500).fill(reading({ value: 0.1 }));
    const [delta] = foldRecords([record(sent)]).deltas;
    let aggregate: Aggregate | undefined;
    for (let batches = 0; batches < 2000; batches++) aggregate = applyDelta(aggregate, delta!, batch);
    expect(aggregate!.sum + aggregate!.sumLow).to.equal(100_000);
  });

  it("stores as zero what is too small for DynamoDB, and no negative zero", () => {
    for (const value of [1e-320, -1e-131, -0]) {
      const [delta] = foldRecords([
        record(`{"deviceId":"d","metric":"m","value":${value},"at":"2026-01-31T12:00:00Z"}`),
      ]).deltas;
      const item = toItem(delta!, applyDelta(undefined, delta!, batch));
      expect([item.sum?.N, item.min?.N, item.max?.N, item.last?.N], String(value)).to.deep.equal([
        "0",
        "0",
        "0",
        "0",
      ]);
    }
  });
});

describe("aggregate-readings: items", () => {
  it("reads back exactly what it wrote", () => {
    const double = fc.double({ min: -1e15, max: 1e15, noNaN: true });
    fc.assert(
      fc.property(fc.array(double, { minLength: 1, maxLength: 20 }), (values) => {
        const [delta] = foldRecords([record(values.map((value) => reading({ value })))]).deltas;
        const aggregate = applyDelta(undefined, delta!, batch);
        expect(fromItem(toItem(delta!, aggregate))).to.deep.equal(aggregate);
      }),
    );
  });

  it("writes sums beyond the safe integers, and expiry in seconds", () => {
    const [delta] = foldRecords([record(new Array(100).fill(reading({ value: 1e15 })))]).deltas;
    const item = toItem(delta!, applyDelta(undefined, delta!, batch));
    expect(item.sum).to.deep.equal({ N: "100000000000000000" });
    expect(item.expiresAt).to.deep.equal({ N: String(Date.UTC(2026, 2, 10, 11, 59) / 1000) });
    expect([item.pk, item.sk]).to.deep.equal([{ S: "d1#temperature" }, { S: "minute#2026-01-31T11:59" }]);
  });

  it("writes a latest reading under its device", () => {
    const [latest] = foldRecords(event(reading()).Records).latest;
    expect(toLatestItem(latest!)).to.deep.equal({
      pk: { S: "d1" },
      sk: { S: "latest#temperature" },
      value: { N: "21.5" },
      at: { N: String(Date.UTC(2026, 0, 31, 11, 59, 30)) },
      sequence: { S: sequence(1) },
    });
  });
});
