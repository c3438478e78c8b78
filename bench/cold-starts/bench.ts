/**
 * What every function of the dev stack takes: initialisation in fresh environments, warm invocations and memory under
 * the smoke test's traffic in the local runtime, the size of its zip and the work of loading it. Beside each
 * initialisation stands the baseline's; `npm run baseline` writes bench/baseline.json anew.
 *
 * Durations are this machine's: local services answer within a millisecond where AWS's take a few, and a function has a
 * whole core whatever its memory.
 */
import { writeFile } from "node:fs/promises";
import { availableParallelism, cpus } from "node:os";
import { join } from "node:path";
import { plain } from "../../local/engine/graph.ts";
import { Runtime } from "../../local/runtime.ts";
import { Loader } from "../../ops/budget/load-work.ts";
import { codesOf, measure } from "../../ops/budget/measure.ts";
import {
  BASELINE_FILE,
  BASELINE_STACK,
  type Baseline,
  type FunctionBaseline,
  formatBaseline,
  readBaseline,
} from "../../ops/shared/baseline.ts";
import { lambdasOf } from "../../ops/shared/functions.ts";
import { localTarget, type StackOutputs } from "../../ops/shared/target.ts";
import type { Bench, BenchReport, Figure, Harness } from "../shared/harness.ts";
import { PROJECT } from "../shared/system.ts";
import { initTimes } from "./fresh.ts";
import { type Observed, Reports } from "./reports.ts";
import { play } from "./traffic.ts";

/** Listens to every function's log, by logical name. */
function observe({ graph, aws, pool }: Runtime): Map<string, Reports> {
  const reports = new Map<string, Reports>();
  for (const lambda of lambdasOf(graph)) {
    const spec = pool.spec(String(plain(lambda.outputs.name ?? null)));
    if (!spec) throw new Error(`Function "${lambda.name}" does not run locally.`);
    const own = new Reports();
    reports.set(lambda.name, own);
    aws.logs.onAppend(spec.logGroup, (_stream, events) => {
      for (const { message } of events) own.add(message);
    });
  }
  return reports;
}

async function underTraffic(
  harness: Harness,
): Promise<{ graph: Runtime["graph"]; observed: Map<string, Observed> }> {
  const runtime = await Runtime.start({ directory: PROJECT, stack: BASELINE_STACK, port: 0 });
  try {
    const reports = observe(runtime);
    const target = localTarget(BASELINE_STACK, {
      pid: process.pid,
      endpoint: runtime.aws.endpoint.url,
      hosts: runtime.hosts.entries(),
      outputs: runtime.outputs as unknown as StackOutputs,
    });
    await play({ runtime, target, progress: harness.progress });
    const silent = [...reports].filter(([, { warm }]) => warm === 0).map(([name]) => name);
    if (silent.length > 0) throw new Error(`Nothing invoked ${silent.join(", ")}: add it to traffic.ts.`);
    const observed = [...reports].map(([name, own]) => [name, own.observed()] as const);
    return { graph: runtime.graph, observed: new Map(observed) };
  } finally {
    await runtime.stop();
  }
}

const rounded = (milliseconds: number): number => Math.round(milliseconds * 10) / 10;

async function measureAll(harness: Harness): Promise<Record<string, FunctionBaseline>> {
  const { graph, observed } = await underTraffic(harness);
  const functions = codesOf(graph);
  harness.progress("  fresh environments");
  const init = await initTimes(functions);
  const measured = await Loader.with(PROJECT, (loader) => measure(PROJECT, functions, loader));
  return Object.fromEntries(
    measured.map(({ name, zipBytes, compiledBytes, heapBytes, parts }) => {
      const { p50 = 0, p99 = 0, memoryMb = 0 } = observed.get(name) ?? {};
      const initMs = rounded(init.get(name) ?? 0);
      const durationMs = { p50: rounded(p50), p99: rounded(p99) };
      return [name, { zipBytes, initMs, durationMs, memoryMb, compiledBytes, heapBytes, parts }];
    }),
  );
}

function figures(functions: Record<string, FunctionBaseline>, baseline: Baseline | undefined): Figure[] {
  return Object.entries(functions).map(([name, { zipBytes, initMs, durationMs, memoryMb }]) => {
    const before = baseline?.functions[name];
    const then = before && `baseline of ${baseline.measured}: ${before.initMs} ms, zip ${before.zipBytes} B`;
    const now = `warm ${durationMs.p50} ms, p99 ${durationMs.p99} ms; ${memoryMb} MB; zip ${zipBytes} B`;
    return { name: `${name}: init`, value: initMs, unit: "ms", note: then ? `${now}; ${then}` : now };
  });
}

const machine = (): string =>
  `${availableParallelism()} x ${cpus()[0]?.model.trim()}, ${process.platform} ${process.arch}, Node ${process.version}`;

async function run(harness: Harness): Promise<BenchReport> {
  const before = await readBaseline(PROJECT).catch((error: Error) => {
    // One that cannot be read is what an update is for.
    if (!harness.update) throw error;
    return undefined;
  });
  const functions = await measureAll(harness);
  if (harness.update) {
    const measured = new Date().toISOString().slice(0, 10);
    const text = formatBaseline({ measured, machine: machine(), node: process.version, functions });
    await writeFile(join(PROJECT, BASELINE_FILE), text);
    harness.progress(`  written: ${BASELINE_FILE}`);
  }
  return { figures: figures(functions, before) };
}

export const bench: Bench = { name: "cold-starts", run };
