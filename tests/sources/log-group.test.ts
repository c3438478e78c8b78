import { gunzipSync } from "node:zlib";
import { expect } from "chai";
import type { ResourceNode } from "../../local/engine/graph.ts";
import { VirtualClock } from "../../local/kit/clock.ts";
import { Trace } from "../../local/kit/trace.ts";
import { CloudWatchLogs } from "../../local/services/logs.ts";
import { toData, toEvent } from "../../local/sources/log-group/event.ts";
import { source } from "../../local/sources/log-group.ts";
import type { RunningSource, SourceContext } from "../../local/sources/source.ts";
import { documented } from "../helpers/events.ts";
import { graphOf, resourceNode } from "../helpers/graph.ts";

const GROUP = "/app";
const FUNCTION_ARN = "arn:aws:lambda:eu-west-1:000000000000:function:watch";
const SOURCE_ARN = `arn:aws:logs:eu-west-1:000000000000:log-group:${GROUP}:*`;

interface Delivered {
  logGroup: string;
  logStream: string;
  subscriptionFilters: string[];
  logEvents: { id: string; message: string }[];
}

const permission = (outputs: Record<string, string> = {}): ResourceNode =>
  resourceNode("aws:lambda/permission:Permission", "watch-permission", {
    outputs: {
      action: "lambda:InvokeFunction",
      function: "watch",
      principal: "logs.amazonaws.com",
      sourceArn: SOURCE_ARN,
      ...outputs,
    },
  });

class Bed {
  readonly clock = new VirtualClock();
  readonly logs = new CloudWatchLogs({ region: "eu-west-1", account: "000000000000", clock: this.clock });
  readonly trace = new Trace({ now: () => this.clock.now() });
  readonly delivered: Delivered[] = [];
  readonly lines: string[] = [];
  failure: Error | undefined;
  #running: RunningSource | undefined;

  constructor() {
    this.logs.createGroup({ name: GROUP });
  }

  async start(outputs: Record<string, string> = {}, grant = permission()): Promise<void> {
    const node = resourceNode(
      "aws:cloudwatch/logSubscriptionFilter:LogSubscriptionFilter",
      "app-watch-filter",
      {
        outputs: {
          name: "app-watch-filter-1",
          logGroup: GROUP,
          destinationArn: FUNCTION_ARN,
          filterPattern: "",
          ...outputs,
        },
      },
    );
    const context = {
      graph: graphOf(node, grant),
      clock: this.clock,
      trace: this.trace,
      services: { logs: this.logs },
      pool: { has: (name: string) => name === "watch" },
      asyncInvoke: { invoke: async (name: string, payload: object) => this.#invoke(name, payload) },
      log: (line: string) => this.lines.push(line),
    } as unknown as SourceContext;
    this.#running = await source.start(node, context);
  }

  write(stream: string, ...messages: string[]): void {
    this.logs.append(
      GROUP,
      stream,
      messages.map((message) => ({ timestamp: this.clock.now(), message })),
    );
  }

  stop(): Promise<void> | undefined {
    return this.#running?.stop();
  }

  messages(): string[][] {
    return this.delivered.map(({ logEvents }) => logEvents.map(({ message }) => message));
  }

  #invoke(name: string, payload: object): { requestId: string } {
    if (this.failure) throw this.failure;
    expect(name).to.equal("watch");
    const { awslogs } = payload as { awslogs: { data: string } };
    this.delivered.push(JSON.parse(gunzipSync(Buffer.from(awslogs.data, "base64")).toString()));
    return { requestId: "r" };
  }
}

describe("log group source", () => {
  let bed: Bed;

  beforeEach(() => {
    bed = new Bed();
  });

  afterEach(() => bed.stop());

  describe("event", () => {
    it("equals AWS's example", () => {
      const { event, data } = documented("cloudwatch-logs");
      const events = data.logEvents.map((line: object) => ({
        ...line,
        stream: data.logStream,
        ingestedAt: 0,
      }));
      const place = {
        owner: data.owner,
        logGroup: data.logGroup,
        logStream: data.logStream,
        subscriptionFilter: data.subscriptionFilters[0],
      };
      expect(toData(events, place)).to.deep.equal(data);
      const made = toEvent(events, place);
      expect(Object.keys(made)).to.deep.equal(Object.keys(event));
      expect(Object.keys(made.awslogs)).to.deep.equal(Object.keys(event.awslogs));
      expect(JSON.parse(gunzipSync(Buffer.from(made.awslogs.data, "base64")).toString())).to.deep.equal(data);
    });
  });

  describe("lines", () => {
    it("come half a second later, in order, in one batch per stream", async () => {
      await bed.start();
      bed.write("a", "1", "2");
      bed.write("b", "3");
      await bed.clock.advance(499);
      bed.write("a", "4");
      expect(bed.delivered).to.deep.equal([]);
      await bed.clock.advance(1);
      expect(bed.messages()).to.deep.equal([["1", "2", "4"], ["3"]]);
      expect(bed.delivered[0]).to.include({ logGroup: GROUP, logStream: "a" });
      expect(bed.delivered[0]?.subscriptionFilters).to.deep.equal(["app-watch-filter-1"]);
      expect(bed.clock.sleepers).to.equal(0);
    });

    it("are those that match the filter's pattern", async () => {
      await bed.start({ filterPattern: '{ $.status = 5* && $.path = "/x" }' });
      bed.write("a", '{"status":500,"path":"/x"}', '{"status":500,"path":"/y"}', '{"status":"200"}', "text");
      await bed.clock.advance(500);
      expect(bed.messages()).to.deep.equal([['{"status":500,"path":"/x"}']]);
    });

    it("are cut into batches that an event can hold; a huge one comes alone", async () => {
      await bed.start();
      bed.write("a", "x".repeat(300_000), "y".repeat(300_000), "z".repeat(1_000_000), "end");
      await bed.clock.advance(500);
      expect(bed.messages().map((texts) => texts.map(({ length }) => length))).to.deep.equal([
        [300_000],
        [300_000],
        [1_000_000],
        [3],
      ]);
    });

    it("that wait are handed over when the filter stops, and nothing more comes", async () => {
      await bed.start();
      bed.write("a", "1");
      await bed.stop();
      bed.write("a", "2");
      expect(bed.messages()).to.deep.equal([["1"]]);
      expect(bed.clock.sleepers).to.equal(0);
    });

    it("that cannot be handed over are reported, and the next ones still come", async () => {
      await bed.start();
      bed.failure = new Error("too large");
      bed.write("a", "1");
      await bed.clock.advance(500);
      bed.failure = undefined;
      bed.write("a", "2");
      await bed.clock.advance(500);
      expect(bed.lines).to.deep.equal([
        'Log subscription filter "app-watch-filter": lines are lost: too large',
      ]);
      expect(bed.messages()).to.deep.equal([["2"]]);
    });
  });

  describe("a filter is refused, with its name, when", () => {
    const refusal = (outputs: Record<string, string>, grant?: ResourceNode): Promise<string> =>
      bed.start(outputs, grant).then(
        () => "accepted",
        (error: Error) => error.message,
      );

    it("its pattern is none", async () => {
      expect(await refusal({ filterPattern: "{ $.a" })).to.match(
        /^Log subscription filter "app-watch-filter": The filter pattern "{ \$\.a" is not valid/,
      );
    });

    it("CloudWatch Logs may not invoke the function for this group", async () => {
      const others: Record<string, string>[] = [
        { principal: "s3.amazonaws.com" },
        { sourceArn: SOURCE_ARN.replace(GROUP, "/other") },
        { function: "other" },
        { action: "lambda:GetFunction" },
      ];
      for (const other of others)
        expect(await refusal({}, permission(other))).to.match(/Could not execute the lambda/);
      expect(await refusal({}, permission({ principal: "logs.eu-west-1.amazonaws.com" }))).to.equal(
        "accepted",
      );
    });

    it("its destination is no function, or none that there is", async () => {
      expect(await refusal({ destinationArn: "arn:aws:kinesis:eu-west-1:000000000000:stream/s" })).to.match(
        /no Lambda function/,
      );
      expect(await refusal({ destinationArn: FUNCTION_ARN.replace("watch", "none") })).to.match(
        /no function "none"/,
      );
    });

    it("its group does not exist", async () => {
      expect(await refusal({ logGroup: "/none" })).to.match(/log group does not exist/);
    });
  });

  // Not proven here: how long AWS collects lines, and how many it packs; neither is documented.
});
