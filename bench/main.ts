/**
 * `npm run bench [-- --json] [-- --only <name>]`: runs every bench/<name>/bench.ts and prints what it measured beside its
 * targets. A missed target is said plainly; `--strict` makes it the exit code too. `--update` (`npm run baseline`) lets
 * a benchmark that has a baseline write it anew.
 */
import { readdir } from "node:fs/promises";
import { availableParallelism, cpus } from "node:os";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { type Bench, type BenchReport, createHarness, type Figure, isMet } from "./shared/harness.ts";

interface Result extends BenchReport {
  name: string;
}

async function findBenches(directory: string, only: string | undefined): Promise<Bench[]> {
  const paths = (await readdir(directory, { recursive: true }))
    .filter((path) => /^[^/\\]+[/\\]bench\.ts$/.test(path))
    .sort();
  const modules = await Promise.all(paths.map((path) => import(pathToFileURL(`${directory}/${path}`).href)));
  const benches = modules.map(({ bench }) => bench as Bench);
  const names = benches.map(({ name }) => name).join(", ");
  const found = benches.filter(({ name }) => only === undefined || name === only);
  if (found.length === 0) throw new Error(`No benchmark "${only}": there are ${names}.`);
  return found;
}

function targetText({ target }: Figure): string {
  return target === undefined ? "" : `at ${target.at} ${target.value}`;
}

function verdict(figure: Figure): string {
  if (figure.target === undefined) return "";
  return isMet(figure) ? "met" : "MISSED";
}

function rounded(value: number): string {
  if (value >= 1000) return Math.round(value).toLocaleString("en-US");
  return value.toFixed(value < 10 ? 2 : 1);
}

function print({ name, figures, skipped }: Result): void {
  console.log(`\n${name}`);
  if (skipped !== undefined) console.log(`  not measured: ${skipped}`);
  const width = Math.max(0, ...figures.map((figure) => figure.name.length));
  for (const figure of figures) {
    const measured = `${rounded(figure.value)} ${figure.unit}`.padEnd(20);
    console.log(
      `  ${figure.name.padEnd(width)}  ${measured} ${targetText(figure).padEnd(18)} ${verdict(figure)}`.trimEnd(),
    );
    if (figure.note !== undefined) console.log(`    ${figure.note}`);
  }
}

function machine(): object {
  const { version, platform, arch } = process;
  return { node: version, platform, arch, cpus: availableParallelism(), model: cpus()[0]?.model };
}

interface Flags {
  json?: boolean;
  only?: string;
  strict?: boolean;
  update?: boolean;
}

async function measure({ json, only, update }: Flags): Promise<Result[]> {
  const progress = json || process.env.CI ? () => {} : (text: string) => console.error(text);
  const harness = createHarness({ now: () => performance.now(), progress, update });
  const results: Result[] = [];
  for (const bench of await findBenches(import.meta.dirname, only)) {
    progress(`measuring ${bench.name} ...`);
    results.push({ name: bench.name, ...(await bench.run(harness)) });
  }
  return results;
}

function summary(missed: number): string {
  if (missed === 0) return "Every target is met.";
  return missed === 1 ? "1 target is MISSED." : `${missed} targets are MISSED.`;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      json: { type: "boolean" },
      only: { type: "string" },
      strict: { type: "boolean" },
      update: { type: "boolean" },
    },
  });
  const results = await measure(values);
  const missed = results.flatMap(({ figures }) => figures).filter((figure) => !isMet(figure)).length;
  if (values.json) console.log(JSON.stringify({ machine: machine(), missed, results }, undefined, 2));
  else {
    for (const result of results) print(result);
    console.log(`\n${summary(missed)}`);
  }
  if (values.strict && missed > 0) process.exitCode = 1;
}

await main().catch((error: Error) => {
  console.error(error.message);
  process.exitCode = 1;
});
