import { expect } from "chai";
import type { ResourceNode } from "../../local/engine/graph.ts";
import { VirtualClock } from "../../local/kit/clock.ts";
import { Trace } from "../../local/kit/trace.ts";
import { EventBridge } from "../../local/services/event-bridge.ts";
import { ServiceError } from "../../local/services/faults.ts";
import type { OutgoingMessage, Sender } from "../../local/services/message-queues.ts";
import { source } from "../../local/sources/event-bus.ts";
import type { RunningSource, SourceContext } from "../../local/sources/source.ts";
import { documented, shape } from "../helpers/events.ts";
import { graphOf, resourceNode } from "../helpers/graph.ts";

const RULE_ARN = "arn:aws:events:eu-west-1:000000000000:rule/orders/placed";
const QUEUE_ARN = "arn:aws:sqs:eu-west-1:000000000000:fulfil";
const DEAD_ARN = "arn:aws:sqs:eu-west-1:000000000000:undelivered";
const FUNCTION_ARN = "arn:aws:lambda:eu-west-1:000000000000:function:notify";

const rule = (outputs: object = {}): ResourceNode =>
  resourceNode("aws:cloudwatch/eventRule:EventRule", "placed-rule", {
    outputs: {
      name: "placed",
      eventBusName: "orders",
      arn: RULE_ARN,
      eventPattern: JSON.stringify({
        "detail-type": ["OrderPlaced"],
        detail: { total: [{ numeric: [">", 9] }] },
      }),
      ...outputs,
    },
  });

const permission = resourceNode("aws:lambda/permission:Permission", "notify-permission", {
  outputs: {
    action: "lambda:InvokeFunction",
    function: "notify",
    principal: "events.amazonaws.com",
    sourceArn: RULE_ARN,
  },
});

interface Sent {
  queue: string;
  message: OutgoingMessage;
}

class Bed {
  readonly clock = new VirtualClock();
  readonly trace = new Trace({ now: () => this.clock.now() });
  readonly events = new EventBridge({ region: "eu-west-1", account: "000000000000", clock: this.clock });
  readonly sent: Sent[] = [];
  readonly invoked: { name: string; payload: unknown }[] = [];
  readonly lines: string[] = [];
  /** What the queue says, by how often it was asked. */
  refusal: (attempt: number) => Error | undefined = () => undefined;
  allowed = true;
  #attempts = 0;
  running: RunningSource | undefined;

  constructor() {
    this.events.createBus("orders");
  }

  async start(target: object = {}, ...others: ResourceNode[]): Promise<void> {
    const node = resourceNode("aws:cloudwatch/eventTarget:EventTarget", "placed-target", {
      outputs: {
        rule: "placed",
        eventBusName: "orders",
        arn: QUEUE_ARN,
        deadLetterConfig: { arn: DEAD_ARN },
        retryPolicy: { maximumEventAgeInSeconds: 60, maximumRetryAttempts: 2 },
        ...target,
      },
    });
    const nodes = others.length > 0 ? others : [rule(), permission];
    const context = {
      graph: graphOf(node, ...nodes),
      clock: this.clock,
      trace: this.trace,
      services: {
        events: this.events,
        queues: {
          requireSender: () => {
            if (!this.allowed) throw new ServiceError("AccessDenied", "not authorized", { status: 403 });
          },
          sendFrom: async (_sender: Sender, queue: string, message: OutgoingMessage) =>
            this.#send(queue, message),
        },
      },
      pool: { has: (name: string) => name === "notify" },
      asyncInvoke: {
        invoke: async (name: string, payload: string) =>
          this.invoked.push({ name, payload: JSON.parse(payload) }),
      },
      log: (line: string) => this.lines.push(line),
    } as unknown as SourceContext;
    this.running = await source.start(node, context);
  }

  put(changes: object = {}): void {
    const Entries = [
      {
        EventBusName: "orders",
        Source: "shop",
        DetailType: "OrderPlaced",
        Detail: '{"total":10}',
        ...changes,
      },
    ];
    this.events.handle("PutEvents", { Entries });
  }

  async outcome(): Promise<string> {
    const { outcome } = await this.trace.waitFor(({ kind }) => kind === "event");
    return String(outcome);
  }

  #send(queue: string, message: OutgoingMessage): void {
    if (queue === QUEUE_ARN) this.#attempts += 1;
    const refusal = queue === QUEUE_ARN ? this.refusal(this.#attempts) : undefined;
    if (refusal) throw refusal;
    this.sent.push({ queue, message });
  }

  get attempts(): number {
    return this.#attempts;
  }
}

const bodyOf = ({ message }: Sent): { detail: unknown } => JSON.parse(message.body);

describe("event bus source", () => {
  it("sends what matches to the queue, the whole event as the body", async () => {
    const bed = new Bed();
    await bed.start();
    bed.put({ DetailType: "OrderFulfilled" });
    bed.put({ Detail: '{"total":9}' });
    bed.put({ Resources: ["arn:aws:s3:::orders"] });
    expect(await bed.outcome()).to.equal("delivered");
    expect(bed.sent.map(({ queue }) => queue)).to.deep.equal([QUEUE_ARN]);
    const { detail: _, ...members } = documented("event-bridge").event;
    expect(shape(bodyOf(bed.sent[0] as Sent))).to.deep.equal({
      ...(shape(members) as object),
      detail: { total: "number" },
    });
    expect(bodyOf(bed.sent[0] as Sent)).to.deep.include({
      "detail-type": "OrderPlaced",
      detail: { total: 10 },
    });
  });

  it("gives a FIFO queue a group, and the event's id to tell repeats by", async () => {
    const bed = new Bed();
    await bed.start({ sqsTarget: { messageGroupId: "all" } });
    bed.put();
    await bed.outcome();
    const [sent] = bed.sent;
    expect(sent?.message.groupId).to.equal("all");
    expect(sent?.message.deduplicationId).to.equal(
      (JSON.parse(sent?.message.body ?? "") as { id: string }).id,
    );
  });

  it("invokes a function asynchronously, with the part of the event that inputPath names", async () => {
    const bed = new Bed();
    await bed.start({ arn: FUNCTION_ARN, inputPath: "$.detail" });
    bed.put();
    await bed.outcome();
    expect(bed.invoked).to.deep.equal([{ name: "notify", payload: { total: 10 } }]);
  });

  it("tries again with growing waits, then leaves the event to the dead letters with the reason", async () => {
    const bed = new Bed();
    bed.refusal = () => new Error("the queue is on fire");
    await bed.start();
    const done = bed.outcome();
    bed.put();
    for (const wait of [1_000, 2_000]) {
      await bed.clock.waitForSleepers(1);
      await bed.clock.advance(wait);
    }
    expect(await done).to.equal("given-up");
    await new Promise(setImmediate);
    expect(bed.attempts).to.equal(3);
    const [dead] = bed.sent;
    expect(dead?.queue).to.equal(DEAD_ARN);
    expect(dead?.message.attributes).to.deep.include({
      RULE_ARN: { DataType: "String", StringValue: RULE_ARN },
      TARGET_ARN: { DataType: "String", StringValue: QUEUE_ARN },
      ERROR_MESSAGE: { DataType: "String", StringValue: "the queue is on fire" },
      RETRY_ATTEMPTS: { DataType: "String", StringValue: "2" },
    });
  });

  it("delivers after a failure that passes", async () => {
    const bed = new Bed();
    bed.refusal = (attempt) => (attempt === 1 ? new Error("busy") : undefined);
    await bed.start();
    const done = bed.outcome();
    bed.put();
    await bed.clock.waitForSleepers(1);
    await bed.clock.advance(1_000);
    expect(await done).to.equal("delivered");
    expect(bed.sent).to.have.length(1);
  });

  it("does not try again what the queue's policy forbids", async () => {
    const bed = new Bed();
    bed.refusal = () => new ServiceError("AccessDenied", "no statement allows it", { status: 403 });
    await bed.start();
    bed.put();
    expect(await bed.outcome()).to.equal("given-up");
    await new Promise(setImmediate);
    expect(bed.attempts).to.equal(1);
    expect(bed.sent[0]?.message.attributes).to.not.have.property("RETRY_ATTEMPTS");
  });

  it("says which event is lost without dead letters", async () => {
    const bed = new Bed();
    bed.refusal = () => new ServiceError("AccessDenied", "no statement allows it", { status: 403 });
    await bed.start({ deadLetterConfig: undefined });
    bed.put();
    await bed.outcome();
    await new Promise(setImmediate);
    expect(bed.lines[0]).to.match(
      /^Event target "placed-target": event [0-9a-f-]{36} is lost: no statement allows it/,
    );
  });

  it("hears nothing while its rule is disabled, or once it is stopped", async () => {
    const disabled = new Bed();
    await disabled.start({}, rule({ state: "DISABLED" }), permission);
    disabled.put();
    const stopped = new Bed();
    await stopped.start();
    await stopped.running?.stop();
    stopped.put();
    await new Promise(setImmediate);
    expect([disabled.sent, stopped.sent]).to.deep.equal([[], []]);
  });

  for (const [what, target, others, sentence] of [
    ["a rule that is not there", { rule: "other" }, [], /there is no rule "other" on the bus "orders"/],
    ["a rule by schedule", {}, [rule({ eventPattern: "" })], /has no event pattern/],
    ["a malformed pattern", {}, [rule({ eventPattern: '{"source":[{"like":"x"}]}' })], /expected one of/],
    [
      "a target nobody serves",
      { arn: "arn:aws:states:eu-west-1:000000000000:x" },
      [],
      /neither a function nor a queue/,
    ],
    ["an input transformer", { inputTransformer: { inputTemplate: "x" } }, [], /input transformers/],
    ["a function that does not let it in", { arn: FUNCTION_ARN }, [rule()], /needs a lambda permission/],
  ] as const) {
    it(`refuses ${what} at start`, async () => {
      const bed = new Bed();
      const problem = await bed.start(target, ...others).catch((error: Error) => error.message);
      expect(problem)
        .to.match(/^Event target "placed-target": |^The filter pattern/)
        .and.to.match(sentence);
    });
  }

  it("refuses a queue whose policy does not let the rule in", async () => {
    const bed = new Bed();
    bed.allowed = false;
    const problem = await bed.start().catch((error: Error) => error.message);
    expect(problem).to.equal('Event target "placed-target": not authorized');
  });
});
