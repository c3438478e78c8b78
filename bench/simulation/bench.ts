/**
 * How long simulating a burst of 100,000 requests takes, with callers that try again and through a queue. There is
 * nothing to compare it with, so its targets are times.
 */
import { burst } from "../../ops/capacity/simulation/arrivals.ts";
import { type DirectSource, SDK_RETRY } from "../../ops/capacity/simulation/direct.ts";
import { QUEUE_POLLERS } from "../../ops/capacity/simulation/polled.ts";
import { logNormal } from "../../ops/capacity/simulation/random.ts";
import { type Scenario, simulate } from "../../ops/capacity/simulation/simulate.ts";
import type { Bench, BenchReport, Contestant, Harness } from "../shared/harness.ts";

const REQUESTS = 100_000;
const TARGET_MS = 2_000;

const direct = (retry: DirectSource["retry"]): Scenario["source"] => ({ kind: "direct", retry });

/** What a contestant's name says is its source. */
const SOURCES: Record<string, Scenario["source"]> = {
  "callers with the SDK's three attempts": direct(SDK_RETRY),
  "callers that try until they are served": direct({ ...SDK_RETRY, attempts: 100 }),
  "a queue, one message at a time": {
    kind: "polled",
    batchSize: 1,
    pollers: QUEUE_POLLERS,
    visibilityMs: 180_000,
    maxReceives: 5,
  },
};

const scenario = (source: Scenario["source"]): Scenario => ({
  arrivals: burst(REQUESTS),
  lambda: {
    initMs: logNormal({ p50: 250, p99: 600 }),
    durationMs: logNormal({ p50: 40, p99: 250 }),
    concurrency: 1_000,
    provisioned: 0,
  },
  source,
});

async function run(harness: Harness): Promise<BenchReport> {
  const contestants: Record<string, Contestant> = Object.fromEntries(
    Object.entries(SOURCES).map(([name, source]) => [name, () => simulate(scenario(source))]),
  );
  const times = await harness.paired({ contestants, rounds: 10, warmUp: 2 });
  const figures = Object.keys(contestants).map((name) => ({
    name: `${REQUESTS.toLocaleString("en-US")} requests: ${name}`,
    value: times.median(name),
    unit: "ms",
    target: { at: "most" as const, value: TARGET_MS },
  }));
  return { figures };
}

export const bench: Bench = { name: "simulation", run };
