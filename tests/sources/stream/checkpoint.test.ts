import { expect } from "chai";
import { Bed } from "./bed.ts";

describe("a stream mapping that starts again", () => {
  let bed: Bed;

  beforeEach(() => {
    bed = new Bed();
  });

  afterEach(() => bed.stop());

  it("goes on where it was, with other settings and with records that came meanwhile", async () => {
    await bed.start();
    await bed.put(["a", "b"]);
    await bed.stop();
    await bed.put(["c"]);
    await bed.start({ batchSize: 5, parallelizationFactor: 2 });
    await bed.put(["d"]);
    await bed.stop();
    await bed.start();
    await bed.put(["e"]);
    expect(bed.invocations).to.deep.equal([["a", "b"], ["c"], ["d"], ["e"]]);
  });

  it("delivers a batch again that was not finished, and what waited behind it", async () => {
    bed.handler = () => {
      throw new Error("not yet");
    };
    await bed.start({ batchSize: 2 });
    await bed.put(["a", "b", "c"]);
    await bed.stop();
    bed.handler = () => null;
    await bed.start({ batchSize: 2 });
    expect(bed.invocations).to.deep.equal([["a", "b"], ["a", "b"], ["c"]]);
  });

  it("begins with the slowest of its parallel lanes", async () => {
    bed.handler = ({ Records }) => {
      if (Records.some(({ kinesis }) => kinesis.partitionKey === "slow")) throw new Error("not yet");
    };
    await bed.start({ parallelizationFactor: 10 });
    await bed.put(["1", "2", "3"], (text) => (text === "2" ? "slow" : "quick"));
    await bed.stop();
    bed.invocations.length = 0;
    bed.handler = () => null;
    await bed.start({ parallelizationFactor: 10 });
    expect(bed.invocations.flat().sort()).to.deep.equal(["2", "3"]);
  });

  it("begins at its starting position when that has changed", async () => {
    await bed.start();
    await bed.put(["a"]);
    await bed.stop();
    await bed.start({ startingPosition: "AT_TIMESTAMP", startingPositionTimestamp: "2026-01-01T00:00:00Z" });
    expect(bed.invocations).to.deep.equal([["a"], ["a"]]);
  });

  it("begins at its starting position with a tumbling window, whose state is not kept", async () => {
    bed.handler = () => ({ state: {} });
    await bed.start({ tumblingWindowInSeconds: 60 });
    await bed.put(["a"]);
    await bed.stop();
    await bed.start({ tumblingWindowInSeconds: 60 });
    expect(bed.invocations).to.deep.equal([["a"], ["a"]]);
  });
});
