import { expect } from "chai";
import { Bucket, type ObjectSubscriptionArgs } from "../../components/bucket.ts";
import { sealed } from "../../components/finaliser.ts";
import { find, type Registered, recordResources, resolved } from "../helpers/mocks.ts";

const NOTIFICATION = "aws:s3/bucketNotification:BucketNotification";
const callback = async () => {};

async function subscribed(
  ...subscriptions: [string, Partial<ObjectSubscriptionArgs>][]
): Promise<Registered[]> {
  const resources = recordResources();
  const bucket = new Bucket("uploads");
  for (const [name, args] of subscriptions) {
    await resolved(bucket.onObjectCreated(name, { callback, ...args }).arn);
  }
  sealed();
  while (!resources.some(({ type }) => type === NOTIFICATION)) await new Promise(setImmediate);
  return resources;
}

const kinds = (resources: Registered[]): string[] =>
  resources
    .filter(({ type, name }) => type.startsWith("aws:") && name.includes("-index"))
    .map(({ type, name }) => `${type.split(":").at(-1)} ${name}`)
    .sort();

describe("Bucket.onObjectCreated: infrastructure", () => {
  it("puts a queue with dead letters before the function, which S3 may send to", async () => {
    const resources = await subscribed(["index", { prefix: "raw/", suffix: ".json" }]);
    expect(kinds(resources)).to.deep.equal([
      "EventSourceMapping uploads-index-mapping",
      "Function uploads-index-function",
      "LogGroup uploads-index-logs",
      "Queue uploads-index-dead-letters",
      "Queue uploads-index-queue",
      "QueuePolicy uploads-index-dead-letters-policy",
      "QueuePolicy uploads-index-policy",
      "RedriveAllowPolicy uploads-index-redrive-allow",
      "Role uploads-index-role",
      "RolePolicy uploads-index-policy",
    ]);
    expect(find(resources, NOTIFICATION, "uploads-notification")).to.deep.equal({
      bucket: "uploads-bucket-id",
      queues: [
        {
          id: "index",
          queueArn: "arn:aws:test:::uploads-index-queue",
          events: ["s3:ObjectCreated:*"],
          filterPrefix: "raw/",
          filterSuffix: ".json",
        },
      ],
    });
    const { policy } = find(resources, "aws:sqs/queuePolicy:QueuePolicy", "uploads-index-policy");
    expect(JSON.parse(String(policy)).Statement[1]).to.deep.include({
      Sid: "ObjectCreated",
      Principal: { Service: "s3.amazonaws.com" },
      Action: "sqs:SendMessage",
    });
  });

  it("invokes the function straight from S3 when asked to, keeping what fails", async () => {
    const resources = await subscribed(["index", { direct: true }]);
    expect(kinds(resources)).to.deep.equal([
      "Function uploads-index-function",
      "FunctionEventInvokeConfig uploads-index-async",
      "LogGroup uploads-index-logs",
      "Permission uploads-index-permission",
      "Queue uploads-index-failures",
      "Role uploads-index-role",
      "RolePolicy uploads-index-policy",
    ]);
    expect(find(resources, "aws:lambda/permission:Permission", "uploads-index-permission")).to.deep.include({
      principal: "s3.amazonaws.com",
      sourceArn: "arn:aws:test:::uploads-bucket",
    });
    const { lambdaFunctions } = find(resources, NOTIFICATION, "uploads-notification");
    expect(lambdaFunctions).to.deep.equal([
      {
        id: "index",
        lambdaFunctionArn: "arn:aws:test:::uploads-index-function",
        events: ["s3:ObjectCreated:*"],
      },
    ]);
  });

  it("is one notification, however many subscriptions", async () => {
    const resources = await subscribed(
      ["index", { prefix: "raw/" }],
      ["thumb", { prefix: "in/", suffix: ".jpg" }],
      ["log", { prefix: "in/", suffix: ".log", direct: true }],
    );
    const notifications = resources.filter(({ type }) => type === NOTIFICATION);
    expect(notifications).to.have.length(1);
    expect(notifications[0]?.inputs.queues).to.have.length(2);
    expect(notifications[0]?.inputs.lambdaFunctions).to.have.length(1);
  });

  it("is none without a subscription", async () => {
    const resources = recordResources();
    await resolved(new Bucket("uploads").arn);
    sealed();
    await new Promise(setImmediate);
    expect(resources.some(({ type }) => type === NOTIFICATION)).to.equal(false);
  });
});

describe("Bucket.onObjectCreated: arguments", () => {
  const refused = (...subscriptions: [string, Partial<ObjectSubscriptionArgs>][]): string => {
    recordResources();
    const bucket = new Bucket("uploads");
    try {
      for (const [name, args] of subscriptions) bucket.onObjectCreated(name, { callback, ...args });
    } catch (error) {
      return (error as Error).message;
    }
    return "accepted";
  };

  for (const [left, right] of [
    [{}, { prefix: "a/" }],
    [{ prefix: "a/" }, { prefix: "a/b/" }],
    [{ suffix: ".jpg" }, { prefix: "a/" }],
    [
      { prefix: "a/", suffix: "g" },
      { prefix: "a/", suffix: ".jpg", direct: true },
    ],
  ] as Partial<ObjectSubscriptionArgs>[][]) {
    it(`refuses ${JSON.stringify(left)} beside ${JSON.stringify(right)}, as S3 does`, () => {
      expect(refused(["one", left ?? {}], ["two", right ?? {}])).to.match(
        /Bucket "uploads": subscriptions "one" .* and "two" .* overlap.*Tell them apart by prefix or suffix/,
      );
    });
  }

  it("takes those that no key passes both of", () => {
    expect(
      refused(
        ["a", { prefix: "a/", suffix: ".jpg" }],
        ["b", { prefix: "a/", suffix: ".png" }],
        ["c", { prefix: "c/" }],
      ),
    ).to.equal("accepted");
  });

  it("refuses an output inside the trigger's own prefix", () => {
    expect(refused(["thumb", { prefix: "in/", outputPrefix: "in/thumbs/" }])).to.equal(
      'Bucket "uploads": "thumb" writes to "in/thumbs/", which its own prefix "in/" covers: it would trigger itself without end. Read from a prefix beside it, or write to another bucket.',
    );
    expect(refused(["thumb", { outputPrefix: "thumbs/" }])).to.match(/trigger itself without end/);
    expect(refused(["thumb", { prefix: "in/", outputPrefix: "out/" }])).to.equal("accepted");
  });

  it("refuses batch settings without a queue, filters, and what it does not know", () => {
    expect(refused(["index", { direct: true, batchSize: 5 }])).to.match(
      /batchSize is for the queue, and direct/,
    );
    expect(refused(["index", { filters: [{}] }])).to.match(/choose objects by prefix and suffix/);
    expect(refused(["index", { prefixes: "a" } as object])).to.match(
      /"uploads\/index": unknown argument "prefixes"/,
    );
    expect(refused(["index", { prefix: "k".repeat(1_025) }])).to.match(/1025 characters; S3 allows 1024/);
  });
});

// Not proven here: that AWS accepts them; how objects are told of locally is in tests/sources/bucket.test.ts.
