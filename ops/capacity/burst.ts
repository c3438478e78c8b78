/** A burst on a function of a stack: its measured figures, its way in and the account's concurrency, simulated. Pure. */
import { type Baseline, figuresOf } from "../shared/baseline.ts";
import { DEFAULTS } from "../shared/workload-assumptions.ts";
import type { FunctionModel, Model } from "../shared/workload-model.ts";
import { type FunctionSource, reservationsOf, sourceOf } from "./function-source.ts";
import { burst } from "./simulation/arrivals.ts";
import { NO_RETRY, type Retry, SDK_RETRY } from "./simulation/direct.ts";
import type { FunctionModel as Simulated } from "./simulation/environments.ts";
import { logNormal } from "./simulation/random.ts";
import { type SimulationResult, simulate } from "./simulation/simulate.ts";

export interface BurstOptions {
  count: number;
  /** Spread evenly over so long; 0 = all at once. */
  overMs: number;
  /** Concurrency of the account. */
  account: number;
  /** Of an API's callers, the first call included. */
  attempts: number;
  /** Instead of what the stack has. */
  provisioned: number | undefined;
  seed: number;
}

export interface BurstRun extends FunctionSource {
  name: string;
  /** What may be in flight. */
  concurrency: number;
  provisioned: number;
  result: SimulationResult;
}

/**
 * Starts are measured by their median alone, of the code's own part; AWS adds the making of the environment and the
 * fetch of the code, which nobody outside can measure. The slowest in a hundred is taken to take twice as long.
 */
const INIT_TAIL = 2;

/** The figures of bench/baseline.json, with the time that the services themselves take to answer. */
export function modelOf(lambda: FunctionModel, baseline: Baseline): Pick<Simulated, "initMs" | "durationMs"> {
  const { initMs, durationMs } = figuresOf(baseline, lambda.node.name);
  const waiting = lambda.rights.reduce((sum, { service }) => sum + (DEFAULTS.latencyMs[service] ?? 0), 0);
  return {
    initMs: logNormal({ p50: initMs, p99: initMs * INIT_TAIL }),
    durationMs: logNormal({ p50: durationMs.p50 + waiting, p99: durationMs.p99 + waiting }),
  };
}

const retryOf = (attempts: number): Retry => (attempts === 1 ? NO_RETRY : { ...SDK_RETRY, attempts });

/**
 * What of the account's concurrency is a function's.
 * @throws {Error} when that is nothing: Lambda would refuse whatever came, for ever.
 */
function concurrencyOf(name: string, reserved: ReadonlyMap<string, number>, account: number): number {
  const own = reserved.get(name);
  if (own === 0)
    throw new Error(
      `Function "${name}" reserves a concurrency of 0, with which Lambda runs nothing: a burst on it would wait for ever. Reserve at least 1, or nothing.`,
    );
  if (own !== undefined) return own;
  const taken = [...reserved.values()].reduce((sum, count) => sum + count, 0);
  if (taken < account) return account - taken;
  const holders = [...reserved]
    .filter(([, count]) => count > 0)
    .map(([holder, count]) => `${holder} ${count}`);
  throw new Error(
    `An account with a concurrency of ${account} has nothing left for function "${name}": reserved are ${taken} of it (${holders.join(", ")}). Give an --account above ${taken}, or reserve less.`,
  );
}

export function runBurst(
  model: Model,
  lambda: FunctionModel,
  baseline: Baseline,
  options: BurstOptions,
): BurstRun {
  const { reserved, provisioned } = reservationsOf(model.view);
  const { name } = lambda.node;
  const concurrency = concurrencyOf(name, reserved, options.account);
  const warm = options.provisioned ?? provisioned.get(name) ?? 0;
  const way = sourceOf(model, lambda, retryOf(options.attempts));
  const result = simulate({
    arrivals: burst(options.count, options.overMs),
    lambda: { ...modelOf(lambda, baseline), concurrency, provisioned: warm },
    source: way.source,
    seed: options.seed,
  });
  return { ...way, name, concurrency, provisioned: Math.min(warm, concurrency), result };
}
