import { expect } from "chai";
import { barChart, shrink, textTable } from "../../ops/shared/chart.ts";

describe("text pictures", () => {
  it("draw the highest value to the top and the lowest at the bottom, and leave a gap where there is none", () => {
    const chart = barChart([0, 1, Number.NaN, 2], { height: 2, decimals: 0 });
    expect(chart).to.deep.equal(["2 ┤ ▁ █", "0 ┤▁█ █"]);
  });

  it("start the axis where they are told to", () => {
    expect(barChart([4, 4], { height: 1, decimals: 0, from: 0 })).to.deep.equal(["4 ┤██"]);
  });

  it("draw a flat line for equal values", () => {
    expect(barChart([3, 3], { height: 1, decimals: 1 })).to.deep.equal(["3.0 ┤▁▁"]);
  });

  it("shrink a long series to the means of its parts", () => {
    expect(shrink([1, 3, 5, 7], 2)).to.deep.equal([2, 6]);
    expect(shrink([1, 2], 5)).to.deep.equal([1, 2]);
  });

  it("align text to the left and numbers to the right", () => {
    expect(
      textTable(
        ["name", "n"],
        [
          ["a", 1],
          ["bb", 10],
        ],
      ),
    ).to.deep.equal(["name   n", "────  ──", "a      1", "bb    10"]);
  });
});
