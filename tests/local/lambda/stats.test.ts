import { expect } from "chai";
import { Histogram } from "../../../local/lambda/stats.ts";

describe("Histogram", () => {
  it("is empty at first", () => {
    expect(new Histogram().percentiles()).to.deep.equal({ count: 0, p50: 0, p95: 0, p99: 0, max: 0 });
  });

  it("gives percentiles within 2 %, and the exact maximum", () => {
    const histogram = new Histogram();
    for (let ms = 1; ms <= 1_000; ms += 1) histogram.add(ms);
    const { p50, p95, p99, max, count } = histogram.percentiles();
    expect(p50).to.be.within(500, 510);
    expect(p95).to.be.within(950, 969);
    expect(p99).to.be.within(990, 1_000);
    expect({ max, count }).to.deep.equal({ max: 1_000, count: 1_000 });
  });

  it("takes durations of nothing and of days", () => {
    const histogram = new Histogram();
    histogram.add(0);
    histogram.add(864e5);
    expect(histogram.percentiles()).to.include({ count: 2, max: 864e5 });
  });
});
