/**
 * `npm run release -- --stack prod`: after `up` has published new versions, moves the traffic of every function with a
 * canary to its newest one, and waits. Ends with 1 when an alarm took the release back.
 */
import { setTimeout } from "node:timers/promises";
import { parseArgs } from "node:util";
import { CodeDeployClient } from "@aws-sdk/client-codedeploy";
import { LambdaClient } from "@aws-sdk/client-lambda";
import { run } from "../../local/cli.ts";
import { explain } from "../shared/credentials.ts";
import { exportedStack } from "../shared/exported.ts";
import { createProgress } from "../shared/progress.ts";
import { type Outcome, release } from "./release.ts";
import { unitsOf } from "./units.ts";

const USAGE = "Usage: npm run release -- [--stack dev]";

const NEEDED = "someone who may start CodeDeploy's deployments and read Lambda's aliases";

const main = async (): Promise<void> => {
  const { values } = parseArgs({ options: { stack: { type: "string", default: "dev" } } });
  const { stack } = values;
  const units = unitsOf(await exportedStack(process.cwd(), stack));
  if (units.length === 0) {
    console.log(
      `No function of stack "${stack}" has a canary: up has given its newest version all the traffic.`,
    );
    return;
  }
  const region = units[0]?.region;
  const clients = { codedeploy: new CodeDeployClient({ region }), lambda: new LambdaClient({ region }) };
  const progress = createProgress(process.stderr);
  process.once("SIGINT", () => {
    progress.end();
    console.error(
      "CodeDeploy goes on without this command; npm run release again says whether it still does.",
    );
    process.exit(130);
  });
  let said = "";
  const outcome = await release(units, clients, {
    wait: (milliseconds) => setTimeout(milliseconds),
    // Without a terminal every step is a line: one is enough while nothing moves.
    step: (text) => {
      if (text !== said) progress.step(text);
      said = text;
    },
    note: (text) => progress.note(text),
  })
    .catch((error: unknown) => {
      throw explain(error, NEEDED);
    })
    .finally(() => progress.end());
  report(outcome);
};

const report = ({ unchanged, released, takenBack }: Outcome): void => {
  if (unchanged.length > 0) console.log(`Unchanged: ${unchanged.join(", ")}.`);
  if (released.length > 0) console.log(`Released: ${released.join(", ")}.`);
  if (takenBack.length === 0) return;
  const reasons = takenBack.map(({ name, reason }) => `${name} (${reason})`).join("; ");
  const mixed = released.length > 0 ? ` The others have the new version: deploy and release again.` : "";
  throw new Error(
    `The release was taken back: ${reasons}.${mixed} See docs/operations.md#a-release-was-taken-back.`,
  );
};

await run(main, USAGE);
