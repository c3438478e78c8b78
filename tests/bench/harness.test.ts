import { expect } from "chai";
import { createHarness, isMet, median, Paired, percentile } from "../../bench/shared/harness.ts";

/** A clock that moves when a contestant works. */
function prepare() {
  let time = 0;
  const turns: string[] = [];
  const work = (name: string, ms: () => number) => () => {
    turns.push(name);
    time += ms();
  };
  return { turns, work, harness: createHarness({ now: () => time, progress: () => {} }) };
}

describe("bench: harness", () => {
  it("runs the contestants in turns, each first as often as the others", async () => {
    const { turns, work, harness } = prepare();
    const contestants = { a: work("a", () => 1), b: work("b", () => 1) };
    await harness.paired({ contestants, rounds: 2, warmUp: 1 });
    expect(turns.join("")).to.equal("abbaab");
  });

  it("leaves the warm-up out, and compares within a round so that drift cancels", async () => {
    // Prepare: the machine becomes slower and slower; b always takes twice as long.
    const { work, harness } = prepare();
    let load = 0;
    const contestants = { a: work("a", () => ++load), b: work("b", () => 2 * load) };

    // Act
    const times = await harness.paired({ contestants, rounds: 3, warmUp: 1 });

    // Assess
    expect(times.samples.a).to.have.length(3);
    expect(times.speed("a", "a")).to.equal(1);
    expect(times.speed("a", "b")).to.be.greaterThan(1.4);
  });

  it("names the contestants when asked for another", () => {
    expect(() => new Paired({ a: [1] }).median("b")).to.throw('No contestant "b": there are a.');
  });

  it("takes nearest-rank percentiles", () => {
    expect([median([3, 1, 2]), percentile([1, 2, 3, 4], 99), percentile([5], 1)]).to.deep.equal([2, 4, 5]);
    expect(median([])).to.be.NaN;
  });

  it("meets a target at its bound", () => {
    const figure = (value: number, at: "least" | "most") => ({
      name: "f",
      unit: "x",
      value,
      target: { at, value: 2 },
    });
    expect([isMet(figure(2, "least")), isMet(figure(1.9, "least"))]).to.deep.equal([true, false]);
    expect([isMet(figure(2, "most")), isMet(figure(2.1, "most"))]).to.deep.equal([true, false]);
    expect(isMet({ name: "f", unit: "x", value: 1 })).to.equal(true);
  });
});
