/**
 * A trace on AWS, from what CloudWatch Logs has: functions' lines, Lambda's reports and the APIs' access logs.
 *
 * What carried a request from one function to the next (stream, table, bus, queue) is in no log, so that functions stand
 * in the order of time. X-Ray would not tell either: its traces end at streams and at tables' changes, and HTTP APIs do
 * not begin any.
 * Source: https://docs.aws.amazon.com/xray/latest/devguide/xray-services.html
 */
import type { TraceEvent } from "../../local/kit/trace.ts";
import { namesId } from "../../local/kit/trace-selection.ts";
import { deployedLogs, explainLogs } from "../logs/client.ts";
import { eventsOf, type LogEvent, type Search } from "../logs/events.ts";
import { accessLogGroups, deployedSources, type LogSource } from "../logs/groups.ts";
import { idPattern } from "../logs/line.ts";
import { type ExportedResource, exportedStack } from "../shared/exported.ts";
import { fewAtOnce } from "../shared/few-at-once.ts";

export interface DeployedSearch {
  directory: string;
  stack: string;
  id: string;
  /** Milliseconds since the epoch. */
  since: number;
}

/** Whose lines are searched. */
interface Sources {
  functions: readonly LogSource[];
  apis: readonly LogSource[];
}

/** Events of a group that pass, by time. */
export type FindLines = (source: LogSource, search: Search) => AsyncIterable<LogEvent>;

/** Searches at a time: AWS takes a few such requests a second, of the whole account. */
const AT_ONCE = 4;
/** An invocation ends within 15 minutes, and is reported then. */
const LONGEST_RUN = 16 * 60_000;
/** A pattern has up to 1,024 characters: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html */
const REQUESTS_A_SEARCH = 10;
/** As HTTP APIs give them. */
const REQUEST_ID = /^[\w+/=-]{1,64}$/;

/** @throws {Error} when the stack or its logs cannot be read */
export async function deployedEvents({ directory, stack, ...search }: DeployedSearch): Promise<TraceEvent[]> {
  const resources = await exportedStack(directory, stack);
  const { region, sources } = deployedSources(resources, stack);
  const client = deployedLogs(region);
  try {
    return await gather(search, searchedSources(resources, sources), (...found) =>
      eventsOf(client, ...found),
    );
  } catch (error) {
    throw explainLogs(error);
  } finally {
    client.destroy();
  }
}

/** Every group that no API writes to may have functions' lines. */
export const searchedSources = (
  resources: readonly ExportedResource[],
  sources: readonly LogSource[],
): Sources => {
  const access = accessLogGroups(resources);
  const { functions = [], apis = [] } = Object.groupBy(sources, ({ group }) =>
    access.has(group) ? "apis" : "functions",
  );
  return { functions, apis };
};

/** Trace events from lines, as the runtime on a developer's machine would have emitted them. */
export async function gather(
  search: Pick<DeployedSearch, "id" | "since">,
  { functions, apis }: Sources,
  findLines: FindLines,
): Promise<TraceEvent[]> {
  const written = await fewAtOnce(functions, AT_ONCE, (source) => linesOf(source, search, findLines));
  const runs = (await fewAtOnce(written.flat(), AT_ONCE, (lines) => runsOf(lines, findLines))).flat();
  const searches = requestSearches(runs, apis, search.since);
  const requests = await fewAtOnce(searches, AT_ONCE, (each) => requestsOf(each, findLines));
  return [...runs.map(logEvent), ...invocationEvents(runs), ...requests.flat()];
}

/** What an environment wrote about the id, by time; at least one line. */
interface Written {
  source: LogSource;
  stream: string;
  lines: readonly LogEvent[];
}

async function linesOf(
  source: LogSource,
  { id, since }: Pick<DeployedSearch, "id" | "since">,
  findLines: FindLines,
): Promise<Written[]> {
  const found = await Array.fromAsync(findLines(source, { since, pattern: idPattern(id) }));
  const lines = found.filter(({ message }) => namesId(message, id));
  return [...Map.groupBy(lines, ({ stream }) => stream)].map(([stream, own]) => ({
    source,
    stream,
    lines: own,
  }));
}

/** A line, and the report of the invocation that wrote it. */
interface Run {
  line: LogEvent;
  report: LogEvent;
  requestId: string;
}

/** One environment runs one invocation at a time: the next report in its stream is that of the line's invocation. */
async function runsOf({ source, stream, lines }: Written, findLines: FindLines): Promise<Run[]> {
  const times = lines.map(({ at }) => at);
  const reports = await Array.fromAsync(
    findLines(source, {
      since: Math.min(...times),
      until: Math.max(...times) + LONGEST_RUN,
      streams: [stream],
      pattern: '{ $.type = "platform.report" }',
    }),
  );
  return lines.flatMap((line) => {
    const report = reports.find(({ at }) => at >= line.at);
    return report === undefined
      ? []
      : [{ line, report, requestId: recordOf(report.message).requestId ?? "" }];
  });
}

const fieldsOf = (text: string): Record<string, unknown> => {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
};

/** https://docs.aws.amazon.com/lambda/latest/dg/telemetry-schema-reference.html#platform-report */
interface ReportRecord {
  requestId?: string;
  status?: string;
  metrics?: { durationMs?: number; initDurationMs?: number };
}

const recordOf = (report: string): ReportRecord => (fieldsOf(report).record ?? {}) as ReportRecord;

const logEvent = ({ line, requestId }: Run): TraceEvent => ({
  kind: "log",
  at: line.at,
  requestId,
  line: line.message,
});

/** Several lines of one invocation find it several times. */
const invocationEvents = (runs: readonly Run[]): TraceEvent[] =>
  [...new Map(runs.map((run) => [run.requestId, run])).values()].map(({ report, requestId }) => {
    const { status, metrics: { durationMs = 0, initDurationMs } = {} } = recordOf(report.message);
    return {
      kind: "invocation",
      at: report.at,
      functionName: report.name,
      requestId,
      // Each invocation is a trace of its own here; its request is given the same.
      traceId: requestId,
      status: status === "success" ? "ok" : (status ?? "unknown"),
      durationMs,
      coldStart: initDurationMs !== undefined,
      initDurationMs,
    };
  });

interface RequestSearch {
  api: LogSource;
  /** The API's request id -> the trace of the function's invocation. */
  traces: ReadonlyMap<string, string>;
  since: number;
}

/** The API's request id is in a function's line. */
const requestSearches = (
  runs: readonly Run[],
  apis: readonly LogSource[],
  since: number,
): RequestSearch[] => {
  const all = new Map(
    runs.flatMap(({ line, requestId: traceId }): [string, string][] => {
      const { requestId } = fieldsOf(line.message);
      return typeof requestId === "string" && REQUEST_ID.test(requestId) ? [[requestId, traceId]] : [];
    }),
  );
  return chunks([...all], REQUESTS_A_SEARCH).flatMap((some) =>
    apis.map((api) => ({ api, traces: new Map(some), since })),
  );
};

const chunks = <Item>(items: readonly Item[], size: number): Item[][] =>
  Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  );

/** Reads no further than to the last of those asked for. */
async function requestsOf(
  { api, traces, since }: RequestSearch,
  findLines: FindLines,
): Promise<TraceEvent[]> {
  const conditions = [...traces.keys()].map((id) => `($.requestId = ${JSON.stringify(id)})`);
  const found = new Map<string, TraceEvent>();
  for await (const { at, message } of findLines(api, { since, pattern: `{ ${conditions.join(" || ")} }` })) {
    const fields = fieldsOf(message);
    const requestId = String(fields.requestId);
    const traceId = traces.get(requestId);
    if (traceId !== undefined && fields.status !== undefined)
      found.set(requestId, requestEvent(at, traceId, fields));
    if (found.size === traces.size) break;
  }
  return [...found.values()];
}

const requestEvent = (at: number, traceId: string, fields: Record<string, unknown>): TraceEvent => {
  const {
    httpMethod,
    method = httpMethod,
    path,
    status,
    responseLatency,
    latency = responseLatency,
  } = fields;
  const said = { method: String(method), path: String(path), status: Number(status) };
  return { kind: "request", at, traceId, ...said, latencyMs: Number(latency ?? 0) };
};
