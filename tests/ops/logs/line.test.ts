import { expect } from "chai";
import { compileLogFilter } from "../../../local/kit/log-filter.ts";
import { type FunctionSpec, logStreamName } from "../../../local/lambda/spec.ts";
import { idPattern, lineOf } from "../../../ops/logs/line.ts";

const AT = Date.UTC(2026, 0, 1, 12, 0, 0, 123);
const line = (message: string | object, raw = false, stream = ""): string | undefined =>
  lineOf(
    {
      id: "1",
      at: AT,
      name: "greet",
      stream,
      message: typeof message === "string" ? message : JSON.stringify(message),
    },
    { width: 8, raw },
  );

describe("logs: a line", () => {
  it("has time, writer, level, message and the other fields", () => {
    const entry = {
      correlationId: "c-1",
      count: 2,
      timestamp: "2026-01-01T12:00:00.123Z",
      level: "WARN",
      service: "greet",
      message: "careful",
    };
    expect(line(entry)).to.equal("12:00:00.123 greet     WARN careful correlationId=c-1 count=2");
  });

  it("says of Lambda's report what people look for, and leaves its other remarks out", () => {
    const record = {
      requestId: "r",
      status: "success",
      metrics: { durationMs: 12.34, initDurationMs: 151.6, maxMemoryUsedMB: 80 },
    };
    expect(line({ time: "", type: "platform.report", record })).to.equal(
      "12:00:00.123 greet     REPORT success in 12.3 ms, cold start 152 ms, 80 MB",
    );
    expect(line({ time: "", type: "platform.start", record: { requestId: "r" } })).to.equal(undefined);
  });

  it("shows metrics as figures, an access log as fields, and text as it is", () => {
    expect(line({ _aws: { Timestamp: 1 }, service: "greet", readingsAccepted: 5 })).to.equal(
      "12:00:00.123 greet     METRIC readingsAccepted=5",
    );
    expect(line({ routeKey: "GET /health", status: "200", errorMessage: "-" })).to.equal(
      "12:00:00.123 greet     routeKey=GET /health status=200",
    );
    for (const text of ["plain text", "{ not json", ""]) {
      expect(line(text)).to.equal(`12:00:00.123 greet     ${text}`);
    }
  });

  it("is the message itself when that is wanted", () => {
    const start = { time: "", type: "platform.start", record: {} };
    expect(line(start, true)).to.equal(`12:00:00.123 greet     ${JSON.stringify(start)}`);
  });

  it("tells the published version that wrote it, also as it is; the unpublished one is not told", () => {
    const own = logStreamName({ version: "12" } as FunctionSpec, "0123456789abcdef");
    const ofCustomGroup = "2026/01/31/greet-function-1234567[12]0123456789abcdef";
    for (const stream of [own, ofCustomGroup]) {
      expect(line({ level: "INFO", message: "hi" }, false, stream)).to.equal(
        "12:00:00.123 greet     [12] INFO hi",
      );
      expect(line("{}", true, stream)).to.equal("12:00:00.123 greet     [12] {}");
    }
    const latest = logStreamName({ version: "$LATEST" } as FunctionSpec, "0");
    for (const stream of [latest, "2026/01/31/greet[$LATEST]0", "api-$default-[3]"]) {
      expect(line("hi", false, stream)).to.equal("12:00:00.123 greet     hi");
    }
  });

  it("is found by its correlation id, its batch's, or its request's", () => {
    const passes = compileLogFilter(idPattern("c-1"));
    expect(passes('{"correlationIds":["c-2","c-1"],"correlatedItems":2}')).to.equal(true);
    expect(passes('{"correlationId":"c-1"}')).to.equal(true);
    expect(passes('{"type":"platform.report","record":{"requestId":"c-1"}}')).to.equal(true);
    expect(passes('{"requestId":"c-1"}')).to.equal(true);
    expect(passes('{"correlationId":"c-2","message":"said"}')).to.equal(false);
  });
});
