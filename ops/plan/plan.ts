import { checkGraph } from "../../local/engine/checks.ts";
import type { Graph } from "../../local/engine/graph.ts";
import { evaluate, type LogEntry } from "../../local/engine/program.ts";
import { readSettings } from "../../local/engine/settings.ts";
import { type Baseline, readBaseline } from "../shared/baseline.ts";
import { type FunctionPlan, lambdasOf, planFunctions, zipPathOf } from "../shared/functions.ts";
import { readCodeReports } from "./code-reports.ts";
import { createPlan, type Plan } from "./report.ts";

export interface PlanOptions {
  /** The folder with Pulumi.yaml. */
  directory: string;
  stack: string;
  /** What the program itself logs. */
  onLog?: (entry: LogEntry) => void;
}

/** The plan of a stack, with the preview and the real run that it was made from. */
export const planOf = async ({
  directory,
  stack,
  onLog,
}: PlanOptions): Promise<{ plan: Plan; preview: Graph; real: Graph }> => {
  const options = { directory, stack, settings: await readSettings(directory, stack) };
  // Side by side: the preview tells what `pulumi preview` knows, the real run what policies will say.
  const [preview, real] = await Promise.all([
    evaluate({ ...options, dryRun: true, onLog }),
    evaluate({ ...options, dryRun: false }),
  ]);
  const zipPaths = lambdasOf(preview)
    .map(zipPathOf)
    .filter((path) => path !== undefined);
  const [reports, baseline] = await Promise.all([
    readCodeReports(directory, zipPaths),
    readBaseline(directory),
  ]);
  const functions = planFunctions(preview, real, reports).map((each) => withMeasured(each, baseline));
  return { plan: createPlan(preview, functions, checkGraph(real)), preview, real };
};

/** Adds what the function took when it was last measured. */
export const withMeasured = (plan: FunctionPlan, baseline: Baseline | undefined): FunctionPlan => {
  const figures = baseline?.functions[plan.name];
  if (!baseline || !figures) return plan;
  const { initMs, durationMs } = figures;
  return { ...plan, measured: { date: baseline.measured, initMs, durationMs } };
};
