/** What each resource must have for a load: shards, units, partitions, requests, connections. Pure. */
import type { ResourceNode } from "../../local/engine/graph.ts";
import { shardsNeeded, shardsOf } from "../shared/workload-batches.ts";
import { TYPES } from "../shared/workload-model.ts";
import { arrivalAt, type DemandContext, readUnits, requests, usesOf, writeUnits } from "./demand.ts";
import { number, plural, short } from "./text.ts";

export interface ResourceNeed {
  name: string;
  type: string;
  /** By what it is called. */
  figures: Record<string, number>;
  says: string;
}

/** Of one partition: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html */
const PARTITION = { writes: 1_000, reads: 3_000, bytes: 10 * 2 ** 30 };

const streamNeed = (context: DemandContext, node: ResourceNode): Omit<ResourceNeed, "name" | "type"> => {
  const arrival = arrivalAt(context, node);
  const figures = {
    recordsPerSecond: arrival.perSecond,
    bytesPerSecond: arrival.perSecond * arrival.bytes,
    shards: Math.ceil(shardsOf(node, arrival)),
    shardsNeeded: shardsNeeded(arrival),
  };
  return {
    figures,
    says: `${number(figures.recordsPerSecond)} records/s, ${short(figures.bytesPerSecond)}B/s: ${plural(figures.shardsNeeded, "shard")} filled, ${number(figures.shards)} there`,
  };
};

const tableNeed = (context: DemandContext, node: ResourceNode): Omit<ResourceNeed, "name" | "type"> => {
  const [writes, reads] = [writeUnits(context, node), readUnits(context, node)];
  const stored = context.workload.stored.get(node.urn) ?? 0;
  const partitions = Math.max(
    1,
    Math.ceil(writes / PARTITION.writes + reads / PARTITION.reads),
    Math.ceil(stored / PARTITION.bytes),
  );
  return {
    figures: { writeUnitsPerSecond: writes, readUnitsPerSecond: reads, partitions, bytes: stored },
    says: `${number(writes)} write and ${number(reads)} read units/s, ${short(stored)}B: ${plural(partitions, "partition")}`,
  };
};

const bucketNeed = (context: DemandContext, node: ResourceNode): Omit<ResourceNeed, "name" | "type"> => {
  const writes = requests(usesOf(context, node, "put", "delete"));
  const reads = requests(usesOf(context, node, "get", "list"));
  return {
    figures: { writesPerSecond: writes, readsPerSecond: reads },
    says: `${number(writes)} PUT/s and ${number(reads)} GET/s, at worst in one prefix`,
  };
};

const cacheNeed = (context: DemandContext, node: ResourceNode): Omit<ResourceNeed, "name" | "type"> => {
  const commands = usesOf(context, node, "command");
  const members = new Set(commands.map(({ from }) => from));
  const connections = context.workload.functions
    .filter(({ urn }) => members.has(urn))
    .reduce((sum, { concurrency }) => sum + concurrency, 0);
  return {
    figures: { commandsPerSecond: requests(commands), connections },
    says: `${number(requests(commands))} commands/s over ${number(connections)} connections in use`,
  };
};

const ruleNeed = (context: DemandContext, node: ResourceNode): Omit<ResourceNeed, "name" | "type"> => {
  const { devices, mqttShare } = context.workload.load;
  const { perSecond } = arrivalAt(context, node);
  return {
    figures: { connections: devices * mqttShare, messagesPerSecond: perSecond },
    says: `${number(devices * mqttShare)} connections, ${number(perSecond)} messages/s`,
  };
};

const NEEDS: Record<string, typeof streamNeed> = {
  [TYPES.stream]: streamNeed,
  [TYPES.table]: tableNeed,
  [TYPES.bucket]: bucketNeed,
  [TYPES.cache]: cacheNeed,
  [TYPES.iotRule]: ruleNeed,
};

/** Only of what is used at all. */
export const needsOf = (context: DemandContext): ResourceNeed[] =>
  Object.entries(NEEDS).flatMap(([type, need]) =>
    context.view
      .ofType(type)
      .map((node) => ({ name: node.name, type, ...need(context, node) }))
      .filter(({ figures: { shards: _, shardsNeeded: __, partitions: ___, ...used } }) =>
        Object.values(used).some((figure) => figure > 0),
      ),
  );
