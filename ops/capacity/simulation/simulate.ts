/**
 * How Lambda scales under a load: environments over time, cold starts, throttles and what waits. Event by event in
 * virtual time; the same scenario gives the same result to the last digit. Pure.
 */
import { type DirectSource, runDirect } from "./direct.ts";
import { Environments, type FunctionModel } from "./environments.ts";
import { type PolledSource, runPolled } from "./polled.ts";
import { seeded } from "./random.ts";
import { type Series, Timeline } from "./timeline.ts";

export interface Scenario {
  /** When requests, messages or records arrive, in milliseconds, ascending. */
  arrivals: Float64Array;
  lambda: FunctionModel;
  source: DirectSource | PolledSource;
  /** @default 1 */
  seed?: number;
}

export interface SimulationResult {
  requests: number;
  completed: number;
  /** Given up by their callers, or dead letters. */
  lost: number;
  /** Still waiting when the simulation ended, a day after the last arrival. */
  left: number;
  /** Attempts that the API's own throttle refused. */
  refused: number;
  /** Attempts that Lambda refused. */
  throttles: number;
  invocations: number;
  coldStarts: number;
  /** Of the invocations, 0 to 1. */
  coldShare: number;
  highest: { environments: number; inFlight: number; waiting: number };
  /** From arrival to completion, waiting and retries included; of what was completed. */
  latencyMs: { p50: number; p99: number; max: number; mean: number };
  /** When the last was completed or given up; the simulation's horizon where some are left. */
  endMs: number;
  series: Series;
}

export function simulate({ arrivals, lambda, source, seed = 1 }: Scenario): SimulationResult {
  const timeline = new Timeline();
  const random = seeded(seed);
  const environments = new Environments(lambda, { random, timeline });
  const context = { environments, timeline, random };
  const outcome =
    source.kind === "direct" ? runDirect(source, arrivals, context) : runPolled(source, arrivals, context);
  const { coldStarts, throttles, invocations } = environments;
  return {
    requests: arrivals.length,
    completed: outcome.latenciesMs.length,
    lost: outcome.lost,
    left: outcome.left,
    refused: outcome.refused,
    throttles,
    invocations,
    coldStarts,
    coldShare: invocations === 0 ? 0 : coldStarts / invocations,
    highest: {
      environments: timeline.highest("environments"),
      inFlight: timeline.highest("inFlight"),
      waiting: timeline.highest("waiting"),
    },
    latencyMs: summaryOf(outcome.latenciesMs),
    endMs: outcome.endMs,
    series: timeline.finish(outcome.endMs),
  };
}

function summaryOf(latencies: Float64Array): SimulationResult["latencyMs"] {
  if (latencies.length === 0) return { p50: 0, p99: 0, max: 0, mean: 0 };
  const sorted = latencies.toSorted();
  const at = (share: number): number => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] as number;
  const mean = sorted.reduce((sum, value) => sum + value, 0) / sorted.length;
  return { p50: at(0.5), p99: at(0.99), max: at(1), mean };
}
