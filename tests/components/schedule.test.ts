import { expect } from "chai";
import { Schedule, type ScheduleArgs } from "../../components/schedule.ts";
import { find, type Registered, recordResources, settled } from "../helpers/mocks.ts";

const callback = async (): Promise<void> => {};

async function create(args: Partial<ScheduleArgs> = {}): Promise<Registered[]> {
  const resources = recordResources();
  const schedule = new Schedule("report", { expression: "rate(15 minutes)", callback, ...args });
  await settled(schedule, schedule.function.function, schedule.function.policy, schedule.schedule);
  return resources;
}

const own = (resources: Registered[]): string[] =>
  resources
    .filter(({ type }) => type.startsWith("aws:"))
    .map(({ type, name }) => `${type.split(":").at(-1)} ${name}`)
    .sort();

const SCHEDULE = "aws:scheduler/schedule:Schedule";

describe("Schedule", () => {
  it("creates the function, the schedule with its role, and queues for what cannot start and what fails", async () => {
    expect(own(await create())).to.deep.equal([
      "Function report-function",
      "FunctionEventInvokeConfig report-async",
      "LogGroup report-logs",
      "Queue report-failures",
      "Queue report-undelivered",
      "Role report-role",
      "Role report-scheduler-role",
      "RolePolicy report-policy",
      "RolePolicy report-scheduler-policy",
      "Schedule report-schedule",
    ]);
  });

  it("lets the scheduler start this function alone and write its dead letters alone", async () => {
    const { policy } = find(await create(), "aws:iam/rolePolicy:RolePolicy", "report-scheduler-policy");
    const { Statement } = JSON.parse(String(policy)) as { Statement: object[] };
    expect(Statement).to.deep.equal([
      { Effect: "Allow", Action: ["lambda:InvokeFunction"], Resource: ["arn:aws:test:::report-function"] },
      { Effect: "Allow", Action: ["sqs:SendMessage"], Resource: ["arn:aws:test:::report-undelivered"] },
    ]);
  });

  it("runs on time in UTC with a day of retries, unless told otherwise", async () => {
    expect(find(await create(), SCHEDULE, "report-schedule")).to.deep.include({
      scheduleExpression: "rate(15 minutes)",
      scheduleExpressionTimezone: "UTC",
      flexibleTimeWindow: { mode: "OFF" },
      state: "ENABLED",
    });
    const told = await create({
      expression: "cron(0 3 * * ? *)",
      timezone: "Europe/Berlin",
      flexibleWindowMinutes: 15,
      enabled: false,
      input: { at: "<aws.scheduler.scheduled-time>" },
      maximumRetryAttempts: 3,
    });
    const { target, ...schedule } = find(told, SCHEDULE, "report-schedule");
    expect(schedule).to.deep.include({
      scheduleExpressionTimezone: "Europe/Berlin",
      flexibleTimeWindow: { mode: "FLEXIBLE", maximumWindowInMinutes: 15 },
      state: "DISABLED",
    });
    expect(target).to.deep.include({
      arn: "arn:aws:test:::report-function",
      input: '{"at":"<aws.scheduler.scheduled-time>"}',
      deadLetterConfig: { arn: "arn:aws:test:::report-undelivered" },
      retryPolicy: { maximumEventAgeInSeconds: 86_400, maximumRetryAttempts: 3 },
    });
  });

  describe("refuses", () => {
    for (const [expression, sentence] of [
      ["every day", /is none of "rate\(15 minutes\)"/],
      ["rate(0 minutes)", /would never end; the least is "rate\(1 minute\)"/],
      ["rate(1.5 hours)", /is no rate/],
      ["rate(-5 minutes)", /is no rate/],
      ["rate(05 minutes)", /is no rate/],
      ["rate(5 weeks)", /is no rate/],
      ["cron(0 3 * * ?)", /has 5 fields; AWS wants six/],
      ["cron(0 3 * * * *)", /must have "\?" in exactly one/],
      ["cron(0 3 ? * ? *)", /must have "\?" in exactly one/],
      ["cron(? 3 * * ? *)", /write "\*"/],
      ["cron(61 3 * * ? *)", /has 61 as minutes; AWS knows 0-59/],
      ["cron(0 25 * * ? *)", /has 25 as hours; AWS knows 0-23/],
      ["cron(0 3 0 * ? *)", /has 0 as day of month; AWS knows 1-31/],
      ["cron(0 3 * 1-13 ? *)", /has 13 as month; AWS knows 1-12/],
      ["cron(0 3 ? * 8 *)", /has 8 as day of week; AWS knows 1-7/],
      ["cron(0 3 ? * 2#6 *)", /is not valid/],
      ["cron(0/0 3 * * ? *)", /is not valid/],
      ["cron(5-1 3 * * ? *)", /is not valid/],
      ["cron(0 3 * JUN,SOON ? *)", /is not valid/],
      ["cron(0  3 * * ? *)", /has 7 fields/],
      ["cron(0 3 31 2 ? *)", /never comes/],
      ["cron(0 3 31 4,6,9,11 ? *)", /never comes/],
      ["cron(0 3 29 2 ? 2027)", /never comes/],
      ["cron(0 3 * * ? 1969)", /has 1969 as year; AWS knows 1970-2199/],
      ["cron(0 3 * * ? 2026-2200)", /has 2200 as year/],
      ["at(2026-02-30T10:00:00)", /no calendar has/],
      ["at(2026-02-20T24:00:00)", /no calendar has/],
      ["at(tomorrow)", /is no local time/],
      ["at(2026-02-20T10:00:00Z)", /is no local time/],
    ] as const) {
      it(expression, () => {
        expect(() => new Schedule("report", { expression, callback }))
          .to.throw(Error)
          .with.property("message")
          .that.matches(sentence)
          .and.includes(`Schedule "report": expression "${expression}"`);
      });
    }

    it("a time zone nobody knows, dates that are none, and numbers out of range", () => {
      const schedule = (args: Partial<ScheduleArgs>) => () =>
        new Schedule("report", { expression: "rate(1 hour)", callback, ...args });
      expect(schedule({ timezone: "Europe/Atlantis" })).to.throw(/timezone "Europe\/Atlantis" is unknown/);
      expect(schedule({ startDate: "tomorrow" })).to.throw(/startDate "tomorrow" is no UTC time/);
      expect(schedule({ startDate: "2026-02-01T00:00:00Z", endDate: "2026-01-01T00:00:00Z" })).to.throw(
        /is not after startDate/,
      );
      expect(schedule({ flexibleWindowMinutes: 1_441 })).to.throw(/flexibleWindowMinutes/);
      expect(schedule({ maximumRetryAttempts: 186 })).to.throw(/maximumRetryAttempts/);
    });
  });
});
