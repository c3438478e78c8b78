/**
 * `npm run capacity -- --devices 1e6 --every 10s [--stack prod] [--json]`: what a fleet asks of the stack, which limit of
 * AWS's or of its own binds first, and what to change then.
 * `npm run capacity -- --burst 1000 [--function NAME]`: how Lambda scales under a burst, simulated.
 * `npm run capacity -- --svg docs/scaling.svg`: draws that.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { programLog, run } from "../../local/cli.ts";
import { evaluate } from "../../local/engine/program.ts";
import { readSettings, type StackSettings } from "../../local/engine/settings.ts";
import { readJson } from "../cost/arguments.ts";
import { knownOf } from "../cost/settings.ts";
import { type Baseline, readBaseline } from "../shared/baseline.ts";
import { completeLoad, type Load } from "../shared/load.ts";
import { createModel, type FunctionModel, type Model } from "../shared/workload-model.ts";
import { type BurstRun, runBurst } from "./burst.ts";
import { burstsText, burstText } from "./burst-report.ts";
import { findFunction } from "./find-function.ts";
import { type BurstFlags, type FleetFlags, type PictureFlags, parseFlags, USAGE } from "./flags.ts";
import { createFleetReport } from "./fleet.ts";
import { fleetText } from "./fleet-report.ts";
import { scalingPicture } from "./picture.ts";
import { number } from "./text.ts";

interface Project {
  model: Model;
  settings: StackSettings;
  baseline: Baseline | undefined;
}

const readProject = async (stack: string): Promise<Project> => {
  const directory = process.cwd();
  const settings = await readSettings(directory, stack);
  const [graph, baseline] = await Promise.all([
    evaluate({ directory, stack, settings, dryRun: false, onLog: programLog((line) => console.error(line)) }),
    readBaseline(directory),
  ]);
  return { model: createModel(graph), settings, baseline };
};

/** @throws {Error} without it, since a start and a duration cannot be guessed. */
const measured = ({ baseline }: Project): Baseline => {
  if (baseline) return baseline;
  throw new Error(
    "There is no bench/baseline.json, which says how long functions take. Measure: npm run baseline.",
  );
};

const readLoad = async ({
  load,
  devices,
  everySeconds,
  mqttShare,
}: FleetFlags): Promise<[unknown, string]> =>
  load === undefined
    ? [{ devices, everySeconds, mqttShare }, "the flags"]
    : [await readJson("--load", load), load];

const print = (value: unknown): void => console.log(JSON.stringify(value, null, 2));

const showFleet = async (flags: FleetFlags): Promise<void> => {
  const [value, from] = await readLoad(flags);
  completeLoad(value, from);
  const { model, settings, baseline } = await readProject(flags.stack);
  // What the stack's settings say, unless the load says otherwise.
  const given = { ...knownOf(settings), ...(value as object) };
  const loadOf = (devices?: number): Load =>
    completeLoad(devices === undefined ? given : { ...given, devices }, from);
  const report = createFleetReport({ model, baseline, account: flags.account, loadOf });
  if (flags.json) {
    const functions = report.workload.functions.map(({ byTrigger, ...rest }) => rest);
    const { load, warnings } = report.workload;
    print({ ...report, workload: { load, functions, warnings } });
  } else console.log(fleetText(report));
};

type RunOf = (lambda: FunctionModel, provisioned?: number) => BurstRun;

/** Each function by itself, a line each. */
const showBursts = ({ count, json }: BurstFlags, functions: readonly FunctionModel[], runOf: RunOf): void => {
  const runs = functions.map((lambda) => runOf(lambda));
  if (json) print(runs.map(({ result: { series, ...result }, ...rest }) => ({ ...rest, result })));
  else console.log(burstsText(count, runs));
};

/** As the stack is, without what it keeps warm, and with half of what the burst needs. */
const showVariants = ({ count, json }: BurstFlags, lambda: FunctionModel, runOf: RunOf): void => {
  const own = runOf(lambda);
  const half = Math.min(count, Math.ceil(own.result.highest.inFlight / 2));
  const others = [0, half].filter((warm) => warm !== own.provisioned);
  const runs = [own, ...others.map((warm) => runOf(lambda, warm))];
  if (json) {
    print(runs);
    return;
  }
  const says = ({ provisioned }: BurstRun): string =>
    provisioned > 0 ? `${number(provisioned)} kept warm` : "none kept warm";
  console.log(
    burstText(
      count,
      runs.map((each) => ({ says: says(each), run: each })),
    ),
  );
};

const showBurst = async (flags: BurstFlags): Promise<void> => {
  const project = await readProject(flags.stack);
  const baseline = measured(project);
  const { model } = project;
  const runOf: RunOf = (lambda, provisioned = flags.provisioned) =>
    runBurst(model, lambda, baseline, { ...flags, provisioned });
  if (flags.function === undefined) showBursts(flags, model.functions, runOf);
  else showVariants(flags, findFunction(model, flags.function), runOf);
};

const drawPicture = async ({ stack, seed, file }: PictureFlags): Promise<void> => {
  const project = await readProject(stack);
  const text = scalingPicture(project.model, measured(project), seed);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text);
  console.log(`Wrote ${file}.`);
};

const main = async (): Promise<void> => {
  const flags = parseFlags(process.argv.slice(2));
  if (flags.task === "fleet") await showFleet(flags);
  else if (flags.task === "burst") await showBurst(flags);
  else await drawPicture(flags);
};

await run(main, USAGE);
