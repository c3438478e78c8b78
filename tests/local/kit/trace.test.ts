import { expect } from "chai";
import { Trace } from "../../../local/kit/trace.ts";

const kinds = (trace: Trace) => trace.events.map((event) => event.kind);

describe("Trace", () => {
  it("keeps the newest events up to its capacity, oldest first", () => {
    const trace = new Trace({ capacity: 3, now: () => 7 });
    for (const kind of ["a", "b", "c", "d", "e"]) trace.emit({ kind });
    expect(kinds(trace)).to.deep.equal(["c", "d", "e"]);
    expect(trace.events[0]?.at).to.equal(7);
  });

  it("tells listeners until they leave", () => {
    const trace = new Trace();
    const heard: string[] = [];
    const leave = trace.on((event) => heard.push(event.kind));
    trace.emit({ kind: "a" });
    leave();
    trace.emit({ kind: "b" });
    expect(heard).to.deep.equal(["a"]);
  });

  it("waits for an event, past or future", async () => {
    const trace = new Trace();
    trace.emit({ kind: "past" });
    const future = trace.waitFor((event) => event.kind === "future");
    trace.emit({ kind: "future", n: 1 });
    expect((await trace.waitFor((event) => event.kind === "past")).kind).to.equal("past");
    expect((await future).n).to.equal(1);
  });

  it("ignores the past when asked, and gives up at the timeout or the signal", async () => {
    const trace = new Trace();
    trace.emit({ kind: "a" });
    const late = trace
      .waitFor(() => true, { onlyNew: true, timeoutMs: 1 })
      .catch((error: Error) => error.message);
    expect(await late).to.match(/within 1 ms/);
    const signal = AbortSignal.abort(new Error("enough"));
    const aborted = trace.waitFor(() => false, { signal }).catch((error: Error) => error.message);
    expect(await aborted).to.equal("enough");
  });
});
