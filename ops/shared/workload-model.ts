/** How events travel through a program's resources, read from its graph: what triggers what, who writes where. Pure. */
import { type Graph, type PropertyValue, plain, type ResourceNode } from "../../local/engine/graph.ts";
import {
  createView,
  FUNCTION,
  INTEGRATION,
  knownText,
  LOG_GROUP,
  listOf,
  mapOf,
  numberOf,
  type View,
} from "../../local/engine/rules/view.ts";
import { planFunctions } from "./functions.ts";
import { type Right, rightsOf } from "./workload-rights.ts";

/** What makes a function run. */
export interface Trigger {
  kind: "stream" | "queue" | "log" | "direct";
  /** URN of the resource whose events it gets. */
  source: string;
  batchSize: number;
  windowSeconds: number;
  /** Batches of one shard at once. */
  factor: number;
}

export interface FunctionModel {
  node: ResourceNode;
  triggers: Trigger[];
  rights: Right[];
  logGroup: string | undefined;
}

/** A resource that passes its events on without code. */
export interface Hop {
  from: string;
  to: string;
  /** What it does to an event's bytes. */
  bytes: (bytes: number) => number;
}

export interface Model {
  view: View;
  functions: FunctionModel[];
  hops: Hop[];
  nodes: ReadonlyMap<string, ResourceNode>;
}

export const TYPES = {
  stream: "aws:kinesis/stream:Stream",
  table: "aws:dynamodb/table:Table",
  queue: "aws:sqs/queue:Queue",
  topic: "aws:sns/topic:Topic",
  bucket: "aws:s3/bucket:Bucket",
  bus: "aws:cloudwatch/eventBus:EventBus",
  rule: "aws:cloudwatch/eventRule:EventRule",
  target: "aws:cloudwatch/eventTarget:EventTarget",
  cache: "aws:elasticache/serverlessCache:ServerlessCache",
  route: "aws:apigatewayv2/route:Route",
  api: "aws:apigatewayv2/api:Api",
  stage: "aws:apigatewayv2/stage:Stage",
  url: "aws:lambda/functionUrl:FunctionUrl",
  schedule: "aws:scheduler/schedule:Schedule",
  iotRule: "aws:iot/topicRule:TopicRule",
  subscription: "aws:sns/topicSubscription:TopicSubscription",
  notification: "aws:s3/bucketNotification:BucketNotification",
  filter: "aws:cloudwatch/logSubscriptionFilter:LogSubscriptionFilter",
  mapping: "aws:lambda/eventSourceMapping:EventSourceMapping",
} as const;

const ALIAS = "aws:lambda/alias:Alias";
const SINKS = [
  TYPES.stream,
  TYPES.table,
  TYPES.queue,
  TYPES.topic,
  TYPES.bucket,
  TYPES.bus,
  TYPES.cache,
  FUNCTION,
];
const same = (bytes: number): number => bytes;
/** A published message with its topic and time around it, in base64: see components/iot-topic.ts. */
const enveloped = (bytes: number): number => (bytes * 4) / 3 + 120;

/** The resources of these types that a property's value names. Where several do (a target and its dead letters), the ARN tells. */
const named = (view: View, node: ResourceNode, property: string, value?: PropertyValue): ResourceNode[] => {
  const found = view.origins(node, property, ...SINKS, ALIAS);
  const text = JSON.stringify(plain(value ?? null));
  const exact = found.filter((origin) => {
    const arn = knownText(origin.outputs.arn);
    return arn !== undefined && text.includes(arn);
  });
  return (exact.length > 0 ? exact : found).flatMap((origin) =>
    origin.type === ALIAS ? view.functions(node, property) : [origin],
  );
};

interface Edge {
  from: string;
  to: ResourceNode;
  bytes?: (bytes: number) => number;
}

const EDGES: Record<string, (view: View, node: ResourceNode) => Edge[]> = {
  [TYPES.schedule]: (view, node) =>
    named(view, node, "target", mapOf(node.inputs.target).arn).map((to) => ({ from: node.urn, to })),
  [TYPES.target]: (view, node) =>
    view
      .origins(node, "rule", TYPES.rule)
      .flatMap(({ urn }) => named(view, node, "arn", node.inputs.arn).map((to) => ({ from: urn, to }))),
  [TYPES.subscription]: (view, node) =>
    view
      .origins(node, "topic", TYPES.topic)
      .flatMap(({ urn }) =>
        named(view, node, "endpoint", node.inputs.endpoint).map((to) => ({ from: urn, to })),
      ),
  [TYPES.notification]: (view, node) =>
    view.origins(node, "bucket", TYPES.bucket).flatMap(({ urn }) =>
      ["queues", "topics", "lambdaFunctions"].flatMap((property) =>
        named(view, node, property, node.inputs[property]).map((to) => ({
          from: urn,
          to,
          bytes: () => 1_000,
        })),
      ),
    ),
  [TYPES.iotRule]: (view, node) =>
    ["kineses", "lambda", "lambdas", "sqs", "sns", "dynamodbv2s", "s3"].flatMap((property) =>
      named(view, node, property, node.inputs[property]).map((to) => ({
        from: node.urn,
        to,
        bytes: enveloped,
      })),
    ),
  [TYPES.route]: (view, node) =>
    view
      .origins(node, "target", INTEGRATION)
      .flatMap((integration) => view.functions(integration, "integrationUri"))
      .map((to) => ({ from: node.urn, to })),
  [TYPES.url]: (view, node) => view.functions(node, "functionName").map((to) => ({ from: node.urn, to })),
};

/** A rule gets what its bus gets, unless it is a schedule. What part of it fits its pattern is for the assumptions. */
const busEdges = (view: View): Edge[] =>
  view
    .ofType(TYPES.rule)
    .flatMap((rule) =>
      view.origins(rule, "eventBusName", TYPES.bus).map(({ urn }) => ({ from: urn, to: rule })),
    );

const edgesOf = (view: View): Edge[] => [
  ...busEdges(view),
  ...Object.entries(EDGES).flatMap(([type, edges]) => view.ofType(type).flatMap((node) => edges(view, node))),
];

const mappingTrigger = (view: View, mapping: ResourceNode): Trigger[] =>
  view
    .origins(mapping, "eventSourceArn", TYPES.stream, TYPES.table, TYPES.queue)
    .map(({ type, urn }): Trigger => {
      const kind = type === TYPES.queue ? "queue" : "stream";
      return {
        kind,
        source: urn,
        batchSize: numberOf(mapping, "batchSize") ?? (kind === "queue" ? 10 : 100),
        windowSeconds: numberOf(mapping, "maximumBatchingWindowInSeconds") ?? 0,
        factor: numberOf(mapping, "parallelizationFactor") ?? 1,
      };
    });

const direct = (source: string, kind: "direct" | "log" = "direct"): Trigger => ({
  kind,
  source,
  batchSize: 1,
  windowSeconds: 0,
  factor: 1,
});

const triggersOf = (view: View, lambda: ResourceNode, edges: readonly Edge[]): Trigger[] => [
  ...view
    .ofType(TYPES.mapping)
    .filter((mapping) => view.functions(mapping, "functionName").includes(lambda))
    .flatMap((mapping) => mappingTrigger(view, mapping)),
  ...view
    .ofType(TYPES.filter)
    .filter((filter) => view.functions(filter, "destinationArn").includes(lambda))
    .flatMap((filter) => view.origins(filter, "logGroup", LOG_GROUP))
    .map(({ urn }) => direct(urn, "log")),
  ...edges.filter(({ to }) => to === lambda).map(({ from }) => direct(from)),
];

/** The access log of a stage: a line per request. */
const accessLogHops = (view: View): Hop[] =>
  view
    .ofType(TYPES.stage)
    .flatMap((stage) =>
      view
        .origins(stage, "apiId", TYPES.api)
        .flatMap(({ urn }) =>
          view
            .origins(stage, "accessLogSettings", LOG_GROUP)
            .map((group) => ({ from: urn, to: group.urn, bytes: () => 500 })),
        ),
    );

/** Each request of a route is one of its API. */
const routeHops = (view: View): Hop[] =>
  view
    .ofType(TYPES.route)
    .flatMap((route) =>
      view.origins(route, "apiId", TYPES.api).map(({ urn }) => ({ from: route.urn, to: urn, bytes: same })),
    );

/** A rule with a schedule of its own is a source, not a listener. */
export const scheduleOf = (node: ResourceNode): string | undefined =>
  knownText(node.inputs.scheduleExpression);

/** Reads the graph once; loads without number can then be laid on it. */
export const createModel = (graph: Graph): Model => {
  const view = createView(graph);
  const edges = edgesOf(view);
  const sinks = new Map(view.ofType(...SINKS).map((node) => [node.name, node]));
  const plans = new Map(planFunctions(graph, graph, new Map()).map((plan) => [plan.urn, plan.permissions]));
  return {
    view,
    nodes: new Map(graph.resources.map((node) => [node.urn, node])),
    functions: view.ofType(FUNCTION).map((node) => ({
      node,
      triggers: triggersOf(view, node, edges),
      rights: rightsOf(plans.get(node.urn) ?? [], sinks),
      logGroup: view.origins(node, "loggingConfig", LOG_GROUP)[0]?.urn,
    })),
    hops: [
      ...edges
        .filter(({ to }) => to.type !== FUNCTION)
        .map(({ from, to, bytes }) => ({ from, to: to.urn, bytes: bytes ?? same })),
      ...routeHops(view),
      ...accessLogHops(view),
    ],
  };
};

/** The URNs of a list's resources that nothing in the program feeds. */
export const unfed = (model: Model, nodes: readonly ResourceNode[]): ResourceNode[] => {
  const fed = new Set([
    ...model.hops.map(({ to }) => to),
    ...model.functions.flatMap(({ rights }) =>
      rights.filter(({ kind }) => kind === "put").map(({ to }) => to),
    ),
  ]);
  return nodes.filter(({ urn }) => !fed.has(urn));
};

/** The buckets whose objects trigger something. */
export const watchedBuckets = ({ view }: Model): ResourceNode[] =>
  view.ofType(TYPES.notification).flatMap((node) => view.origins(node, "bucket", TYPES.bucket));

/** The prefix under which a bucket's objects trigger something. */
const watchedPrefix = ({ view }: Model, bucket: string): string =>
  view
    .ofType(TYPES.notification)
    .filter((node) => view.origins(node, "bucket", TYPES.bucket).some(({ urn }) => urn === bucket))
    .flatMap((node) => ["queues", "topics", "lambdaFunctions"].flatMap((key) => listOf(node.inputs[key])))
    .map((entry) => knownText(mapOf(entry).filterPrefix) ?? "")
    .at(0) ?? "";

/** Days after which a bucket's objects are gone; undefined when they stay. */
export const expirationDays = (model: Model, bucket: string): number | undefined => {
  const prefix = watchedPrefix(model, bucket);
  const rules = model.view
    .ofType("aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration")
    .filter((node) => model.view.origins(node, "bucket", TYPES.bucket).some(({ urn }) => urn === bucket))
    .flatMap((node) => listOf(node.inputs.rules).map(mapOf));
  const days = rules
    .filter((rule) => prefix.startsWith(String(mapOf(rule.filter).prefix ?? "")))
    .map((rule) => mapOf(rule.expiration).days)
    .filter((value): value is number => typeof value === "number");
  return days.length > 0 ? Math.max(...days) : undefined;
};
