/**
 * `npm run plan -- --stack prod [--json | --review]`: what the program would create, without an account or the Pulumi
 * CLI. `--review` is the text that tests/golden holds.
 */
import { parseArgs } from "node:util";
import { run } from "../../local/cli.ts";
import type { LogEntry } from "../../local/engine/program.ts";
import { planOf } from "./plan.ts";
import { planText } from "./report.ts";
import { reviewText } from "./review.ts";

const main = async (): Promise<void> => {
  const { values } = parseArgs({
    options: {
      stack: { type: "string", default: "dev" },
      json: { type: "boolean", default: false },
      review: { type: "boolean", default: false },
    },
  });
  const { plan, preview } = await planOf({ directory: process.cwd(), stack: values.stack, onLog: showLog });
  if (values.review) process.stdout.write(reviewText(plan));
  else console.log(values.json ? JSON.stringify(plan, null, 2) : planText(plan, preview));
  if (plan.problems.length > 0)
    throw new Error(`AWS would refuse ${plan.problems.length} of these; see above.`);
};

/** What the program itself says goes beside the plan, never into it. */
const showLog = ({ message }: LogEntry): void => console.error(message);

await run(main, "Usage: npm run plan -- [--stack dev] [--json | --review]");
