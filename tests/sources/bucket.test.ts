import type { S3Event } from "aws-lambda";
import { expect } from "chai";
import type { PropertyMap, ResourceNode } from "../../local/engine/graph.ts";
import { VirtualClock } from "../../local/kit/clock.ts";
import { Trace } from "../../local/kit/trace.ts";
import { ObjectsAndMessages } from "../../local/services/s3-sqs-sns.ts";
import { encodeKey, sequencerOf, toEvent } from "../../local/sources/bucket/event.ts";
import { source } from "../../local/sources/bucket.ts";
import type { RunningSource, SourceContext } from "../../local/sources/source.ts";
import { documented, shape } from "../helpers/events.ts";
import { graphOf, resourceNode } from "../helpers/graph.ts";

const QUEUE = "arn:aws:sqs:us-east-1:000000000000:new";
const FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:work";
const BUCKET = "arn:aws:s3:::uploads";

class Bed {
  readonly clock = new VirtualClock();
  readonly trace = new Trace({ now: () => this.clock.now() });
  readonly invoked: S3Event[] = [];
  readonly lines: string[] = [];
  readonly #service: ObjectsAndMessages;
  #running: RunningSource | undefined;

  private constructor(service: ObjectsAndMessages) {
    this.#service = service;
  }

  static async open(policy = allowing(BUCKET)): Promise<Bed> {
    const clock = new VirtualClock();
    const service = await ObjectsAndMessages.start({ region: "us-east-1", account: "000000000000", clock });
    service.createBucket("uploads");
    service.createBucket("others");
    await service.queues.define("new", { VisibilityTimeout: "600", Policy: policy });
    return new Bed(service);
  }

  get service(): ObjectsAndMessages {
    return this.#service;
  }

  async start(inputs: PropertyMap, permissions: ResourceNode[] = [permission(BUCKET)]): Promise<void> {
    const node = resourceNode("aws:s3/bucketNotification:BucketNotification", "uploads-notification", {
      inputs: { bucket: "uploads", ...inputs },
    });
    const context = {
      graph: graphOf(...permissions),
      pool: { has: (name: string) => name === "work" },
      asyncInvoke: { invoke: async (_name: string, event: S3Event) => this.invoked.push(event) },
      services: { s3: this.#service, queues: this.#service.queues },
      clock: this.clock,
      trace: this.trace,
      random: () => 0.5,
      log: (line: string) => this.lines.push(line),
    } as unknown as SourceContext;
    this.#running = await source.start(node, context);
  }

  /** What is in the queue, parsed. */
  async messages(): Promise<Record<string, unknown>[]> {
    await this.clock.advance(0);
    return this.#service.queues.receive("new", 100).map(({ message }) => JSON.parse(message.body));
  }

  async keys(): Promise<string[]> {
    const events = (await this.messages()).filter(({ Records }) => Records) as unknown as S3Event[];
    return events.flatMap(({ Records }) => Records.map(({ s3 }) => s3.object.key));
  }

  async close(): Promise<void> {
    await this.#running?.stop();
    await this.#service.close();
  }
}

const allowing = (bucketArn: string): string =>
  JSON.stringify({
    Statement: {
      Effect: "Allow",
      Principal: { Service: "s3.amazonaws.com" },
      Action: "sqs:SendMessage",
      Resource: QUEUE,
      Condition: { ArnLike: { "aws:SourceArn": bucketArn } },
    },
  });

const permission = (sourceArn: string): ResourceNode =>
  resourceNode("aws:lambda/permission:Permission", "p", {
    outputs: { action: "lambda:InvokeFunction", function: "work", principal: "s3.amazonaws.com", sourceArn },
  });

const toQueue = (differs: PropertyMap = {}): PropertyMap => ({
  id: "index",
  queueArn: QUEUE,
  events: ["s3:ObjectCreated:*"],
  ...differs,
});

const toFunction = (differs: PropertyMap = {}): PropertyMap => ({
  id: "direct",
  lambdaFunctionArn: FUNCTION,
  events: ["s3:ObjectCreated:*"],
  ...differs,
});

describe("bucket source", () => {
  let bed: Bed | undefined;

  afterEach(async () => {
    await bed?.close();
    bed = undefined;
  });

  describe("event", () => {
    const object = {
      bucket: "uploads",
      key: "in/red flower+1 (ü).jpg",
      size: 3,
      eTag: "900150983cd24fb0d6963f7d28e17f72",
      operation: "PutObject",
      accessKeyId: "AKIA",
    };
    const place = {
      region: "us-east-1",
      account: "000000000000",
      configurationId: "index",
      now: 0,
      sequencer: "00",
      requestId: "R",
      hostId: "H",
    };

    it("has the shape of AWS's example", () => {
      // The example of https://docs.aws.amazon.com/lambda/latest/dg/with-s3.html, in the version that S3 has now:
      // https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
      const { event: example } = documented("s3");
      expect(shape(toEvent(object, place))).to.deep.equal(shape(example));
      expect(toEvent(object, place).Records[0]?.eventVersion).to.equal(example.Records[0].eventVersion);
    });

    it("tells a version where there is one", () => {
      const [record] = toEvent({ ...object, versionId: "v1" }, place).Records;
      expect(record?.s3.object).to.include({ versionId: "v1" });
    });

    it("encodes keys as forms do", () => {
      expect(encodeKey("red flower.jpg")).to.equal("red+flower.jpg");
      expect(encodeKey("a/b+c/ü&=%")).to.equal("a/b%2Bc/%C3%BC%26%3D%25");
    });

    it("has sequencers that grow, also within a millisecond", () => {
      const made = [sequencerOf(5, 1), sequencerOf(5, 2), sequencerOf(6, 1), sequencerOf(Date.now(), 1)];
      expect([...made].sort()).to.deep.equal(made);
    });
  });

  it("tests its queues when it starts, and then sends them what functions get, both as AWS documents", async () => {
    bed = await Bed.open();
    await bed.start({
      queues: [toQueue({ filterPrefix: "a/" })],
      lambdaFunctions: [toFunction({ filterPrefix: "b/" })],
    });
    const tests = await bed.messages();
    expect(shape(tests)).to.deep.equal([shape(documented("s3").testEvent)]);
    expect(tests).to.deep.equal([
      {
        Service: "Amazon S3",
        Event: "s3:TestEvent",
        Time: "2026-01-01T00:00:00.000Z",
        Bucket: "uploads",
        RequestId: "8888888888888888",
        HostId: Buffer.from("88".repeat(48), "hex").toString("base64"),
      },
    ]);
    bed.service.putObject("uploads", "a/b", "x");
    const [told] = await bed.messages();
    expect(shape(told)).to.deep.equal(shape(documented("s3").event));
    expect(bed.invoked).to.deep.equal([]);
  });

  it("tells a queue of every object that fits, whatever its key", async () => {
    bed = await Bed.open();
    await bed.start({ queues: [toQueue({ filterPrefix: "in/", filterSuffix: ".jpg" })] });
    const long = `in/${"k".repeat(1_017)}.jpg`;
    const keys = ["in/a b+c.jpg", "in/../ü.jpg", "in/%2e%2e.jpg", "in/💐.jpg", long];
    for (const key of [...keys, "out/a.jpg", "in/a.png"]) bed.service.putObject("uploads", key, "x");
    bed.service.putObject("others", "in/a.jpg", "x");
    const told = await bed.keys();
    expect(told.map((key) => decodeURIComponent(key.replaceAll("+", " ")))).to.deep.equal(keys);
    expect(bed.trace.events.map(({ key }) => key)).to.deep.equal(keys);
  });

  it("invokes a function asynchronously", async () => {
    bed = await Bed.open();
    await bed.start({ lambdaFunctions: [toFunction()] });
    bed.service.putObject("uploads", "a", "abc");
    expect(bed.invoked[0]?.Records[0]?.s3.object).to.include({ key: "a", size: 3 });
    expect(bed.invoked[0]?.Records[0]).to.include({ eventName: "ObjectCreated:Put", eventVersion: "2.5" });
  });

  it("tells of the kinds of write that are asked for", async () => {
    bed = await Bed.open();
    await bed.start({ lambdaFunctions: [toFunction({ events: ["s3:ObjectCreated:Post"] })] });
    bed.service.putObject("uploads", "a", "abc");
    expect(bed.invoked).to.deep.equal([]);
  });

  it("is silent once it has stopped", async () => {
    bed = await Bed.open();
    await bed.start({ lambdaFunctions: [toFunction()] });
    await bed.close();
    bed.service.putObject("uploads", "a", "abc");
    expect(bed.invoked).to.deep.equal([]);
    bed = undefined;
  });

  describe("refuses at start", () => {
    const refusal = async (
      inputs: PropertyMap,
      options: { policy?: string; permissions?: ResourceNode[] } = {},
    ): Promise<string> => {
      bed = await Bed.open(options.policy);
      return bed.start(inputs, options.permissions).then(
        () => "accepted",
        (error: Error) => error.message,
      );
    };

    it("a queue whose policy does not let the bucket send", async () => {
      expect(await refusal({ queues: [toQueue()] }, { policy: allowing("arn:aws:s3:::others") })).to.match(
        /"uploads-notification": Unable to validate the following destination configurations: "index", .*s3.amazonaws.com is not authorized/,
      );
    });

    it("a function without a permission for the bucket", async () => {
      const permissions = [permission("arn:aws:s3:::others")];
      expect(await refusal({ lambdaFunctions: [toFunction()] }, { permissions })).to.match(
        /lambda permission for s3.amazonaws.com with the sourceArn arn:aws:s3:::uploads/,
      );
    });

    it("two configurations that overlap, whatever they go to", async () => {
      expect(
        await refusal({
          queues: [toQueue({ filterPrefix: "in/" })],
          lambdaFunctions: [toFunction({ filterPrefix: "in/a", filterSuffix: ".jpg" })],
        }),
      ).to.match(/Configurations overlap.*"index".*"direct"/);
    });

    it("what is not served here", async () => {
      expect(await refusal({ queues: [toQueue({ events: ["s3:ObjectRemoved:*"] })] })).to.match(
        /"s3:ObjectRemoved:\*" is not served locally/,
      );
      await bed?.close();
      expect(await refusal({ eventbridge: true })).to.match(/eventbridge is not served locally/);
    });
  });

  // Not proven here: AWS's delay, and that it may tell of an object twice.
});
