import { expect } from "chai";
import { Reports } from "../../bench/cold-starts/reports.ts";

const report = (metrics: object, status = "success"): string =>
  JSON.stringify({ time: "2026-01-31T12:00:00.000Z", type: "platform.report", record: { status, metrics } });

describe("bench: what reports say of a function", () => {
  it("takes warm, successful invocations for durations, and every one for memory", () => {
    const reports = new Reports();
    reports.add(report({ durationMs: 500, initDurationMs: 80, maxMemoryUsedMB: 90 }));
    for (let durationMs = 1; durationMs <= 100; durationMs++)
      reports.add(report({ durationMs, maxMemoryUsedMB: 70 }));
    reports.add(report({ durationMs: 30_000, maxMemoryUsedMB: 120 }, "timeout"));
    expect(reports.observed()).to.deep.equal({ warm: 100, p50: 50, p99: 99, memoryMb: 120 });
  });

  it("leaves the function's own lines alone, JSON or not", () => {
    const reports = new Reports();
    for (const line of ["not JSON", '{ "platform.report"', JSON.stringify({ message: "done" })])
      reports.add(line);
    expect(reports.warm).to.equal(0);
  });
});
