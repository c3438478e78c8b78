/** What a load asks of everything that is bounded, by AWS or by the stack itself, in a steady state. Pure. */
import type { ResourceNode } from "../../local/engine/graph.ts";
import { mapOf, numberOf, type View } from "../../local/engine/rules/view.ts";
import type { FunctionUse, Use, Workload } from "../shared/workload.ts";
import { type Arrival, isOnDemand, shardsFilled, shardsOf } from "../shared/workload-batches.ts";
import { TYPES } from "../shared/workload-model.ts";
import type { UseKind } from "../shared/workload-rights.ts";
import { CLIENT, tokensPerSecond } from "../shared/workload-tokens.ts";
import { hotKeysOf } from "./hot-keys.ts";
import { QUOTAS, type QuotaName } from "./quotas.ts";
import { SETTINGS, type SettingName } from "./settings.ts";

export interface Demand {
  /** The quota or setting: key of `QUOTAS` or `SETTINGS`. */
  name: QuotaName | SettingName;
  what: string;
  /** Whose: a resource's logical name, or the account. */
  of: string;
  demand: number;
  limit: number;
  /** Demand in limit: 1 and above binds. */
  share: number;
  unit: string;
  kind: "adjustable" | "hard" | "scales" | "setting";
  change: string;
  page: string;
}

export interface DemandContext {
  view: View;
  workload: Workload;
  /** Concurrency of the account. */
  account: number;
}

const DAY = 86_400;
/** https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html */
const WRITE_UNIT = 1_024;
const READ_UNIT = 4_096;
const NOTHING: Arrival = { perSecond: 0, bytes: 0 };

const quota = (name: QuotaName, of: string, demand: number, limit: number = QUOTAS[name].value): Demand => {
  const { what, unit, kind, change, page } = QUOTAS[name];
  return { name, what, of, demand, limit, share: demand / limit, unit, kind, change, page };
};

const setting = (name: SettingName, of: string, demand: number, limit: number | undefined): Demand[] => {
  if (limit === undefined || limit <= 0) return [];
  const { what, unit, change, page } = SETTINGS[name];
  return [{ name, what, of, demand, limit, share: demand / limit, unit, kind: "setting", change, page }];
};

export const arrivalAt = ({ workload }: DemandContext, node: ResourceNode): Arrival =>
  workload.arrivals.get(node.urn) ?? NOTHING;

export const usesOf = ({ workload }: DemandContext, node: ResourceNode, ...kinds: UseKind[]): Use[] =>
  workload.uses.filter(({ to, kind }) => to === node.urn && kinds.includes(kind));

export const requests = (uses: readonly Use[]): number =>
  uses.reduce((sum, { perSecond }) => sum + perSecond, 0);

const units = (uses: readonly Use[], size: number): number =>
  uses.reduce((sum, { perSecond, bytes }) => sum + perSecond * Math.max(1, Math.ceil(bytes / size)), 0);

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

const nodeOf = ({ view }: DemandContext, { urn }: FunctionUse): ResourceNode =>
  view.graph.resources.find((node) => node.urn === urn) as ResourceNode;

/** Busy environments that one trigger's events make. */
const busyBy = (lambda: FunctionUse, urn: string): number =>
  ((lambda.byTrigger.get(urn) ?? 0) * lambda.durationMs) / 1_000;

const lambdaDemands = (context: DemandContext): Demand[] => {
  const { functions } = context.workload;
  return [
    quota(
      "lambdaConcurrency",
      "account",
      sum(functions.map(({ concurrency }) => concurrency)),
      context.account,
    ),
    ...functions.flatMap((lambda) => {
      const node = nodeOf(context, lambda);
      const reserved = numberOf(node, "reservedConcurrentExecutions");
      const timeout = lambda.invocations === 0 ? undefined : numberOf(node, "timeout");
      return [
        ...setting("reservation", lambda.name, lambda.concurrency, reserved),
        ...setting("timeout", lambda.name, lambda.durationMs / 1_000, timeout),
      ];
    }),
  ];
};

const mappingDemands = (context: DemandContext): Demand[] =>
  context.view.ofType(TYPES.mapping).flatMap((mapping) => {
    const [lambda] = context.view.functions(mapping, "functionName");
    const [source] = context.view.origins(mapping, "eventSourceArn", TYPES.stream, TYPES.table, TYPES.queue);
    const used = context.workload.functions.find(({ urn }) => urn === lambda?.urn);
    if (!source || !used) return [];
    const busy = busyBy(used, source.urn);
    if (source.type === TYPES.queue) return queueDemands(mapping, source, busy);
    const factor = numberOf(mapping, "parallelizationFactor") ?? 1;
    return setting("shards", used.name, busy, shardsOf(source, arrivalAt(context, source)) * factor);
  });

const queueDemands = (mapping: ResourceNode, queue: ResourceNode, busy: number): Demand[] => {
  const maximum = mapOf(mapping.inputs.scalingConfig).maximumConcurrency;
  const inFlight = busy * (numberOf(mapping, "batchSize") ?? 10);
  return [
    ...(typeof maximum === "number"
      ? setting("pollers", queue.name, busy, maximum)
      : [quota("queuePollers", queue.name, busy)]),
    quota("queueInFlight", queue.name, inFlight),
  ];
};

const streamDemands = (context: DemandContext): Demand[] => {
  const streams = context.view.ofType(TYPES.stream);
  const shards = streams.map((node) => Math.ceil(shardsOf(node, arrivalAt(context, node))));
  if (streams.length === 0) return [];
  return [
    quota("kinesisShards", "account", sum(shards)),
    ...streams.flatMap((node) => {
      const arrival = arrivalAt(context, node);
      const { perSecond, bytes } = arrival;
      if (isOnDemand(node))
        return [
          quota("kinesisOnDemand", node.name, perSecond * bytes),
          quota("kinesisOnDemandRecords", node.name, perSecond),
        ];
      return setting("provisionedShards", node.name, shardsFilled(arrival), numberOf(node, "shardCount"));
    }),
  ];
};

export const writeUnits = (context: DemandContext, table: ResourceNode): number =>
  units(usesOf(context, table, "put", "delete"), WRITE_UNIT) +
  (hotKeysOf(table.name, context.workload)?.perSecond ?? 0);

export const readUnits = (context: DemandContext, table: ResourceNode): number =>
  units(usesOf(context, table, "get"), READ_UNIT);

const tableDemands = (context: DemandContext): Demand[] =>
  context.view.ofType(TYPES.table).flatMap((node) => {
    const hot = hotKeysOf(node.name, context.workload);
    const keys = hot ? [quota("partitionWrites", `${node.name}, ${hot.key}`, hot.perSecond / hot.keys)] : [];
    if (node.inputs.billingMode !== "PAY_PER_REQUEST") return keys;
    return [
      quota("tableWrites", node.name, writeUnits(context, node)),
      quota("newTableWrites", node.name, writeUnits(context, node)),
      quota("tableReads", node.name, readUnits(context, node)),
      ...keys,
    ];
  });

/** What of the lake's requests meets in one prefix: an hour's objects. Without knowing more, all of a bucket's. */
const bucketDemands = (context: DemandContext): Demand[] =>
  context.view
    .ofType(TYPES.bucket)
    .flatMap((node) => [
      quota("s3Writes", node.name, requests(usesOf(context, node, "put", "delete"))),
      quota("s3Reads", node.name, requests(usesOf(context, node, "get", "list"))),
    ]);

const deviceDemands = (context: DemandContext): Demand[] => {
  const rules = context.view.ofType(TYPES.iotRule);
  const messages = sum(rules.map((node) => arrivalAt(context, node).perSecond));
  const connected = context.workload.load.devices * context.workload.load.mqttShare;
  if (rules.length === 0 || connected === 0) return [];
  return [
    quota("iotConnections", "account", connected),
    // Each device connects once a day, spread over it; after an outage all do at once, and wait for their turn.
    quota("iotConnects", "account", connected / DAY),
    quota("iotPublishes", "account", messages),
    quota("iotRules", "account", messages),
  ];
};

const apiDemands = (context: DemandContext): Demand[] => {
  const apis = context.view.ofType(TYPES.api);
  if (apis.length === 0) return [];
  const rate = sum(apis.map((node) => arrivalAt(context, node).perSecond));
  return [
    quota("apiRequests", "account", rate),
    ...context.view.ofType(TYPES.stage).flatMap((stage) => {
      const limit = mapOf(stage.inputs.defaultRouteSettings).throttlingRateLimit;
      const [api] = context.view.origins(stage, "apiId", TYPES.api);
      const asked = api ? arrivalAt(context, api).perSecond : 0;
      return setting("apiThrottle", stage.name, asked, typeof limit === "number" ? limit : undefined);
    }),
  ];
};

/** Devices that send by HTTP fetch tokens, too. */
const tokenDemands = ({ view, workload }: DemandContext): Demand[] => {
  const clients = view.ofType(CLIENT);
  return [quota("tokens", "account", sum(clients.map((node) => tokensPerSecond(node, view, workload.load))))];
};

const busDemands = (context: DemandContext): Demand[] => {
  const puts = sum(context.view.ofType(TYPES.bus).map((node) => arrivalAt(context, node).perSecond));
  const invoked = sum(context.view.ofType(TYPES.rule).map((node) => arrivalAt(context, node).perSecond));
  if (puts === 0) return [];
  return [quota("busPuts", "account", puts), quota("busInvocations", "account", invoked)];
};

/** Every environment of a member keeps a connection; idle ones too, so that there are more than this. */
const cacheDemands = (context: DemandContext): Demand[] =>
  context.view.ofType(TYPES.cache).flatMap((node) => {
    const commands = usesOf(context, node, "command");
    const members = new Set(commands.map(({ from }) => from));
    const connections = context.workload.functions.filter(({ urn }) => members.has(urn));
    const asked = units(commands, WRITE_UNIT);
    const limits = mapOf(node.inputs.cacheUsageLimits).ecpuPerSeconds;
    const own = Array.isArray(limits) ? mapOf(limits[0]).maximum : undefined;
    return [
      quota("cacheConnections", node.name, sum(connections.map(({ concurrency }) => concurrency))),
      quota("cacheUnits", node.name, asked),
      ...setting("cacheUnits", node.name, asked, typeof own === "number" ? own : undefined),
    ];
  });

const ALL = [
  lambdaDemands,
  mappingDemands,
  streamDemands,
  tableDemands,
  bucketDemands,
  deviceDemands,
  apiDemands,
  tokenDemands,
  busDemands,
  cacheDemands,
];

/** Everything that is bounded and asked for, nearest to its limit first. */
export const demandsOf = (context: DemandContext): Demand[] =>
  ALL.flatMap((demands) => demands(context))
    .filter(({ demand }) => demand > 0)
    .sort((left, right) => right.share - left.share);
