/** What a fleet asks of a stack, as text. Pure. */
import { textTable } from "../shared/chart.ts";
import { type Load, readingsPerSecond } from "../shared/load.ts";
import type { Workload } from "../shared/workload.ts";
import type { Demand } from "./demand.ts";
import type { ResourceNeed } from "./needs.ts";
import { QUOTAS_DATE } from "./quotas.ts";
import type { Binding } from "./scale.ts";
import type { Concurrency, Reach } from "./starvation.ts";
import { number, share, short } from "./text.ts";

export interface FleetReport {
  project: string;
  stack: string;
  workload: Workload;
  /** Of bench/baseline.json; undefined without it. */
  measured: { date: string; machine: string } | undefined;
  needs: ResourceNeed[];
  demands: Demand[];
  /** The same for other sizes of the fleet. */
  fleets: { devices: number; demands: Demand[] }[];
  bindings: Binding[];
  concurrency: Concurrency;
}

/** Shares below this are no news. */
const WORTH_SAYING = 0.01;
const NEAR = 0.7;
/** Bindings that are far beyond any of the fleets are left out of the table. */
const BEYOND = 10;
/** Where a limit binds is found to a few in a thousand. */
const ROUNDING = 1.005;

const STARVING =
  "Under a flood these could take all that is shared. Bound them at their source, or reserve for the others:";

const KINDS: Record<Demand["kind"], string> = {
  hard: "hard",
  adjustable: "on request",
  scales: "grows by itself",
  setting: "the stack's own",
};

const loadText = (load: Load): string =>
  `${number(load.devices)} devices, a reading each every ${load.everySeconds} s: ${number(readingsPerSecond(load))} readings/s`;

const functionLines = ({ functions }: Workload): string[] => {
  const busy = functions
    .filter(({ invocations }) => invocations > 0)
    .sort((left, right) => right.concurrency - left.concurrency);
  return textTable(
    ["function", "a second", "ms each", "at once", ""],
    busy.map(({ name, invocations, durationMs, concurrency, measured }) => [
      name,
      number(invocations),
      number(durationMs),
      number(concurrency),
      measured ? "" : "not measured",
    ]),
  );
};

const needLines = (needs: readonly ResourceNeed[]): string[] =>
  textTable(
    ["resource", "needs"],
    needs.map(({ name, says }) => [name, says]),
  );

const demandLines = (demands: readonly Demand[]): string[] =>
  textTable(
    ["limit", "of", "asked", "limit is", "share", ""],
    demands
      .filter(({ share: part }) => part >= WORTH_SAYING)
      .map(({ what, of, demand, limit, share: part, unit, kind }) => [
        what,
        of,
        number(demand),
        `${number(limit)} ${unit}`,
        share(part),
        KINDS[kind],
      ]),
  );

const matches = (binding: Pick<Demand, "name" | "of">) => (demand: Demand) =>
  demand.name === binding.name && demand.of === binding.of;

/** A row for each limit that binds within reach of the largest fleet, a column for each fleet. */
const fleetLines = ({ fleets, bindings }: FleetReport): string[] => {
  const largest = Math.max(...fleets.map(({ devices }) => devices));
  return textTable(
    ["binds at", ...fleets.map(({ devices }) => short(devices)), "limit", "of", ""],
    bindings
      .filter(({ devices }) => devices <= largest * BEYOND)
      .map((binding) => [
        short(binding.devices),
        ...fleets.map(({ demands }) => share(demands.find(matches(binding))?.share ?? 0)),
        binding.what,
        binding.of,
        KINDS[binding.kind],
      ]),
  );
};

/** What grows by itself only needs time, so that it is not what binds. */
const isFirm = ({ kind }: Pick<Demand, "kind">): boolean => kind !== "scales";

/** What binds on the way from the fleet before to this one, in that order, and what to change then. */
const stepLines = (
  { devices, demands }: FleetReport["fleets"][number],
  { fleets, bindings }: FleetReport,
): string[] => {
  const before = Math.max(0, ...fleets.map((fleet) => fleet.devices).filter((size) => size < devices));
  const steps = bindings.filter(
    (binding) => binding.devices > before && binding.devices <= devices * ROUNDING,
  );
  const first = bindings.find((binding) => isFirm(binding) && binding.devices <= devices);
  const title = first
    ? `${short(devices)} devices: the first to bind is ${first.what} (${first.of}), at ${short(first.devices)}.`
    : `${short(devices)} devices: nothing binds. Nearest: ${nearest(demands)}.`;
  return [
    title,
    ...steps.map((step) => `  - from ${short(step.devices)}, ${step.what} (${step.of}): ${step.change}.`),
  ];
};

const nearest = (demands: readonly Demand[]): string => {
  const next = demands.find(isFirm);
  return next ? `${next.what} (${next.of}, ${share(next.share)})` : "none";
};

/** Routes of one API share its throttle: one line for all. */
const reachLines = (reaches: readonly Reach[]): string[] => {
  const groups = Map.groupBy(reaches, ({ name, shared }) => shared ?? name);
  return [...groups].map(([key, group]) => {
    const [first] = group as [Reach];
    const who = group.length > 1 ? `${group.length} functions` : first.name;
    return `  - ${who}: ${first.most === Number.POSITIVE_INFINITY ? "no bound" : `${number(first.most)} at once`}; ${first.shared ? key : first.says}`;
  });
};

const holdingText = ({ name, reserved, provisioned }: Reach): string => {
  const parts = [
    ...(reserved === undefined ? [] : [`${number(reserved)} reserved`]),
    ...(provisioned > 0 ? [`${number(provisioned)} kept warm`] : []),
  ];
  return `  - ${name}: ${parts.join(", ")}`;
};

const concurrencyLines = ({ account, reserved, unreserved, reaches, warnings }: Concurrency): string[] => {
  const holding = reaches.filter((reach) => reach.reserved !== undefined || reach.provisioned > 0);
  const starving = reaches.filter(({ starves }) => starves);
  return [
    `Concurrency: ${number(account)} in the account, ${number(reserved)} reserved, ${number(unreserved)} shared by all others.`,
    ...holding.map(holdingText),
    ...(starving.length > 0 ? [STARVING, ...reachLines(starving)] : []),
    ...warnings.map((warning) => `Warning: ${warning}`),
  ];
};

const measuredText = ({ measured }: FleetReport): string =>
  measured
    ? `Durations: bench/baseline.json, measured ${measured.date} on ${measured.machine}, and the services' answers.`
    : "Durations are assumptions: there is no bench/baseline.json (npm run baseline makes it).";

export function fleetText(report: FleetReport): string {
  const { project, stack, workload, demands } = report;
  const near = demands.filter((demand) => demand.share >= NEAR && demand.share < 1 && isFirm(demand));
  return [
    `Capacity of ${project}, stack ${stack}: ${loadText(workload.load)}.`,
    `${measuredText(report)} Quotas: defaults in us-east-1 as of ${QUOTAS_DATE}. All in a steady state: peaks come on top.`,
    "",
    ...functionLines(workload),
    "",
    ...needLines(report.needs),
    "",
    ...demandLines(demands),
    ...near.map(({ what, of, share: part, change }) => `Near: ${what} (${of}, ${share(part)}): ${change}.`),
    ...workload.warnings.map((warning) => `Warning: ${warning}`),
    "",
    `As the fleet grows, a reading each every ${workload.load.everySeconds} s:`,
    "",
    ...fleetLines(report),
    "",
    ...report.fleets.flatMap((fleet) => [...stepLines(fleet, report), ""]),
    ...concurrencyLines(report.concurrency),
  ].join("\n");
}
