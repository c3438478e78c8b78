import { expect } from "chai";
import fc from "fast-check";
import { cutBatch, windowLeft } from "../../../local/kit/batcher.ts";
import { backoffMs, nextStep } from "../../../local/kit/retry.ts";

const sizeOf = (size: number) => size;
const rules = { records: 9, bytes: 10, sizeOf };

describe("cutBatch", () => {
  it("cuts at the number of records and at the bytes, and says whether more would fit", () => {
    expect(cutBatch([1, 1, 1], { ...rules, records: 2 })).to.deep.equal({ count: 2, bytes: 2, full: true });
    expect(cutBatch([4, 4, 4], rules)).to.deep.equal({ count: 2, bytes: 8, full: true });
    expect(cutBatch([4], rules)).to.deep.equal({ count: 1, bytes: 4, full: false });
    expect(cutBatch([], rules)).to.deep.equal({ count: 0, bytes: 0, full: false });
  });

  it("gives an item beyond the bytes a batch of its own", () => {
    expect(cutBatch([20, 1], rules)).to.deep.equal({ count: 1, bytes: 20, full: true });
  });

  it("stops before an item that does not belong", () => {
    const belongs = (size: number) => size < 5;
    expect(cutBatch([1, 1, 5], { ...rules, belongs })).to.deep.equal({ count: 2, bytes: 2, full: true });
  });

  it("goes on from an earlier cut, looking only at what came since", () => {
    const arrivals = fc.array(fc.integer({ min: 1, max: 12 }), { maxLength: 15 });
    fc.assert(
      fc.property(arrivals, fc.nat(15), (items, seen) => {
        const looked: number[] = [];
        const earlier = cutBatch(items.slice(0, seen), rules);
        fc.pre(!earlier.full);
        const cut = cutBatch(items, { ...rules, sizeOf: (size) => looked.push(size) && size }, earlier);
        expect(cut).to.deep.equal(cutBatch(items, rules));
        expect(looked.length).to.be.at.most(items.length - earlier.count);
      }),
    );
  });

  it("tells how much of a window is left", () => {
    expect([windowLeft(100, 50, 120), windowLeft(100, 50, 151)]).to.deep.equal([30, 0]);
  });
});

describe("nextStep", () => {
  it("waits 1 s, doubling, at most 15 s", () => {
    expect([1, 2, 3, 4, 5, 6, 9_999].map(backoffMs)).to.deep.equal([
      1_000, 2_000, 4_000, 8_000, 15_000, 15_000, 15_000,
    ]);
  });

  it("halves a batch without spending a retry, and retries a single record", () => {
    const policy = { bisect: true, maximumRetryAttempts: 1 };
    expect(nextStep({ size: 5, retries: 0, failedFrom: 0 }, policy)).to.deep.equal({ kind: "split", at: 3 });
    expect(nextStep({ size: 1, retries: 0, failedFrom: 0 }, policy)).to.include({
      kind: "retry",
      retries: 1,
    });
    expect(nextStep({ size: 1, retries: 1, failedFrom: 0 }, policy)).to.include({ kind: "discard" });
  });

  it("begins a cut batch's retries anew, its first record having failed once", () => {
    const policy = { bisect: false, maximumRetryAttempts: 2 };
    expect(nextStep({ size: 9, retries: 2, failedFrom: 4 }, policy)).to.deep.equal({
      kind: "retry",
      from: 4,
      retries: 1,
      delayMs: 1_000,
    });
    expect(nextStep({ size: 9, retries: 2, failedFrom: 0 }, policy)).to.include({ kind: "discard", from: 0 });
    const none = { bisect: false, maximumRetryAttempts: 0 };
    expect(nextStep({ size: 9, retries: 0, failedFrom: 4 }, none)).to.include({ kind: "discard", from: 4 });
  });

  it("never gives up with -1, and always makes progress with a limit", () => {
    const step = fc.record({
      size: fc.integer({ min: 1, max: 100 }),
      retries: fc.nat(50),
      bisect: fc.boolean(),
    });
    fc.assert(
      fc.property(step, fc.nat(99), ({ size, retries, bisect }, at) => {
        const failedFrom = at % size;
        const endless = nextStep({ size, retries, failedFrom }, { bisect, maximumRetryAttempts: -1 });
        expect(endless.kind).not.to.equal("discard");
        const limited = nextStep({ size, retries, failedFrom }, { bisect, maximumRetryAttempts: 3 });
        const progress =
          limited.kind !== "retry" || limited.from > 0 || (limited.retries > retries && limited.retries <= 3);
        expect(progress).to.equal(true);
      }),
    );
  });
});
