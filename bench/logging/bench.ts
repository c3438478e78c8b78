/**
 * Logger and metrics: Powertools for AWS Lambda as the program's functions have it, and as its documentation does,
 * bundled with the same settings. What each adds to a function's bundle, to its cold start in fresh processes taken in
 * turns, and to every invocation that writes one line and one metric.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { deflateSync } from "fflate";
import { type LoadWork, probe } from "../../ops/budget/load-work.ts";
import { type Bench, type BenchReport, type Figure, type Harness, median } from "../shared/harness.ts";
import { bundles, NAMES, NEITHER, OURS, POWERTOOLS } from "./contestants.ts";

const STARTS = 40;
const ROUNDS = 40;
const WARM_UP = 10;
const INVOCATIONS = 500;
/** Above these, lines are to be written by hand again: docs/adr/0022. */
const MOST = { bundleKb: 40, coldLoadMs: 5, perInvocationMs: 0.1 } as const;

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

/** What loading each takes, in turns, each first as often as the others, one process at a time. */
async function coldLoads(built: Built[]): Promise<Map<string, LoadWork[]>> {
  const loads = new Map<string, LoadWork[]>(built.map(({ name }) => [name, []]));
  for (let start = 0; start < STARTS; start++) {
    const first = start % built.length;
    const turn = [...built.slice(first), ...built.slice(0, first)];
    for (const { name, directory } of turn) loads.get(name)?.push(await probe(name, directory));
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
  const most = (value: number) => (name === OURS ? ({ at: "most", value } as const) : undefined);
  return [
    {
      name: `${name}: in the bundle`,
      value: (own.bytes - floor.bytes) / 1_024,
      unit: "KB",
      target: most(MOST.bundleKb),
    },
    { name: `${name}: in the zip`, value: (own.zipBytes - floor.zipBytes) / 1_024, unit: "KB" },
    {
      name: `${name}: cold load`,
      value: above(loads, name, ({ codeMs }) => codeMs),
      unit: "ms",
      target: most(MOST.coldLoadMs),
    },
    {
      name: `${name}: bytecode compiled at cold load`,
      value: above(loads, name, ({ compiledBytes }) => compiledBytes) / 1_024,
      unit: "KB",
    },
    {
      name: `${name}: one line and one metric`,
      value: perInvocation,
      unit: "ms",
      target: most(MOST.perInvocationMs),
    },
  ];
}

async function run(harness: Harness): Promise<BenchReport> {
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
