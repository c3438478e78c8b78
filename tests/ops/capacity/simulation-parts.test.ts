import { expect } from "chai";
import fc from "fast-check";
import { Agenda } from "../../../ops/capacity/simulation/agenda.ts";
import { exponential, logNormal, meanOf, seeded } from "../../../ops/capacity/simulation/random.ts";
import { Timeline } from "../../../ops/capacity/simulation/timeline.ts";
import { TokenBucket } from "../../../ops/capacity/simulation/token-bucket.ts";

describe("the simulation's agenda", () => {
  it("gives its entries by time, and those of one time in the order they came", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 20 }), { maxLength: 300 }), (times) => {
        const agenda = new Agenda(1);
        for (const [index, time] of times.entries()) agenda.add(time, index);
        const expected = times.map((time, index) => ({ time, index })).sort((a, b) => a.time - b.time);
        const taken = times.map(() => ({ time: agenda.time, index: agenda.take() }));
        expect(taken).to.deep.equal(expected);
        expect(agenda.time).to.equal(Number.POSITIVE_INFINITY);
      }),
    );
  });
});

describe("the simulation's randomness", () => {
  it("draws durations with the percentiles and the mean that were asked for", () => {
    const random = seeded(3);
    const draw = logNormal({ p50: 40, p99: 300 });
    const values = Array.from({ length: 100_000 }, () => draw(random)).sort((a, b) => a - b);
    expect(values[50_000]).to.be.closeTo(40, 0.5);
    expect(values[99_000]).to.be.closeTo(300, 9);
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    expect(mean).to.be.closeTo(meanOf({ p50: 40, p99: 300 }), 0.5);
  });

  it("draws one value where both percentiles are the same", () => {
    expect(logNormal({ p50: 40, p99: 40 })(seeded(1))).to.equal(40);
    expect(meanOf({ p50: 0, p99: 0 })).to.equal(0);
  });

  it("draws exponential values around their mean", () => {
    const random = seeded(5);
    const values = Array.from({ length: 100_000 }, () => exponential(10)(random));
    expect(values.reduce((sum, value) => sum + value, 0) / values.length).to.be.closeTo(10, 0.1);
  });
});

describe("the simulation's token bucket", () => {
  it("gives its burst, then its rate, and keeps no more than its burst", () => {
    const bucket = new TokenBucket(3, 10);
    const taken = (now: number, times: number) =>
      Array.from({ length: times }, () => bucket.take(now)).filter(Boolean).length;
    expect([taken(0, 5), taken(100, 5), taken(200, 5), taken(60_000, 5)]).to.deep.equal([3, 1, 1, 3]);
  });
});

describe("the simulation's timeline", () => {
  it("gives means of levels and sums of counts, one per step", () => {
    const timeline = new Timeline();
    timeline.set("inFlight", 4, 0);
    timeline.set("inFlight", 2, 5);
    timeline.set("inFlight", 0, 7.5);
    timeline.count("completed", 10);
    expect(timeline.finish(10)).to.deep.include({ stepMs: 5, inFlight: [4, 1], completed: [0, 1] });
  });

  it("makes its steps longer when a run outlasts them, and loses nothing by it", () => {
    const timeline = new Timeline();
    for (let second = 0; second < 1_000; second++) {
      timeline.set("waiting", second % 2, second * 1_000);
      timeline.count("throttles", second * 1_000);
    }
    const { stepMs, waiting, throttles } = timeline.finish(1_000_000);
    expect(throttles).to.have.length.of.at.most(480);
    expect(throttles.reduce((sum, count) => sum + count, 0)).to.equal(1_000);
    const lengths = waiting.map((_, step) => Math.min(stepMs, 1_000_000 - step * stepMs));
    expect(waiting.reduce((sum, level, step) => sum + level * (lengths[step] ?? 0), 0)).to.be.closeTo(
      500_000,
      1e-3,
    );
    expect(timeline.highest("waiting")).to.equal(1);
  });
});
