import { readdir } from "node:fs/promises";
import { type Applier, allSettled } from "./deployment.ts";
import { type Graph, plain, type ResourceNode } from "./engine/graph.ts";
import { type FunctionPlace, functionSpec, provisionedConcurrency } from "./function-spec.ts";
import type { Hosts } from "./hosts.ts";
import { type Callers, parsePolicy } from "./lambda/iam.ts";
import type { LambdaPool } from "./lambda/pool.ts";
import { rolePolicies } from "./lambda/role-policies.ts";
import type { CreateTableInput, DynamoDb } from "./services/dynamodb.ts";
import type { ViewType } from "./services/dynamodb-change.ts";
import type { EventBridge } from "./services/event-bridge.ts";
import type { Kinesis } from "./services/kinesis.ts";
import type { CreateStreamOptions } from "./services/kinesis-stream.ts";
import type { Mqtt } from "./services/mqtt.ts";
import type { ObjectsAndMessages } from "./services/s3-sqs-sns.ts";
import type { RunningSource, Source, SourceContext } from "./sources/source.ts";

type Properties = Record<string, unknown>;

const properties = (node: ResourceNode): Properties => plain(node.outputs) as Properties;
const map = (value: unknown): Properties =>
  typeof value === "object" && value !== null ? (value as Properties) : {};
const list = (value: unknown): Properties[] => (Array.isArray(value) ? value.map(map) : []);

/** Data outlives the program's changes: a stream, table or bucket is made anew only under another name. */
const byName =
  (key: string) =>
  (node: ResourceNode): string =>
    String(properties(node)[key]);

export interface DataPlanes {
  kinesis: Kinesis;
  dynamodb: DynamoDb;
  objects: ObjectsAndMessages;
  events: EventBridge;
  mqtt: Mqtt;
}

/** How the resources that hold data come to be, by type. */
export function dataAppliers({
  kinesis,
  dynamodb,
  objects,
  events,
  mqtt,
}: DataPlanes): Record<string, Applier> {
  return {
    "aws:kinesis/stream:Stream": {
      fingerprint: byName("name"),
      create: async (node) => {
        const input = streamInput(properties(node));
        if (!kinesis.hasStream(input.name)) kinesis.createStream(input);
        return async () => kinesis.deleteStream(input.name);
      },
    },
    "aws:dynamodb/table:Table": {
      fingerprint: byName("name"),
      create: async (node) => {
        const input = tableInput(properties(node));
        const { TableName } = input;
        await dynamodb.createTable(input);
        keepChanges(dynamodb, properties(node));
        const { attributeName, enabled } = map(properties(node).ttl);
        if (enabled) {
          const TimeToLiveSpecification = { AttributeName: attributeName, Enabled: true };
          await dynamodb.handle("UpdateTimeToLive", { TableName, TimeToLiveSpecification });
        }
        return async () => void (await dynamodb.handle("DeleteTable", { TableName }));
      },
    },
    "aws:cloudwatch/eventBus:EventBus": {
      fingerprint: byName("name"),
      create: async (node) => {
        const name = String(properties(node).name);
        events.createBus(name);
        return async () => events.deleteBus(name);
      },
    },
    "aws:iot/policy:Policy": {
      fingerprint: (node) => JSON.stringify(properties(node)),
      create: async (node) => {
        const { name, policy } = properties(node);
        mqtt.policies.set(String(name), String(policy));
        return async () => mqtt.policies.delete(String(name));
      },
    },
    "aws:s3/bucketVersioning:BucketVersioning": {
      fingerprint: (node) => JSON.stringify(properties(node)),
      create: async (node) => {
        const { bucket, versioningConfiguration } = properties(node);
        objects.setVersioning(String(bucket), map(versioningConfiguration).status === "Enabled");
        return async () => objects.setVersioning(String(bucket), false);
      },
    },
    "aws:s3/bucket:Bucket": {
      fingerprint: byName("bucket"),
      create: async (node) => {
        objects.createBucket(String(properties(node).bucket));
        // A bucket that the program drops keeps its objects until the runtime ends.
        return async () => {};
      },
    },
  };
}

/** A table's change stream has the label of the table's outputs. */
function keepChanges({ streams }: DynamoDb, { name, ...table }: Properties): void {
  if (table.streamEnabled !== true) return;
  streams.enable(String(name), { view: table.streamViewType as ViewType, label: String(table.streamLabel) });
}

function streamInput(stream: Properties): CreateStreamOptions {
  return {
    name: String(stream.name),
    mode: map(stream.streamModeDetails).streamMode === "ON_DEMAND" ? "ON_DEMAND" : "PROVISIONED",
    shardCount: stream.shardCount ? Number(stream.shardCount) : undefined,
    retentionHours: Number(stream.retentionPeriod ?? 24),
    maxRecordSizeKiB: stream.maxRecordSizeInKib ? Number(stream.maxRecordSizeInKib) : undefined,
  };
}

/** CreateTable's input from the registered table. */
function tableInput(table: Properties): CreateTableInput {
  const keys = (hash: unknown, range: unknown) => [
    { AttributeName: hash, KeyType: "HASH" },
    ...(range ? [{ AttributeName: range, KeyType: "RANGE" }] : []),
  ];
  const indexes = list(table.globalSecondaryIndexes).map((index) => ({
    IndexName: index.name,
    KeySchema: keys(index.hashKey, index.rangeKey),
    Projection: { ProjectionType: index.projectionType, NonKeyAttributes: index.nonKeyAttributes },
  }));
  return {
    TableName: String(table.name),
    AttributeDefinitions: list(table.attributes).map(({ name, type }) => ({
      AttributeName: name,
      AttributeType: type,
    })),
    KeySchema: keys(table.hashKey, table.rangeKey),
    BillingMode: "PAY_PER_REQUEST",
    ...(indexes.length > 0 ? { GlobalSecondaryIndexes: indexes } : {}),
  };
}

/** Functions go into the pool with their role's policies; changed code or settings replace the function. */
export function functionAppliers(
  pool: LambdaPool,
  callers: Callers,
  place: FunctionPlace,
): Record<string, Applier> {
  const policies = (node: ResourceNode, graph: Graph): string[] =>
    rolePolicies(graph, String(properties(node).role));
  return {
    "aws:lambda/function:Function": {
      fingerprint: (node, graph) =>
        JSON.stringify([
          properties(node),
          policies(node, graph),
          provisionedConcurrency(String(properties(node).name), graph),
        ]),
      create: async (node, graph) => {
        const spec = functionSpec(node, graph, place);
        callers.register(spec.accessKeyId, {
          functionName: spec.name,
          secretAccessKey: spec.secretAccessKey,
          roleArn: String(properties(node).role),
          policies: policies(node, graph).map(parsePolicy),
        });
        await pool.create(spec);
        return async () => pool.remove(spec.name);
      },
    },
  };
}

/** Sources by the resource types they start, from the files of `local/sources`: no registry to edit. */
export async function loadSources(): Promise<Source[]> {
  const directory = new URL("sources/", import.meta.url);
  const files = (await readdir(directory)).filter((name) => name.endsWith(".ts") && name !== "source.ts");
  const modules = await Promise.all(files.sort().map((name) => import(new URL(name, directory).href)));
  return modules.map((module: { source: Source }) => module.source);
}

export interface TriggerPlace {
  /** What a source sees, for the resource that it starts. */
  context(graph: Graph, urn: string): SourceContext;
  hosts: Hosts;
  /** The triggers that run, by URN. */
  running: Map<string, RunningSource>;
}

/** Triggers start last; one is restarted when its resource, or one of its family, has changed. */
export function sourceAppliers(
  sources: Source[],
  { context, hosts, running }: TriggerPlace,
): (node: ResourceNode) => Applier | undefined {
  return (node) => {
    const fitting = sources.filter(({ types }) => types.includes(node.type));
    if (fitting.length === 0) return undefined;
    return {
      fingerprint: (own, graph) => JSON.stringify(family(own, fitting, graph)),
      create: async (own, graph) =>
        startTriggers(own, fitting, { context: () => context(graph, own.urn), hosts, running }),
    };
  };
}

async function startTriggers(
  node: ResourceNode,
  sources: Source[],
  {
    context,
    hosts,
    running,
  }: { context(): SourceContext; hosts: Hosts; running: Map<string, RunningSource> },
): Promise<() => Promise<void>> {
  const stops: (() => Promise<void>)[] = [];
  const stop = async (): Promise<void> => void (await allSettled(stops.map((each) => each())));
  const startOne = async (source: Source, index: number): Promise<void> => {
    const trigger = await source.start(node, context());
    if (trigger === undefined) return;
    const key = `${node.urn} ${index}`;
    running.set(key, trigger);
    for (const host of trigger.hosts ?? []) hosts.add(host, trigger.url ?? "");
    stops.push(async () => {
      running.delete(key);
      for (const host of trigger.hosts ?? []) hosts.remove(host);
      await trigger.stop();
    });
  };
  try {
    await allSettled(sources.map(startOne));
    return stop;
  } catch (error) {
    await stop();
    throw error;
  }
}

/**
 * The resource itself and, for a source that reads more of the graph, every resource of its family. The order in which a
 * program registers its resources differs from one evaluation to the next, and means nothing.
 */
function family(node: ResourceNode, sources: Source[], graph: Graph): unknown[] {
  const prefixes = sources.flatMap((source) => source.family ?? []);
  const related = graph.resources.filter(({ type }) => prefixes.some((prefix) => type.startsWith(prefix)));
  const ordered = related.sort((left, right) => (left.urn < right.urn ? -1 : 1));
  return [node, ...ordered].map(({ urn, inputs, outputs }) => [urn, inputs, outputs]);
}
