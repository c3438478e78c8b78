import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import type { EventBridgeEvent } from "aws-lambda";
import type { AsyncRetries } from "./async-invoke.ts";
import { Component, type ComponentArgs } from "./component.ts";
import { type Callback, Function, type FunctionSettings, SETTING_KEYS, settingsOf } from "./function.ts";
import { argumentError, type Culprit, requireRange } from "./internal/arguments.ts";
import { checkAutoname } from "./internal/names.ts";
import { checkScheduleExpression, isTimezone } from "./internal/schedule-expression.ts";
import { applyTransform, type Transform } from "./internal/transform.ts";

/** What a schedule without an `input` of its own sends; `time` is when it was due. */
export type ScheduleEvent = EventBridgeEvent<"Scheduled Event", string>;

export interface ScheduleArgs<Event = ScheduleEvent> extends ComponentArgs, FunctionSettings {
  /**
   * When: `rate(15 minutes)`, `cron(0 3 * * ? *)` (minutes, hours, day of month, month, day of week, year) or
   * `at(2026-12-31T23:59:00)`. An `at` that is over does nothing.
   */
  expression: string;
  /** The code, inline. Throws to be run again. */
  callback: Callback<Event, void>;
  /**
   * Time zone of `cron` and `at`, e.g. `Europe/Berlin`. A local time that a clock change skips is skipped; one that
   * it repeats runs once.
   * @default "UTC"
   */
  timezone?: string;
  /** Minutes within which AWS may choose the moment, to spread load. 1-1,440. @default exactly on time, within 60 s */
  flexibleWindowMinutes?: number;
  /** Not before, ISO-8601 UTC; a rate counts from here. @default at once */
  startDate?: string;
  /** Not after, ISO-8601 UTC. @default never ends */
  endDate?: string;
  /**
   * Whether it runs.
   * @default true
   */
  enabled?: boolean;
  /**
   * What the callback gets instead of AWS's event: JSON in which `<aws.scheduler.scheduled-time>`,
   * `<aws.scheduler.execution-id>`, `<aws.scheduler.attempt-number>` and `<aws.scheduler.schedule-arn>` are filled in.
   */
  input?: Record<string, unknown>;
  /** Seconds that AWS tries to start the function. 60-86,400. @default 86,400 */
  maximumEventAgeInSeconds?: number;
  /** Retries of starting it. 0-185. @default 185 */
  maximumRetryAttempts?: number;
  /** Retries of the function itself, once it has the event. */
  asyncInvoke?: AsyncRetries;
  /** The last word on the schedule itself. */
  transform?: { schedule?: Transform<aws.scheduler.ScheduleArgs> };
}

const DEFAULTS = {
  timezone: "UTC",
  maximumEventAgeInSeconds: 86_400,
  maximumRetryAttempts: 185,
  deadLetterSeconds: 1_209_600,
} as const;

const ASSUMED_BY_SCHEDULER = JSON.stringify({
  Version: "2012-10-17",
  Statement: [
    { Effect: "Allow", Principal: { Service: "scheduler.amazonaws.com" }, Action: "sts:AssumeRole" },
  ],
});

/**
 * A function that runs by the clock.
 *
 * Creates the function, the schedule with a role that may start this function alone, and a queue for runs that could
 * not be started. Cost driver: invocations; the first 14 million a month are free.
 *
 * ```ts
 * new Schedule("report", { expression: "cron(0 3 * * ? *)", timezone: "Europe/Berlin", callback: async () => {} });
 * ```
 *
 * Failure path: a run comes at least once. What cannot be started is tried for 24 h, then left in `deadLetters`; a
 * function that runs and fails is run twice more, then its event goes to the function's failures. Locally the same
 * times, to the second.
 * Sources: https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html,
 * https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html,
 * https://docs.aws.amazon.com/scheduler/latest/UserGuide/configuring-schedule-dlq.html
 */
export class Schedule<Event = ScheduleEvent> extends Component {
  /** The schedule's ARN. */
  readonly arn: pulumi.Output<string>;
  /** The function behind it. */
  readonly function: Function<Event, void>;
  /** Runs that could not be started. */
  readonly deadLetters: aws.sqs.Queue;
  /** The schedule itself. */
  readonly schedule: aws.scheduler.Schedule;

  constructor(name: string, args: ScheduleArgs<Event>, opts?: pulumi.ComponentResourceOptions) {
    super("Schedule", name, args, opts);
    this.validate(args);
    this.function = new Function<Event, void>(
      name,
      { ...settingsOf(args), callback: args.callback, asyncInvoke: args.asyncInvoke ?? {}, tags: this.tags },
      { parent: this },
    );
    this.deadLetters = this.createDeadLetters();
    this.schedule = this.createSchedule(args);
    this.arn = this.schedule.arn;
    this.registerOutputs({ arn: this.arn });
  }

  private validate(args: ScheduleArgs<Event>): void {
    const who: Culprit = { noun: this.noun, name: this.componentName };
    this.refuseUnknown(args, {
      expression: true,
      callback: true,
      timezone: true,
      flexibleWindowMinutes: true,
      startDate: true,
      endDate: true,
      enabled: true,
      input: true,
      maximumEventAgeInSeconds: true,
      maximumRetryAttempts: true,
      asyncInvoke: true,
      transform: true,
      tags: true,
      ...SETTING_KEYS,
    });
    checkScheduleExpression(who, args.expression);
    if (args.timezone !== undefined && !isTimezone(args.timezone)) {
      throw argumentError(who, `timezone "${args.timezone}" is unknown; name one like "Europe/Berlin".`);
    }
    requireRange(who, "flexibleWindowMinutes", args.flexibleWindowMinutes, {
      minimum: 1,
      maximum: 1_440,
      unit: "minutes",
    });
    requireRange(who, "maximumEventAgeInSeconds", args.maximumEventAgeInSeconds, {
      minimum: 60,
      maximum: 86_400,
      unit: "seconds",
    });
    requireRange(who, "maximumRetryAttempts", args.maximumRetryAttempts, { minimum: 0, maximum: 185 });
    checkDates(who, args);
    checkAutoname(who, "schedule", `${this.componentName}-schedule`);
    checkAutoname(who, "role", `${this.componentName}-scheduler-role`);
  }

  private createDeadLetters(): aws.sqs.Queue {
    return new aws.sqs.Queue(
      `${this.componentName}-undelivered`,
      {
        sqsManagedSseEnabled: true,
        messageRetentionSeconds: DEFAULTS.deadLetterSeconds,
        tags: this.tags,
      },
      this.child(),
    );
  }

  private createSchedule(args: ScheduleArgs<Event>): aws.scheduler.Schedule {
    const role = new aws.iam.Role(
      `${this.componentName}-scheduler-role`,
      {
        description: `Lets EventBridge Scheduler start ${this.componentName}`,
        assumeRolePolicy: ASSUMED_BY_SCHEDULER,
        tags: this.tags,
      },
      this.child(),
    );
    const policy = new aws.iam.RolePolicy(
      `${this.componentName}-scheduler-policy`,
      {
        role: role.id,
        policy: pulumi.jsonStringify(mayStart(this.function.arn, this.deadLetters.arn)),
      },
      this.child(),
    );
    const { flexibleWindowMinutes, input } = args;
    const [scheduleArgs, opts] = applyTransform<aws.scheduler.ScheduleArgs>(
      args.transform?.schedule,
      {
        scheduleExpression: args.expression,
        scheduleExpressionTimezone: args.timezone ?? DEFAULTS.timezone,
        flexibleTimeWindow: flexibleWindowMinutes
          ? { mode: "FLEXIBLE", maximumWindowInMinutes: flexibleWindowMinutes }
          : { mode: "OFF" },
        startDate: args.startDate,
        endDate: args.endDate,
        state: (args.enabled ?? true) ? "ENABLED" : "DISABLED",
        target: {
          arn: this.function.arn,
          roleArn: role.arn,
          input: input && JSON.stringify(input),
          deadLetterConfig: { arn: this.deadLetters.arn },
          retryPolicy: {
            maximumEventAgeInSeconds: args.maximumEventAgeInSeconds ?? DEFAULTS.maximumEventAgeInSeconds,
            maximumRetryAttempts: args.maximumRetryAttempts ?? DEFAULTS.maximumRetryAttempts,
          },
        },
      },
      this.child({ dependsOn: [policy] }),
    );
    return new aws.scheduler.Schedule(`${this.componentName}-schedule`, scheduleArgs, opts);
  }
}

function checkDates<Event>(who: Culprit, { startDate, endDate }: ScheduleArgs<Event>): void {
  for (const [key, value] of Object.entries({ startDate, endDate })) {
    if (value === undefined || /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(value)) continue;
    throw argumentError(who, `${key} "${value}" is no UTC time like 2026-12-31T00:00:00Z.`);
  }
  if (startDate !== undefined && endDate !== undefined && endDate <= startDate) {
    throw argumentError(who, `endDate ${endDate} is not after startDate ${startDate}.`);
  }
}

/** https://docs.aws.amazon.com/scheduler/latest/UserGuide/setting-up.html#setting-up-execution-role */
const mayStart = (functionArn: pulumi.Input<string>, queueArn: pulumi.Input<string>) => ({
  Version: "2012-10-17",
  Statement: [
    { Effect: "Allow", Action: ["lambda:InvokeFunction"], Resource: [functionArn] },
    { Effect: "Allow", Action: ["sqs:SendMessage"], Resource: [queueArn] },
  ],
});
