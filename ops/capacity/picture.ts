/** docs/scaling.svg: bursts of four sizes on this program's functions, by three ways in. The same seed gives the same bytes. */
import type { Baseline } from "../shared/baseline.ts";
import type { FunctionModel, Model } from "../shared/workload-model.ts";
import { type BurstRun, modelOf, runBurst } from "./burst.ts";
import { findFunction } from "./find-function.ts";
import { burst } from "./simulation/arrivals.ts";
import { SDK_RETRY } from "./simulation/direct.ts";
import { simulate } from "./simulation/simulate.ts";
import { type Panel, panelsSvg } from "./svg.ts";
import { number } from "./text.ts";

const BURSTS = [10, 100, 1_000, 100_000];
/** Kept warm in the second run of each panel: as many as the burst needs, at most. */
const MOST_WARM = 500;
const ACCOUNT = 1_000;
const ROUTE = "api-get-devices-deviceId";
const QUEUE = "orders-fulfil";

interface Column {
  title: string;
  subtitle: string;
  run(count: number, provisioned: number): BurstRun["result"];
}

const columnsOf = (model: Model, baseline: Baseline, seed: number): Column[] => {
  const inStack = (lambda: FunctionModel) => (count: number, provisioned: number) =>
    runBurst(model, lambda, baseline, {
      count,
      provisioned,
      seed,
      overMs: 0,
      account: ACCOUNT,
      attempts: SDK_RETRY.attempts,
    }).result;
  const [route, queue] = [findFunction(model, ROUTE), findFunction(model, QUEUE)];
  return [
    {
      title: "Called by an SDK",
      subtitle: `${ROUTE}, three attempts`,
      run: (count, provisioned) =>
        simulate({
          arrivals: burst(count),
          lambda: { ...modelOf(route, baseline), concurrency: ACCOUNT, provisioned },
          source: { kind: "direct", retry: SDK_RETRY },
          seed,
        }),
    },
    {
      title: "Through the API and its throttle",
      subtitle: `${ROUTE}, three attempts`,
      run: inStack(route),
    },
    { title: "Through a queue", subtitle: `${QUEUE}, batches of ten`, run: inStack(queue) },
  ];
};

export function scalingPicture(model: Model, baseline: Baseline, seed: number): string {
  const columns = columnsOf(model, baseline, seed);
  const rows = BURSTS.map((count) =>
    columns.map(({ run }): Panel => {
      const warm = Math.min(MOST_WARM, count);
      return { count, warm, cold: run(count, 0), kept: run(count, warm) };
    }),
  );
  return panelsSvg({
    title: "How Lambda scales under a burst",
    subtitle: `Simulated from durations measured ${baseline.measured}, in an account with a concurrency of ${number(ACCOUNT)}`,
    columns,
    rows,
  });
}
