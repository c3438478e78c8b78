/** What trace events say, in the terms of hops. Pure. */
import type { TraceEvent } from "../../local/kit/trace.ts";

/** A function that ran. */
export interface Invocation {
  functionName: string;
  requestId: string;
  /** Of X-Ray; undefined where nobody knows it. */
  traceId: string | undefined;
  /** Milliseconds since the epoch, initialisation included. */
  startedAt: number;
  /** Milliseconds, without initialisation. */
  durationMs: number;
  /** Milliseconds; undefined when the environment was there. */
  initMs: number | undefined;
  status: string;
  /** What it wrote about the id. */
  messages: string[];
}

/** What a function asked of a service. */
export interface Call {
  invocation: Invocation;
  service: string;
  operation: string;
  /** ARN. */
  resource: string;
  startedAt: number;
  endedAt: number;
}

export interface Facts {
  invocations: Invocation[];
  calls: Call[];
  /** Of each kind, as they came. */
  of(kind: string): TraceEvent[];
}

export const textOf = (value: unknown): string =>
  value === undefined || value === null ? "" : String(value);

const messageOf = (line: unknown): string => {
  try {
    const { message } = JSON.parse(textOf(line)) as { message?: unknown };
    return typeof message === "string" ? message : "";
  } catch {
    return "";
  }
};

const invocationOf = (event: TraceEvent, lines: readonly TraceEvent[]): Invocation => {
  const durationMs = Number(event.durationMs ?? 0);
  const initMs = event.coldStart === true ? Number(event.initDurationMs ?? 0) : undefined;
  return {
    functionName: textOf(event.functionName),
    requestId: textOf(event.requestId),
    traceId: event.traceId === undefined ? undefined : textOf(event.traceId),
    startedAt: event.at - durationMs - (initMs ?? 0),
    durationMs,
    initMs,
    status: textOf(event.status),
    messages: lines
      .filter(({ requestId }) => requestId === event.requestId)
      .flatMap(({ line }) => messageOf(line) || []),
  };
};

const callsOf = (events: readonly TraceEvent[], invocations: readonly Invocation[]): Call[] =>
  events.flatMap((event) => {
    const invocation = invocations.find(({ traceId }) => traceId !== undefined && traceId === event.traceId);
    if (invocation === undefined) return [];
    return {
      invocation,
      service: textOf(event.service),
      operation: textOf(event.operation),
      resource: textOf(event.resource),
      startedAt: event.at - Number(event.durationMs ?? 0),
      endedAt: event.at,
    };
  });

/** Events in any order. */
export const factsOf = (events: readonly TraceEvent[]): Facts => {
  const of = (kind: string): TraceEvent[] => events.filter((event) => event.kind === kind);
  const lines = of("log");
  const invocations = of("invocation")
    .map((event) => invocationOf(event, lines))
    .sort((a, b) => a.startedAt - b.startedAt);
  return { invocations, calls: callsOf(of("aws"), invocations), of };
};
