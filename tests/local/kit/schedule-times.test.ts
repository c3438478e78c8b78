import { expect } from "chai";
import { compileSchedule, type ScheduleSettings } from "../../../local/kit/schedule-times.ts";

const MADE = Date.UTC(2026, 0, 1);

/** The first times of a schedule after a moment, as ISO-8601. */
function times(
  expression: string,
  settings: Partial<ScheduleSettings> = {},
  from = MADE,
  count = 3,
): string[] {
  const next = compileSchedule(
    { expression, timezone: "UTC", start: undefined, end: undefined, ...settings },
    MADE,
  );
  const found: string[] = [];
  for (let due = next(from - 1); due !== undefined && found.length < count; due = next(due)) {
    found.push(new Date(due).toISOString().slice(0, 16));
  }
  return found;
}

describe("schedule times", () => {
  it("of a rate begin at once, or at the start date, and end with the end date", () => {
    expect(times("rate(15 minutes)")).to.deep.equal([
      "2026-01-01T00:00",
      "2026-01-01T00:15",
      "2026-01-01T00:30",
    ]);
    expect(times("rate(1 day)", { start: Date.UTC(2026, 0, 2, 3) })).to.deep.equal([
      "2026-01-02T03:00",
      "2026-01-03T03:00",
      "2026-01-04T03:00",
    ]);
    expect(times("rate(2 hours)", { end: MADE + 7_200_000 })).to.deep.equal([
      "2026-01-01T00:00",
      "2026-01-01T02:00",
    ]);
  });

  // https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html#cron-based
  for (const [expression, expected] of [
    ["cron(15 10 ? * 6L 2022-2026)", ["2026-01-30T10:15", "2026-02-27T10:15", "2026-03-27T10:15"]],
    ["cron(0 8 1 * ? *)", ["2026-01-01T08:00", "2026-02-01T08:00", "2026-03-01T08:00"]],
    ["cron(0/10 * ? * MON-FRI *)", ["2026-01-01T00:00", "2026-01-01T00:10", "2026-01-01T00:20"]],
    ["cron(5,35 14 * * ? *)", ["2026-01-01T14:05", "2026-01-01T14:35", "2026-01-02T14:05"]],
    ["cron(0 12 ? * 1 *)", ["2026-01-04T12:00", "2026-01-11T12:00", "2026-01-18T12:00"]],
    ["cron(0 12 ? * L *)", ["2026-01-03T12:00", "2026-01-10T12:00", "2026-01-17T12:00"]],
    ["cron(0 12 ? * 3#2 *)", ["2026-01-13T12:00", "2026-02-10T12:00", "2026-03-10T12:00"]],
    ["cron(0 12 L * ? *)", ["2026-01-31T12:00", "2026-02-28T12:00", "2026-03-31T12:00"]],
    ["cron(0 12 15W * ? *)", ["2026-01-15T12:00", "2026-02-16T12:00", "2026-03-16T12:00"]],
    ["cron(0 0 29 2 ? *)", ["2028-02-29T00:00", "2032-02-29T00:00", "2036-02-29T00:00"]],
    ["cron(0 12 * * ? 2020)", []],
    ["at(2026-06-01T10:00:00)", ["2026-06-01T10:00"]],
    ["at(2025-06-01T10:00:00)", []],
  ] as const) {
    it(`of ${expression}`, () => {
      expect(times(expression)).to.deep.equal(expected);
    });
  }

  it("are local ones of the time zone", () => {
    const timezone = "America/New_York";
    expect(times("cron(0 9 * * ? *)", { timezone }, Date.UTC(2026, 6, 1), 1)).to.deep.equal([
      "2026-07-01T13:00",
    ]);
    expect(times("at(2026-01-10T09:00:00)", { timezone })).to.deep.equal(["2026-01-10T14:00"]);
  });

  it("that a clock change skips are skipped", () => {
    // On 8 March 2026 New York's clocks go from 02:00 to 03:00.
    const timezone = "America/New_York";
    const from = Date.UTC(2026, 2, 7, 12);
    expect(times("cron(30 2 * * ? *)", { timezone }, from)).to.deep.equal([
      "2026-03-09T06:30",
      "2026-03-10T06:30",
      "2026-03-11T06:30",
    ]);
    expect(times("at(2026-03-08T02:30:00)", { timezone }, from)).to.deep.equal([]);
  });

  it("that a clock change repeats run once", () => {
    // On 1 November 2026 they go from 02:00 back to 01:00.
    const timezone = "America/New_York";
    const from = Date.UTC(2026, 9, 31, 12);
    expect(times("cron(30 1 * * ? *)", { timezone }, from)).to.deep.equal([
      "2026-11-01T05:30",
      "2026-11-02T06:30",
      "2026-11-03T06:30",
    ]);
    expect(times("cron(0/30 * * * ? *)", { timezone }, Date.UTC(2026, 10, 1, 5), 4)).to.deep.equal([
      "2026-11-01T05:00",
      "2026-11-01T05:30",
      "2026-11-01T07:00",
      "2026-11-01T07:30",
    ]);
  });

  it("refuse what is no expression", () => {
    for (const expression of ["rate(0 minutes)", "every day", "cron(61 * * * ? *)", "at(tomorrow)"]) {
      expect(() => times(expression), expression).to.throw();
    }
  });
});
