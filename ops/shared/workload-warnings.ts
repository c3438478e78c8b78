/** What a load's figures leave out, or cannot be. Pure. */
import type { ResourceNode } from "../../local/engine/graph.ts";
import { numberOf } from "../../local/engine/rules/view.ts";
import { type Load, readingsPerSecond } from "./load.ts";
import { type Arrival, isOnDemand, shardsNeeded, shardsOf } from "./workload-batches.ts";
import { type FunctionModel, type Model, TYPES } from "./workload-model.ts";

type Arrivals = ReadonlyMap<string, Arrival>;

interface Carried {
  model: Model;
  load: Load;
  arrivals: Arrivals;
  /** In the model's order. */
  functions: readonly { name: string; durationMs: number }[];
}

const CURE = 'Give its events a second in the load file\'s "sources".';

const tooLong = ({ node }: FunctionModel, durationMs: number): string[] => {
  const timeout = numberOf(node, "timeout") ?? 3;
  if (durationMs <= timeout * 1_000) return [];
  return [
    `Function "${node.name}" would take ${Math.round(durationMs / 1_000)} s, over its timeout of ${timeout} s: it cannot carry this load as it is.`,
  ];
};

const tooSmall = (node: ResourceNode, arrivals: Arrivals): string[] => {
  const arrival = arrivals.get(node.urn);
  if (!arrival || isOnDemand(node)) return [];
  const [has, needs] = [shardsOf(node, arrival), shardsNeeded(arrival)];
  if (needs <= has) return [];
  return [
    `Stream "${node.name}" has ${has} shard${has === 1 ? "" : "s"} and needs ${needs} for ${Math.round(arrival.perSecond)} records/s: it cannot carry this load as it is.`,
  ];
};

const untriggered = ({ functions }: Model, arrivals: Arrivals): string[] => {
  const names = functions
    .filter(({ triggers, node }) => triggers.length === 0 && !arrivals.has(node.urn))
    .map(({ node }) => `"${node.name}"`);
  if (names.length === 0) return [];
  return [`No trigger of ${names.join(", ")} is in the graph: counted as never invoked. ${CURE}`];
};

const notTaken = ({ view }: Model, load: Load): string[] =>
  readingsPerSecond(load) === 0 || view.ofType(TYPES.stream, TYPES.iotRule).length > 0
    ? []
    : [`No stream or topic rule takes devices' readings: they are not counted. ${CURE}`];

export const warningsOf = ({ model, load, arrivals, functions }: Carried): string[] => [
  ...model.view.ofType(TYPES.stream).flatMap((node) => tooSmall(node, arrivals)),
  ...untriggered(model, arrivals),
  ...notTaken(model, load),
  ...model.functions.flatMap((each, index) => tooLong(each, functions[index]?.durationMs ?? 0)),
];
