import { expect } from "chai";
import { TooManyRequestsException } from "../../../local/lambda/results.ts";
import { Bed, type FakeEvent, textOf } from "./bed.ts";

const numbers = (count: number, first = 1): string[] =>
  Array.from({ length: count }, (_, index) => String(first + index));

const failure = (record: FakeEvent["Records"][number] | undefined) => ({
  batchItemFailures: [{ itemIdentifier: record?.kinesis.sequenceNumber }],
});

/** Fails the whole invocation when one of its records has this text. */
const failOn = (text: string) => (event: FakeEvent) => {
  if (event.Records.some((record) => textOf(record) === text)) throw new Error("poison");
};

describe("stream source failures", () => {
  let bed: Bed;

  afterEach(() => bed.stop());

  describe("a failed batch", () => {
    it("is tried again after 1 s, doubling, eight times in the first minute, and holds its shard", async () => {
      bed = new Bed({ handler: failOn("bad") });
      await bed.start();
      await bed.put(["bad"]);
      await bed.put(["next"]);
      await bed.clock.advance(60_000);
      const start = bed.times[0] ?? 0;
      expect(bed.times.map((time) => (time - start) / 1_000)).to.deep.equal([0, 1, 3, 7, 15, 30, 45, 60]);
      expect(bed.invocations.flat()).not.to.include("next");
      bed.handler = () => null;
      await bed.clock.advance(15_000);
      expect(bed.invocations.slice(-2)).to.deep.equal([["bad"], ["next"]]);
    });

    it("is halved until the bad record is alone, which spends no retry and no time", async () => {
      bed = new Bed({ handler: failOn("3") });
      await bed.put(numbers(8));
      await bed.start({ bisectBatchOnFunctionError: true, maximumRetryAttempts: 1 });
      expect(bed.invocations).to.deep.equal([numbers(8), numbers(4), ["1", "2"], ["3", "4"], ["3"]]);
      await bed.clock.advance(1_000);
      expect(bed.invocations.slice(5)).to.deep.equal([["3"], ["4"], ["5", "6", "7", "8"]]);
      expect(bed.batches("discarded").map((batch) => batch.size)).to.deep.equal([1]);
    });

    it("is given up after its retries, and the shard moves on", async () => {
      bed = new Bed({ handler: failOn("2") });
      await bed.put(["1", "2", "3"]);
      await bed.start({ maximumRetryAttempts: 2 });
      await bed.put(["4"]);
      await bed.clock.advance(3_000);
      expect(bed.invocations).to.deep.equal([["1", "2", "3"], ["1", "2", "3"], ["1", "2", "3"], ["4"]]);
      expect(bed.batches("discarded")[0]).to.include({
        size: 3,
        condition: "RetryAttemptsExhausted",
        attempt: 3,
      });
    });

    it("waits out throttles without spending a retry", async () => {
      let throttles = 3;
      bed = new Bed({
        handler: () => {
          throttles -= 1;
          if (throttles >= 0)
            throw new TooManyRequestsException("ReservedFunctionConcurrentInvocationLimitExceeded");
        },
      });
      await bed.put(["a"]);
      await bed.start({ maximumRetryAttempts: 0 });
      await bed.clock.advance(7_000);
      expect(bed.invocations).to.have.length(4);
      expect(bed.batches("ok")).to.have.length(1);
      expect(bed.batches("discarded")).to.have.length(0);
    });

    it("loses only its expired records", async () => {
      bed = new Bed({ handler: () => Promise.reject(new Error("down")) });
      await bed.put(["old"]);
      await bed.clock.advance(50_000);
      await bed.put(["young"]);
      await bed.start({ maximumRecordAgeInSeconds: 60 });
      await bed.clock.advance(20_000);
      expect(bed.batches("discarded")).to.have.length(1);
      expect(bed.batches("discarded")[0]).to.include({ size: 1, condition: "RecordAgeExceeded" });
      expect(bed.invocations[0]).to.deep.equal(["old", "young"]);
      expect(bed.invocations.at(-1)).to.deep.equal(["young"]);
    });
  });

  describe("a partial failure", () => {
    const REPORT = { functionResponseTypes: ["ReportBatchItemFailures"] };

    it("is cut at the lowest failed record, and the rest tried again", async () => {
      let tries = 0;
      bed = new Bed({
        handler: (event) => {
          tries += 1;
          if (tries > 1) return {};
          return {
            batchItemFailures: [5, 3].map((index) => failure(event.Records[index]).batchItemFailures[0]),
          };
        },
      });
      await bed.put(numbers(6));
      await bed.start(REPORT);
      await bed.clock.advance(1_000);
      expect(bed.invocations).to.deep.equal([numbers(6), ["4", "5", "6"]]);
      expect(bed.batches().map((batch) => batch.outcome)).to.deep.equal(["partial", "ok"]);
    });

    it("with bisecting goes on at once and isolates the record that keeps failing", async () => {
      bed = new Bed({
        handler: (event) => {
          const bad = event.Records.find((record) => textOf(record) === "2");
          return bad ? failure(bad) : null;
        },
      });
      await bed.put(numbers(5));
      await bed.start({ ...REPORT, bisectBatchOnFunctionError: true, maximumRetryAttempts: 0 });
      expect(bed.batches("discarded").map((batch) => batch.size)).to.deep.equal([1]);
      expect(bed.batches("ok").map((batch) => batch.size)).to.deep.equal([1, 2]);
    });

    for (const [what, answer] of Object.entries({
      null: null,
      "an empty string": "",
      "an empty list": [],
      "an empty object": {},
      "no failures": { batchItemFailures: [] },
      "null failures": { batchItemFailures: null },
    })) {
      it(`does not come of ${what}`, async () => {
        bed = new Bed({ handler: () => answer });
        await bed.put(["a"]);
        await bed.start(REPORT);
        expect(bed.batches().map((batch) => batch.outcome)).to.deep.equal(["ok"]);
      });
    }

    for (const [what, item] of Object.entries({
      "an empty identifier": { itemIdentifier: "" },
      "a null identifier": { itemIdentifier: null },
      "an unknown identifier": { itemIdentifier: "12345" },
      "a missing identifier": {},
      "a wrong key": { identifier: "x" },
    })) {
      it(`is a whole failure with ${what}`, async () => {
        bed = new Bed({ handler: () => ({ batchItemFailures: [item] }) });
        await bed.put(["a", "b"]);
        await bed.start(REPORT);
        expect(bed.batches().map((batch) => batch.outcome)).to.deep.equal(["failed"]);
      });
    }

    it("is ignored when the mapping does not ask for it", async () => {
      bed = new Bed({ handler: (event) => failure(event.Records[0]) });
      await bed.put(["a"]);
      await bed.start();
      expect(bed.batches().map((batch) => batch.outcome)).to.deep.equal(["ok"]);
    });
  });
});
