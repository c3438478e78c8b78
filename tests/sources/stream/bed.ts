/** A stream, a mapping and a function made of a few lines, on a virtual clock. */
import type { Graph, PropertyMap, ResourceNode } from "../../../local/engine/graph.ts";
import { VirtualClock } from "../../../local/kit/clock.ts";
import { Trace, type TraceEvent } from "../../../local/kit/trace.ts";
import { Callers, type PolicyStatement } from "../../../local/lambda/iam.ts";
import type { LambdaPool } from "../../../local/lambda/pool.ts";
import type { Dynalite, Item } from "../../../local/services/dynalite.ts";
import { ChangeStreams } from "../../../local/services/dynamodb-streams.ts";
import { EventBridge } from "../../../local/services/event-bridge.ts";
import { Kinesis } from "../../../local/services/kinesis.ts";
import { CloudWatchLogs } from "../../../local/services/logs.ts";
import type { MessageQueues } from "../../../local/services/message-queues.ts";
import type { RunningSource, Source, SourceContext } from "../../../local/sources/source.ts";
import { source } from "../../../local/sources/stream.ts";
import { resourceNode } from "../../helpers/graph.ts";

export const STREAM_ARN = "arn:aws:kinesis:eu-west-1:000000000000:stream/readings";
export const FUNCTION_ARN = "arn:aws:lambda:eu-west-1:000000000000:function:count";
export const MAPPING_ID = "6f1d6a14-3d0f-4a3e-9d5a-3f0c4b0c7a11";

interface Record {
  kinesis: { data: string; partitionKey: string; sequenceNumber: string };
  /** Of a table's change instead. */
  dynamodb?: { NewImage?: Item; OldImage?: Item; SequenceNumber: string };
  userIdentity?: object;
}
export interface FakeEvent {
  Records: Record[];
  window?: { start: string; end: string };
  state?: { [key: string]: unknown };
  isFinalInvokeForWindow?: boolean;
  isWindowTerminatedEarly?: boolean;
}

/** What the function answers; throwing fails the invocation. */
export type Handler = (event: FakeEvent) => unknown;

export const ALL_RIGHTS: PolicyStatement[] = [{ Effect: "Allow", Action: "*", Resource: "*" }];

const resource = (type: string, name: string, inputs: PropertyMap, outputs: PropertyMap): ResourceNode =>
  resourceNode(type, name, { inputs, outputs: { ...inputs, ...outputs } });

export const mapping = (inputs: PropertyMap = {}): ResourceNode =>
  resource(
    "aws:lambda/eventSourceMapping:EventSourceMapping",
    "readings-count",
    { eventSourceArn: STREAM_ARN, functionName: FUNCTION_ARN, startingPosition: "TRIM_HORIZON", ...inputs },
    { uuid: MAPPING_ID },
  );

/** The record's data; of a table's change, the attribute `text` of the item after it, or before it when it is gone. */
export const textOf = ({ kinesis, dynamodb }: Record): string =>
  dynamodb === undefined
    ? Buffer.from(kinesis.data, "base64").toString()
    : String((dynamodb.NewImage ?? dynamodb.OldImage)?.text?.S);

export interface Stored {
  place: string;
  key?: string;
  body: { [key: string]: unknown };
}

const emptyGraph: Graph = {
  project: "test",
  stack: "dev",
  dryRun: false,
  resources: [],
  outputs: {},
  durationMs: 0,
};

export class Bed {
  readonly clock = new VirtualClock(Date.UTC(2026, 0, 1, 12, 0, 0));
  readonly trace = new Trace({ now: () => this.clock.now() });
  readonly kinesis: Kinesis;
  readonly changes: ChangeStreams;
  /** The texts of each invocation's records. */
  readonly invocations: string[][] = [];
  readonly events: FakeEvent[] = [];
  readonly times: number[] = [];
  readonly stored: Stored[] = [];
  readonly lines: string[] = [];
  readonly callers = new Callers();
  handler: Handler;
  readonly #source: Source;
  #running: RunningSource | undefined;
  #invoked = 0;

  constructor(
    options: { handler?: Handler; shards?: number; rights?: PolicyStatement[]; source?: Source } = {},
  ) {
    this.handler = options.handler ?? (() => null);
    this.#source = options.source ?? source;
    const place = { region: "eu-west-1", account: "000000000000", clock: this.clock };
    this.kinesis = new Kinesis(place);
    this.changes = new ChangeStreams({
      ...place,
      dynalite: { sizeOf: (item: Item) => JSON.stringify(item).length } as unknown as Dynalite,
    });
    this.kinesis.createStream({ name: "readings", shardCount: options.shards ?? 1 });
    this.callers.register("AKIACOUNT", {
      functionName: "count",
      roleArn: "arn:aws:iam::000000000000:role/count-role",
      policies: [{ Statement: options.rights ?? ALL_RIGHTS }],
    });
  }

  /** Starts the mapping; records put before it are there from the start. */
  async start(inputs: PropertyMap = {}): Promise<void> {
    this.#running = await this.#source.start(mapping(inputs), this.context());
    await this.settle();
  }

  async stop(): Promise<void> {
    await this.#running?.stop();
  }

  /** Puts one record per text, all with one partition key unless told otherwise. */
  async put(texts: string[], partitionKey: (text: string) => string = () => "device"): Promise<void> {
    const records = texts.map((text) => ({
      Data: Buffer.from(text).toString("base64"),
      PartitionKey: partitionKey(text),
    }));
    for (let from = 0; from < records.length; from += 500) {
      this.kinesis.putRecords("readings", records.slice(from, from + 500));
    }
    await this.settle();
  }

  /** Lets everything happen that needs no time. */
  settle(): Promise<void> {
    return this.clock.advance(0);
  }

  batches(outcome?: string): TraceEvent[] {
    return this.trace.events.filter(
      (event) => event.kind === "batch" && (outcome ?? event.outcome) === event.outcome,
    );
  }

  context(): SourceContext {
    const functionNode = resource(
      "aws:lambda/function:Function",
      "count",
      { role: "arn:aws:iam::000000000000:role/count-role" },
      { name: "count", arn: FUNCTION_ARN },
    );
    const pool = {
      has: (name: string) => name === "count",
      invoke: (_name: string, payload: string) => this.#invoke(payload),
    };
    return {
      graph: emptyGraph,
      find: () => undefined,
      byOutput: () => functionNode,
      pool: pool as unknown as LambdaPool,
      asyncInvoke: { invoke: () => Promise.reject(new Error("A stream invokes synchronously.")) },
      callers: this.callers,
      services: {
        kinesis: this.kinesis,
        dynamodb: { streams: this.changes },
        logs: new CloudWatchLogs({ region: "eu-west-1", account: "000000000000", clock: this.clock }),
        events: new EventBridge({ region: "eu-west-1", account: "000000000000", clock: this.clock }),
        alarms: { define: () => () => {} },
        mqtt: { listen: async () => "", onMessage: () => () => {} },
        queues: {} as MessageQueues,
        topics: {
          publish: async (topicArn, message) => {
            this.stored.push({ place: topicArn, body: JSON.parse(message) });
          },
        },
        s3: {
          onCreated: () => () => {},
          putObject: async (bucket, key, body) =>
            this.stored.push({ place: bucket, key, body: JSON.parse(String(body)) }),
          sendMessage: async (queue, body) => this.stored.push({ place: queue, body: JSON.parse(body) }),
        },
      },
      clock: this.clock,
      trace: this.trace,
      random: () => 0.5,
      ports: { next: () => 0 },
      resolveHost: (url) => url,
      log: (line) => this.lines.push(line),
    };
  }

  async #invoke(payload: string): Promise<object> {
    const event = JSON.parse(payload) as FakeEvent;
    this.events.push(event);
    this.invocations.push(event.Records.map(textOf));
    this.times.push(this.clock.now());
    this.#invoked += 1;
    const requestId = `request-${this.#invoked}`;
    try {
      const result = await this.handler(event);
      return { status: "ok", payload: JSON.stringify(result ?? null), requestId };
    } catch (error) {
      if (error instanceof Error && error.name === "TooManyRequestsException") throw error;
      return { status: "error", payload: "{}", requestId, functionError: "Unhandled" };
    }
  }
}
