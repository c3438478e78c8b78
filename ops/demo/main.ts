/**
 * `npm run demo`: the whole system on this machine, fed with real readings through the real protocols, checked
 * figure by figure against the source, and stopped again. Exit code 0 only when every figure is right.
 */
import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { programLog, run } from "../../local/cli.ts";
import { Trace } from "../../local/kit/trace.ts";
import { Runtime } from "../../local/runtime.ts";
import { parseNormals } from "../shared/normals.ts";
import { createProgress, type Progress } from "../shared/progress.ts";
import { localTarget, type Target } from "../shared/target.ts";
import { zipSizes } from "../shared/zip-sizes.ts";
import { failures } from "../smoke/report.ts";
import { runScenario, type ScenarioResult } from "../smoke/scenario.ts";
import { alarmChecks, raisedBy } from "./alarms.ts";
import { demoReport, type FunctionFigures } from "./report.ts";
import { exampleTraces } from "./traces.ts";

const SAMPLE = "samples/seattle-weather-hourly-normals.csv";
const PATIENCE = 30_000;
/** The subscriber whose environment dies, once, after its writes and before its answer. */
const VICTIM = "telemetry-aggregate-";
/** Everything that happens in a run. */
const EVENTS_KEPT = 100_000;

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { stack: { type: "string", default: "dev" } } });
  const progress = createProgress(process.stderr);
  const started = performance.now();
  const faults = killOnce(VICTIM);
  const directory = process.cwd();
  progress.step("starting the program on this machine");
  const runtime = await Runtime.start({
    directory,
    stack: values.stack,
    port: 0,
    trace: new Trace({ capacity: EVENTS_KEPT }),
    pool: { onResponse: faults.onResponse },
    onLog: programLog((line) => progress.note(line)),
  });
  try {
    const readyMs = performance.now() - started;
    const result = await play(runtime, values.stack, directory, progress);
    progress.end();
    // The minute in progress counts, too: the run may be over before it is.
    runtime.aws.cloudWatch.judgeNow();
    const { events } = runtime.trace;
    const functions = await figures(runtime);
    const killed = faults.killed();
    const checks = [...result.checks, ...alarmChecks(raisedBy(events), VICTIM)];
    const traces = exampleTraces(events, result.mark);
    const times = { readyMs, totalMs: performance.now() - started };
    console.log(
      demoReport({ result: { ...result, checks }, functions, killed, traces, ...times }).join("\n"),
    );
    const wrong = failures(checks, killed === 1 ? [] : [`${killed} environments died; it must be 1`]);
    if (wrong.length > 0) throw new Error(`${wrong.length} figures are wrong:\n${wrong.join("\n")}`);
  } finally {
    progress.end();
    await runtime.stop();
  }
}

async function play(
  runtime: Runtime,
  stack: string,
  directory: string,
  progress: Progress,
): Promise<ScenarioResult> {
  const normals = parseNormals(await readFile(`${directory}/${SAMPLE}`, "utf8"));
  return runScenario({
    target: targetOf(runtime, stack),
    normals,
    now: Date.now,
    mark: `seattle-${randomUUID().slice(0, 8)}`,
    sleep: (milliseconds) => sleep(milliseconds),
    random: Math.random,
    onStep: (step) => progress.step(step),
    patience: PATIENCE,
  });
}

function targetOf(runtime: Runtime, stack: string): Target {
  return localTarget(stack, {
    pid: process.pid,
    endpoint: runtime.aws.endpoint.url,
    hosts: runtime.hosts.entries(),
    outputs: runtime.outputs,
  });
}

/** Lets the first answer of a function die with its environment: its writes have happened, its batch comes again. */
function killOnce(prefix: string) {
  let count = 0;
  return {
    killed: () => count,
    onResponse: (functionName: string): "deliver" | "kill" => {
      if (count > 0 || !functionName.startsWith(prefix)) return "deliver";
      count += 1;
      return "kill";
    },
  };
}

async function figures(runtime: Runtime): Promise<FunctionFigures[]> {
  const sizes = await zipSizes(runtime.graph);
  return runtime.pool.stats().map((stats) => ({ ...stats, zipBytes: sizes.get(stats.functionName) ?? 0 }));
}

await run(main, "Usage: npm run demo -- [--stack dev]");
