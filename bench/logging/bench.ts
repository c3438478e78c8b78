/**
 * Logger and metrics: this project's against Powertools for AWS Lambda, bundled with the same settings. What each adds
 * to a function's bundle, to its cold start in fresh processes taken in turns, and to every invocation that writes one
 * line and one metric.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { deflateSync } from "fflate";
import { type LoadWork, probe } from "../../ops/budget/load-work.ts";
import { type Bench, type BenchReport, type Figure, type Harness, median } from "../shared/harness.ts";
import { INSTALL_PEERS } from "../shared/peers.ts";
import { bundles, NAMES, NEITHER, OURS, POWERTOOLS } from "./contestants.ts";

const STARTS = 40;
const ROUNDS = 40;
const WARM_UP = 10;
const INVOCATIONS = 500;
const WHEN_TO_SWITCH = "Up to 5 ms, and 40 KB in the bundle, it is to be preferred: docs/adr/0022";
const PER_INVOCATION_TARGET_MS = 0.1;

interface Built {
  name: string;
  /** Holds index.js. */
  directory: string;
  bytes: number;
  zipBytes: number;
}

async function build(directory: string): Promise<Built[]> {
  const built: Built[] = [];
  for (const [name, code] of await bundles(directory)) {
    const folder = join(directory, String(built.length));
    await mkdir(folder);
    await writeFile(join(folder, "index.js"), code);
    const zipBytes = deflateSync(code, { level: 9 }).length;
    built.push({ name, directory: folder, bytes: code.length, zipBytes });
  }
  return built;
}

/** What loading each takes, in turns, one process at a time. */
async function coldLoads(built: Built[]): Promise<Map<string, LoadWork[]>> {
  const loads = new Map<string, LoadWork[]>(built.map(({ name }) => [name, []]));
  for (let start = 0; start < STARTS; start++) {
    for (const { name, directory } of built) loads.get(name)?.push(await probe(name, directory));
  }
  return loads;
}

/** Milliseconds per invocation, by contestant. */
async function invocations(built: Built[]): Promise<Map<string, number>> {
  const files = JSON.stringify(built.map(({ directory }) => join(directory, "index.js")));
  const script = new URL("invocations.mjs", import.meta.url);
  const child = fork(script, [files, String(ROUNDS), String(INVOCATIONS)], {
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  const [times] = (await once(child, "message")) as [number[][]];
  return new Map(built.map(({ name }, index) => [name, median((times[index] ?? []).slice(WARM_UP))]));
}

/** Between the fastest starts: what else the machine does only ever adds. */
const above = (loads: Map<string, LoadWork[]>, name: string, of: (work: LoadWork) => number): number => {
  const [floor, own] = [NEITHER, name].map((wanted) => Math.min(...(loads.get(wanted) ?? []).map(of)));
  return (own ?? Number.NaN) - (floor ?? Number.NaN);
};

function figuresOf(
  name: string,
  { built, loads, perInvocation }: { built: Built[]; loads: Map<string, LoadWork[]>; perInvocation: number },
): Figure[] {
  const [floor, own] = [NEITHER, name].map((wanted) => built.find((each) => each.name === wanted));
  if (!floor || !own) throw new Error(`No contestant "${name}": there are ${NAMES}.`);
  const target = name === OURS ? ({ at: "most", value: PER_INVOCATION_TARGET_MS } as const) : undefined;
  return [
    { name: `${name}: in the bundle`, value: (own.bytes - floor.bytes) / 1_024, unit: "KB" },
    { name: `${name}: in the zip`, value: (own.zipBytes - floor.zipBytes) / 1_024, unit: "KB" },
    {
      name: `${name}: cold load`,
      value: above(loads, name, ({ codeMs }) => codeMs),
      unit: "ms",
      note: name === POWERTOOLS ? WHEN_TO_SWITCH : undefined,
    },
    {
      name: `${name}: bytecode compiled at cold load`,
      value: above(loads, name, ({ compiledBytes }) => compiledBytes) / 1_024,
      unit: "KB",
    },
    { name: `${name}: one line and one metric`, value: perInvocation, unit: "ms", target },
  ];
}

const isInstalled = (): boolean => {
  try {
    createRequire(import.meta.url).resolve("@aws-lambda-powertools/metrics");
    return true;
  } catch {
    return false;
  }
};

async function run(harness: Harness): Promise<BenchReport> {
  if (!isInstalled()) return { figures: [], skipped: INSTALL_PEERS };
  const directory = await mkdtemp(join(tmpdir(), "bench-logging-"));
  try {
    const built = await build(directory);
    harness.progress("  cold loads");
    const loads = await coldLoads(built);
    harness.progress("  invocations");
    const times = await invocations(built);
    const figures = [OURS, POWERTOOLS].flatMap((name) =>
      figuresOf(name, { built, loads, perInvocation: times.get(name) ?? Number.NaN }),
    );
    return { figures };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

export const bench: Bench = { name: "logging", run };
