/**
 * How long the whole program takes to evaluate, beside a program that only imports @pulumi/pulumi and @pulumi/aws under
 * the same loader; and how long `npm start` takes until it prints that it is ready.
 *
 * Packages are in the cache, as in every run after the first. What is left of packaging (slicing, finding packages)
 * is taken off the time of the program; packaging-time.ts measures it inside.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { evaluate } from "../../local/engine/program.ts";
import { readSettings } from "../../local/engine/settings.ts";
import { runningLocally } from "../../ops/shared/target.ts";
import { type Bench, type BenchReport, type Figure, type Harness, median } from "../shared/harness.ts";
import { PROJECT } from "../shared/system.ts";

const PROGRAM = "the whole program";
const EMPTY = "an empty program";
const EMPTY_FOLDER = fileURLToPath(new URL("empty/", import.meta.url));
const STACK = "dev";
const ROUNDS = 11;
const WARM_UP = 2;
const RATIO_TARGET = 2;
const STARTS = 5;
const READY_TARGET_SECONDS = 3;
const READY = / \(ready in /;
const PACKAGING_TIME = "bench: packaging took";

/** Evaluates a program as a preview; resolves with how long its packaging took, in milliseconds. */
async function evaluation(directory: string, measured: boolean): Promise<() => Promise<number>> {
  const settings = await readSettings(directory, STACK);
  const timer = new URL("packaging-time.ts", import.meta.url).href;
  const environment = { NODE_OPTIONS: `--import=${timer}`, PACKAGING_TIME };
  return async () => {
    let packaging = 0;
    const onLog = ({ message }: { message: string }): void => {
      if (message.startsWith(PACKAGING_TIME)) packaging = Number(message.slice(PACKAGING_TIME.length));
    };
    const options = measured ? { environment, onLog } : {};
    await evaluate({ directory, stack: STACK, dryRun: true, settings, ...options });
    return packaging;
  };
}

async function measureEvaluation(harness: Harness): Promise<Figure[]> {
  const whole = await evaluation(PROJECT, true);
  const packaging: number[] = [];
  const contestants = {
    [PROGRAM]: async () => packaging.push(await whole()),
    [EMPTY]: await evaluation(EMPTY_FOLDER, false),
  };
  const times = await harness.paired({ contestants, rounds: ROUNDS, warmUp: WARM_UP });
  const [program = [], empty = []] = [times.samples[PROGRAM], times.samples[EMPTY]];
  const measured = packaging.slice(WARM_UP);
  const ratios = program.map((time, round) => (time - (measured[round] ?? 0)) / (empty[round] ?? Number.NaN));
  return [
    { name: `evaluating ${PROGRAM}`, value: times.median(PROGRAM), unit: "ms" },
    { name: "of it packaging", value: median(measured), unit: "ms" },
    { name: `evaluating ${EMPTY}`, value: times.median(EMPTY), unit: "ms" },
    {
      name: `${PROGRAM} minus packaging against ${EMPTY}`,
      value: median(ratios),
      unit: "x",
      target: { at: "most", value: RATIO_TARGET },
    },
  ];
}

/** Seconds from the start of the process to its summary. The process has ended when this resolves. */
async function start(): Promise<number> {
  const started = performance.now();
  const args = ["ops/run.mjs", "local/main.ts", "--stack", STACK, "--port", "0"];
  const child = spawn(process.execPath, args, { cwd: PROJECT, stdio: ["ignore", "pipe", "inherit"] });
  const exited = once(child, "exit");
  let ready: number | undefined;
  for await (const line of createInterface({ input: child.stdout })) {
    if (ready !== undefined || !READY.test(line)) continue;
    ready = (performance.now() - started) / 1_000;
    child.kill("SIGTERM");
  }
  await exited;
  if (ready === undefined) throw new Error("npm start ended before it was ready.");
  return ready;
}

async function measureStart(harness: Harness): Promise<Figure> {
  const seconds: number[] = [];
  for (let round = 1; round <= STARTS; round++) {
    harness.progress(`  npm start, ${round} of ${STARTS}`);
    seconds.push(await start());
  }
  return {
    name: "npm start until ready",
    value: median(seconds),
    unit: "s",
    target: { at: "most", value: READY_TARGET_SECONDS },
  };
}

/** Two systems of one stack would share the file that tells other terminals where it is. */
const isRunning = (): Promise<boolean> =>
  runningLocally(PROJECT, STACK).then(
    () => true,
    () => false,
  );

async function run(harness: Harness): Promise<BenchReport> {
  const figures = await measureEvaluation(harness);
  if (await isRunning())
    return { figures, skipped: `npm start: stack "${STACK}" is running in another terminal` };
  return { figures: [...figures, await measureStart(harness)] };
}

export const bench: Bench = { name: "evaluation", run };
