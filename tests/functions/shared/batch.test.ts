import { expect } from "chai";
import {
  arrayProblem,
  arrivalOf,
  groupByShard,
  NotStartedError,
  padSequence,
  parsePayload,
  settleBounded,
} from "../../../functions/shared/batch.ts";
import { MAX_READINGS, MAX_RECORD_BYTES } from "../../../functions/shared/reading.ts";
import { NOW, record } from "../fakes.ts";

const base64 = (text: string) => Buffer.from(text).toString("base64");

describe("functions/shared: batch", () => {
  it("pads sequence numbers so that texts sort as numbers", () => {
    expect(padSequence("9") < padSequence("10")).to.equal(true);
    expect(padSequence("1".repeat(56))).to.equal("1".repeat(56));
  });

  it("groups by shard and keeps each shard's order", () => {
    const records = ["a", "b", "a"].map((shard, number) => record("{}", { shard, number }));
    const groups = groupByShard(records);
    expect([...groups.keys()]).to.deep.equal(["a", "b"]);
    expect(groups.get("a")).to.deep.equal([records[0], records[2]]);
  });

  it("reads the arrival in milliseconds", () => {
    expect(arrivalOf(record("{}", { arrivedAt: NOW + 123 }))).to.equal(NOW + 123);
  });

  it("parses base64 JSON", () => {
    expect(parsePayload(base64('{"a":[1]}'))).to.deep.equal({ a: [1] });
  });

  const refused: [string, string, string][] = [
    ["what is not JSON", base64("{a"), "not JSON"],
    ["nothing", "", "not JSON"],
    ["a byte order mark", base64("\ufeff{}"), "not JSON"],
    ["what is not base64", "{}", "not base64"],
    [
      "a record that is too large",
      base64(`"${"x".repeat(MAX_RECORD_BYTES)}"`),
      "record is over 524288 bytes",
    ],
    [
      "a record that is a byte too large",
      base64(`"${"x".repeat(MAX_RECORD_BYTES - 1)}"`),
      "record is over 524288 bytes",
    ],
  ];
  for (const [name, data, reason] of refused) {
    it(`refuses ${name}`, () => {
      expect(() => parsePayload(data)).to.throw(reason);
    });
  }

  it("takes a record of exactly the largest size", () => {
    expect(parsePayload(base64(`"${"x".repeat(MAX_RECORD_BYTES - 2)}"`))).to.have.length(
      MAX_RECORD_BYTES - 2,
    );
  });

  it("bounds an array", () => {
    expect(arrayProblem([])).to.equal("an empty array");
    expect(arrayProblem(new Array(MAX_READINGS).fill(0))).to.equal(undefined);
    expect(arrayProblem(new Array(MAX_READINGS + 1).fill(0))).to.match(
      /501 readings in one record, at most 500/,
    );
  });

  it("runs at most so many at once, and reports each failure in its place", async () => {
    // Prepare
    let running = 0;
    let most = 0;
    const work = async (item: number) => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setImmediate(resolve));
      running--;
      if (item % 4 === 0) throw new Error(`failed ${item}`);
    };

    // Act
    const results = await settleBounded([1, 2, 3, 4, 5, 6, 7, 8], work, { limit: 3, maxFailures: 9 });

    // Assess
    expect(most).to.equal(3);
    expect(results.map((result) => result?.message)).to.deep.equal([
      ...[undefined, undefined, undefined, "failed 4"],
      ...[undefined, undefined, undefined, "failed 8"],
    ]);
  });

  it("starts nothing more after too many failures", async () => {
    const fail = async () => {
      throw new Error("down");
    };
    const results = await settleBounded([1, 2, 3, 4], fail, { limit: 1, maxFailures: 2 });
    expect(results.map((result) => result instanceof NotStartedError)).to.deep.equal([
      false,
      false,
      true,
      true,
    ]);
  });
});
