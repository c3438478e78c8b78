import { expect } from "chai";
import { alarmChecks, raisedBy } from "../../ops/demo/alarms.ts";

const VICTIM = "telemetry-aggregate-";
const change = (resource: string, to: string) => ({ kind: "alarm", at: 0, resource, from: "OK", to });

describe("the demo's alarms", () => {
  it("are those that went off, once each, not those that are over", () => {
    const events = [
      change("a", "ALARM"),
      change("a", "OK"),
      change("a", "ALARM"),
      change("b", "OK"),
      { kind: "log", at: 0, line: "ALARM" },
    ];
    expect(raisedBy(events)).to.deep.equal(["a"]);
  });

  it("are right when none went off, or only the errors of the function whose environment died on purpose", () => {
    const verdict = (...raised: string[]) =>
      alarmChecks(raised, VICTIM).map(({ ok, actual }) => [ok, actual]);
    expect(verdict()).to.deep.equal([[true, "none"]]);
    expect(verdict("alarms-telemetry-aggregate-function-errors")).to.deep.equal([[true, "none"]]);
    expect(
      verdict("alarms-telemetry-aggregate-function-throttles", "alarms-api-api-server-errors"),
    ).to.deep.equal([[false, "alarms-telemetry-aggregate-function-throttles, alarms-api-api-server-errors"]]);
  });
});
