/** Where events enter a program: devices, clients, clocks, and what people drop. Pure. */
import type { ResourceNode } from "../../local/engine/graph.ts";
import { knownText } from "../../local/engine/rules/view.ts";
import { type Load, readingsPerSecond } from "./load.ts";
import { DEFAULTS, ROUTES, SECONDS_PER_DAY } from "./workload-assumptions.ts";
import { type Model, scheduleOf, TYPES, unfed, watchedBuckets } from "./workload-model.ts";

export interface Entry {
  to: string;
  perSecond: number;
  bytes: number;
}

const UNITS: Record<string, number> = { minute: 60, hour: 3_600, day: SECONDS_PER_DAY };

/** Values that a field of a cron expression takes, of `all` possible ones. */
const valuesOf = (field: string, all: number): number => {
  if (field === "*" || field === "?") return all;
  return field
    .split(",")
    .map((part) => {
      const [range = "", step] = part.split("/");
      const [first, last] = range.split("-").map(Number);
      if (step !== undefined) return Math.max(1, Math.floor(all / Number(step)));
      return last === undefined || first === undefined ? 1 : last - first + 1;
    })
    .reduce((sum, count) => sum + (Number.isFinite(count) ? count : 1), 0);
};

/**
 * Runs a second of `rate(15 minutes)` or `cron(30 0 * * ? *)`; a single `at(...)` counts as none.
 * Source: https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
 */
const runsPerSecond = (expression: string): number => {
  const rate = /^rate\((\d+) (minute|hour|day)s?\)$/.exec(expression);
  if (rate) return 1 / (Number(rate[1]) * (UNITS[rate[2] ?? ""] ?? SECONDS_PER_DAY));
  const cron = /^cron\((.+)\)$/.exec(expression)?.[1]?.split(/\s+/);
  if (!cron) return 0;
  const [minute = "0", hour = "0", day = "*", month = "*", weekday = "?"] = cron;
  const days = weekday === "?" || weekday === "*" ? valuesOf(day, 30) / 30 : valuesOf(weekday, 7) / 7;
  return (
    (valuesOf(minute, 60) * valuesOf(hour, 24) * Math.min(1, days) * (valuesOf(month, 12) / 12)) /
    SECONDS_PER_DAY
  );
};

const spread = (nodes: readonly ResourceNode[], perSecond: number, bytes: number): Entry[] =>
  nodes.map(({ urn }) => ({ to: urn, perSecond: perSecond / nodes.length, bytes }));

/** The routes whose functions put what they get on a stream. */
const ingestRoutes = (model: Model, streams: readonly ResourceNode[]): ResourceNode[] => {
  const urns = new Set(streams.map(({ urn }) => urn));
  const routes = new Set(
    model.functions
      .filter(({ rights }) => rights.some(({ to, kind }) => kind === "put" && urns.has(to)))
      .flatMap(({ triggers }) => triggers.map(({ source }) => source)),
  );
  return model.view.ofType(TYPES.route).filter(({ urn }) => routes.has(urn));
};

/** Readings, by their ways in. A way that the program does not have falls to the next. */
const readingEntries = (model: Model, load: Load): Entry[] => {
  const records = readingsPerSecond(load) / load.readingsPerRecord;
  const bytes = load.readingBytes * load.readingsPerRecord;
  const streams = model.view.ofType(TYPES.stream);
  const [rules, routes] = [model.view.ofType(TYPES.iotRule), ingestRoutes(model, streams)];
  const straight = streams.length > 0 ? streams : rules;
  const mqtt = rules.length > 0 ? load.mqttShare : 0;
  const http = routes.length > 0 ? load.httpShare : 0;
  return [
    ...spread(straight, records * (1 - mqtt - http), bytes),
    ...spread(rules, records * mqtt, bytes),
    ...spread(routes, records * http, bytes),
  ];
};

const routeKey = (node: ResourceNode): string => knownText(node.inputs.routeKey) ?? node.name;

const requestEntries = (model: Model, load: Load): Entry[] => {
  const ingest = new Set(ingestRoutes(model, model.view.ofType(TYPES.stream)));
  const routes = model.view.ofType(TYPES.route, TYPES.url).filter((node) => !ingest.has(node));
  const [named, others] = [
    routes.filter((node) => Object.hasOwn(ROUTES, routeKey(node))),
    routes.filter((node) => !Object.hasOwn(ROUTES, routeKey(node))),
  ];
  return [
    ...named.map((node) => ({
      to: node.urn,
      perSecond: ROUTES[routeKey(node)]?.perSecond(load) ?? 0,
      bytes: DEFAULTS.responseBytes,
    })),
    ...spread(others, load.apiReadsPerSecond, DEFAULTS.responseBytes),
  ];
};

const isEnabled = (node: ResourceNode): boolean =>
  node.inputs.state !== "DISABLED" && node.inputs.isEnabled !== false;

const clockEntries = (model: Model): Entry[] =>
  model.view
    .ofType(TYPES.schedule, TYPES.rule)
    .filter(isEnabled)
    .map((node) => ({ to: node.urn, perSecond: runsPerSecond(scheduleOf(node) ?? ""), bytes: 200 }));

const fileEntries = (model: Model, load: Load): Entry[] =>
  unfed(model, watchedBuckets(model)).map(({ urn }) => ({
    to: urn,
    perSecond: load.filesPerDay / SECONDS_PER_DAY,
    bytes: load.fileBytes,
  }));

const nameOf = (model: Model, urn: string): string => {
  const node = model.nodes.get(urn);
  return node ? routeKey(node) : "";
};

/** Everything that enters under a load; what its `sources` say goes before what is derived. */
export const entriesOf = (model: Model, load: Load): Entry[] => {
  const derived = [
    ...readingEntries(model, load),
    ...requestEntries(model, load),
    ...clockEntries(model),
    ...fileEntries(model, load),
  ];
  const given = Object.entries(load.sources).flatMap(([name, perSecond]) =>
    [...model.nodes.values()]
      .filter((node) => node.custom && routeKey(node) === name)
      .map(({ urn }) => ({ to: urn, perSecond, bytes: load.readingBytes })),
  );
  return [...derived.filter(({ to }) => !Object.hasOwn(load.sources, nameOf(model, to))), ...given];
};
