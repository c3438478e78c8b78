import { expect } from "chai";
import { Bucket } from "../../components/bucket.ts";
import { Stream, type StreamSubscriptionArgs } from "../../components/stream.ts";
import { find, type Registered, recordResources, resolved, settled } from "../helpers/mocks.ts";

const MAPPING = "aws:lambda/eventSourceMapping:EventSourceMapping";
const callback = async () => {};

async function subscribe(
  args: Partial<StreamSubscriptionArgs> = {},
  retentionHours = 24,
): Promise<Registered[]> {
  const resources = recordResources();
  const stream = new Stream("events", { mode: { shards: 2 }, retentionHours });
  const subscriber = stream.subscribe("count", { callback, ...args });
  await resolved(subscriber.arn);
  await settled(stream);
  while (!resources.some(({ type }) => type === MAPPING)) await new Promise(setImmediate);
  return resources;
}

describe("Stream: infrastructure", () => {
  it("creates an encrypted stream, one function with its mapping, and a bucket for what fails", async () => {
    const resources = await subscribe();
    const own = resources.filter(
      ({ type }) => !type.startsWith("serverless:") && !type.startsWith("aws:s3/"),
    );
    expect(own.map(({ type, name }) => `${type.split(":").at(-1)} ${name}`).sort()).to.deep.equal([
      "EventSourceMapping events-count-mapping",
      "Function events-count-function",
      "LogGroup events-count-logs",
      "Role events-count-role",
      "RolePolicy events-count-policy",
      "Stream events-stream",
    ]);
    expect(find(resources, "aws:kinesis/stream:Stream", "events-stream")).to.deep.include({
      streamModeDetails: { streamMode: "PROVISIONED" },
      shardCount: 2,
      retentionPeriod: 24,
      encryptionType: "KMS",
    });
    expect(find(resources, "aws:s3/bucket:Bucket", "events-failures-bucket")).to.have.property("tags");
  });

  it("handles failures by default: halved batches, partial responses, bounded retries and age, a destination", async () => {
    const mapping = find(await subscribe(), MAPPING, "events-count-mapping");
    expect(mapping).to.deep.include({
      batchSize: 100,
      startingPosition: "TRIM_HORIZON",
      bisectBatchOnFunctionError: true,
      functionResponseTypes: ["ReportBatchItemFailures"],
      maximumRetryAttempts: 10,
      maximumRecordAgeInSeconds: 64_800,
      parallelizationFactor: 1,
      destinationConfig: { onFailure: { destinationArn: "arn:aws:test:::events-failures-bucket" } },
    });
  });

  it("lets an argument win over the default, and transform over both", async () => {
    const transform = { mapping: { maximumRetryAttempts: 3 } };
    const mapping = find(
      await subscribe({ batchSize: 7, maximumRetryAttempts: 5, transform }),
      MAPPING,
      "events-count-mapping",
    );
    expect(mapping).to.deep.include({ batchSize: 7, maximumRetryAttempts: 3 });
  });

  it("passes filters on as event patterns", async () => {
    const mapping = find(
      await subscribe({ filters: [{ data: { metric: ["wind"] } }] }),
      MAPPING,
      "events-count-mapping",
    );
    expect(mapping.filterCriteria).to.deep.equal({ filters: [{ pattern: '{"data":{"metric":["wind"]}}' }] });
  });

  it("lets the function read this stream and write failures, nothing else, and never with a wildcard action", async () => {
    const { policy } = find(await subscribe(), "aws:iam/rolePolicy:RolePolicy", "events-count-policy");
    const statements = (
      JSON.parse(String(policy)) as { Statement: { Action: string[]; Resource: string[] }[] }
    ).Statement;
    expect(statements.flatMap(({ Action }) => Action).filter((action) => action.includes("*"))).to.deep.equal(
      [],
    );
    expect(
      statements.map(({ Action, Resource }) => `${Action[0]} ${Resource.join(" ")}`).sort(),
    ).to.deep.equal([
      "kinesis:DescribeStream arn:aws:test:::events-stream",
      "logs:CreateLogStream arn:aws:test:::events-count-logs:*",
      "s3:ListBucket arn:aws:test:::events-failures-bucket",
      "s3:PutObject arn:aws:test:::events-failures-bucket/*",
      "xray:PutTelemetryRecords *",
    ]);
  });

  it("uses the bucket it is given", async () => {
    const resources = recordResources();
    const failures = new Bucket("mine");
    const stream = new Stream("events", { failures });
    await resolved(stream.subscribe("count", { callback }).arn);
    expect(resources.filter(({ type }) => type === "aws:s3/bucket:Bucket")).to.have.length(1);
    expect(find(resources, "aws:kinesis/stream:Stream", "events-stream").streamModeDetails).to.deep.equal({
      streamMode: "ON_DEMAND",
    });
  });
});

describe("Stream: arguments", () => {
  const refused = (args: Partial<StreamSubscriptionArgs>): string => {
    recordResources();
    const stream = new Stream("events", { retentionHours: 24 });
    try {
      stream.subscribe("count", { callback, ...args });
    } catch (error) {
      return (error as Error).message;
    }
    throw new Error("It was not refused.");
  };

  for (const [args, message] of [
    [{ batchSize: 0 }, /batchSize is 0; it must be a whole number from 1 to 10000/],
    [{ batchSize: 10_001 }, /batchSize is 10001/],
    [{ parallelizationFactor: 11 }, /parallelizationFactor is 11/],
    [{ maximumRetryAttempts: -2 }, /maximumRetryAttempts is -2/],
    [{ maximumRecordAgeInSeconds: 59 }, /maximumRecordAgeInSeconds is 59/],
    [{ maximumRecordAgeInSeconds: 80_000 }, /above 0.8 of the stream's retention \(86400 s\).*at most 69120/],
    [{ tumblingWindowInSeconds: 901 }, /tumblingWindowInSeconds is 901/],
    [
      { tumblingWindowInSeconds: 60, parallelizationFactor: 2 },
      /parallelizationFactor is 2 with a tumbling window/,
    ],
    [{ filters: Array.from({ length: 6 }, () => ({})) }, /6 filters; AWS allows 5/],
    [{ filters: [{ partitionKey: ["d1"] }] }, /a filter is on "partitionKey"; .* on "data" only/],
    [{ batchsize: 5 } as object, /unknown argument "batchsize"/],
    [{ memorySize: 64 }, /memorySize is 64/],
    [{ timeout: 901 }, /timeout is 901/],
  ] as [Partial<StreamSubscriptionArgs>, RegExp][]) {
    it(`refuses ${JSON.stringify(args)}, naming the subscription and the cure`, () => {
      expect(refused(args))
        .to.match(message)
        .and.to.match(/events[/-]count/);
    });
  }

  it("refuses unknown arguments and impossible retention of the stream itself", () => {
    recordResources();
    expect(() => new Stream("events", { retention: 5 } as object)).to.throw(
      'Stream "events": unknown argument "retention"',
    );
    expect(() => new Stream("events", { retentionHours: 23 })).to.throw("retentionHours is 23");
    expect(() => new Stream("events", { mode: { shards: 0 } })).to.throw("mode.shards is 0");
  });

  it("refuses a name that the function's would not fit", () => {
    recordResources();
    const stream = new Stream("s".repeat(50), { failures: new Bucket("mine") });
    expect(() => stream.subscribe("count", { callback })).to.throw(
      /AWS allows 64. Shorten the logical name by/,
    );
  });
});

// Not proven here: that AWS accepts the mapping; how batches are retried locally is in tests/sources/stream.test.ts.
