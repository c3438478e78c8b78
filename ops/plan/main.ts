/**
 * `npm run plan -- --stack prod [--json | --review] [--policy] [--cost]`: what the program would create, without an
 * account or the Pulumi CLI. `--review` is the text that tests/golden holds; `--policy` holds the plan to the policy
 * pack's rules; `--cost` adds what a month costs (`--devices`, `--every`: under which load).
 */
import { parseArgs } from "node:util";
import { run } from "../../local/cli.ts";
import type { LogEntry } from "../../local/engine/program.ts";
import { loadOf } from "../cost/arguments.ts";
import { plannedCost } from "../cost/planned.ts";
import { summaryLine } from "../cost/report.ts";
import type { Summary } from "../cost/statement.ts";
import { checkPolicy, mandatoryOf, type PolicyResult, policyText } from "../policy/check.ts";
import { planOf } from "./plan.ts";
import { planText } from "./report.ts";
import { reviewText } from "./review.ts";

const main = async (): Promise<void> => {
  const { values } = parseArgs({
    options: {
      stack: { type: "string", default: "dev" },
      json: { type: "boolean", default: false },
      review: { type: "boolean", default: false },
      policy: { type: "boolean", default: false },
      cost: { type: "boolean", default: false },
      devices: { type: "string", default: "10000" },
      every: { type: "string", default: "10s" },
    },
  });
  const load = loadOf(values.devices, values.every);
  const { plan, preview, real } = await planOf({
    directory: process.cwd(),
    stack: values.stack,
    onLog: showLog,
  });
  const policy = values.policy ? checkPolicy(real) : undefined;
  const cost = values.cost ? await plannedCost(process.cwd(), real, load) : undefined;
  if (values.review) process.stdout.write(reviewText(plan));
  else
    console.log(values.json ? JSON.stringify({ ...plan, policy, cost }, null, 2) : planText(plan, preview));
  if (!values.json) showBeside(policy, cost);
  if (plan.problems.length > 0)
    throw new Error(`AWS would refuse ${plan.problems.length} of these; see above.`);
  if (policy) refuseViolations(policy);
};

/** What is asked for beside the plan, for people. */
const showBeside = (policy: PolicyResult | undefined, cost: Summary | undefined): void => {
  if (policy) console.log(policyText(policy));
  if (cost) console.log(summaryLine(cost));
};

const refuseViolations = (policy: PolicyResult): void => {
  const broken = mandatoryOf(policy);
  if (broken.length > 0)
    throw new Error(`Mandatory rules of the policy pack are broken (${broken.length}); see above.`);
};

/** What the program itself says goes beside the plan, never into it. */
const showLog = ({ message }: LogEntry): void => console.error(message);

await run(
  main,
  "Usage: npm run plan -- [--stack dev] [--json | --review] [--policy] [--cost [--devices 10000] [--every 10s]]",
);
