import { expect } from "chai";
import type { ResourceNode } from "../../local/engine/graph.ts";
import { VirtualClock } from "../../local/kit/clock.ts";
import { Trace } from "../../local/kit/trace.ts";
import { ServiceError } from "../../local/services/faults.ts";
import { Kinesis } from "../../local/services/kinesis.ts";
import type { DeviceMessage } from "../../local/services/mqtt.ts";
import { takes } from "../../local/sources/iot-topic/rule.ts";
import { source } from "../../local/sources/iot-topic.ts";
import type { RunningSource, SourceContext } from "../../local/sources/source.ts";
import { documented, shape } from "../helpers/events.ts";
import { graphOf, resourceNode } from "../helpers/graph.ts";

const ROLE = "arn:aws:iam::000000000000:role/rule-role";
const RULE_ARN = "arn:aws:iot:eu-west-1:000000000000:rule/devices_rule";
const FUNCTION_ARN = "arn:aws:lambda:eu-west-1:000000000000:function:watch";
const SQL =
  "SELECT encode(*, 'base64') AS payload, topic() AS topic, timestamp() AS receivedAt FROM 'devices/+/telemetry'";
const KEY = "iot/$" + "{topic(2)}-$" + "{timestamp()}.json";

const rolePolicy = (statements: object[]): ResourceNode[] => [
  resourceNode("aws:iam/role:Role", "rule-role", {
    id: "rule-role",
    outputs: { arn: ROLE, name: "rule-role" },
  }),
  resourceNode("aws:iam/rolePolicy:RolePolicy", "rule-policy", {
    inputs: { role: "rule-role", policy: JSON.stringify({ Version: "2012-10-17", Statement: statements }) },
  }),
];
const MAY_PUT = {
  Effect: "Allow",
  Action: ["kinesis:PutRecord"],
  Resource: ["arn:aws:kinesis:eu-west-1:000000000000:stream/events"],
};
const MAY_KEEP = { Effect: "Allow", Action: ["s3:PutObject"], Resource: ["arn:aws:s3:::failures/iot/*"] };
const permission = (sourceArn: string): ResourceNode =>
  resourceNode("aws:lambda/permission:Permission", "watch-permission", {
    outputs: {
      action: "lambda:InvokeFunction",
      function: "watch",
      principal: "iot.amazonaws.com",
      sourceArn,
    },
  });

class Bed {
  readonly clock = new VirtualClock();
  readonly trace = new Trace({ now: () => this.clock.now() });
  readonly kinesis = new Kinesis({
    region: "eu-west-1",
    account: "000000000000",
    clock: this.clock,
    throttle: true,
  });
  readonly stored: { bucket: string; key: string; body: Record<string, unknown> }[] = [];
  readonly invoked: unknown[] = [];
  readonly lines: string[] = [];
  readonly #listeners = new Set<(message: DeviceMessage) => void>();
  running: RunningSource | undefined;

  constructor() {
    this.kinesis.createStream({ name: "events", shardCount: 1 });
  }

  async start(
    outputs: Record<string, unknown> = {},
    grants = rolePolicy([MAY_PUT, MAY_KEEP]),
  ): Promise<this> {
    const node = resourceNode("aws:iot/topicRule:TopicRule", "devices_rule", {
      outputs: {
        name: "devices_rule",
        arn: RULE_ARN,
        enabled: true,
        sql: SQL,
        sqlVersion: "2016-03-23",
        kineses: [{ streamName: "events", partitionKey: "$" + "{topic(2)}", roleArn: ROLE }],
        errorAction: { s3: { bucketName: "failures", key: KEY, roleArn: ROLE } },
        ...outputs,
      } as ResourceNode["outputs"],
    });
    const context = {
      graph: graphOf(node, ...grants),
      clock: this.clock,
      trace: this.trace,
      pool: { has: (name: string) => name === "watch" },
      ports: { next: () => 0 },
      asyncInvoke: { invoke: async (_: string, payload: string) => this.invoked.push(JSON.parse(payload)) },
      services: {
        kinesis: this.kinesis,
        s3: {
          putObject: (bucket: string, key: string, body: string) =>
            this.stored.push({ bucket, key, body: JSON.parse(body) }),
        },
        mqtt: {
          listen: async () => "mqtt://127.0.0.1:1",
          onMessage: (listener: (message: DeviceMessage) => void) => {
            this.#listeners.add(listener);
            return () => this.#listeners.delete(listener);
          },
        },
      },
      log: (line: string) => this.lines.push(line),
    } as unknown as SourceContext;
    this.running = await source.start(node, context);
    return this;
  }

  /** Resolves when the rule is done with the message. */
  async publish(topic: string, payload: string | Buffer): Promise<void> {
    const done = this.trace.waitFor(({ kind }) => kind === "topic-rule", { onlyNew: true });
    this.send(topic, payload);
    await done;
  }

  send(topic: string, payload: string | Buffer): void {
    const clientId = topic.split("/")[1] ?? "";
    for (const listener of this.#listeners) listener({ clientId, topic, payload: Buffer.from(payload) });
  }

  records(): { partitionKey: string; data: Record<string, unknown> }[] {
    const { ShardIterator } = this.kinesis.handle("GetShardIterator", {
      StreamName: "events",
      ShardId: "shardId-000000000000",
      ShardIteratorType: "TRIM_HORIZON",
    }) as { ShardIterator: string };
    const { Records } = this.kinesis.handle("GetRecords", { ShardIterator }) as {
      Records: { PartitionKey: string; Data: string }[];
    };
    return Records.map(({ PartitionKey, Data }) => ({
      partitionKey: PartitionKey,
      data: parsed(Data),
    }));
  }
}

const parsed = (data: string): Record<string, unknown> => {
  const text = Buffer.from(data, "base64").toString();
  return text.startsWith("{") ? JSON.parse(text) : { text };
};

const failure = (starting: Promise<unknown>): Promise<string> =>
  starting.then(
    () => "started",
    (error: Error) => error.message,
  );

describe("a topic rule on this machine", () => {
  it("puts what a device publishes into the stream as it came, under the device's own partition key", async () => {
    const bed = await new Bed().start();
    const bytes = Buffer.from([0xff, 0x00, 0x7b]);
    await bed.publish("devices/d1/telemetry", bytes);
    bed.send("devices/d1/other", "{}");
    expect(bed.records()).to.deep.equal([
      {
        partitionKey: "d1",
        data: {
          payload: bytes.toString("base64"),
          topic: "devices/d1/telemetry",
          receivedAt: bed.clock.now(),
        },
      },
    ]);
  });

  it("says where devices connect, and for which host of AWS that stands", async () => {
    const { running } = await new Bed().start();
    expect(running?.url).to.equal("mqtt://127.0.0.1:1");
    expect(running?.hosts?.[0]).to.match(/^a[a-z0-9]+-ats\.iot\.eu-west-1\.amazonaws\.com:8883$/);
    expect(running?.name).to.equal("devices/+/telemetry -> events");
  });

  it("keeps what its role may not put, with the reason, in the shape that AWS documents", async () => {
    const bed = await new Bed().start({}, rolePolicy([MAY_KEEP]));
    await bed.publish("devices/d1/telemetry", "{}");
    expect(bed.stored).to.have.length(1);
    const [{ bucket, key, body } = { bucket: "", key: "", body: {} as Record<string, unknown> }] = bed.stored;
    expect([bucket, key]).to.deep.equal(["failures", `iot/d1-${bed.clock.now()}.json`]);
    // https://docs.aws.amazon.com/iot/latest/developerguide/rule-error-handling.html
    expect(shape(body)).to.deep.equal(shape(documented("iot").failure));
    const { cloudwatchTraceId, failures, ...rest } = body;
    expect(rest).to.deep.equal({
      ruleName: "devices_rule",
      topic: "devices/d1/telemetry",
      clientId: "d1",
      base64OriginalPayload: Buffer.from("{}").toString("base64"),
    });
    expect(cloudwatchTraceId).to.match(/^[0-9a-f-]{36}$/);
    const [{ errorMessage, ...failed } = { errorMessage: "" }] = failures as { errorMessage: string }[];
    expect(failed).to.deep.equal({ failedAction: "KinesisAction", failedResource: "events" });
    expect(errorMessage).to.match(/does not allow kinesis:PutRecord on arn:aws:kinesis/);
    expect(bed.records()).to.deep.equal([]);
  });

  it("tries a throttled stream three times, then gives the message to its error action", async () => {
    const bed = await new Bed().start();
    const { kinesis } = bed;
    let calls = 0;
    kinesis.handle = () => {
      calls += 1;
      throw new ServiceError("ProvisionedThroughputExceededException", "Rate exceeded.");
    };
    const done = bed.publish("devices/d1/telemetry", "{}");
    await bed.clock.advance(599);
    expect([calls, bed.stored.length]).to.deep.equal([2, 0]);
    await bed.clock.advance(1);
    await done;
    expect([calls, bed.stored.length]).to.deep.equal([3, 1]);
  });

  it("loses nothing when the stream takes it at a later try", async () => {
    const bed = await new Bed().start();
    const full = Array.from({ length: 500 }, () => ({ PartitionKey: "x", Data: "eA==" }));
    const fill = () => bed.kinesis.handle("PutRecords", { StreamName: "events", Records: full });
    fill();
    fill();
    const done = bed.publish("devices/d1/telemetry", "{}");
    await bed.clock.advance(600);
    await done;
    expect(bed.records().filter(({ partitionKey }) => partitionKey === "d1")).to.have.length(1);
    expect(bed.stored).to.deep.equal([]);
  });

  it("says what is lost when the error action fails as well", async () => {
    const bed = await new Bed().start({}, rolePolicy([]));
    await bed.publish("devices/d1/telemetry", "{}");
    expect(bed.lines.join()).to.match(
      /^Topic rule "devices_rule": a message on devices\/d1\/telemetry is lost: .*PutRecord.* Then: .*s3:PutObject/,
    );
  });

  it("invokes a function that lets it in, asynchronously", async () => {
    const lambdas = { kineses: [], lambdas: [{ functionArn: FUNCTION_ARN }] };
    const bed = await new Bed().start(lambdas, [...rolePolicy([]), permission(RULE_ARN)]);
    await bed.publish("devices/d1/telemetry", "x");
    expect(bed.invoked).to.deep.equal([
      { payload: "eA==", topic: "devices/d1/telemetry", receivedAt: bed.clock.now() },
    ]);
    expect(await failure(new Bed().start(lambdas))).to.match(
      /needs a lambda permission for iot.amazonaws.com/,
    );
    const missing = { kineses: [], lambdas: [{ functionArn: FUNCTION_ARN.replace("watch", "gone") }] };
    expect(await failure(new Bed().start(missing))).to.equal(
      'Topic rule "devices_rule": there is no function "gone".',
    );
  });

  it("gives a function what the statement selects, as AWS's example of a whole message", async () => {
    const { event } = documented("iot");
    const bed = await new Bed().start(
      { kineses: [], lambdas: [{ functionArn: FUNCTION_ARN }], sql: "SELECT * FROM 'my/greenhouse'" },
      [...rolePolicy([]), permission(RULE_ARN)],
    );
    await bed.publish("my/greenhouse", JSON.stringify(event));
    expect(bed.invoked).to.deep.equal([event]);
  });

  it("takes nothing while it is disabled, and after it was stopped", async () => {
    const disabled = await new Bed().start({ enabled: false });
    disabled.send("devices/d1/telemetry", "{}");
    expect(disabled.records()).to.deep.equal([]);
    const bed = await new Bed().start();
    await bed.running?.stop();
    bed.send("devices/d1/telemetry", "{}");
    expect(bed.records()).to.deep.equal([]);
  });

  it("refuses, by name, what is not served here", async () => {
    expect(await failure(new Bed().start({ sqlVersion: "2015-10-08" }))).to.match(
      /sqlVersion is "2015-10-08"/,
    );
    expect(await failure(new Bed().start({ sqs: [{ queueUrl: "x" }] }))).to.match(/action sqs is not served/);
    expect(await failure(new Bed().start({ sql: "SELECT avg(x) AS y FROM 'a'" }))).to.match(
      /^Topic rule "devices_rule": its SQL calls "avg"/,
    );
    expect(await failure(new Bed().start({ errorAction: { sns: {}, sqs: { queueUrl: "x" } } }))).to.match(
      /error action s/,
    );
  });
});

describe("a topic filter", () => {
  it("takes the topics that AWS says", () => {
    expect(takes("devices/+/telemetry", "devices/d1/telemetry")).to.equal(true);
    expect(takes("devices/+/telemetry", "devices/d1/x/telemetry")).to.equal(false);
    expect(takes("devices/#", "devices")).to.equal(true);
    expect(takes("devices/#", "devices/d1/x")).to.equal(true);
    expect(takes("devices/+", "devices/")).to.equal(true);
    expect(takes("a/b", "a/c")).to.equal(false);
  });
});
