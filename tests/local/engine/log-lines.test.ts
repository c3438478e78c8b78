import { expect } from "chai";
import { type LogEntry, LogLines } from "../../../local/engine/log-lines.ts";

describe("local/engine/log-lines", () => {
  it("tells the SDK's messages from the program's own, and gathers each error with its stack", () => {
    const entries: LogEntry[] = [];
    const lines = new LogLines((entry) => entries.push(entry));

    lines.output("hello");
    lines.output("info: [runtime] from the SDK");
    lines.error("careful");
    lines.error("error: [runtime] Error: first");
    lines.error("    at a (file:///app/a.ts:1:2)");
    lines.error("warning: [runtime] odd");
    lines.error("after it");
    lines.error("error: [runtime] second");

    expect(entries).to.deep.equal([
      { severity: "info", message: "hello" },
      { severity: "info", message: "from the SDK" },
      { severity: "warning", message: "careful" },
      { severity: "warning", message: "odd" },
      { severity: "warning", message: "after it" },
    ]);
    expect(lines.errors).to.deep.equal(["Error: first\n    at a (file:///app/a.ts:1:2)", "second"]);
  });

  it("keeps an endless error within bounds", () => {
    const lines = new LogLines(() => undefined);

    lines.error("error: [runtime] long");
    for (let index = 0; index < 1_000; index += 1) lines.error(`line ${index}`);

    expect(lines.errors[0]?.split("\n")).to.have.length(200);
  });
});
