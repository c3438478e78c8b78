/**
 * How long the whole program takes to evaluate, beside a program that only imports @pulumi/pulumi and @pulumi/aws under
 * the same loader; and how long `npm start` takes until it prints that it is ready.
 *
 * Packages come from the cache, as in every run after the first: locating, slicing and finding them again is part of
 * the figure, building them is not.
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
const ROUNDS = 9;
const WARM_UP = 2;
const RATIO_TARGET = 2;
const STARTS = 5;
const READY_TARGET_SECONDS = 3;
const READY = / \(ready in /;

async function evaluation(directory: string): Promise<() => Promise<unknown>> {
  const settings = await readSettings(directory, STACK);
  return () => evaluate({ directory, stack: STACK, dryRun: true, settings });
}

async function measureEvaluation(harness: Harness): Promise<Figure[]> {
  const contestants = { [PROGRAM]: await evaluation(PROJECT), [EMPTY]: await evaluation(EMPTY_FOLDER) };
  const times = await harness.paired({ contestants, rounds: ROUNDS, warmUp: WARM_UP });
  return [
    ...[PROGRAM, EMPTY].map((name) => ({
      name: `evaluating ${name}`,
      value: times.median(name),
      unit: "ms",
    })),
    {
      name: `${PROGRAM} against ${EMPTY}`,
      value: 1 / times.speed(PROGRAM, EMPTY),
      unit: "x",
      target: { at: "most", value: RATIO_TARGET },
    },
  ];
}

/** Seconds from the start of the process to its summary. The process has ended when this resolves. */
async function start(): Promise<number> {
  const started = performance.now();
  const child = spawn(process.execPath, ["local/main.ts", "--stack", STACK, "--port", "0"], {
    cwd: PROJECT,
    stdio: ["ignore", "pipe", "inherit"],
  });
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
