import { expect } from "chai";
import { Deployment } from "../../local/deployment.ts";
import type { PropertyMap, ResourceNode } from "../../local/engine/graph.ts";
import { VirtualClock } from "../../local/kit/clock.ts";
import { messagingAppliers, subscriptionAppliers } from "../../local/messaging.ts";
import { ObjectsAndMessages } from "../../local/services/s3-sqs-sns.ts";
import { graphOf, resourceNode } from "../helpers/graph.ts";

const PLACE = { region: "us-east-1", account: "000000000000" };
const url = (name: string): string => `https://sqs.us-east-1.amazonaws.com/000000000000/${name}`;
const arn = (service: string, name: string): string => `arn:aws:${service}:us-east-1:000000000000:${name}`;

const node = (type: string, name: string, outputs: PropertyMap): ResourceNode =>
  resourceNode(type, name, { inputs: outputs, outputs });
const queue = (name: string, outputs: PropertyMap = {}): ResourceNode =>
  node("aws:sqs/queue:Queue", name, { name, url: url(name), fifoQueue: false, policy: "", ...outputs });

describe("a program's queues and topics", () => {
  let service: ObjectsAndMessages;
  let deployment: Deployment;

  beforeEach(async () => {
    service = await ObjectsAndMessages.start({ ...PLACE, clock: new VirtualClock() });
    const data = messagingAppliers(service);
    const after = subscriptionAppliers(service);
    deployment = new Deployment([({ type }) => data[type], ({ type }) => after[type]]);
  });

  afterEach(() => service.close());

  const received = (name: string): string[] =>
    service.queues.receive(name, 10).map(({ message }) => message.body);

  it("have their attributes, those that other resources set too", async () => {
    const policy = JSON.stringify({ Statement: [] });
    await deployment.apply(
      graphOf(
        queue("jobs", { visibilityTimeoutSeconds: 180, messageRetentionSeconds: 60, delaySeconds: 5 }),
        queue("steps.fifo", { fifoQueue: true, deduplicationScope: "messageGroup" }),
        node("aws:sqs/queuePolicy:QueuePolicy", "p", { queueUrl: url("jobs"), policy }),
        node("aws:sqs/redriveAllowPolicy:RedriveAllowPolicy", "r", {
          queueUrl: url("steps.fifo"),
          redriveAllowPolicy: "{}",
        }),
      ),
    );
    expect(service.queues.attributes("jobs")).to.include({
      VisibilityTimeout: "180",
      MessageRetentionPeriod: "60",
      DelaySeconds: "5",
      Policy: policy,
    });
    expect(service.queues.attributes("jobs")).not.to.have.any.keys("FifoQueue", "RedriveAllowPolicy");
    expect(service.queues.attributes("steps.fifo")).to.include({
      FifoQueue: "true",
      DeduplicationScope: "messageGroup",
      RedriveAllowPolicy: "{}",
    });
  });

  it("keep their messages when their settings change, and lose a policy that is gone", async () => {
    const policy = node("aws:sqs/queuePolicy:QueuePolicy", "p", {
      queueUrl: url("jobs"),
      policy: '{"Statement":[]}',
    });
    await deployment.apply(graphOf(queue("jobs", { visibilityTimeoutSeconds: 30 }), policy));
    await service.sendMessage("jobs", "kept");
    const changes = await deployment.apply(graphOf(queue("jobs", { visibilityTimeoutSeconds: 60 })));
    expect(changes.replaced).to.have.length(1);
    expect(service.queues.attributes("jobs")).to.include({ VisibilityTimeout: "60", Policy: "" });
    expect(received("jobs")).to.deep.equal(["kept"]);
  });

  it("give a topic's messages to its queues, as the subscription says", async () => {
    const topic = node("aws:sns/topic:Topic", "alarms", { name: "alarms", arn: arn("sns", "alarms") });
    const subscription = (name: string, outputs: PropertyMap) =>
      node("aws:sns/topicSubscription:TopicSubscription", name, {
        topic: arn("sns", "alarms"),
        ...outputs,
      });
    const toQueue = (name: string, outputs: PropertyMap = {}) =>
      subscription(name, { protocol: "sqs", endpoint: arn("sqs", name), ...outputs });
    await deployment.apply(
      graphOf(
        topic,
        queue("raw"),
        queue("wrapped"),
        toQueue("raw", { rawMessageDelivery: true }),
        toQueue("wrapped"),
        subscription("mail", { protocol: "email", endpoint: "a@example.com" }),
      ),
    );
    await service.topics.publish(arn("sns", "alarms"), "red");
    expect(received("raw")).to.deep.equal(["red"]);
    expect(JSON.parse(received("wrapped")[0] ?? "")).to.include({ Type: "Notification", Message: "red" });
    await deployment.apply(graphOf(topic, queue("raw"), queue("wrapped")));
    await service.topics.publish(arn("sns", "alarms"), "again");
    expect(received("raw")).to.deep.equal([]);
  });

  it("refuse what is sent to a topic that is not there", async () => {
    const problem = await service.topics.publish(arn("sns", "none"), "x").catch((error: Error) => error);
    expect((problem as Error).message).to.contain("none refused a message");
  });
});
