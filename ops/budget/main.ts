/**
 * `npm run budget [-- --json]`: fails when a function's zip or initialisation has grown by more than a tenth over
 * bench/baseline.json. How initialisation is compared on a machine that is not the baseline's: docs/adr/0021.
 */
import { parseArgs } from "node:util";
import { programLog, run } from "../../local/cli.ts";
import { evaluate } from "../../local/engine/program.ts";
import { readSettings } from "../../local/engine/settings.ts";
import { BASELINE_FILE, type Baseline, readBaseline, BASELINE_STACK as STACK } from "../shared/baseline.ts";
import { judge, type Measured, slowOnes } from "./judge.ts";
import { Loader } from "./load-work.ts";
import { codesOf, measure } from "./measure.ts";

/** How often all functions are loaded again before one that seems slow fails. */
const AGAIN = 3;

/**
 * What is slow every time, each time beside all others: a machine that has become busier in between slows them all.
 */
async function confirmSlow(
  baseline: Baseline,
  measured: Measured[],
  again: () => Promise<Map<string, { loadMs: number }>>,
): Promise<Map<string, number>> {
  let slow = slowOnes(baseline, measured);
  for (let attempt = 0; attempt < AGAIN && slow.size > 0; attempt++) {
    const work = await again();
    const anew = measured.map((each) => ({ ...each, loadMs: work.get(each.name)?.loadMs ?? each.loadMs }));
    slow = new Map([...slowOnes(baseline, anew)].filter(([name]) => slow.has(name)));
  }
  return slow;
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { json: { type: "boolean", default: false } } });
  const directory = process.cwd();
  const baseline = await readBaseline(directory);
  if (baseline === undefined)
    throw new Error(`There is no ${BASELINE_FILE}: make it with \`npm run baseline\`, and commit it.`);
  const settings = await readSettings(directory, STACK);
  const onLog = programLog((line) => console.error(line));
  const functions = codesOf(await evaluate({ directory, stack: STACK, dryRun: true, settings, onLog }));
  const { measured, slow } = await Loader.with(directory, async (loader) => {
    const first = await measure(directory, functions, loader);
    return { measured: first, slow: await confirmSlow(baseline, first, () => loader.load(functions)) };
  });
  const { problems, notes } = judge(baseline, { measured, slow }, process.version);
  if (values.json) console.log(JSON.stringify({ functions: measured, problems, notes }, undefined, 2));
  else for (const note of notes) console.log(note);
  if (problems.length > 0) throw new Error(problems.join("\n"));
  if (!values.json)
    console.log(`${measured.length} functions are within a tenth of their baseline of ${baseline.measured}.`);
}

await run(main, "Usage: npm run budget -- [--json]");
