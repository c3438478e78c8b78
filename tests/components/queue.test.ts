import { expect } from "chai";
import { Queue, type QueueArgs, type QueueSubscriptionArgs } from "../../components/queue.ts";
import { find, type Registered, recordResources, resolved, settled } from "../helpers/mocks.ts";

const QUEUE = "aws:sqs/queue:Queue";
const POLICY = "aws:sqs/queuePolicy:QueuePolicy";
const MAPPING = "aws:lambda/eventSourceMapping:EventSourceMapping";
const callback = async () => {};

const registered = async (resources: Registered[], ...names: string[]): Promise<void> => {
  for (const wanted of names) {
    while (!resources.some(({ name }) => name === wanted)) await new Promise(setImmediate);
  }
};

async function create(
  args: QueueArgs = {},
  subscription?: Partial<QueueSubscriptionArgs>,
): Promise<Registered[]> {
  const resources = recordResources();
  const queue = new Queue("jobs", args);
  if (subscription) await resolved(queue.subscribe("work", { callback, ...subscription }).arn);
  await settled(queue);
  await registered(resources, "jobs-queue", "jobs-policy");
  if (args.deadLetters !== false) {
    await registered(resources, "jobs-redrive-allow", "jobs-dead-letters-policy");
  }
  if (subscription) await registered(resources, "jobs-work-mapping");
  return resources;
}

const statements = (resources: Registered[], name: string): Record<string, unknown>[] =>
  JSON.parse(String(find(resources, POLICY, name).policy)).Statement;

describe("Queue: infrastructure", () => {
  it("creates an encrypted queue with its dead letters, both TLS only, and one function with its mapping", async () => {
    const resources = await create({}, {});
    const own = resources.filter(({ type }) => !type.startsWith("serverless:"));
    expect(own.map(({ type, name }) => `${type.split(":").at(-1)} ${name}`).sort()).to.deep.equal([
      "EventSourceMapping jobs-work-mapping",
      "Function jobs-work-function",
      "LogGroup jobs-work-logs",
      "Queue jobs-dead-letters",
      "Queue jobs-queue",
      "QueuePolicy jobs-dead-letters-policy",
      "QueuePolicy jobs-policy",
      "RedriveAllowPolicy jobs-redrive-allow",
      "Role jobs-work-role",
      "RolePolicy jobs-work-policy",
    ]);
    const { redrivePolicy, ...queue } = find(resources, QUEUE, "jobs-queue");
    expect(queue).to.deep.include({
      sqsManagedSseEnabled: true,
      receiveWaitTimeSeconds: 20,
      visibilityTimeoutSeconds: 180,
      messageRetentionSeconds: 345_600,
      delaySeconds: 0,
    });
    expect(queue).not.to.have.property("fifoQueue");
    expect(JSON.parse(String(redrivePolicy))).to.deep.equal({
      deadLetterTargetArn: "arn:aws:test:::jobs-dead-letters",
      maxReceiveCount: 5,
    });
    expect(find(resources, QUEUE, "jobs-dead-letters")).to.deep.include({
      sqsManagedSseEnabled: true,
      messageRetentionSeconds: 1_209_600,
    });
    const { redriveAllowPolicy } = find(
      resources,
      "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy",
      "jobs-redrive-allow",
    );
    expect(JSON.parse(String(redriveAllowPolicy))).to.deep.equal({
      redrivePermission: "byQueue",
      sourceQueueArns: ["arn:aws:test:::jobs-queue"],
    });
    for (const name of ["jobs-policy", "jobs-dead-letters-policy"]) {
      expect(statements(resources, name)).to.have.length(1);
      expect(statements(resources, name)[0]).to.deep.include({
        Effect: "Deny",
        Action: "sqs:*",
        Condition: { Bool: { "aws:SecureTransport": "false" } },
      });
    }
  });

  it("reports partial failures by default, and passes the rest on", async () => {
    const defaults = find(await create({}, {}), MAPPING, "jobs-work-mapping");
    expect(defaults).to.deep.include({
      batchSize: 10,
      functionResponseTypes: ["ReportBatchItemFailures"],
      eventSourceArn: "arn:aws:test:::jobs-queue",
    });
    expect(defaults).not.to.have.property("scalingConfig");
    const given = find(
      await create(
        {},
        {
          batchSize: 100,
          maximumBatchingWindowInSeconds: 5,
          maximumConcurrency: 2,
          filters: [{ body: { kind: ["hourly"] } }],
          transform: { mapping: { enabled: false } },
        },
      ),
      MAPPING,
      "jobs-work-mapping",
    );
    expect(given).to.deep.include({
      batchSize: 100,
      maximumBatchingWindowInSeconds: 5,
      scalingConfig: { maximumConcurrency: 2 },
      filterCriteria: { filters: [{ pattern: '{"body":{"kind":["hourly"]}}' }] },
      enabled: false,
    });
  });

  it("hides messages for 6 x the function's timeout and the batch window", async () => {
    const visibility = async (args: QueueArgs, subscription?: Partial<QueueSubscriptionArgs>) =>
      find(await create(args, subscription), QUEUE, "jobs-queue").visibilityTimeoutSeconds;
    expect(await visibility({})).to.equal(30);
    expect(await visibility({}, { timeout: 60, maximumBatchingWindowInSeconds: 20 })).to.equal(380);
    expect(await visibility({ visibilityTimeout: 1_000 }, { timeout: 60 })).to.equal(1_000);
  });

  it("lets the function take this queue's messages, nothing else", async () => {
    const { policy } = find(await create({}, {}), "aws:iam/rolePolicy:RolePolicy", "jobs-work-policy");
    const { Statement } = JSON.parse(String(policy)) as {
      Statement: { Action: string[]; Resource: string[] }[];
    };
    expect(Statement.find(({ Resource }) => Resource.includes("arn:aws:test:::jobs-queue"))).to.deep.equal({
      Effect: "Allow",
      Action: ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"],
      Resource: ["arn:aws:test:::jobs-queue"],
    });
  });

  it("can be first in, first out, as its dead letters are then", async () => {
    const resources = await create({ fifo: true, contentBasedDeduplication: true });
    expect(find(resources, QUEUE, "jobs-queue")).to.deep.include({
      fifoQueue: true,
      contentBasedDeduplication: true,
      deduplicationScope: "messageGroup",
      fifoThroughputLimit: "perMessageGroupId",
    });
    expect(find(resources, QUEUE, "jobs-dead-letters")).to.deep.include({ fifoQueue: true });
  });

  it("can be the end of the line", async () => {
    const resources = await create({ deadLetters: false, retentionDays: 14 });
    expect(resources.filter(({ type }) => type === QUEUE)).to.have.length(1);
    expect(find(resources, QUEUE, "jobs-queue")).to.include({ messageRetentionSeconds: 1_209_600 });
    expect(find(resources, QUEUE, "jobs-queue")).not.to.have.property("redrivePolicy");
  });

  it("has one policy for all that may send", async () => {
    const resources = recordResources();
    const queue = new Queue("jobs");
    const policies = [
      queue.allowSend({ service: "events.amazonaws.com", sourceArn: "arn:aws:events:r:000000000000:rule/x" }),
      queue.allowSend({ service: "s3.amazonaws.com", sourceArn: "arn:aws:s3:::b", sid: "New" }),
    ];
    await registered(resources, "jobs-policy");
    expect(policies[0]).to.equal(policies[1]);
    expect(resources.filter(({ name }) => name === "jobs-policy")).to.have.length(1);
    const [, events, bucket] = statements(resources, "jobs-policy");
    expect(events).to.deep.equal({
      Sid: "events0",
      Effect: "Allow",
      Principal: { Service: "events.amazonaws.com" },
      Action: "sqs:SendMessage",
      Resource: "arn:aws:test:::jobs-queue",
      Condition: { ArnLike: { "aws:SourceArn": "arn:aws:events:r:000000000000:rule/x" } },
    });
    expect(bucket).to.deep.include({
      Sid: "New",
      Condition: {
        ArnLike: { "aws:SourceArn": "arn:aws:s3:::b" },
        // The account in the queue's ARN; the test's has none.
        StringEquals: { "aws:SourceAccount": "" },
      },
    });
  });
});

describe("Queue: arguments", () => {
  const refused = (args: QueueArgs, subscription?: Partial<QueueSubscriptionArgs>): string => {
    recordResources();
    try {
      const queue = new Queue("orders", args);
      if (subscription) queue.subscribe("fulfil", { callback, ...subscription });
    } catch (error) {
      return (error as Error).message;
    }
    return "accepted";
  };

  it("refuses a visibility that is too short, in full", () => {
    expect(refused({ visibilityTimeout: 20 }, {})).to.equal(
      'Queue "orders": visibilityTimeout 20 s is below 6 x the function timeout (30 s). Set it to at least 180 s.',
    );
    expect(refused({ visibilityTimeout: 60 }, { timeout: 10, maximumBatchingWindowInSeconds: 5 })).to.equal(
      'Queue "orders": visibilityTimeout 60 s is below 6 x the function timeout (10 s) + the batch window (5 s). Set it to at least 65 s.',
    );
    expect(refused({ visibilityTimeout: 180 }, {})).to.equal("accepted");
  });

  for (const [args, subscription, message] of [
    [{ visibilityTimeout: 43_201 }, undefined, /visibilityTimeout is 43201/],
    [{ retentionDays: 15 }, undefined, /retentionDays is 15/],
    [{ delaySeconds: 901 }, undefined, /delaySeconds is 901/],
    [{ deadLetters: { maxReceiveCount: 0 } }, undefined, /deadLetters.maxReceiveCount is 0/],
    [{ deadLetters: { days: 5 } as object }, undefined, /unknown argument "days"/],
    [{ contentBasedDeduplication: true }, undefined, /FIFO queues only/],
    [{ visibility: 5 } as object, undefined, /unknown argument "visibility"/],
    [{}, { batchSize: 11 }, /batchSize is 11.*maximumBatchingWindowInSeconds to at least 1/],
    [{}, { batchSize: 10_001, maximumBatchingWindowInSeconds: 1 }, /batchSize is 10001/],
    [{}, { maximumBatchingWindowInSeconds: 301 }, /maximumBatchingWindowInSeconds is 301/],
    [{}, { maximumConcurrency: 1 }, /maximumConcurrency is 1/],
    [{}, { maximumConcurrency: 1_001 }, /maximumConcurrency is 1001/],
    [{}, { filters: [{ data: ["x"] }] }, /a filter is on "data"; .* "body" only/],
    [{}, { filters: Array.from({ length: 6 }, () => ({})) }, /6 filters; AWS allows 5/],
    [{}, { batchsize: 5 } as object, /unknown argument "batchsize"/],
    [{ fifo: true }, { batchSize: 11 }, /batchSize is 11; a FIFO queue delivers at most 10/],
    [{ fifo: true }, { maximumBatchingWindowInSeconds: 1 }, /a FIFO queue has no batching window/],
  ] as [QueueArgs, Partial<QueueSubscriptionArgs> | undefined, RegExp][]) {
    it(`refuses ${JSON.stringify([args, subscription])}, naming the queue and the cure`, () => {
      expect(refused(args, subscription))
        .to.match(message)
        .and.to.match(/orders/);
    });
  }

  it("refuses names that would not fit, FIFO's suffix included", () => {
    recordResources();
    const deadLetters = false;
    expect(() => new Queue("q".repeat(66), { deadLetters })).not.to.throw();
    expect(() => new Queue("q".repeat(67), { deadLetters })).to.throw(/AWS allows 80. Shorten .* by 1/);
    expect(() => new Queue("q".repeat(62), { deadLetters, fifo: true })).to.throw(/AWS allows 75/);
    expect(() => new Queue("q.q")).to.throw(/"q.q-queue" cannot name a queue/);
  });

  it("refuses a second subscriber, which would take messages from the first", () => {
    recordResources();
    const queue = new Queue("orders");
    queue.subscribe("fulfil", { callback });
    expect(() => queue.subscribe("count", { callback })).to.throw(
      /"orders\/count": the queue has a subscriber already/,
    );
  });

  it("refuses what comes after its visibility and policy are settled", async () => {
    const resources = recordResources();
    const queue = new Queue("orders");
    await registered(resources, "orders-policy");
    expect(() => queue.subscribe("late", { callback })).to.throw(
      'Queue "orders": subscribe() comes too late, its visibility and policy are settled already. Call it in the same turn as the constructor, with no await between them.',
    );
    expect(() => queue.allowSend({ service: "s3.amazonaws.com", sourceArn: "arn" })).to.throw(
      /comes too late/,
    );
  });
});

// Not proven here: that AWS accepts them; how messages are delivered locally is in tests/sources/queue.test.ts.
