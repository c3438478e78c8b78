import { expect } from "chai";
import { VirtualClock } from "../../../local/kit/clock.ts";
import { Trace } from "../../../local/kit/trace.ts";
import { AsyncDestinations } from "../../../local/lambda/async-destinations.ts";
import { AsyncInvoker, type AsyncSettings } from "../../../local/lambda/async-invoke.ts";
import { Callers, type PolicyStatement } from "../../../local/lambda/iam.ts";
import type { InvokeOptions } from "../../../local/lambda/pool.ts";
import { type InvokeResult, TooManyRequestsException } from "../../../local/lambda/results.ts";
import type { FunctionSpec } from "../../../local/lambda/spec.ts";

const MINUTE = 60_000;
const QUEUE = "arn:aws:sqs:eu-west-1:000000000000:failures";
const ALL_RIGHTS: PolicyStatement[] = [{ Effect: "Allow", Action: "*", Resource: "*" }];

type Outcome = "ok" | "error" | "throttled";

interface Sent {
  to: string;
  body: { [key: string]: unknown };
  attributes?: { [key: string]: unknown };
  key?: string;
}

/** A function that answers as it is told, invoked on a virtual clock. */
class Bed {
  readonly clock = new VirtualClock(Date.UTC(2026, 0, 1, 12));
  readonly trace = new Trace({ now: () => this.clock.now() });
  readonly lines: string[] = [];
  readonly sent: Sent[] = [];
  /** Milliseconds after the start, and the request's id, of every attempt. */
  readonly attempts: [number, string | undefined][] = [];
  readonly spec: Partial<FunctionSpec>;
  readonly invoker: AsyncInvoker;
  /** By attempt; the last one stays. */
  outcomes: Outcome[];
  /** The queue is not there. */
  refuses = false;
  readonly #start = this.clock.now();

  constructor(
    outcomes: Outcome[],
    options: { spec?: Partial<FunctionSpec>; rights?: PolicyStatement[]; waitFactor?: number } = {},
  ) {
    this.outcomes = outcomes;
    this.spec = {
      arn: "arn:aws:lambda:eu-west-1:000000000000:function:work",
      version: "$LATEST",
      ...options.spec,
    };
    const callers = new Callers();
    callers.register("AKIAWORK", {
      functionName: "work",
      roleArn: "arn:aws:iam::000000000000:role/work-role",
      policies: [{ Statement: options.rights ?? ALL_RIGHTS }],
    });
    this.invoker = new AsyncInvoker({
      pool: {
        spec: (name) => (name === "work" ? (this.spec as FunctionSpec) : undefined),
        invoke: (_name, _payload, given) => this.#invoke(given),
      },
      destinations: new AsyncDestinations({ callers, clock: this.clock, services: this.#services() }),
      clock: this.clock,
      trace: this.trace,
      waitFactor: options.waitFactor,
      log: (line) => this.lines.push(line),
    });
  }

  /** Accepts an event and lets everything happen that needs no time. */
  async send(payload: object | string = { id: 7 }, settings?: Partial<AsyncSettings>): Promise<string> {
    if (settings) this.invoker.configure("work", settings);
    const { requestId } = await this.invoker.invoke("work", payload);
    await this.clock.advance(0);
    return requestId;
  }

  get times(): number[] {
    return this.attempts.map(([time]) => time);
  }

  async #invoke(options: InvokeOptions | undefined): Promise<InvokeResult> {
    const outcome = this.outcomes[Math.min(this.attempts.length, this.outcomes.length - 1)];
    this.attempts.push([this.clock.now() - this.#start, options?.requestId]);
    if (outcome === "throttled") throw new TooManyRequestsException("ConcurrentInvocationLimitExceeded");
    const common = { requestId: options?.requestId ?? "", coldStart: false, durationMs: 1 };
    if (outcome === "ok") return { ...common, status: "ok", payload: '{"done":true}' };
    const payload = '{"errorType":"Error","errorMessage":"out of paper"}';
    return { ...common, status: "error", functionError: "Unhandled", payload };
  }

  #services() {
    const keep = async (sent: Omit<Sent, "body"> & { body: unknown }): Promise<void> => {
      if (this.refuses) throw new Error("The specified queue does not exist.");
      this.sent.push({
        ...sent,
        body: typeof sent.body === "string" ? JSON.parse(sent.body) : (sent.body as Sent["body"]),
      });
    };
    return {
      putObject: (to: string, key: string, body: string) => keep({ to, key, body }),
      sendMessage: (to: string, body: string, attributes?: Sent["attributes"]) =>
        keep({ to, body, attributes }),
      publish: (to: string, body: string, attributes?: Sent["attributes"]) => keep({ to, body, attributes }),
      putEvent: (entry: object) => keep({ to: "bus", body: entry }),
      invoke: (to: string, body: object) => keep({ to, body }),
    };
  }
}

describe("asynchronous invocation", () => {
  let bed: Bed;

  afterEach(() => bed.invoker.stop());

  describe("retries", () => {
    it("run the function again after one and after two minutes, under one request id", async () => {
      bed = new Bed(["error"]);
      const requestId = await bed.send();
      await bed.clock.advance(60 * MINUTE);
      expect(bed.times).to.deep.equal([0, MINUTE, 3 * MINUTE]);
      expect(new Set(bed.attempts.map(([, id]) => id))).to.deep.equal(new Set([requestId]));
      expect(bed.invoker.pending).to.equal(0);
    });

    it("end with the first success", async () => {
      bed = new Bed(["error", "ok"]);
      await bed.send();
      await bed.clock.advance(60 * MINUTE);
      expect(bed.times).to.deep.equal([0, MINUTE]);
    });

    it("are as many as the function's settings say", async () => {
      bed = new Bed(["error"]);
      await bed.send({}, { maximumRetryAttempts: 0, onFailure: QUEUE });
      await bed.clock.advance(60 * MINUTE);
      expect(bed.times).to.deep.equal([0]);
      expect(bed.sent).to.have.length(1);
    });

    it("forget the settings when they are taken away", async () => {
      bed = new Bed(["error"]);
      bed.invoker.configure("work", { maximumRetryAttempts: 0 });
      bed.invoker.configure("work", undefined);
      await bed.send();
      await bed.clock.advance(60 * MINUTE);
      expect(bed.times).to.have.length(3);
    });

    it("take a share of their time with a wait factor", async () => {
      bed = new Bed(["error"], { waitFactor: 0.01 });
      await bed.send();
      await bed.clock.advance(60 * MINUTE);
      expect(bed.times).to.deep.equal([0, 600, 1_800]);
    });
  });

  describe("throttles", () => {
    it("back off from one second, doubling to five minutes, and spend no retry", async () => {
      bed = new Bed([...Array<Outcome>(11).fill("throttled"), "error"]);
      await bed.send();
      await bed.clock.advance(60 * MINUTE);
      const waits = bed.times.slice(1).map((time, index) => (time - (bed.times[index] ?? 0)) / 1_000);
      expect(waits).to.deep.equal([1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 60, 120]);
    });

    it("begin their waits anew once the function has run", async () => {
      bed = new Bed(["throttled", "throttled", "error", "throttled", "ok"]);
      await bed.send();
      await bed.clock.advance(60 * MINUTE);
      expect(bed.times).to.deep.equal([0, 1_000, 3_000, 63_000, 64_000]);
    });

    it("end after six hours, the event's age without settings", async () => {
      bed = new Bed(["throttled"], { spec: { deadLetterArn: QUEUE } });
      await bed.send();
      await bed.clock.advance(360 * MINUTE - 1);
      expect(bed.invoker.pending).to.equal(1);
      await bed.clock.advance(1);
      expect(bed.invoker.pending).to.equal(0);
      expect(bed.sent[0]?.attributes).to.deep.include({
        ErrorMessage: { DataType: "String", StringValue: "EventAgeExceeded" },
        ErrorCode: { DataType: "Number", StringValue: "429" },
      });
    });
  });

  describe("what is given up", () => {
    it("reaches the destination as AWS's record, after the last retry", async () => {
      bed = new Bed(["error"]);
      const requestId = await bed.send({ id: 7 }, { onFailure: QUEUE });
      await bed.clock.advance(3 * MINUTE - 1);
      expect(bed.sent).to.deep.equal([]);
      await bed.clock.advance(1);
      expect(bed.sent).to.deep.equal([
        {
          to: "failures",
          attributes: undefined,
          body: {
            version: "1.0",
            timestamp: "2026-01-01T12:03:00.000Z",
            requestContext: {
              requestId,
              functionArn: "arn:aws:lambda:eu-west-1:000000000000:function:work:$LATEST",
              condition: "RetriesExhausted",
              approximateInvokeCount: 3,
            },
            requestPayload: { id: 7 },
            responseContext: { statusCode: 200, executedVersion: "$LATEST", functionError: "Unhandled" },
            responsePayload: { errorType: "Error", errorMessage: "out of paper" },
          },
        },
      ]);
    });

    it("may be too old after its first failure", async () => {
      bed = new Bed(["error"]);
      await bed.send({}, { maximumEventAgeMs: MINUTE, onFailure: QUEUE });
      await bed.clock.advance(60 * MINUTE);
      expect(bed.times).to.deep.equal([0]);
      expect(bed.sent[0]?.body).to.include({ timestamp: "2026-01-01T12:01:00.000Z" });
      expect(bed.sent[0]?.body.requestContext).to.include({
        condition: "EventAgeExceeded",
        approximateInvokeCount: 1,
      });
    });

    it("is given up at once, never run, when the function's reserved concurrency is 0", async () => {
      bed = new Bed(["ok"], { spec: { reservedConcurrency: 0 } });
      await bed.send({}, { onFailure: QUEUE });
      expect(bed.attempts).to.deep.equal([]);
      expect(bed.sent[0]?.body.requestContext).to.include({
        condition: "ZeroReservedConcurrency",
        approximateInvokeCount: 0,
      });
      expect(bed.sent[0]?.body).not.to.have.any.keys("responseContext", "responsePayload");
    });

    it("blames no run of the function that was closed after it had failed", async () => {
      bed = new Bed(["error"]);
      await bed.send({}, { onFailure: QUEUE });
      bed.spec.reservedConcurrency = 0;
      await bed.clock.advance(MINUTE);
      expect(bed.times).to.deep.equal([0]);
      expect(bed.sent[0]?.body.requestContext).to.include({ condition: "ZeroReservedConcurrency" });
      expect(bed.sent[0]?.body).not.to.have.any.keys("responseContext", "responsePayload");
    });

    it("goes to the dead-letter queue as the event itself, beside the destination", async () => {
      bed = new Bed(["error"], { spec: { deadLetterArn: QUEUE.replace("failures", "dead") } });
      const requestId = await bed.send({ id: 7 }, { maximumRetryAttempts: 0, onFailure: QUEUE });
      expect(bed.sent.map(({ to }) => to)).to.deep.equal(["failures", "dead"]);
      expect(bed.sent[1]).to.deep.equal({
        to: "dead",
        body: { id: 7 },
        attributes: {
          RequestID: { DataType: "String", StringValue: requestId },
          ErrorCode: { DataType: "Number", StringValue: "200" },
          ErrorMessage: { DataType: "String", StringValue: "out of paper" },
        },
      });
    });
  });

  describe("destinations", () => {
    const arns: [string, string, string][] = [
      ["a topic", "arn:aws:sns:eu-west-1:000000000000:done", "arn:aws:sns:eu-west-1:000000000000:done"],
      ["a function", "arn:aws:lambda:eu-west-1:000000000000:function:next", "next"],
      ["a bucket", "arn:aws:s3:::results", "results"],
      ["a queue", QUEUE, "failures"],
    ];
    for (const [noun, arn, to] of arns) {
      it(`of success may be ${noun}`, async () => {
        bed = new Bed(["ok"]);
        await bed.send({ id: 7 }, { onSuccess: arn, onFailure: "arn:aws:s3:::never" });
        expect(bed.sent.map((sent) => sent.to)).to.deep.equal([to]);
        expect(bed.sent[0]?.body.requestContext).to.include({
          condition: "Success",
          approximateInvokeCount: 1,
        });
        expect(bed.sent[0]?.body).to.deep.include({
          responseContext: { statusCode: 200, executedVersion: "$LATEST" },
          responsePayload: { done: true },
        });
      });
    }

    it("keep an object's key to AWS's form", async () => {
      bed = new Bed(["ok"]);
      await bed.send({}, { onSuccess: "arn:aws:s3:::results" });
      expect(bed.sent[0]?.key).to.match(
        /^aws\/lambda\/async\/work\/2026\/01\/01\/2026-01-01T12\.00\.00-[0-9a-f-]{36}$/,
      );
    });

    it("get an event whose type tells success from failure, when they are a bus", async () => {
      const bus = "arn:aws:events:eu-west-1:000000000000:event-bus/audit";
      bed = new Bed(["ok", "error"]);
      await bed.send({}, { onSuccess: bus, onFailure: bus, maximumRetryAttempts: 0 });
      await bed.send();
      expect(bed.sent.map(({ body }) => [body.Source, body.DetailType])).to.deep.equal([
        ["lambda", "Lambda Function Invocation Result - Success"],
        ["lambda", "Lambda Function Invocation Result - Failure"],
      ]);
      expect(bed.sent[0]?.body.Resources).to.deep.equal([bus, `${bed.spec.arn}:$LATEST`]);
    });

    it("get nothing that the function's role may not send, and a line says what is lost", async () => {
      bed = new Bed(["error"], { rights: [] });
      const requestId = await bed.send({}, { maximumRetryAttempts: 0, onFailure: QUEUE });
      expect(bed.sent).to.deep.equal([]);
      expect(bed.lines).to.have.length(1);
      expect(bed.lines[0]).to.include(requestId).and.include(QUEUE).and.include("sqs:SendMessage");
    });

    it("that refuse a record lose it, and a line says so", async () => {
      bed = new Bed(["error"]);
      bed.refuses = true;
      await bed.send({}, { maximumRetryAttempts: 0, onFailure: QUEUE });
      expect(bed.lines[0]).to.match(/is lost, because .*failures refused it: The specified queue/);
      expect(bed.invoker.pending).to.equal(0);
    });
  });

  describe("an event", () => {
    const refusal = (work: Promise<unknown>): Promise<string> =>
      work.then(
        () => "accepted",
        (error: Error) => error.name,
      );

    it("is accepted up to 1,048,576 bytes, counted in UTF-8", async () => {
      bed = new Bed(["ok"]);
      const fitting = `"${"ü".repeat(524_287)}"`;
      expect(Buffer.byteLength(fitting)).to.equal(1_048_576);
      expect(await refusal(bed.invoker.invoke("work", fitting))).to.equal("accepted");
      expect(await refusal(bed.invoker.invoke("work", `${fitting} `))).to.equal("RequestTooLargeException");
    });

    it("for a function that is not there is refused", async () => {
      bed = new Bed(["ok"]);
      expect(await refusal(bed.invoker.invoke("other", {}))).to.equal("ResourceNotFoundException");
    });

    it("that waits holds up no other", async () => {
      bed = new Bed(["error", "ok"]);
      await bed.send();
      await bed.send();
      expect(bed.times).to.deep.equal([0, 0]);
      expect(bed.invoker.pending).to.equal(1);
    });

    it("leaves nothing waiting when the runtime stops, and none comes after", async () => {
      bed = new Bed(["error"]);
      await bed.send({}, { onFailure: QUEUE });
      expect(bed.clock.sleepers).to.equal(1);
      bed.invoker.stop();
      await bed.clock.advance(60 * MINUTE);
      expect([bed.clock.sleepers, bed.invoker.pending, bed.times.length]).to.deep.equal([0, 0, 1]);
      expect([bed.sent, bed.lines]).to.deep.equal([[], []]);
      expect(await refusal(bed.invoker.invoke("work", {}))).to.equal("PoolStoppedError");
    });
  });

  // Not proven here: that AWS notices an event's age while it waits, which it does not document.
});
