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

/** How often a slow function is loaded again before it fails. */
const AGAIN = 3;

/** Loads what seems slow again: only what is slow every time is. */
async function confirmSlow(
  baseline: Baseline,
  measured: Measured[],
  again: (names: Set<string>) => Promise<Map<string, { loadMs: number }>>,
): Promise<Measured[]> {
  let current = measured;
  for (let attempt = 0; attempt < AGAIN; attempt++) {
    const slow = new Set(slowOnes(baseline, current).keys());
    if (slow.size === 0) break;
    const work = await again(slow);
    current = current.map((each) => ({
      ...each,
      loadMs: Math.min(each.loadMs, work.get(each.name)?.loadMs ?? each.loadMs),
    }));
  }
  return current;
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
  const measured = await Loader.with(directory, async (loader) => {
    const first = await measure(directory, functions, loader);
    return confirmSlow(baseline, first, (names) =>
      loader.load(functions.filter(({ name }) => names.has(name))),
    );
  });
  const { problems, notes } = judge(baseline, measured, process.version);
  if (values.json) console.log(JSON.stringify({ functions: measured, problems, notes }, undefined, 2));
  else for (const note of notes) console.log(note);
  if (problems.length > 0) throw new Error(problems.join("\n"));
  if (!values.json)
    console.log(`${measured.length} functions are within a tenth of their baseline of ${baseline.measured}.`);
}

await run(main, "Usage: npm run budget -- [--json]");
