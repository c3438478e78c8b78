import { expect } from "chai";
import {
  checkEnvironment,
  environmentSize,
  MAX_ENVIRONMENT,
} from "../../../components/internal/environment.ts";

describe("a function's environment", () => {
  it("counts bytes of the serialised JSON", () => {
    expect(environmentSize({ A: "ä" })).to.equal(10);
  });

  it("passes at 4 KB, and fails above it naming the function and the biggest variables only", () => {
    const room = MAX_ENVIRONMENT - environmentSize({ SMALL: "x", LARGE: "" });
    const environment = { SMALL: "x", LARGE: "s".repeat(room) };
    checkEnvironment("aggregate", environment);
    const oversized = { ...environment, SECRET: "hidden" };
    expect(() => checkEnvironment("aggregate", oversized)).to.throw(
      /^Function "aggregate": its environment has 4114 B as JSON, more than Lambda's 4096 B\. The biggest: LARGE \(\d+ B\), SECRET \(8 B\), SMALL \(3 B\)\./,
    );
    expect(() => checkEnvironment("aggregate", oversized)).not.to.throw(/hidden/);
  });
});
