/** What AWS refuses of queues, their mappings and buckets' notifications, and what would silently replace another. */
import type { ResourceNode } from "../graph.ts";
import {
  BUCKET,
  knownText,
  label,
  MAPPING,
  mapOf,
  NOTIFICATION,
  numberOf,
  type Problem,
  QUEUE,
  QUEUE_POLICY,
  type View,
} from "./view.ts";

/** https://docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html */
const PLAIN_BATCH = 10;

const isFifo = (queue: ResourceNode): boolean => queue.outputs.fifoQueue === true;

const pairs = (nodes: ResourceNode[]): [ResourceNode, ResourceNode][] => {
  const [first, ...others] = nodes;
  return first === undefined ? [] : others.map((other) => [first, other]);
};

/** A function takes from a queue through one mapping. */
export const oneMappingPerFunction = (view: View): Problem[] => {
  const keyed = view
    .ofType(MAPPING)
    .flatMap((node) =>
      view
        .origins(node, "eventSourceArn", QUEUE)
        .flatMap((queue) =>
          view.functions(node, "functionName").map((lambda) => ({ node, key: `${queue.urn} ${lambda.urn}` })),
        ),
    );
  const groups = [...Map.groupBy(keyed, ({ key }) => key).values()];
  return groups
    .flatMap((group) => pairs(group.map(({ node }) => node)))
    .map(([first, other]) => ({
      urn: other.urn,
      rule: "one-mapping-per-function",
      message: `${label(other)} is the second one of its queue and function, after ${label(first)}: AWS refuses it.`,
      cure: "Leave one of them out.",
    }));
};

const mappingProblem = (node: ResourceNode, queue: ResourceNode): [string, string] | undefined => {
  const batch = numberOf(node, "batchSize") ?? PLAIN_BATCH;
  const window = numberOf(node, "maximumBatchingWindowInSeconds") ?? 0;
  if (Object.keys(mapOf(node.outputs.destinationConfig)).length > 0) {
    return ["has a destinationConfig, which is for streams", "Give the queue a dead-letter queue instead."];
  }
  if (isFifo(queue) && (window > 0 || batch > PLAIN_BATCH)) {
    return [
      `takes ${batch} messages with a window of ${window} s from a FIFO queue, which has at most 10 and none`,
      "Set batchSize to at most 10 and leave the window out.",
    ];
  }
  if (batch > PLAIN_BATCH && window === 0) {
    return [
      `has a batchSize of ${batch} without a batching window`,
      "Set maximumBatchingWindowInSeconds to at least 1, or batchSize to at most 10.",
    ];
  }
  return undefined;
};

/** Batches that AWS's poller can make. */
export const queueMappingsFit = (view: View): Problem[] =>
  view.ofType(MAPPING).flatMap((node) =>
    view.origins(node, "eventSourceArn", QUEUE).flatMap((queue) => {
      // A stream's default; unset in the program, AWS takes a queue's own.
      const given =
        node.inputs.batchSize === undefined
          ? { ...node, outputs: { ...node.outputs, batchSize: PLAIN_BATCH } }
          : node;
      const problem = mappingProblem(given, queue);
      if (problem === undefined) return [];
      const [what, cure] = problem;
      return [{ urn: node.urn, rule: "queue-mappings-fit", message: `${label(node)} ${what}.`, cure }];
    }),
  );

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html */
export const deadLettersFit = (view: View): Problem[] =>
  view.ofType(QUEUE).flatMap((queue) =>
    view
      .origins(queue, "redrivePolicy", QUEUE)
      .filter((target) => isFifo(target) !== isFifo(queue))
      .map((target) => ({
        urn: queue.urn,
        rule: "dead-letters-fit",
        message: `${label(queue)} and its dead letters ${label(target)} are of different kinds: both or neither must be FIFO.`,
        cure: `Set fifoQueue of "${target.name}" to ${isFifo(queue)}.`,
      })),
  );

/** A bucket's notification and a queue's policy replace each other without a word. */
const SINGLES = [
  { type: NOTIFICATION, property: "bucket", owner: BUCKET, noun: "notification" },
  { type: QUEUE_POLICY, property: "queueUrl", owner: QUEUE, noun: "policy" },
];

export const settingsAreSingle = (view: View): Problem[] =>
  SINGLES.flatMap(({ type, property, owner, noun }) => {
    const ownerOf = (node: ResourceNode): string =>
      view.origins(node, property, owner)[0]?.urn ?? knownText(node.outputs[property]) ?? node.urn;
    const groups = [...Map.groupBy(view.ofType(type), ownerOf).values()];
    return groups.flatMap(pairs).map(([first, other]) => ({
      urn: other.urn,
      rule: "settings-are-single",
      message: `${label(other)} and ${label(first)} are both the ${noun} of one ${owner.split(":").at(-1)?.toLowerCase()}: the later one replaces the other.`,
      cure: "Put everything into one of them.",
    }));
  });
