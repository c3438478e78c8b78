/**
 * Schedules of EventBridge Scheduler that start functions, asynchronously. What cannot be started is tried again with
 * growing waits, then left in the schedule's dead letters; a function's own errors follow its asynchronous way.
 * Sources: https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html,
 * https://docs.aws.amazon.com/scheduler/latest/UserGuide/configuring-schedule-dlq.html
 *
 * Differs from AWS: a run starts at its second, not within the minute; runs that were due while the system was stopped
 * do not happen; targets are functions only.
 */
import { randomUUID } from "node:crypto";
import { type PropertyMap, type PropertyValue, plain, type ResourceNode } from "../engine/graph.ts";
import { throttleMs } from "../kit/async-retry.ts";
import { compileSchedule, type NextTime } from "../kit/schedule-times.ts";
import { evaluatePolicies, parsePolicy } from "../lambda/iam.ts";
import { functionNameOf } from "../lambda/permission.ts";
import { rolePolicies } from "../lambda/role-policies.ts";
import { toEvent } from "./schedule/event.ts";
import type { RunningSource, Source, SourceContext } from "./source.ts";

/** Longest wait of a timer: Node's hold less than 25 days. */
const LONGEST_WAIT = 20 * 86_400_000;

interface Schedule {
  name: string;
  arn: string;
  next: NextTime;
  enabled: boolean;
  flexibleMs: number;
  functionName: string;
  input: string | undefined;
  deadLetters: string | undefined;
  maximumAgeMs: number;
  maximumRetryAttempts: number;
}

const text = (value: PropertyValue | undefined): string | undefined =>
  typeof value === "string" && value !== "" ? value : undefined;
const map = (value: PropertyValue | undefined): PropertyMap =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? value : {};
const number = (value: PropertyValue | undefined, fallback: number): number =>
  typeof value === "number" ? value : fallback;
const time = (value: PropertyValue | undefined): number | undefined =>
  text(value) === undefined ? undefined : Date.parse(String(value));

/** @throws Error naming the schedule, for what AWS or this runtime does not take */
const readSchedule = (node: ResourceNode, context: SourceContext): Schedule => {
  const values = plain(node.outputs) as PropertyMap;
  const target = map(values.target);
  const fail = (what: string): never => {
    throw new Error(`Schedule "${node.name}": ${what}`);
  };
  const arn = text(target.arn) ?? "";
  if (arn.split(":")[2] !== "lambda") fail(`its target ${arn} is no function, the only kind served locally.`);
  const functionName = functionNameOf(arn);
  if (!context.pool.has(functionName)) fail(`there is no function "${functionName}".`);
  checkRole(String(target.roleArn), { "lambda:InvokeFunction": arn }, context, fail);
  const deadLetters = text(map(target.deadLetterConfig).arn);
  if (deadLetters) checkRole(String(target.roleArn), { "sqs:SendMessage": deadLetters }, context, fail);
  const window = map(values.flexibleTimeWindow);
  const retries = map(target.retryPolicy);
  return {
    name: node.name,
    arn: text(values.arn) ?? "",
    next: compile(values, context.clock.now(), fail),
    enabled: values.state !== "DISABLED",
    flexibleMs: window.mode === "FLEXIBLE" ? number(window.maximumWindowInMinutes, 0) * 60_000 : 0,
    functionName,
    input: text(target.input),
    deadLetters,
    maximumAgeMs: number(retries.maximumEventAgeInSeconds, 86_400) * 1_000,
    maximumRetryAttempts: number(retries.maximumRetryAttempts, 185),
  };
};

const compile = (values: PropertyMap, made: number, fail: (what: string) => never): NextTime => {
  const settings = {
    expression: text(values.scheduleExpression) ?? "",
    timezone: text(values.scheduleExpressionTimezone) ?? "UTC",
    start: time(values.startDate),
    end: time(values.endDate),
  };
  try {
    return compileSchedule(settings, made);
  } catch (error) {
    return fail((error as Error).message);
  }
};

/** The role that Scheduler takes on must allow it. */
const checkRole = (
  roleArn: string,
  needed: Record<string, string>,
  { graph }: SourceContext,
  fail: (what: string) => never,
): void => {
  const documents = rolePolicies(graph, roleArn).map(parsePolicy);
  for (const [action, resource] of Object.entries(needed)) {
    if (evaluatePolicies(documents, action, resource) !== "allow") {
      fail(`its role ${roleArn} does not allow ${action} on ${resource}.`);
    }
  }
};

class Runs {
  readonly #schedule: Schedule;
  readonly #context: SourceContext;
  readonly #signal: AbortSignal;

  constructor(schedule: Schedule, context: SourceContext, signal: AbortSignal) {
    this.#schedule = schedule;
    this.#context = context;
    this.#signal = signal;
  }

  /** Ends with the last run, or rejects when it is stopped. */
  async loop(): Promise<void> {
    const { clock } = this.#context;
    const { next, name } = this.#schedule;
    let due = next(clock.now() - 1);
    if (due === undefined) this.#context.log(`Schedule "${name}" is over: it has no run left.`);
    while (due !== undefined) {
      await this.#until(due);
      void this.#run(due);
      due = next(due);
    }
  }

  async #until(due: number): Promise<void> {
    const { clock } = this.#context;
    for (let left = due - clock.now(); left > 0; left = due - clock.now()) {
      await clock.sleep(Math.min(left, LONGEST_WAIT), this.#signal);
    }
    this.#signal.throwIfAborted();
  }

  async #run(due: number): Promise<void> {
    const { clock, random } = this.#context;
    try {
      await clock.sleep(Math.floor(random() * this.#schedule.flexibleMs), this.#signal);
      await this.#deliver(due);
    } catch {
      // Stopped while it waited.
    }
  }

  async #deliver(due: number): Promise<void> {
    const { clock, asyncInvoke } = this.#context;
    const { arn: scheduleArn, functionName, input, maximumAgeMs, maximumRetryAttempts } = this.#schedule;
    const executionId = randomUUID();
    const began = clock.now();
    for (let attempt = 1; ; attempt += 1) {
      const event = toEvent({ scheduleArn, due, executionId, attempt }, input);
      try {
        await asyncInvoke.invoke(functionName, event);
        this.#emit(due, "started", attempt);
        return;
      } catch (error) {
        const wait = throttleMs(attempt);
        if (attempt > maximumRetryAttempts || clock.now() + wait - began > maximumAgeMs) {
          await this.#giveUp(event, error as Error, attempt);
          this.#emit(due, "given-up", attempt);
          return;
        }
        await clock.sleep(wait, this.#signal);
      }
    }
  }

  /** Source: https://docs.aws.amazon.com/scheduler/latest/UserGuide/configuring-schedule-dlq.html#configuring-schedule-dlq-message-attributes */
  async #giveUp(body: string, error: Error, attempt: number): Promise<void> {
    const { deadLetters, name, arn, functionName } = this.#schedule;
    const attribute = (value: string) => ({ DataType: "String", StringValue: value });
    try {
      if (deadLetters === undefined) throw new Error("it has no dead-letter queue");
      await this.#context.services.queues.send(deadLetters, {
        body,
        attributes: {
          SCHEDULE_ARN: attribute(arn),
          TARGET_ARN: attribute(functionName),
          ERROR_CODE: attribute(error.name),
          ERROR_MESSAGE: attribute(error.message.slice(0, 1_000) || "unknown"),
          RETRY_ATTEMPTS: attribute(String(attempt - 1)),
        },
      });
    } catch (second) {
      this.#context.log(
        `Schedule "${name}": a run is lost: ${error.message} Then: ${(second as Error).message}`,
      );
    }
  }

  #emit(due: number, outcome: "started" | "given-up", attempts: number): void {
    const { trace } = this.#context;
    trace.emit({ kind: "schedule", schedule: this.#schedule.name, due, outcome, attempts });
  }
}

const start = async (node: ResourceNode, context: SourceContext): Promise<RunningSource> => {
  const schedule = readSchedule(node, context);
  const stopping = new AbortController();
  const label = `${(plain(node.outputs) as PropertyMap).scheduleExpression} -> ${schedule.functionName}`;
  if (!schedule.enabled) return { name: `${label} (disabled)`, async stop() {} };
  // Begun after the other triggers have started: what a first run sends must find them.
  const begin = setImmediate(() => {
    new Runs(schedule, context, stopping.signal).loop().catch(() => {
      // Stopped.
    });
  });
  return {
    name: label,
    async stop() {
      clearImmediate(begin);
      stopping.abort(new Error("The schedule has been stopped."));
    },
  };
};

export const source: Source = {
  types: ["aws:scheduler/schedule:Schedule"],
  family: ["aws:iam/rolePolicy:"],
  start,
};
