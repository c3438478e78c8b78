import { expect } from "chai";
import {
  BackfillError,
  jobsOf,
  latestHours,
  parseBackfill,
} from "../../../functions/plan-compaction/core.ts";
import type { Manifest } from "../../../functions/shared/lake/manifest.ts";

const HOUR = "2026-01-31T12";

function manifest(over: Partial<Manifest> = {}): Manifest {
  const counts = { rows: 1, redelivered: 0, repeated: 0, refused: 0 };
  return { hour: HOUR, bucket: 0, buckets: 1, sources: "s", objects: 1, files: [], ...counts, ...over };
}

describe("plan-compaction", () => {
  it("looks at the last 48 arrival hours, the current one included", () => {
    const hours = latestHours(Date.UTC(2026, 0, 31, 12, 59));
    expect([hours.length, hours[0], hours.at(-1)]).to.deep.equal([48, "2026-01-29T13", HOUR]);
  });

  it("queues a job for each bucket that was not built from what there is, and none for the others", () => {
    const state = { hour: HOUR, sources: "s", objects: 1 };
    expect(jobsOf({ ...state, manifests: [manifest()] }, 1)).to.deep.equal([]);
    expect(jobsOf({ ...state, manifests: [manifest({ sources: "older" })] }, 1)).to.deep.equal([
      { hour: HOUR, bucket: 0, buckets: 1 },
    ]);
    expect(jobsOf({ ...state, manifests: [manifest({ buckets: 2 })] }, 2)).to.deep.equal([
      { hour: HOUR, bucket: 1, buckets: 2 },
    ]);
    expect(jobsOf({ ...state, objects: 0, manifests: [] }, 64)).to.deep.equal([]);
  });

  it("builds an hour again when the buckets change, and clears those that are no more", () => {
    const files = [{ key: "k", eTag: "e", rows: 1 }];
    const manifests = [manifest({ buckets: 2, files }), manifest({ bucket: 1, buckets: 2, files })];
    expect(jobsOf({ hour: HOUR, sources: "s", objects: 1, manifests }, 1)).to.deep.equal([
      { hour: HOUR, bucket: 0, buckets: 1 },
      { hour: HOUR, bucket: 1, buckets: 1 },
    ]);
  });

  it("builds again what has not changed only when forced", () => {
    const state = { hour: HOUR, sources: "s", objects: 1, manifests: [manifest()] };
    expect(jobsOf(state, 1, true)).to.deep.equal([{ hour: HOUR, bucket: 0, buckets: 1, force: true }]);
  });

  it("takes hours and days, both ends included", () => {
    expect(parseBackfill('{"from":"2026-01-31T23","to":"2026-02-01T00"}').hours).to.deep.equal([
      "2026-01-31T23",
      "2026-02-01T00",
    ]);
    expect(parseBackfill('{"from":"2026-01-31","to":"2026-01-31","force":true}')).to.deep.include({
      force: true,
    });
    expect(parseBackfill('{"from":"2026-01-01","to":"2026-01-31"}').hours.length).to.equal(744);
  });

  for (const [name, body] of [
    ["no JSON", "{"],
    ["no object", "[]"],
    ["a day that does not exist", '{"from":"2026-02-30","to":"2026-03-01"}'],
    ["from after to", '{"from":"2026-02-02","to":"2026-02-01"}'],
    ["more than 31 days", '{"from":"2026-01-01","to":"2026-02-01"}'],
    ["something else than text", '{"from":1,"to":2}'],
  ] as const) {
    it(`refuses ${name}`, () => {
      expect(() => parseBackfill(body)).to.throw(BackfillError);
    });
  }
});
