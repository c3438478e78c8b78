/** The way of one correlation id through the system, as a tree. Pure. */
import type { TraceEvent } from "../../local/kit/trace.ts";
import { type Cause, causeOf, shortName } from "./causes.ts";
import { type Facts, factsOf, type Invocation, textOf } from "./facts.ts";

interface Hop {
  label: string;
  /** Milliseconds since the epoch. */
  startedAt: number;
  /** Undefined for what only carries. */
  endedAt: number | undefined;
  /** Columns after the label: status, duration, what was waited for, what was said. */
  columns: [status: string, duration: string, wait: string, said: string];
  children: Hop[];
}

export interface TraceTree {
  roots: Hop[];
  /** Requests and functions. */
  hops: number;
  /** From the first hop's start to the last one's end. */
  durationMs: number;
}

const milliseconds = (ms: number): string => `${ms.toFixed(1)} ms`;

const functionHop = (invocation: Invocation, waited: number | undefined): Hop => {
  const { functionName, status, durationMs, initMs, messages, startedAt } = invocation;
  const cold = initMs === undefined ? "" : ` (cold start ${milliseconds(initMs)})`;
  return {
    label: shortName(functionName),
    startedAt,
    endedAt: startedAt + durationMs + (initMs ?? 0),
    columns: [
      status,
      milliseconds(durationMs),
      waited === undefined ? "" : `+${milliseconds(Math.max(0, waited))}`,
      `${[...new Set(messages)].join(", ")}${cold}`.trim(),
    ],
    children: [],
  };
};

const requestHop = ({ method, path, status, latencyMs, at }: TraceEvent): Hop => {
  const durationMs = Number(latencyMs);
  return {
    label: `${textOf(method)} ${textOf(path)}`,
    startedAt: at - durationMs,
    endedAt: at,
    columns: [textOf(status), milliseconds(durationMs), "", ""],
    children: [],
  };
};

const carrierHop = (label: string, startedAt: number): Hop => ({
  label,
  startedAt,
  endedAt: undefined,
  columns: ["", "", "", ""],
  children: [],
});

/** The hop at the end of the carriers below `children`; those that stand there already are used again. */
const below = (children: Hop[], carriers: readonly string[], startedAt: number): Hop[] => {
  const [first, ...rest] = carriers;
  if (first === undefined) return children;
  const known = children.find(({ label, endedAt }) => label === first && endedAt === undefined);
  const hop = known ?? carrierHop(first, startedAt);
  if (known === undefined) children.push(hop);
  return below(hop.children, rest, startedAt);
};

class Builder {
  readonly #facts: Facts;
  readonly #roots: Hop[] = [];
  readonly #hops = new Map<Invocation, Hop>();

  constructor(facts: Facts) {
    this.#facts = facts;
  }

  build(): Hop[] {
    // First come those that began first: a function's cause has its hop by then.
    for (const invocation of this.#facts.invocations) this.#place(invocation);
    return this.#roots;
  }

  #place(invocation: Invocation): void {
    const request = this.#facts
      .of("request")
      .find(({ traceId }) => traceId !== undefined && traceId === invocation.traceId);
    if (request !== undefined) {
      const hop = requestHop(request);
      this.#roots.push(hop);
      hop.children.push(this.#hop(invocation, undefined));
      return;
    }
    const cause = causeOf(this.#facts, invocation);
    this.#beneath(cause).push(
      this.#hop(invocation, cause?.call && invocation.startedAt - cause.call.endedAt),
    );
  }

  #hop(invocation: Invocation, waited: number | undefined): Hop {
    const hop = functionHop(invocation, waited);
    this.#hops.set(invocation, hop);
    return hop;
  }

  #beneath(cause: Cause | undefined): Hop[] {
    if (cause === undefined) return this.#roots;
    const parent = cause.call && this.#hops.get(cause.call.invocation);
    return below(parent?.children ?? this.#roots, cause.carriers, cause.call?.endedAt ?? 0);
  }
}

const flat = (hops: readonly Hop[]): Hop[] => hops.flatMap((hop) => [hop, ...flat(hop.children)]);

/** Undefined when no function has written about the id. @param events those about one correlation id, in any order */
export const traceTree = (events: readonly TraceEvent[]): TraceTree | undefined => {
  const facts = factsOf(events);
  if (facts.invocations.length === 0) return undefined;
  const roots = new Builder(facts).build();
  const timed = flat(roots).filter(({ endedAt }) => endedAt !== undefined);
  const first = Math.min(...timed.map(({ startedAt }) => startedAt));
  const last = Math.max(...timed.map(({ endedAt = 0 }) => endedAt));
  return { roots, hops: timed.length, durationMs: last - first };
};

export const traceHeading = (id: string, { hops, durationMs }: TraceTree): string =>
  `Trace of ${id}: ${hops} ${hops === 1 ? "hop" : "hops"} in ${milliseconds(durationMs)}`;

/** A hop to a line, beneath what caused it. */
export const traceLines = ({ roots }: TraceTree): string[] => {
  const rows = roots.flatMap((root) => rowsOf(root, "", ""));
  const widths = [0, 1, 2, 3].map((column) =>
    rows.reduce((width, row) => Math.max(width, row[column]?.length ?? 0), 0),
  );
  return rows.map((row) =>
    row
      .map((cell, column) => {
        const width = widths[column] ?? 0;
        return column === 2 || column === 3 ? cell.padStart(width) : cell.padEnd(width);
      })
      .join("  ")
      .trimEnd(),
  );
};

const rowsOf = (hop: Hop, lead: string, indent: string): string[][] => [
  [`${lead}${hop.label}`, ...hop.columns],
  ...hop.children.flatMap((child, index) => {
    const isLast = index === hop.children.length - 1;
    return rowsOf(child, `${indent}${isLast ? "└─ " : "├─ "}`, `${indent}${isLast ? "   " : "│  "}`);
  }),
];
