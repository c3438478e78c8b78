/**
 * `npm run plan -- --stack prod [--json | --review] [--policy]`: what the program would create, without an account or
 * the Pulumi CLI. `--review` is the text that tests/golden holds; `--policy` holds the plan to the policy pack's rules.
 */
import { parseArgs } from "node:util";
import { run } from "../../local/cli.ts";
import type { LogEntry } from "../../local/engine/program.ts";
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
    },
  });
  const { plan, preview, real } = await planOf({
    directory: process.cwd(),
    stack: values.stack,
    onLog: showLog,
  });
  const policy = values.policy ? checkPolicy(real) : undefined;
  if (values.review) process.stdout.write(reviewText(plan));
  else console.log(values.json ? JSON.stringify({ ...plan, policy }, null, 2) : planText(plan, preview));
  if (policy && !values.json) console.log(policyText(policy));
  if (plan.problems.length > 0)
    throw new Error(`AWS would refuse ${plan.problems.length} of these; see above.`);
  if (policy) refuseViolations(policy);
};

const refuseViolations = (policy: PolicyResult): void => {
  const broken = mandatoryOf(policy);
  if (broken.length > 0)
    throw new Error(`Mandatory rules of the policy pack are broken (${broken.length}); see above.`);
};

/** What the program itself says goes beside the plan, never into it. */
const showLog = ({ message }: LogEntry): void => console.error(message);

await run(main, "Usage: npm run plan -- [--stack dev] [--json | --review] [--policy]");
