/** How a program's queues and topics come to be on this machine. */
import type { Applier } from "./deployment.ts";
import { type Graph, type PropertyMap, plain, type ResourceNode } from "./engine/graph.ts";
import type { MessageQueues } from "./services/message-queues.ts";
import type { MessageTopics } from "./services/message-topics.ts";

export interface Messaging {
  queues: MessageQueues;
  topics: MessageTopics;
}

/** Settings that are resources of their own: their type, and the property that holds them. */
const SETTINGS: Record<string, { property: string; attribute: string }> = {
  "aws:sqs/queuePolicy:QueuePolicy": { property: "policy", attribute: "Policy" },
  "aws:sqs/redrivePolicy:RedrivePolicy": { property: "redrivePolicy", attribute: "RedrivePolicy" },
  "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy": {
    property: "redriveAllowPolicy",
    attribute: "RedriveAllowPolicy",
  },
};

/** A queue's property -> SQS's name of it. Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html */
const ATTRIBUTES: Record<string, string> = {
  visibilityTimeoutSeconds: "VisibilityTimeout",
  messageRetentionSeconds: "MessageRetentionPeriod",
  maxMessageSize: "MaximumMessageSize",
  delaySeconds: "DelaySeconds",
  receiveWaitTimeSeconds: "ReceiveMessageWaitTimeSeconds",
  fifoQueue: "FifoQueue",
  contentBasedDeduplication: "ContentBasedDeduplication",
  deduplicationScope: "DeduplicationScope",
  fifoThroughputLimit: "FifoThroughputLimit",
  sqsManagedSseEnabled: "SqsManagedSseEnabled",
  policy: "Policy",
  redrivePolicy: "RedrivePolicy",
  redriveAllowPolicy: "RedriveAllowPolicy",
};

const ONLY_FIFO = new Set([
  "FifoQueue",
  "ContentBasedDeduplication",
  "DeduplicationScope",
  "FifoThroughputLimit",
]);

const outputs = (node: ResourceNode): PropertyMap => plain(node.outputs) as PropertyMap;

const asText = (value: unknown): string =>
  typeof value === "object" ? JSON.stringify(value) : String(value);

/** Every attribute of a queue, those set by resources beside it too. */
const attributesOf = (node: ResourceNode, graph: Graph): Record<string, string> => {
  const queue = outputs(node);
  const own = Object.entries(ATTRIBUTES).flatMap(([property, attribute]): [string, string][] => {
    const value = queue[property];
    if (value === undefined || value === null || value === "") return [];
    if (ONLY_FIFO.has(attribute) && queue.fifoQueue !== true) return [];
    return [[attribute, asText(value)]];
  });
  const beside = graph.resources.flatMap((other): [string, string][] => {
    const setting = SETTINGS[other.type];
    if (setting === undefined) return [];
    const { queueUrl, [setting.property]: value } = outputs(other);
    return queueUrl === queue.url && value ? [[setting.attribute, asText(value)]] : [];
  });
  return Object.fromEntries([...own, ...beside]);
};

/** Queues and topics by type. Both outlive the program's changes: what is dropped stays until the runtime ends. */
export function messagingAppliers({ queues, topics }: Messaging): Record<string, Applier> {
  return {
    "aws:sqs/queue:Queue": {
      fingerprint: (node, graph) => JSON.stringify([outputs(node).name, attributesOf(node, graph)]),
      create: async (node, graph) => {
        // What a queue no longer has is taken away; the rest of its attributes are always given.
        const none = { Policy: "", RedrivePolicy: "", RedriveAllowPolicy: "" };
        const name = String(outputs(node).name);
        const attributes = attributesOf(node, graph);
        await queues.define(name, queues.has(name) ? { ...none, ...attributes } : attributes);
        return async () => {};
      },
    },
    "aws:sns/topic:Topic": {
      fingerprint: (node) => String(outputs(node).name),
      create: async (node) => {
        const { name, fifoTopic } = outputs(node);
        topics.define(String(name), fifoTopic === true ? { FifoTopic: "true" } : {});
        return async () => {};
      },
    },
  };
}

/** Subscriptions come after their topics and queues. Others than a queue's count as confirmed and get nothing here. */
export function subscriptionAppliers({ topics }: Messaging): Record<string, Applier> {
  return {
    "aws:sns/topicSubscription:TopicSubscription": {
      fingerprint: (node) => JSON.stringify(outputs(node)),
      create: async (node) => {
        const { topic, protocol, endpoint, rawMessageDelivery, filterPolicy, filterPolicyScope } =
          outputs(node);
        if (protocol !== "sqs") return async () => {};
        const end = topics.subscribe(String(topic), String(endpoint), {
          ...(rawMessageDelivery === true ? { RawMessageDelivery: "true" } : {}),
          ...(filterPolicy ? { FilterPolicy: asText(filterPolicy) } : {}),
          ...(filterPolicyScope ? { FilterPolicyScope: asText(filterPolicyScope) } : {}),
        });
        return async () => end();
      },
    },
  };
}
