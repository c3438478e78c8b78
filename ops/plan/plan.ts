import { checkGraph } from "../../local/engine/checks.ts";
import type { Graph } from "../../local/engine/graph.ts";
import { evaluate, type LogEntry } from "../../local/engine/program.ts";
import { readSettings } from "../../local/engine/settings.ts";
import { readCodeReports } from "./code-reports.ts";
import { lambdasOf, planFunctions, zipPathOf } from "./functions.ts";
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
  const functions = planFunctions(preview, real, await readCodeReports(directory, zipPaths));
  return { plan: createPlan(preview, functions, checkGraph(real)), preview, real };
};
