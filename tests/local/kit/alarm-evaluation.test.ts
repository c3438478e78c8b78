import { expect } from "chai";
import {
  type AlarmState,
  evaluateAlarm,
  isLowSample,
  type MissingData,
} from "../../../local/kit/alarm-evaluation.ts";

const TREATMENTS: MissingData[] = ["missing", "ignore", "breaching", "notBreaching"];
/** What the alarm was in; told apart from every outcome by running each row with all three. */
const STATES: AlarmState[] = ["OK", "ALARM", "INSUFFICIENT_DATA"];
type Outcome = AlarmState | "retain";

const points = (row: string): (number | undefined)[] =>
  row.split(" ").map((sign) => (sign === "-" ? undefined : sign === "X" ? 10 : 0));

const outcomes = (row: string, datapointsToAlarm: number): Outcome[] =>
  TREATMENTS.map((treatMissingData) => {
    const rule = {
      comparison: "GreaterThanThreshold",
      threshold: 5,
      evaluationPeriods: 3,
      datapointsToAlarm,
      treatMissingData,
    } as const;
    const found = STATES.map((current) => evaluateAlarm(rule, points(row), current));
    if (found.every((state, index) => state === STATES[index])) return "retain";
    expect(new Set(found).size, `${row} ${treatMissingData} depends on the state before`).to.equal(1);
    return found[0] as Outcome;
  });

describe("an alarm's state", () => {
  // Both tables: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
  const all = (state: AlarmState): Outcome[] => [state, state, state, state];
  const threeOfThree: [string, Outcome[]][] = [
    ["0 - X - X", all("OK")],
    ["0 - - - -", all("OK")],
    ["- - - - -", ["INSUFFICIENT_DATA", "retain", "ALARM", "OK"]],
    ["0 X X - X", all("ALARM")],
    ["- - X - -", ["ALARM", "retain", "ALARM", "OK"]],
  ];
  const twoOfThree: [string, Outcome[]][] = [
    ["0 - X - X", all("ALARM")],
    ["0 0 X 0 X", all("ALARM")],
    ["0 - X - -", ["OK", "OK", "ALARM", "OK"]],
    ["- - - - 0", ["OK", "OK", "ALARM", "OK"]],
    ["- - - X -", ["ALARM", "retain", "ALARM", "OK"]],
  ];
  for (const [row, wanted] of threeOfThree)
    it(`is, by AWS's table for 3 of 3 points, ${wanted.join(", ")} for ${row}`, () => {
      expect(outcomes(row, 3)).to.deep.equal(wanted);
    });
  for (const [row, wanted] of twoOfThree)
    it(`is, by AWS's table for 2 of 3 points, ${wanted.join(", ")} for ${row}`, () => {
      expect(outcomes(row, 2)).to.deep.equal(wanted);
    });

  it("does not go to ALARM early on one point that is too young", () => {
    expect(outcomes("- - - - X", 3)).to.deep.equal(["INSUFFICIENT_DATA", "retain", "ALARM", "OK"]);
    expect(outcomes("- - - X -", 3)).to.deep.equal(["INSUFFICIENT_DATA", "retain", "ALARM", "OK"]);
    expect(outcomes("- - X - 0", 3)).to.deep.equal(all("OK"));
  });

  it("compares as the operator says, at the threshold too", () => {
    const at = (comparison: "GreaterThanThreshold" | "LessThanThreshold" | "LessThanOrEqualToThreshold") =>
      [4, 5, 6].map((value) => {
        const one = { evaluationPeriods: 1, datapointsToAlarm: 1, treatMissingData: "missing" } as const;
        return evaluateAlarm({ comparison, threshold: 5, ...one }, [value], "OK") === "ALARM";
      });
    expect(at("GreaterThanThreshold")).to.deep.equal([false, false, true]);
    expect(at("LessThanThreshold")).to.deep.equal([true, false, false]);
    expect(at("LessThanOrEqualToThreshold")).to.deep.equal([true, true, false]);
  });

  it("takes a percentile of too few samples for insignificant", () => {
    expect([999, 1_000].map((samples) => isLowSample(99, samples))).to.deep.equal([true, false]);
    expect([99, 100].map((samples) => isLowSample(10, samples))).to.deep.equal([true, false]);
  });
});
