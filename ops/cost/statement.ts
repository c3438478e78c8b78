/** Everything that `npm run cost` says of one stack under one load. Pure. */
import type { Graph } from "../../local/engine/graph.ts";
import type { Baseline } from "../shared/baseline.ts";
import { completeLoad, idleLoad, type Load } from "../shared/load.ts";
import { sourceNames } from "../shared/workload.ts";
import { type Alternative, alternativesTo, type BreakEven, breakEvens } from "./compare.ts";
import { type Cost, createCost } from "./cost.ts";
import type { Prices } from "./prices.ts";

/** The cost alone, as a plan tells it. */
export interface Summary extends Cost {
  stack: string;
  region: string;
  /** Of the prices. */
  date: string;
  /** Of the durations; undefined where nothing is measured. */
  measured: string | undefined;
  /** The load without what the stack's settings say of it: those are part of the program that is priced. */
  given: Load;
  /** A month in which nobody sends and asks. */
  idleDollars: number;
}

export interface Statement extends Summary {
  alternatives: Alternative[];
  breakEvens: BreakEven[];
  /** Functions whose duration is an assumption. */
  unmeasured: string[];
}

export interface StatementOptions {
  graph: Graph;
  /** What was given of the load. */
  given: unknown;
  /** What it came from, for messages. */
  from: string;
  prices: Prices;
  baseline: Baseline | undefined;
  freeTier?: boolean;
  /** What the stack's settings say of the load: below what was given. */
  known?: Partial<Load>;
}

/** @throws {Error} naming the source that the program does not have */
const checkSources = ({ sources }: Load, graph: Graph, from: string): void => {
  const names = new Set(sourceNames(graph));
  const unknown = Object.keys(sources).find((name) => !names.has(name));
  if (unknown === undefined) return;
  throw new Error(
    `The load in ${from} cannot be: stack "${graph.stack}" has no resource or route "${unknown}" that events enter by.`,
  );
};

/** The load as given, with what the settings know and the ratios derive. */
const loadFor = (
  { graph, given, from, known }: Omit<StatementOptions, "prices" | "baseline">,
  devices?: number,
): Load => {
  completeLoad(given, from);
  const load = completeLoad({ ...known, ...(given as object), ...(devices && { devices }) }, from);
  checkSources(load, graph, from);
  return load;
};

const summaryUnder = (options: StatementOptions, costUnder: (load: Load) => Cost): Summary => {
  const { graph, prices, baseline, given, from } = options;
  const load = loadFor(options);
  return {
    stack: graph.stack,
    region: prices.region,
    date: prices.date,
    measured: baseline?.measured,
    given: completeLoad(given, from),
    ...costUnder(load),
    idleDollars: costUnder(idleLoad(load)).dollars,
  };
};

/** The cost without anything beside it: milliseconds. */
export const summaryOf = (options: StatementOptions): Summary =>
  summaryUnder(options, createCost(options.graph, options));

export const statementOf = (options: StatementOptions): Statement => {
  const costUnder = createCost(options.graph, options);
  const summary = summaryUnder(options, costUnder);
  return {
    ...summary,
    alternatives: alternativesTo(summary, options.prices),
    breakEvens: breakEvens((devices) => costUnder(loadFor(options, devices)), options.prices),
    unmeasured: summary.functions.filter(({ measured }) => !measured).map(({ name }) => name),
  };
};
