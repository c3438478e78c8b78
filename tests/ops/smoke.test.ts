import { expect } from "chai";
import type { Reading } from "../../functions/shared/reading.ts";
import { check } from "../../ops/smoke/checks.ts";
import { aggregates, sameAggregate } from "../../ops/smoke/expected.ts";
import { distinct, type LakeLine } from "../../ops/smoke/lake.ts";
import { malformed } from "../../ops/smoke/malformed.ts";
import { failures } from "../../ops/smoke/report.ts";

const reading = (at: string, value: number, metric = "m"): Reading => ({ deviceId: "d", metric, value, at });

describe("the demo's expectations", () => {
  it("aggregate what was sent by bucket, from the readings alone", () => {
    const sent = [
      reading("2026-01-01T00:10:00Z", 3),
      reading("2026-01-01T00:05:00Z", 1),
      reading("2026-01-01T01:00:00Z", 5),
    ];
    expect([
      ...aggregates([...sent, reading("2026-01-01T00:00:00Z", 9, "other")], "m", "hour"),
    ]).to.deep.equal([
      ["2026-01-01T00", { count: 2, sum: 4, min: 1, max: 3, last: 3 }],
      ["2026-01-01T01", { count: 1, sum: 5, min: 5, max: 5, last: 5 }],
    ]);
  });

  it("are not met by one reading more, less, or another", () => {
    const wanted = { count: 2, sum: 0.3, min: 0.1, max: 0.2, last: 0.2 };
    expect(sameAggregate({ ...wanted, sum: 0.1 + 0.2 }, wanted)).to.equal(true);
    for (const change of [
      { count: 3 },
      { count: 1 },
      { sum: 0.31 },
      { min: 0 },
      { max: 0.3 },
      { last: 0.1 },
    ]) {
      expect(sameAggregate({ ...wanted, ...change }, wanted)).to.equal(false);
    }
  });

  it("count lines of the lake that were written twice once", () => {
    const line = (sequence: string, index: number | null): LakeLine => ({ shard: "s", sequence, index });
    expect(distinct([line("1", 0), line("1", 0), line("1", 1), line("2", null)])).to.have.length(3);
  });

  it("mark every malformed record, so that a shared stack's quarantine can be searched", () => {
    const all = malformed("mark-1", Date.parse("2026-01-31T00:00:00Z"));
    expect(all).to.have.length(7);
    expect(all.every(({ text }) => text.includes("mark-1"))).to.equal(true);
    expect(new Set(all.map(({ text }) => text)).size).to.equal(7);
  });

  it("fail with the name, the expected and the found value", () => {
    const checks = [check("a", 1, 1), check("b", 2, 3)];
    expect(failures(checks, [])).to.deep.equal(["  b: expected 2, found 3"]);
    expect(failures([check("a", 1, 1)], ["0 environments died"])).to.deep.equal(["  0 environments died"]);
  });
});
