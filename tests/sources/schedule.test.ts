import { expect } from "chai";
import type { ResourceNode } from "../../local/engine/graph.ts";
import { VirtualClock } from "../../local/kit/clock.ts";
import { Trace } from "../../local/kit/trace.ts";
import type { OutgoingMessage } from "../../local/services/message-queues.ts";
import { toEvent } from "../../local/sources/schedule/event.ts";
import { source } from "../../local/sources/schedule.ts";
import type { RunningSource, SourceContext } from "../../local/sources/source.ts";
import { documented, shape } from "../helpers/events.ts";
import { graphOf, resourceNode } from "../helpers/graph.ts";

const FUNCTION_ARN = "arn:aws:lambda:eu-west-1:000000000000:function:report";
const QUEUE_ARN = "arn:aws:sqs:eu-west-1:000000000000:undelivered";
const ROLE_ARN = "arn:aws:iam::000000000000:role/scheduler";
const ARN = "arn:aws:scheduler:eu-west-1:000000000000:schedule/default/report";

const allow = (action: string, resource: string) => ({ Effect: "Allow", Action: action, Resource: resource });

class Bed {
  readonly clock = new VirtualClock();
  readonly trace = new Trace({ now: () => this.clock.now() });
  readonly invoked: { at: string; event: { time?: string } & Record<string, unknown> }[] = [];
  readonly dead: { queue: string; message: OutgoingMessage }[] = [];
  readonly lines: string[] = [];
  statements = [allow("lambda:InvokeFunction", FUNCTION_ARN), allow("sqs:SendMessage", QUEUE_ARN)];
  failure: Error | undefined;
  random = 0;
  running: RunningSource | undefined;

  async start(outputs: object = {}, target: object = {}): Promise<void> {
    const node = resourceNode("aws:scheduler/schedule:Schedule", "report-schedule", {
      outputs: {
        arn: ARN,
        scheduleExpression: "rate(15 minutes)",
        scheduleExpressionTimezone: "UTC",
        flexibleTimeWindow: { mode: "OFF" },
        state: "ENABLED",
        target: {
          arn: FUNCTION_ARN,
          roleArn: ROLE_ARN,
          deadLetterConfig: { arn: QUEUE_ARN },
          retryPolicy: { maximumEventAgeInSeconds: 60, maximumRetryAttempts: 1 },
          ...target,
        },
        ...outputs,
      },
    });
    this.running = await source.start(node, this.#context(node));
    await new Promise(setImmediate);
  }

  #context(node: ResourceNode): SourceContext {
    const role = resourceNode("aws:iam/role:Role", "role", { outputs: { arn: ROLE_ARN, name: "scheduler" } });
    const policy = { role: "scheduler", policy: JSON.stringify({ Statement: this.statements }) };
    const rights = resourceNode("aws:iam/rolePolicy:RolePolicy", "policy", {
      inputs: policy,
      outputs: policy,
    });
    return {
      graph: graphOf(node, role, rights),
      clock: this.clock,
      trace: this.trace,
      random: () => this.random,
      services: {
        queues: {
          send: async (queue: string, message: OutgoingMessage) => this.dead.push({ queue, message }),
        },
      },
      pool: { has: (name: string) => name === "report" },
      asyncInvoke: { invoke: async (_: string, payload: string) => this.#invoke(payload) },
      log: (line: string) => this.lines.push(line),
    } as unknown as SourceContext;
  }

  #invoke(payload: string): void {
    if (this.failure) throw this.failure;
    const at = new Date(this.clock.now()).toISOString().slice(11, 16);
    this.invoked.push({ at, event: JSON.parse(payload) });
  }

  get times(): string[] {
    return this.invoked.map(({ at }) => at);
  }
}

describe("schedule source", () => {
  it("sends AWS's event at its times, the first of a rate at once", async () => {
    const bed = new Bed();
    await bed.start();
    await bed.clock.advance(30 * 60_000);
    await bed.running?.stop();
    await bed.clock.advance(60 * 60_000);
    expect(bed.times).to.deep.equal(["00:00", "00:15", "00:30"]);
    expect(bed.invoked[1]?.event).to.deep.include({ time: "2026-01-01T00:15:00Z", resources: [ARN] });
    expect(shape(bed.invoked[1]?.event)).to.deep.equal(shape(documented("scheduler").event));
  });

  it("sends the event that AWS sends for the same run", () => {
    const { event } = documented("scheduler");
    const run = {
      scheduleArn: event.resources[0],
      due: Date.parse(event.time),
      executionId: event.id,
      attempt: 1,
    };
    expect(toEvent(run, undefined)).to.equal(JSON.stringify(event));
  });

  it("fills the context attributes into an input of the user's own", () => {
    const input =
      '{"at":"<aws.scheduler.scheduled-time>","run":"<aws.scheduler.execution-id>","n":"<aws.scheduler.attempt-number>","of":"<aws.scheduler.schedule-arn>"}';
    const run = { scheduleArn: ARN, due: Date.UTC(2026, 0, 1), executionId: "e", attempt: 2 };
    expect(JSON.parse(toEvent(run, input))).to.deep.equal({
      at: "2026-01-01T00:00:00Z",
      run: "e",
      n: "2",
      of: ARN,
    });
  });

  it("starts within its flexible window, with the time it was due", async () => {
    const bed = new Bed();
    bed.random = 0.5;
    await bed.start({ flexibleTimeWindow: { mode: "FLEXIBLE", maximumWindowInMinutes: 10 } });
    await bed.clock.advance(10 * 60_000);
    expect(bed.times).to.deep.equal(["00:05"]);
    expect(bed.invoked[0]?.event.time).to.equal("2026-01-01T00:00:00Z");
  });

  it("waits longer than a timer can", async () => {
    const bed = new Bed();
    await bed.start({ scheduleExpression: "at(2026-06-01T10:00:00)" });
    await bed.clock.advance(200 * 86_400_000);
    expect(bed.times).to.deep.equal(["10:00"]);
  });

  it("leaves a run that cannot be started to the dead letters, after its retries", async () => {
    const bed = new Bed();
    bed.failure = new Error("no such function");
    await bed.start({ scheduleExpression: "at(2026-01-01T00:10:00)" });
    await bed.clock.advance(11 * 60_000);
    expect(bed.dead.map(({ queue }) => queue)).to.deep.equal([QUEUE_ARN]);
    expect(bed.dead[0]?.message.attributes).to.deep.include({
      SCHEDULE_ARN: { DataType: "String", StringValue: ARN },
      ERROR_MESSAGE: { DataType: "String", StringValue: "no such function" },
      RETRY_ATTEMPTS: { DataType: "String", StringValue: "1" },
    });
  });

  it("says that it is over, and does nothing while it is disabled", async () => {
    const over = new Bed();
    await over.start({ scheduleExpression: "at(2020-01-01T00:00:00)" });
    await over.clock.advance(60_000);
    expect(over.lines).to.deep.equal(['Schedule "report-schedule" is over: it has no run left.']);
    const disabled = new Bed();
    await disabled.start({ state: "DISABLED" });
    await disabled.clock.advance(3_600_000);
    expect([over.times, disabled.times]).to.deep.equal([[], []]);
  });

  for (const [what, prepare, outputs, target, sentence] of [
    [
      "a role that may not start the function",
      (bed: Bed) => bed.statements.shift(),
      {},
      {},
      /lambda:InvokeFunction/,
    ],
    [
      "a role that may not write the dead letters",
      (bed: Bed) => bed.statements.pop(),
      {},
      {},
      /sqs:SendMessage/,
    ],
    ["a target that is no function", () => {}, {}, { arn: QUEUE_ARN }, /is no function/],
    ["an expression that is none", () => {}, { scheduleExpression: "daily" }, {}, /is not valid/],
  ] as const) {
    it(`refuses ${what} at start`, async () => {
      const bed = new Bed();
      prepare(bed);
      const problem = await bed.start(outputs, target).catch((error: Error) => error.message);
      expect(problem)
        .to.match(/^Schedule "report-schedule": /)
        .and.match(sentence);
    });
  }
});
