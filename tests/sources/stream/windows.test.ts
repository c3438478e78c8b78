import { expect } from "chai";
import { documented, shape } from "../../helpers/events.ts";
import { Bed, type FakeEvent, textOf } from "./bed.ts";

const WINDOW = { tumblingWindowInSeconds: 60 };

/** Adds the records' numbers to the state; answers nothing at the end of a window. */
const sum = (event: FakeEvent): unknown => {
  const before = Number(event.state?.sum ?? 0);
  if (event.isFinalInvokeForWindow) return null;
  return { state: { sum: event.Records.reduce((total, record) => total + Number(textOf(record)), before) } };
};

describe("stream source tumbling windows", () => {
  let bed: Bed;

  afterEach(() => bed.stop());

  it("carry their state from batch to batch and end when their time is over", async () => {
    bed = new Bed({ handler: sum });
    await bed.start(WINDOW);
    await bed.put(["1", "2"]);
    await bed.put(["3"]);
    await bed.clock.advance(60_000);
    expect(bed.events.map((event) => event.state)).to.deep.equal([{}, { sum: 3 }, { sum: 6 }]);
    expect(bed.events.map((event) => event.isFinalInvokeForWindow)).to.deep.equal([false, false, true]);
    expect(bed.events[2]).to.deep.include({
      Records: [],
      window: { start: "2026-01-01T12:00:00Z", end: "2026-01-01T12:01:00Z" },
      shardId: "shardId-000000000000",
      isWindowTerminatedEarly: false,
    });
    const { state, ...members } = documented("kinesis").window;
    expect(state).to.be.an("object");
    const { state: _, Records, ...window } = bed.events[1] as FakeEvent;
    expect(Records).to.have.length(1);
    expect(shape(window)).to.deep.equal(shape(members));
    expect(bed.clock.sleepers).to.equal(0);
  });

  it("part the records by their arrival", async () => {
    bed = new Bed({ handler: sum });
    await bed.put(["1"]);
    await bed.clock.advance(60_000);
    await bed.put(["10"]);
    await bed.start(WINDOW);
    expect(bed.invocations).to.deep.equal([["1"], [], ["10"]]);
    expect(bed.events[2]?.state).to.deep.equal({});
  });

  it("end early when the state outgrows 1 MB", async () => {
    bed = new Bed({
      handler: (event) => (event.isFinalInvokeForWindow ? null : { state: { text: "x".repeat(1_048_576) } }),
    });
    await bed.start(WINDOW);
    await bed.put(["1"]);
    expect(bed.events[1]).to.include({ isFinalInvokeForWindow: true, isWindowTerminatedEarly: true });
    bed.handler = sum;
    await bed.put(["2"]);
    expect(bed.events[2]?.state).to.deep.equal({});
  });

  it("fail without a state in the answer", async () => {
    bed = new Bed({ handler: () => ({}) });
    await bed.start(WINDOW);
    await bed.put(["1"]);
    expect(bed.batches().map((batch) => batch.outcome)).to.deep.equal(["failed"]);
  });

  it("may report partial failures beside the state", async () => {
    bed = new Bed({
      handler: (event) => {
        const [first, second] = event.Records;
        if (second === undefined) return sum(event);
        return {
          state: { sum: Number(textOf(first!)) },
          batchItemFailures: [{ itemIdentifier: second.kinesis.sequenceNumber }],
        };
      },
    });
    await bed.start({ ...WINDOW, functionResponseTypes: ["ReportBatchItemFailures"] });
    await bed.put(["1", "2"]);
    await bed.clock.advance(60_000);
    expect(bed.events.map((event) => event.state)).to.deep.equal([{}, { sum: 1 }, { sum: 3 }]);
  });

  it("hold their shard until the last invocation succeeds", async () => {
    let down = true;
    bed = new Bed({
      handler: (event) => {
        if (event.isFinalInvokeForWindow && down) throw new Error("down");
        return sum(event);
      },
    });
    await bed.start(WINDOW);
    await bed.put(["1"]);
    await bed.clock.advance(60_000);
    await bed.put(["2"]);
    expect(bed.invocations.flat()).to.deep.equal(["1"]);
    down = false;
    await bed.clock.advance(2_000);
    expect(bed.invocations.flat()).to.deep.equal(["1", "2"]);
  });

  it("give the last invocation up with the records' age limit", async () => {
    bed = new Bed({
      handler: (event) => {
        if (event.isFinalInvokeForWindow) throw new Error("down");
        return sum(event);
      },
    });
    await bed.start({ ...WINDOW, maximumRecordAgeInSeconds: 60 });
    await bed.put(["1"]);
    await bed.clock.advance(180_000);
    await bed.put(["2"]);
    expect(bed.invocations.flat()).to.deep.equal(["1", "2"]);
  });
});
