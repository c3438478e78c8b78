import { expect } from "chai";
import { consoleLine } from "../../local/console.ts";

const AT = Date.UTC(2026, 0, 31, 12, 0, 0, 5);
const line = (event: { kind: string; [key: string]: string | number | boolean }): string | undefined =>
  consoleLine({ at: AT, ...event });

describe("what npm start shows", () => {
  it("is one readable line per invocation", () => {
    const run = { kind: "invocation", functionName: "api-get-health-function-1234567", durationMs: 3.21 };
    expect(line({ ...run, status: "ok", coldStart: false, requestId: "r" })).to.equal(
      "12:00:00.005 invocation api-get-health  ok  3.2 ms  requestId=r",
    );
    expect(
      line({ ...run, status: "error", coldStart: true, initDurationMs: 50, errorType: "TypeError" }),
    ).to.equal("12:00:00.005 invocation api-get-health  error  3.2 ms  cold=50.0 ms  error=TypeError");
  });

  it("is one per request", () => {
    const request = { kind: "access-log", method: "GET", path: "/devices/a", status: 200, latencyMs: 7 };
    expect(line({ ...request, routeKey: "GET /devices/{deviceId}", line: "{}", logGroup: "/api" })).to.equal(
      '12:00:00.005 request    GET /devices/a  200  7.0 ms  route="GET /devices/{deviceId}"',
    );
  });

  it("is what functions log, structured or not, and not their figures", () => {
    const log = (text: string) => line({ kind: "log", functionName: "f-function-abcdef0", line: text });
    expect(log('{"timestamp":"t","level":"WARN","service":"f","message":"careful","key":"a/b"}')).to.equal(
      '12:00:00.005 log        f  WARN  careful {"key":"a/b"}',
    );
    expect(log('{"timestamp":"t","level":"INFO","requestId":"r","message":{"n":1}}')).to.equal(
      '12:00:00.005 log        f  INFO  {"n":1}',
    );
    expect(log("plain")).to.equal("12:00:00.005 log        f  plain");
    expect(log("{broken")).to.equal("12:00:00.005 log        f  {broken");
    expect(log('{"_aws":{},"requests":1}')).to.equal(undefined);
    expect(log("x".repeat(1_000))).to.have.length.lessThan(350);
  });

  it("is an alarm that goes off or is over, not that it found its first figures", () => {
    const change = { kind: "alarm", alarm: "jobs-depth", reason: "Threshold Crossed: 1 datapoint [3]." };
    expect(line({ ...change, from: "OK", to: "ALARM" })).to.equal(
      "12:00:00.005 alarm      jobs-depth  OK -> ALARM  Threshold Crossed: 1 datapoint [3].",
    );
    expect(line({ ...change, from: "ALARM", to: "OK" })).to.contain("ALARM -> OK");
    expect(line({ ...change, from: "INSUFFICIENT_DATA", to: "OK" })).to.equal(undefined);
  });

  it("is nothing of the rest", () => {
    for (const kind of ["aws", "batch", "constructor"]) expect(line({ kind })).to.equal(undefined);
  });
});
