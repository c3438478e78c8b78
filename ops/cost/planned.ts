/** A plan's cost: from the graph that the plan has made anyway. */
import type { Graph } from "../../local/engine/graph.ts";
import { readSettings } from "../../local/engine/settings.ts";
import { readBaseline } from "../shared/baseline.ts";
import { readPrices } from "./prices.ts";
import { knownOf } from "./settings.ts";
import { type Summary, summaryOf } from "./statement.ts";

/** @param load as `loadOf` in arguments.ts gives it */
export const plannedCost = async (
  directory: string,
  graph: Graph,
  load: { devices: number; everySeconds: number },
): Promise<Summary> => {
  const [settings, prices, baseline] = await Promise.all([
    readSettings(directory, graph.stack),
    readPrices(),
    readBaseline(directory),
  ]);
  return summaryOf({ graph, given: load, from: "--devices", prices, baseline, known: knownOf(settings) });
};
