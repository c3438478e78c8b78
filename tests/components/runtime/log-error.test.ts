import { expect } from "chai";
import { errorLine } from "../../../components/runtime/log-error.ts";

describe("an error's line", () => {
  it("is one JSON object with its fields at the top, where a query finds them", () => {
    const entry = { message: "message failed", correlationId: "c-1", error: { message: "two\nlines" } };
    const line = errorLine(entry, { now: Date.UTC(2026, 0, 31), service: "thumbnails" });
    expect(line).not.to.include("\n");
    expect(JSON.parse(line)).to.deep.equal({
      ...entry,
      timestamp: "2026-01-31T00:00:00.000Z",
      level: "ERROR",
      service: "thumbnails",
    });
  });

  it("keeps its own members, whatever an entry calls its own", () => {
    const line = errorLine({ level: "INFO", service: "mine" }, { now: 0, service: "thumbnails" });
    expect(JSON.parse(line)).to.include({ level: "ERROR", service: "thumbnails" });
  });
});
