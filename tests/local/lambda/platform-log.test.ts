import { expect } from "chai";
import { initStartLine, reportLines, startLine } from "../../../local/lambda/platform-log.ts";
import type { FunctionSpec } from "../../../local/lambda/spec.ts";

const AT = Date.UTC(2022, 9, 12, 0, 1, 15);
const REPORT = {
  requestId: "6d68ca91-49c9-448d-89b8-7ca3e6dc66aa",
  status: "success",
  durationMs: 693.92,
  maxMemoryUsedMB: 84,
} as const;

const spec = (logFormat: "JSON" | "Text"): FunctionSpec =>
  ({ name: "greet", version: "$LATEST", memorySize: 128, logFormat }) as FunctionSpec;

describe("Lambda's own log lines", () => {
  it("are AWS's telemetry events in the JSON format", () => {
    const [line = ""] = reportLines(spec("JSON"), { ...REPORT, initDurationMs: 397.68 }, AT);
    // Members and time: https://docs.aws.amazon.com/lambda/latest/dg/telemetry-schema-reference.html
    expect(JSON.parse(line)).to.deep.equal({
      time: "2022-10-12T00:01:15.000Z",
      type: "platform.report",
      record: {
        requestId: REPORT.requestId,
        metrics: {
          durationMs: 693.92,
          billedDurationMs: 1_092,
          memorySizeMB: 128,
          maxMemoryUsedMB: 84,
          initDurationMs: 397.68,
        },
        status: "success",
      },
    });
    expect(JSON.parse(startLine(spec("JSON"), "r", AT))).to.deep.equal({
      time: "2022-10-12T00:01:15.000Z",
      type: "platform.start",
      record: { requestId: "r", version: "$LATEST" },
    });
    expect(JSON.parse(initStartLine(spec("JSON"), false, AT)).record).to.deep.include({
      initializationType: "on-demand",
      functionName: "greet",
    });
  });

  it("are START, END and REPORT in the text format", () => {
    expect(startLine(spec("Text"), "r", AT)).to.equal("START RequestId: r Version: $LATEST");
    expect(reportLines(spec("Text"), { ...REPORT, requestId: "r", status: "timeout" }, AT)).to.deep.equal([
      "END RequestId: r",
      "REPORT RequestId: r\tDuration: 693.92 ms\tBilled Duration: 694 ms\tMemory Size: 128 MB\tMax Memory Used: 84 MB\tStatus: timeout\t",
    ]);
  });
});
