/**
 * A load laid on a program's graph: how often each function runs and for how long, and what each resource gets. Pure.
 *
 * Events enter where devices, clients, clocks and people outside send them, travel along the graph's own wiring, and
 * become invocations by the batch sizes and windows of their mappings. What code then does with what it may use is the
 * table of workload-assumptions.ts. Loops (an order's change is an event that changes the order) are followed until
 * they settle.
 */
import type { Graph } from "../../local/engine/graph.ts";
import { knownText, numberOf } from "../../local/engine/rules/view.ts";
import type { Baseline } from "./baseline.ts";
import type { Load } from "./load.ts";
import {
  type Amount,
  type Assumption,
  DEFAULTS,
  RULE_SHARES,
  type Run,
  SECONDS_PER_MONTH,
} from "./workload-assumptions.ts";
import { type Arrival, logBatches, queueBatches, shardsOf, streamBatches } from "./workload-batches.ts";
import {
  createModel,
  expirationDays,
  type FunctionModel,
  type Hop,
  type Model,
  type Trigger,
  TYPES,
} from "./workload-model.ts";
import { PROGRAM, STORED } from "./workload-program.ts";
import type { Right, UseKind } from "./workload-rights.ts";
import { entriesOf } from "./workload-sources.ts";
import { warningsOf } from "./workload-warnings.ts";

/** One kind of request to one resource. */
export interface Use extends Amount {
  /** URN of the function or resource that makes it; "outside" where none does. */
  from: string;
  to: string;
  kind: UseKind;
}

export interface FunctionUse {
  urn: string;
  name: string;
  /** Per second, over all triggers. */
  invocations: number;
  events: number;
  /** Of a warm invocation, in milliseconds. */
  durationMs: number;
  initMs: number;
  /** Part of the invocations that start an environment. */
  coldShare: number;
  memoryMb: number;
  /** False where the duration is an assumption, as nobody has measured it. */
  measured: boolean;
  /** Environments busy at once on average: Little's law. */
  concurrency: number;
  /** Invocations a second by the URN of what triggers them. */
  byTrigger: ReadonlyMap<string, number>;
}

export interface Workload {
  load: Load;
  functions: FunctionUse[];
  uses: Use[];
  /** What each resource gets a second: records, messages, objects, writes, requests, lines. */
  arrivals: ReadonlyMap<string, Arrival>;
  /** Bytes that lie in each bucket and table. */
  stored: ReadonlyMap<string, number>;
  /** What the figures leave out or cannot be. */
  warnings: string[];
}

/** A fixed number, so that more load never comes out as less: chains are shorter, and a loop's echo has died away. */
const MOST_ROUNDS = 64;
/** What still changes by more in the last round goes round without end. */
const SETTLED = 0.01;
const NOTHING: Arrival = { perSecond: 0, bytes: 0 };

interface RunState {
  model: FunctionModel;
  run: Run;
  byTrigger: Map<string, number>;
}

/** One load's way through a model. */
class Settling {
  readonly #model: Model;
  readonly #load: Load;
  #arrivals: ReadonlyMap<string, Arrival> = new Map();
  #invocations: ReadonlyMap<string, number> = new Map();

  constructor(model: Model, load: Load) {
    this.#model = model;
    this.#load = load;
  }

  settle(): { uses: Use[]; runs: RunState[]; arrivals: ReadonlyMap<string, Arrival>; isSettled: boolean } {
    const entries = entriesOf(this.#model, this.#load).map(
      (entry): Use => ({ ...entry, from: "outside", kind: "put" }),
    );
    for (let round = 1; ; round += 1) {
      const runs = this.#model.functions.map((each) => this.#runOf(each));
      const uses = [...entries, ...this.#model.hops.map((hop) => this.#pass(hop)), ...runs.flatMap(usesOf)];
      const next = arrivalsOf(uses);
      const change = largestChange(this.#arrivals, next);
      this.#arrivals = next;
      this.#invocations = new Map(runs.map(({ model, run }) => [model.node.name, run.invocations]));
      if (change === 0 || round === MOST_ROUNDS)
        return { uses, runs, arrivals: next, isSettled: change <= SETTLED };
    }
  }

  #pass({ from, to, bytes }: Hop): Use {
    const arrival = this.#arrivals.get(from) ?? NOTHING;
    const name = this.#model.nodes.get(to)?.name ?? "";
    const share = RULE_SHARES[name]?.share ?? 1;
    return {
      from,
      to,
      kind: "put",
      perSecond: arrival.perSecond * share,
      bytes: bytes(arrival.bytes),
    };
  }

  #runOf(model: FunctionModel): RunState {
    const invocationsOf = (name: string) => this.#invocations.get(name) ?? 0;
    const called = this.#arrivals.get(model.node.urn) ?? NOTHING;
    const byTrigger = new Map<string, number>();
    let [invocations, events, shards] = [called.perSecond, called.perSecond, 1];
    for (const trigger of model.triggers) {
      const arrival = this.#arrivals.get(trigger.source) ?? NOTHING;
      const batches = this.#batches(trigger, arrival);
      byTrigger.set(trigger.source, (byTrigger.get(trigger.source) ?? 0) + batches);
      invocations += batches;
      events += arrival.perSecond;
      shards = Math.max(shards, this.#shards(trigger, arrival));
    }
    return { model, byTrigger, run: { invocations, events, shards, load: this.#load, invocationsOf } };
  }

  #batches(trigger: Trigger, arrival: Arrival): number {
    if (trigger.kind === "direct") return arrival.perSecond;
    if (trigger.kind === "log") return logBatches(arrival);
    if (trigger.kind === "queue") return queueBatches(arrival, trigger);
    return streamBatches(arrival, { ...trigger, lanes: this.#shards(trigger, arrival) * trigger.factor });
  }

  #shards({ kind, source }: Trigger, arrival: Arrival): number {
    const node = this.#model.nodes.get(source);
    return kind === "stream" && node ? shardsOf(node, arrival) : 1;
  }
}

const assumptionOf = ({ node }: FunctionModel): Assumption | undefined => PROGRAM[node.name];

const defaultAmount = ({ kind, service }: Right, { events, invocations }: Run): Amount => ({
  perSecond: kind === "list" ? invocations : events * DEFAULTS.perEvent,
  bytes: DEFAULTS.bytes[service] ?? 0,
});

/** What the function's code asks of what it may use, and the lines that it logs. */
function usesOf({ model, run }: RunState): Use[] {
  const { urn } = model.node;
  const own = assumptionOf(model)?.uses;
  const uses = model.rights.map((right): Use => {
    const amount = own?.[`${right.name} ${right.kind}`]?.(run) ?? defaultAmount(right, run);
    return { from: urn, to: right.to, kind: right.kind, ...amount };
  });
  if (model.logGroup === undefined) return uses;
  const lines = { perSecond: run.invocations, bytes: DEFAULTS.logBytesPerInvocation };
  return [...uses, { from: urn, to: model.logGroup, kind: "put", ...lines }];
}

function arrivalsOf(uses: readonly Use[]): Map<string, Arrival> {
  const arrivals = new Map<string, Arrival>();
  for (const { to, kind, perSecond, bytes } of uses) {
    if (kind !== "put" || perSecond === 0) continue;
    const before = arrivals.get(to) ?? NOTHING;
    const sum = before.perSecond + perSecond;
    const total = before.perSecond * before.bytes + perSecond * bytes;
    arrivals.set(to, { perSecond: sum, bytes: total / sum });
  }
  return arrivals;
}

/** Part by which a rate differs from that of the round before. */
const largestChange = (before: ReadonlyMap<string, Arrival>, next: ReadonlyMap<string, Arrival>): number =>
  Math.max(
    0,
    ...[...next].map(
      ([urn, { perSecond }]) => Math.abs(perSecond - (before.get(urn)?.perSecond ?? 0)) / perSecond,
    ),
  );

/** Waiting for the services that the code uses, once each per invocation: on one machine they answer at once. */
const waitingMs = ({ rights }: FunctionModel): number =>
  rights.reduce((sum, { service }) => sum + (DEFAULTS.latencyMs[service] ?? 0), 0);

function functionUse({ model, run, byTrigger }: RunState, baseline: Baseline | undefined): FunctionUse {
  const { node } = model;
  const figures =
    baseline && Object.hasOwn(baseline.functions, node.name) ? baseline.functions[node.name] : undefined;
  const assumption = assumptionOf(model);
  const base = figures?.durationMs.p50 ?? assumption?.unmeasuredMs ?? DEFAULTS.unmeasuredMs;
  const durationMs = base + (assumption?.workMs?.(run) ?? waitingMs(model));
  return {
    urn: node.urn,
    name: node.name,
    invocations: run.invocations,
    events: run.events,
    durationMs,
    initMs: figures?.initMs ?? DEFAULTS.unmeasuredInitMs,
    coldShare: DEFAULTS.coldShare,
    memoryMb: numberOf(node, "memorySize") ?? 128,
    measured: figures !== undefined,
    concurrency: (run.invocations * durationMs) / 1_000,
    byTrigger,
  };
}

const STORES: readonly string[] = [TYPES.bucket, TYPES.table];

/** What was put there and has not expired; twice the same key counts twice. */
function storedOf(model: Model, load: Load, arrivals: ReadonlyMap<string, Arrival>): Map<string, number> {
  const kept = load.storedMonths * SECONDS_PER_MONTH;
  return new Map(
    model.view.ofType(...STORES).map(({ urn, name }) => {
      const known = STORED[name];
      if (known) return [urn, known.bytes(load)];
      const { perSecond, bytes } = arrivals.get(urn) ?? NOTHING;
      const days = expirationDays(model, urn);
      return [urn, perSecond * bytes * Math.min(kept, days === undefined ? kept : days * 86_400)];
    }),
  );
}

/** Reads the graph once; what it returns lays any load on it. */
export const createWorkload = (graph: Graph, baseline: Baseline | undefined): ((load: Load) => Workload) => {
  const model = createModel(graph);
  return (load) => {
    const { uses, runs, arrivals, isSettled } = new Settling(model, load).settle();
    const functions = runs.map((state) => functionUse(state, baseline));
    const loop = isSettled ? [] : ["Events go round in this program without end: its figures are too low."];
    return {
      load,
      functions,
      uses,
      arrivals,
      stored: storedOf(model, load, arrivals),
      warnings: [...warningsOf({ model, load, arrivals, functions }), ...loop],
    };
  };
};

/** The names that a load's `sources` may have: every resource that events can enter, and every route. */
export const sourceNames = (graph: Graph): string[] => {
  const types: readonly string[] = Object.values(TYPES);
  return graph.resources
    .filter(({ type }) => types.includes(type) || type === "aws:lambda/function:Function")
    .map((node) => (node.type === TYPES.route ? knownText(node.inputs.routeKey) : node.name) ?? node.name);
};
