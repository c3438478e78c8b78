/** A queue, a mapping and a function made of a few lines, on a virtual clock. */
import type { PropertyMap, ResourceNode } from "../../../local/engine/graph.ts";
import { VirtualClock } from "../../../local/kit/clock.ts";
import { Trace, type TraceEvent } from "../../../local/kit/trace.ts";
import { Callers, type PolicyStatement } from "../../../local/lambda/iam.ts";
import { ObjectsAndMessages } from "../../../local/services/s3-sqs-sns.ts";
import { source } from "../../../local/sources/queue.ts";
import type { RunningSource, SourceContext } from "../../../local/sources/source.ts";
import { resourceNode } from "../../helpers/graph.ts";

const queueArn = (name: string): string => `arn:aws:sqs:us-east-1:000000000000:${name}`;

export interface FakeRecord {
  messageId: string;
  body: string;
  attributes: Record<string, string>;
}

/** What the function answers; throwing fails the invocation. */
export type Handler = (records: FakeRecord[]) => unknown;

const ALL_RIGHTS: PolicyStatement[] = [{ Effect: "Allow", Action: "sqs:*", Resource: "*" }];

export interface BedOptions {
  handler?: Handler;
  fifo?: boolean;
  /** Of the queue, beside a visibility of a minute. */
  attributes?: Record<string, string>;
  rights?: PolicyStatement[];
  timeoutMs?: number;
}

export class Bed {
  readonly clock = new VirtualClock();
  readonly trace = new Trace({ now: () => this.clock.now() });
  /** The bodies of each invocation's messages. */
  readonly invocations: string[][] = [];
  readonly lines: string[] = [];
  readonly callers = new Callers();
  readonly name: string;
  handler: Handler;
  /** Batches in the function's hands. */
  inWork = 0;
  mostInWork = 0;
  readonly #options: BedOptions;
  #service: ObjectsAndMessages | undefined;
  #running: RunningSource | undefined;

  constructor(options: BedOptions = {}) {
    this.#options = options;
    this.handler = options.handler ?? (() => null);
    this.name = options.fifo ? "jobs.fifo" : "jobs";
    this.callers.register("AKIAWORK", {
      functionName: "work",
      roleArn: "arn:aws:iam::000000000000:role/work-role",
      policies: [{ Statement: options.rights ?? ALL_RIGHTS }],
    });
  }

  get service(): ObjectsAndMessages {
    if (this.#service === undefined) throw new Error("Call open() first.");
    return this.#service;
  }

  /** Makes the queue and its dead letters. */
  async open(): Promise<this> {
    const { clock, trace } = this;
    const fifo: Record<string, string> = this.#options.fifo ? { FifoQueue: "true" } : {};
    const place = { region: "us-east-1", account: "000000000000" };
    this.#service = await ObjectsAndMessages.start({ ...place, clock, trace });
    const dead = this.#options.fifo ? "dead.fifo" : "dead";
    await this.service.queues.define(dead, fifo);
    await this.service.queues.define(this.name, {
      ...fifo,
      VisibilityTimeout: "60",
      RedrivePolicy: JSON.stringify({ deadLetterTargetArn: queueArn(dead), maxReceiveCount: 3 }),
      ...this.#options.attributes,
    });
    return this;
  }

  /** Starts the mapping; messages sent before it are there from the start. */
  async start(inputs: PropertyMap = {}): Promise<void> {
    this.#running = await source.start(this.mapping(inputs), this.context());
    await this.settle();
  }

  async close(): Promise<void> {
    await this.#running?.stop();
    await this.#service?.close();
  }

  mapping(inputs: PropertyMap = {}): ResourceNode {
    return resourceNode("aws:lambda/eventSourceMapping:EventSourceMapping", "jobs-work", {
      inputs: {
        eventSourceArn: queueArn(this.name),
        functionName: "arn:aws:lambda:us-east-1:000000000000:function:work",
        functionResponseTypes: ["ReportBatchItemFailures"],
        ...inputs,
      },
      outputs: { uuid: "6f1d6a14-3d0f-4a3e-9d5a-3f0c4b0c7a11" },
    });
  }

  /** Sends bodies; of a FIFO queue to the group of their first letter. */
  async send(...bodies: string[]): Promise<void> {
    for (const body of bodies) {
      const group = this.#options.fifo ? { groupId: body.charAt(0), deduplicationId: body } : {};
      await this.service.queues.send(this.name, { body, ...group });
    }
    await this.settle();
  }

  /** Lets everything happen that needs no time. */
  settle(): Promise<void> {
    return this.clock.advance(0);
  }

  batches(): TraceEvent[] {
    return this.trace.events.filter(({ kind }) => kind === "batch");
  }

  outcomes(): unknown[] {
    return this.batches().map(({ outcome }) => outcome);
  }

  /** Bodies of what is in the dead letters. */
  dead(): string[] {
    const name = this.#options.fifo ? "dead.fifo" : "dead";
    return this.service.queues.receive(name, 100).map(({ message }) => message.body);
  }

  context(): SourceContext {
    return {
      pool: {
        has: (name: string) => name === "work",
        spec: () => ({ timeoutMs: this.#options.timeoutMs ?? 10_000 }),
        invoke: (_name: string, payload: string) => this.#invoke(payload),
      },
      callers: this.callers,
      services: { queues: this.service.queues },
      clock: this.clock,
      trace: this.trace,
      log: (line: string) => this.lines.push(line),
    } as unknown as SourceContext;
  }

  async #invoke(payload: string): Promise<object> {
    const { Records } = JSON.parse(payload) as { Records: FakeRecord[] };
    this.inWork += 1;
    this.mostInWork = Math.max(this.mostInWork, this.inWork);
    try {
      this.invocations.push(Records.map(({ body }) => body));
      const result = await this.handler(Records);
      return { status: "ok", payload: JSON.stringify(result ?? null), requestId: "request" };
    } catch (error) {
      // The pool's own refusals are not the function's errors.
      if ((error as Error).name.endsWith("Exception")) throw error;
      return { status: "error", payload: "{}", requestId: "request" };
    } finally {
      this.inWork -= 1;
    }
  }
}
