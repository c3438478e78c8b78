/** What a simulated burst looks like in a terminal. Pure. */
import { barChart, shrink, textTable } from "../shared/chart.ts";
import type { BurstRun } from "./burst.ts";
import type { Series } from "./simulation/timeline.ts";
import { number, share, time } from "./text.ts";

const WIDTH = 72;
const HEIGHT = 6;

const HEADER = ["", "cold", "throttled", "lost", "at once", "waiting", "p50", "p99", "done after"];

const row = (name: string, { result }: BurstRun): string[] => [
  name,
  share(result.coldShare),
  number(result.throttles + result.refused),
  number(result.lost),
  number(result.highest.inFlight),
  number(result.highest.waiting),
  time(result.latencyMs.p50),
  time(result.latencyMs.p99),
  time(result.endMs),
];

/** What was not done when the simulation ended: `done after` is its end then. */
const leftLines = (runs: readonly { says: string; run: BurstRun }[]): string[] => {
  const stuck = runs.filter(({ run }) => run.result.left > 0);
  if (stuck.length === 0) return [];
  const whose = stuck.map(({ says, run }) => `${number(run.result.left)} ${run.unit} (${says})`).join(", ");
  return ["", `Still waiting a day after the last arrival, where the simulation ends: ${whose}.`];
};

const picture = (title: string, series: Series, name: "environments" | "inFlight" | "waiting"): string[] => {
  const values = shrink(series[name], WIDTH);
  if (Math.max(...values) === 0) return [];
  return ["", title, ...barChart(values, { height: HEIGHT, decimals: 0, from: 0 })];
};

const axis = ({ stepMs, inFlight }: Series): string =>
  `from 0 to ${time(stepMs * inFlight.length)}, each column a mean`;

/** One function: a picture of it as it is, and the figures of each variant. */
export function burstText(count: number, runs: readonly { says: string; run: BurstRun }[]): string {
  const [first] = runs;
  if (!first) return "";
  const { name, unit, says, shared, concurrency, result } = first.run;
  return [
    `${number(count)} ${unit} for ${name} (${[says, ...(shared ? [shared] : [])].join(", ")}); up to ${number(concurrency)} in flight.`,
    "",
    ...textTable(
      HEADER,
      runs.map(({ says: variant, run }) => row(variant, run)),
    ),
    ...leftLines(runs),
    ...picture(`Environments, ${first.says}: ${axis(result.series)}`, result.series, "environments"),
    ...picture("In flight", result.series, "inFlight"),
    ...picture(`Waiting ${unit}`, result.series, "waiting"),
  ].join("\n");
}

/** Every function of the stack, a line each. */
export function burstsText(count: number, runs: readonly BurstRun[]): string {
  return [
    `A burst of ${number(count)} on each function by itself, as the stack is.`,
    "",
    ...textTable(
      ["function", ...HEADER.slice(1), "comes from"],
      runs.map((run) => [...row(run.name, run), run.says]),
    ),
    ...leftLines(runs.map((run) => ({ says: run.name, run }))),
  ].join("\n");
}
