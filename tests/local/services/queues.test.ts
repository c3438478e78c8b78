import { expect } from "chai";
import { VirtualClock } from "../../../local/kit/clock.ts";
import { Trace } from "../../../local/kit/trace.ts";
import type { Endpoint } from "../../../local/services/endpoint.ts";
import { maySend } from "../../../local/services/message-queues.ts";
import { ObjectsAndMessages } from "../../../local/services/s3-sqs-sns.ts";
import { authorization, callJson, failure, PLACE, start } from "./aws.ts";

const arn = (name: string): string => `arn:aws:sqs:us-east-1:000000000000:${name}`;
const MINUTE = 60_000;

interface WireMessage {
  MessageId: string;
  ReceiptHandle: string;
  Body: string;
  Attributes?: Record<string, string>;
}

describe("Queues on this machine", () => {
  let clock: VirtualClock;
  let trace: Trace;
  let service: ObjectsAndMessages;
  let endpoint: Endpoint;

  beforeEach(async () => {
    clock = new VirtualClock();
    trace = new Trace({ now: () => clock.now() });
    service = await ObjectsAndMessages.start({ ...PLACE, clock, trace });
    endpoint = await start({ http: [service] });
  });

  afterEach(async () => {
    await service.close();
    await endpoint.close();
    expect(clock.sleepers).to.equal(0);
  });

  const sqs = (operation: string, input: object) =>
    callJson(endpoint, `AmazonSQS.${operation}`, JSON.stringify(input), {
      authorization: authorization("sqs"),
      "content-type": "application/x-amz-json-1.0",
    });

  const receive = async (QueueUrl: string, input: object = {}): Promise<WireMessage[]> => {
    const { body } = await sqs("ReceiveMessage", {
      QueueUrl,
      MaxNumberOfMessages: 10,
      MessageSystemAttributeNames: ["All"],
      ...input,
    });
    return (body.Messages ?? []) as WireMessage[];
  };

  const bodies = async (queue: string): Promise<string[]> => (await receive(queue)).map(({ Body }) => Body);

  it("hide a received message until its visibility is over, and then give it again with its count", async () => {
    await service.queues.define("q", { VisibilityTimeout: "60" });
    await service.sendMessage("q", "a");
    expect(await bodies("q")).to.deep.equal(["a"]);
    await clock.advance(MINUTE - 1);
    expect(await bodies("q")).to.deep.equal([]);
    await clock.advance(1);
    const [again] = await receive("q");
    expect(again?.Attributes).to.include({
      ApproximateReceiveCount: "2",
      SentTimestamp: String(Date.UTC(2026, 0, 1)),
      ApproximateFirstReceiveTimestamp: String(Date.UTC(2026, 0, 1)),
    });
  });

  it("change the visibility of a message in hand, to nothing as well", async () => {
    await service.queues.define("q", { VisibilityTimeout: "60" });
    await service.sendMessage("q", "a");
    const [message] = await receive("q");
    const { ReceiptHandle } = message as WireMessage;
    await sqs("ChangeMessageVisibility", { QueueUrl: "q", ReceiptHandle, VisibilityTimeout: 90 });
    await clock.advance(MINUTE);
    expect(await bodies("q")).to.deep.equal([]);
    await sqs("ChangeMessageVisibility", { QueueUrl: "q", ReceiptHandle, VisibilityTimeout: 0 });
    expect(await bodies("q")).to.deep.equal(["a"]);
  });

  it("end a long poll when its time is over, or the moment a delayed message is due", async () => {
    await service.queues.define("q", { DelaySeconds: "15" });
    const first = receive("q", { WaitTimeSeconds: 20 });
    await clock.waitForSleepers();
    await clock.advance(20_000);
    expect(await first).to.deep.equal([]);
    await service.sendMessage("q", "late");
    const second = receive("q", { WaitTimeSeconds: 20 });
    // The poll's end, and the queue's own wake-up.
    await clock.waitForSleepers(2);
    await clock.advance(15_000);
    expect((await second).map(({ Body }) => Body)).to.deep.equal(["late"]);
  });

  it("forget what is older than they keep", async () => {
    await service.queues.define("q", { MessageRetentionPeriod: "60" });
    await service.sendMessage("q", "old");
    await clock.advance(MINUTE);
    await service.sendMessage("q", "new");
    expect(await bodies("q")).to.deep.equal(["new"]);
  });

  it("move what was received too often to the dead letters, and tell the trace", async () => {
    await service.queues.define("dlq");
    await service.queues.define("q", {
      VisibilityTimeout: "1",
      RedrivePolicy: JSON.stringify({ deadLetterTargetArn: arn("dlq"), maxReceiveCount: 2 }),
    });
    await service.sendMessage("q", "poison");
    for (const expected of [["poison"], ["poison"], [], []]) {
      expect(await bodies("q")).to.deep.equal(expected);
      await clock.advance(1_000);
    }
    const [letter] = await receive("dlq");
    expect(letter?.Body).to.equal("poison");
    expect(letter?.Attributes?.SentTimestamp).to.equal(String(Date.UTC(2026, 0, 1)));
    expect(trace.events.filter(({ kind }) => kind === "dead-letter")).to.have.length(1);
    expect(trace.events.find(({ kind }) => kind === "dead-letter")).to.include({
      queue: "q",
      target: "dlq",
      receiveCount: 2,
    });
  });

  it("have URLs on the host that was asked, whoever made them", async () => {
    await service.queues.define("q", {}, "elsewhere:1");
    const { body: one } = await sqs("GetQueueUrl", { QueueName: "q" });
    const { body: all } = await sqs("ListQueues", {});
    expect(one.QueueUrl).to.equal(`${endpoint.url}/000000000000/q`);
    expect(all.QueueUrls).to.deep.equal([`${endpoint.url}/000000000000/q`]);
  });

  it("take every character that SQS takes, and refuse the others", async () => {
    await service.queues.define("q");
    await service.sendMessage("q", "tab\t 💐 \u{10ffff} \ufffd");
    expect(await bodies("q")).to.deep.equal(["tab\t 💐 \u{10ffff} \ufffd"]);
    for (const character of ["\0", "\u001b", "\ufffe", "\ud800"]) {
      const refused = await failure(service.sendMessage("q", `a${character}`));
      expect(refused.type, JSON.stringify(character)).to.match(/InvalidMessageContents/);
    }
  });

  it("keep messages when they are defined again with other attributes", async () => {
    await service.queues.define("q", { VisibilityTimeout: "60" });
    await service.sendMessage("q", "a");
    await service.queues.define("q", { VisibilityTimeout: "90" });
    const { body } = await sqs("GetQueueAttributes", {
      QueueUrl: "q",
      AttributeNames: ["VisibilityTimeout"],
    });
    expect(body.Attributes).to.deep.equal({ VisibilityTimeout: "90" });
    expect(await bodies("q")).to.deep.equal(["a"]);
  });

  describe("FIFO", () => {
    const define = (attributes: Record<string, string> = {}) =>
      service.queues.define("q.fifo", { FifoQueue: "true", VisibilityTimeout: "60", ...attributes });
    const send = (body: string, groupId: string, deduplicationId = body) =>
      service.queues.send("q.fifo", { body, groupId, deduplicationId });

    it("give several messages of a group in order, and nothing more of it until they are done", async () => {
      await define();
      for (const body of ["a1", "a2", "b1", "a3"]) await send(body, body.charAt(0));
      const first = await receive("q.fifo", { MaxNumberOfMessages: 2 });
      expect(first.map(({ Body }) => Body)).to.deep.equal(["a1", "a2"]);
      expect(await bodies("q.fifo")).to.deep.equal(["b1"]);
      await sqs("DeleteMessage", { QueueUrl: "q.fifo", ReceiptHandle: first[0]?.ReceiptHandle });
      expect(await bodies("q.fifo")).to.deep.equal([]);
      await clock.advance(MINUTE);
      expect(await bodies("q.fifo")).to.have.members(["a2", "a3", "b1"]);
    });

    it("give a group again in its order, whatever came back first", async () => {
      await define();
      for (const body of ["a1", "a2", "a3"]) await send(body, "a");
      const [one, two, three] = await receive("q.fifo");
      for (const message of [three, one, two]) {
        await sqs("ChangeMessageVisibility", {
          QueueUrl: "q.fifo",
          ReceiptHandle: message?.ReceiptHandle,
          VisibilityTimeout: 0,
        });
      }
      expect(await bodies("q.fifo")).to.deep.equal(["a1", "a2", "a3"]);
    });

    it("take a message once in five minutes", async () => {
      await define();
      const first = await send("a", "a", "same");
      expect(await send("again", "a", "same")).to.equal(first);
      expect(await send("other group", "b", "same")).to.equal(first);
      await clock.advance(5 * MINUTE);
      await send("later", "a", "same");
      expect(await bodies("q.fifo")).to.deep.equal(["a", "later"]);
    });

    it("know duplicates per group and by content when they are told so", async () => {
      await define({ DeduplicationScope: "messageGroup", ContentBasedDeduplication: "true" });
      for (const group of ["a", "b", "a"]) await service.queues.send("q.fifo", { body: "x", groupId: group });
      const Entries = [
        { Id: "1", MessageBody: "y", MessageGroupId: "c", MessageDeduplicationId: "id" },
        { Id: "2", MessageBody: "y", MessageGroupId: "c", MessageDeduplicationId: "id" },
      ];
      await sqs("SendMessageBatch", { QueueUrl: "q.fifo", Entries });
      const messages = await receive("q.fifo");
      expect(messages.map(({ Body, Attributes }) => `${Attributes?.MessageGroupId} ${Body}`)).to.deep.equal([
        "a x",
        "b x",
        "c y",
      ]);
      expect(messages[2]?.Attributes?.MessageDeduplicationId).to.equal("id");
      expect(messages[0]?.Attributes?.MessageDeduplicationId).to.match(/^[0-9a-f]{64}$/);
    });
  });

  describe("let AWS services send", () => {
    const bucket = { service: "s3.amazonaws.com", sourceArn: "arn:aws:s3:::uploads" };
    const queue = { arn: arn("q"), account: "000000000000" };
    const allowing = (condition: object, principal: unknown = { Service: "s3.amazonaws.com" }) =>
      JSON.stringify({
        Statement: [
          {
            Effect: "Deny",
            Principal: "*",
            Action: "sqs:*",
            Resource: arn("q"),
            Condition: { Bool: { "aws:SecureTransport": "false" } },
          },
          {
            Effect: "Allow",
            Principal: principal,
            Action: "sqs:SendMessage",
            Resource: arn("q"),
            Condition: condition,
          },
        ],
      });

    it("when their policy has a statement for the service and its resource", () => {
      const policy = allowing({
        ArnLike: { "aws:SourceArn": bucket.sourceArn },
        StringEquals: { "aws:SourceAccount": "000000000000" },
      });
      expect(maySend(policy, bucket, queue)).to.equal(true);
      expect(maySend(policy, { ...bucket, sourceArn: "arn:aws:s3:::others" }, queue)).to.equal(false);
      expect(maySend(policy, { ...bucket, service: "events.amazonaws.com" }, queue)).to.equal(false);
      expect(maySend(allowing({}, { AWS: "000000000000" }), bucket, queue)).to.equal(false);
      expect(maySend(undefined, bucket, queue)).to.equal(false);
    });

    it("and refuse them otherwise, naming both", async () => {
      await service.queues.define("q");
      const refused = await failure(service.queues.sendFrom(bucket, "q", { body: "x" }));
      expect(refused.message).to.match(/s3\.amazonaws\.com.*sqs:SendMessage.*:q for arn:aws:s3:::uploads/);
      await service.queues.define("q", { Policy: allowing({}) });
      await service.queues.sendFrom(bucket, arn("q"), { body: "x" });
      expect(await bodies("q")).to.deep.equal(["x"]);
    });
  });
});

// Not proven here: AWS's own sampling of standard queues (a receive may find less than there is), and its ordering.
