import { expect } from "chai";
import { compileMath, type Points } from "../../../local/kit/metric-math.ts";

const METRICS: Record<string, Points> = {
  errors: [0, 2, undefined, 4],
  calls: [10, 0, 5, 8],
  none: [undefined, undefined, undefined, undefined],
};

const evaluate = (text: string): Points =>
  compileMath(text).evaluate({
    points: (id) => METRICS[id],
    metrics: ["errors", "calls"],
    periodSeconds: 60,
    length: 4,
  });

describe("metric math", () => {
  it("calculates point by point, and has none where one is missing or divided by zero", () => {
    expect(evaluate("100 * errors / calls")).to.deep.equal([0, undefined, undefined, 50]);
    expect(evaluate("errors + calls")).to.deep.equal([10, 2, undefined, 12]);
    expect(evaluate("-calls + 2 ^ 3 * 2")).to.deep.equal([6, 16, 11, 8]);
    expect(evaluate("(calls - 2) / 4")).to.deep.equal([2, -0.5, 0.75, 1.5]);
  });

  it("compares, and chooses by what it compares", () => {
    expect(evaluate("calls >= 8 AND errors > 0")).to.deep.equal([0, 0, undefined, 1]);
    expect(evaluate("IF(calls > 0, FILL(errors, 0) / calls, 0)")).to.deep.equal([0, 0, 0, 0.5]);
    expect(evaluate("IF(calls > 5, calls)")).to.deep.equal([10, undefined, undefined, 8]);
  });

  it("fills what is missing with a number, with the last point, and a metric without any", () => {
    expect(evaluate("FILL(errors, 0)")).to.deep.equal([0, 2, 0, 4]);
    expect(evaluate("FILL(errors, REPEAT)")).to.deep.equal([0, 2, 2, 4]);
    expect(evaluate("FILL(none, 0)")).to.deep.equal([0, 0, 0, 0]);
  });

  it("reduces one metric to a number, several to one metric", () => {
    expect(evaluate("SUM(errors)")).to.deep.equal([6, 6, 6, 6]);
    expect(evaluate("MIN(calls)")).to.deep.equal([0, 0, 0, 0]);
    expect(evaluate("MIN([errors + 1, calls])")).to.deep.equal([1, 0, 5, 5]);
    expect(evaluate("MAX([errors, calls])")).to.deep.equal([10, 2, 5, 8]);
    expect(evaluate("AVG(METRICS())")).to.deep.equal([5, 1, 5, 6]);
    expect(evaluate("SUM(calls) / PERIOD(calls)")).to.deep.equal(Array(4).fill(23 / 60));
    expect(evaluate("DIFF(calls)")).to.deep.equal([undefined, -10, 5, 3]);
    expect(evaluate("RATE(calls) * 60")[1]).to.be.closeTo(-10, 1e-9);
  });

  it("tells which metrics an expression needs", () => {
    expect(compileMath("IF(FILL(a, REPEAT) > b, [c], -d)").ids).to.deep.equal(["a", "b", "c", "d"]);
  });

  it("refuses what it cannot read or does not serve, saying what", () => {
    const refusals: [string, string][] = [
      ["errors +", "it ends too early."],
      ["errors calls", '"calls" is too much.'],
      ["(errors", '")" is missing before its end.'],
      ["errors % 2", 'it cannot be read from "% 2" on.'],
      ["* 2", '"*" is no value.'],
      ["SEARCH(errors)", "SEARCH is no function that is served here."],
      ["constructor(errors)", "CONSTRUCTOR is no function that is served here."],
      ["missing / 2", 'there is no metric "missing".'],
      ["[errors, calls] + 1", "+ takes one metric, not several."],
      ["ABS()", "a function needs a value."],
      ["(".repeat(40), "it nests deeper than 32 levels."],
    ];
    for (const [text, message] of refusals) expect(() => evaluate(text), text).to.throw(message);
  });
});
