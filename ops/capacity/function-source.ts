/** How requests reach a function of a stack, as the simulation takes it: from the graph. Pure. */
import type { ResourceNode } from "../../local/engine/graph.ts";
import { provisionedOf } from "../../local/engine/rules/releases.ts";
import { FUNCTION, mapOf, numberOf, type View } from "../../local/engine/rules/view.ts";
import { shardsOf } from "../shared/workload-batches.ts";
import { type FunctionModel, type Model, type Trigger, TYPES } from "../shared/workload-model.ts";
import { ASYNC_RETRY, type DirectSource, type Retry, SDK_RETRY } from "./simulation/direct.ts";
import { type PolledSource, QUEUE_POLLERS } from "./simulation/polled.ts";

export interface FunctionSource {
  source: DirectSource | PolledSource;
  /** What comes: `requests`, `messages` ... */
  unit: string;
  /** Where from, for people. */
  says: string;
  /** A bound that it shares with others: the throttle of an API. */
  shared?: string;
  /** Events come one at a time, by the clock. */
  single?: boolean;
}

/** Shards that an on-demand stream, and partitions that an on-demand table, begin with. */
const FIRST_SHARDS = 4;
const DEFAULT_VISIBILITY_S = 30;

/** A queue's `maxReceiveCount`; infinite without dead letters. */
const maxReceives = (queue: ResourceNode): number => {
  const { redrivePolicy } = queue.inputs;
  const policy: unknown = typeof redrivePolicy === "string" ? JSON.parse(redrivePolicy) : undefined;
  const count = (policy as { maxReceiveCount?: unknown } | undefined)?.maxReceiveCount;
  return count === undefined ? Number.POSITIVE_INFINITY : Number(count);
};

const mappingOf = (view: View, lambda: ResourceNode, source: string): ResourceNode | undefined =>
  view
    .ofType(TYPES.mapping)
    .find(
      (mapping) =>
        view.functions(mapping, "functionName").includes(lambda) &&
        view
          .origins(mapping, "eventSourceArn", TYPES.queue, TYPES.stream, TYPES.table)
          .some(({ urn }) => urn === source),
    );

const fromQueue = (
  view: View,
  lambda: ResourceNode,
  queue: ResourceNode,
  { batchSize }: Trigger,
): FunctionSource => {
  const mapping = mappingOf(view, lambda, queue.urn);
  const own = mapOf(mapping?.inputs.scalingConfig).maximumConcurrency;
  const maximum = typeof own === "number" ? own : QUEUE_POLLERS.maximum;
  return {
    unit: "messages",
    says: `queue ${queue.name}, ${batchSize} at a time, at most ${maximum.toLocaleString("en-US")} batches at once`,
    source: {
      kind: "polled",
      batchSize,
      pollers: { ...QUEUE_POLLERS, maximum },
      visibilityMs: (numberOf(queue, "visibilityTimeoutSeconds") ?? DEFAULT_VISIBILITY_S) * 1_000,
      maxReceives: maxReceives(queue),
    },
  };
};

const fromStream = (stream: ResourceNode, { batchSize, factor }: Trigger): FunctionSource => {
  const least = stream.type === TYPES.table ? FIRST_SHARDS : 0;
  const shards = Math.max(least, shardsOf(stream, { perSecond: 0, bytes: 0 }));
  const lanes = Math.ceil(shards * factor);
  return {
    unit: "records",
    says: `${stream.name}, ${batchSize.toLocaleString("en-US")} at a time, ${lanes} batches at once (${shards} shards)`,
    source: {
      kind: "polled",
      batchSize,
      pollers: { initial: lanes, perMinute: 0, maximum: lanes },
      visibilityMs: Number.POSITIVE_INFINITY,
      maxReceives: Number.POSITIVE_INFINITY,
    },
  };
};

interface Throttle {
  burst: number;
  perSecond: number;
}

const throttleIn = (settings: ReturnType<typeof mapOf>): Throttle | undefined => {
  const { throttlingBurstLimit: burst, throttlingRateLimit: perSecond } = settings;
  return typeof burst === "number" && typeof perSecond === "number" ? { burst, perSecond } : undefined;
};

const fromRoute = (view: View, route: ResourceNode, retry: Retry): FunctionSource => {
  const apis = view.origins(route, "apiId", TYPES.api);
  const [stage] = view
    .ofType(TYPES.stage)
    .filter((node) => view.origins(node, "apiId", TYPES.api).some((api) => apis.includes(api)));
  const gateway = throttleIn(mapOf(stage?.inputs.defaultRouteSettings));
  const shared = gateway
    ? `${stage?.name ?? "API"}, throttled to ${gateway.perSecond.toLocaleString("en-US")} requests a second, ${gateway.burst.toLocaleString("en-US")} at once`
    : undefined;
  return {
    unit: "requests",
    says: String(route.inputs.routeKey),
    shared,
    source: { kind: "direct", retry, gateway },
  };
};

const fromTrigger = (
  model: Model,
  { node }: FunctionModel,
  trigger: Trigger,
  retry: Retry,
): FunctionSource => {
  const source = model.nodes.get(trigger.source);
  if (source && trigger.kind === "queue") return fromQueue(model.view, node, source, trigger);
  if (source && trigger.kind === "stream") return fromStream(source, trigger);
  if (source?.type === TYPES.route) return fromRoute(model.view, source, retry);
  return {
    unit: "events",
    says: `${source?.name ?? "events"}, asynchronously: tried again for up to six hours`,
    single: source?.type === TYPES.schedule,
    source: { kind: "direct", retry: ASYNC_RETRY },
  };
};

/** The way of a function's first trigger; one without a trigger is called by an SDK. */
export const sourceOf = (model: Model, lambda: FunctionModel, retry: Retry): FunctionSource => {
  const [trigger] = lambda.triggers;
  if (trigger) return fromTrigger(model, lambda, trigger, retry);
  return { unit: "requests", says: "called by an SDK", source: { kind: "direct", retry: SDK_RETRY } };
};

export interface Reservations {
  /** By the function's logical name. */
  reserved: ReadonlyMap<string, number>;
  provisioned: ReadonlyMap<string, number>;
}

/** What the stack reserves and keeps warm. */
export const reservationsOf = (view: View): Reservations => {
  const reserved = view.ofType(FUNCTION).flatMap((node) => {
    const count = numberOf(node, "reservedConcurrentExecutions") ?? -1;
    return count >= 0 ? [[node.name, count] as const] : [];
  });
  const provisioned = view.ofType(FUNCTION).flatMap((node) => {
    const count = provisionedOf(view, node);
    return count > 0 ? [[node.name, count] as const] : [];
  });
  return { reserved: new Map(reserved), provisioned: new Map(provisioned) };
};
