/** `npm run smoke -- --stack dev`: the demo's checks against a deployed stack, reached by its outputs alone. */
import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { run } from "../../local/cli.ts";
import { parseNormals } from "../shared/normals.ts";
import { createProgress } from "../shared/progress.ts";
import { deployed, runningLocally } from "../shared/target.ts";
import { checkTable, failures } from "./report.ts";
import { runScenario } from "./scenario.ts";

/** On AWS a batch waits for its window, and a new stream's first poll takes a while. */
const PATIENCE = 180_000;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { stack: { type: "string", default: "dev" }, local: { type: "boolean", default: false } },
  });
  const directory = process.cwd();
  const progress = createProgress(process.stderr);
  const target = values.local
    ? await runningLocally(directory, values.stack, "leave --local out")
    : await deployed(directory, values.stack);
  const result = await runScenario({
    target,
    normals: parseNormals(await readFile("samples/seattle-weather-hourly-normals.csv", "utf8")),
    now: Date.now,
    mark: `smoke-${randomUUID().slice(0, 8)}`,
    sleep: (milliseconds) => sleep(milliseconds),
    random: Math.random,
    onStep: (step) => progress.step(step),
    patience: PATIENCE,
  });
  progress.end();
  console.log(checkTable(result.checks).join("\n"));
  const wrong = failures(result.checks, []);
  if (wrong.length > 0) throw new Error(`${wrong.length} figures are wrong:\n${wrong.join("\n")}`);
}

await run(main, "Usage: npm run smoke -- [--stack dev] [--local]");
