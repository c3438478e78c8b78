/** `npm run plan -- --stack prod [--json]`: what the program would create, without an account or the Pulumi CLI. */
import { parseArgs } from "node:util";
import { run } from "../../local/cli.ts";
import { checkGraph } from "../../local/engine/checks.ts";
import { evaluate, type LogEntry } from "../../local/engine/program.ts";
import { readSettings } from "../../local/engine/settings.ts";
import { readCodeReports } from "./code-reports.ts";
import { lambdasOf, planFunctions, zipPathOf } from "./functions.ts";
import { createPlan, planText } from "./report.ts";

const main = async (): Promise<void> => {
  const { values } = parseArgs({
    options: {
      stack: { type: "string", default: "dev" },
      json: { type: "boolean", default: false },
    },
  });
  const directory = process.cwd();
  const settings = await readSettings(directory, values.stack);
  const options = { directory, stack: values.stack, settings };
  // Side by side: the preview tells what `pulumi preview` knows, the real run what policies will say.
  const [preview, real] = await Promise.all([
    evaluate({ ...options, dryRun: true, onLog: showLog }),
    evaluate({ ...options, dryRun: false }),
  ]);
  const zipPaths = lambdasOf(preview)
    .map(zipPathOf)
    .filter((path) => path !== undefined);
  const functions = planFunctions(preview, real, await readCodeReports(directory, zipPaths));
  const plan = createPlan(preview, functions, checkGraph(real));
  console.log(values.json ? JSON.stringify(plan, null, 2) : planText(plan, preview));
  if (plan.problems.length > 0)
    throw new Error(`AWS would refuse ${plan.problems.length} of these; see above.`);
};

/** What the program itself says goes beside the plan, never into it. */
const showLog = ({ message }: LogEntry): void => console.error(message);

await run(main);
