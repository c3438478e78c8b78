/**
 * A trace on AWS, from what CloudWatch Logs has: functions' lines, Lambda's reports and the APIs' access logs.
 *
 * What carried a request from one function to the next (stream, table, bus, queue) is in no log, so that functions stand
 * in the order of time. X-Ray would not tell either: its traces end at streams and at tables' changes, and HTTP APIs do
 * not begin any.
 * Source: https://docs.aws.amazon.com/xray/latest/devguide/xray-services.html
 */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { CloudWatchLogsClient, FilterLogEventsCommand } from "@aws-sdk/client-cloudwatch-logs";
import type { TraceEvent } from "../../local/kit/trace.ts";

export interface DeployedSearch {
  directory: string;
  stack: string;
  id: string;
  /** Milliseconds since the epoch. */
  since: number;
}

/** A line, and where it stands. */
interface Found {
  group: string;
  stream: string;
  at: number;
  text: string;
}

export interface LineSearch {
  group: string;
  /** Of one environment; all of the group without it. */
  stream?: string;
  /** A filter pattern of CloudWatch Logs. */
  pattern: string;
  /** Milliseconds since the epoch. */
  since: number;
  /** Whether the first line is enough. */
  first?: boolean;
}

/** Lines that pass, oldest first. */
export type FindLines = (search: LineSearch) => Promise<Found[]>;

const FUNCTION_GROUP = /^\/aws\/lambda\/(.+)$/;

/** @throws {Error} when the stack cannot be read */
export async function deployedEvents(search: DeployedSearch): Promise<TraceEvent[]> {
  const { groups, region } = await exported(search);
  const client = new CloudWatchLogsClient(region === undefined ? {} : { region });
  try {
    return await gather(search, groups, findLinesWith(client));
  } finally {
    client.destroy();
  }
}

/** Trace events from lines, as the runtime on a developer's machine would have emitted them. */
export async function gather(
  { id, since }: Pick<DeployedSearch, "id" | "since">,
  groups: readonly string[],
  findLines: FindLines,
): Promise<TraceEvent[]> {
  const functionGroups = groups.filter((group) => FUNCTION_GROUP.test(group));
  const found = await Promise.all(
    functionGroups.map((group) => findLines({ group, pattern: JSON.stringify(id), since })),
  );
  const lines = found.flat().filter(({ text }) => namesId(text, id));
  const runs = await Promise.all(lines.map((line) => runOf(line, findLines)));
  const apis = groups.filter((group) => !FUNCTION_GROUP.test(group));
  const requests = await Promise.all(
    [...apiRequests(lines, runs)].map(([requestId, traceId]) =>
      requestOf({ requestId, traceId, since }, apis, findLines),
    ),
  );
  return [...distinct(runs.flat()), ...requests.flat()];
}

const fieldsOf = (text: string): Record<string, unknown> => {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
};

const namesId = (text: string, id: string): boolean => {
  const { correlationId, correlationIds } = fieldsOf(text);
  return correlationId === id || (Array.isArray(correlationIds) && correlationIds.includes(id));
};

/** One environment runs one invocation at a time: the next report in its stream is that of the line's invocation. */
async function runOf({ group, stream, at, text }: Found, findLines: FindLines): Promise<TraceEvent[]> {
  const pattern = '{ $.type = "platform.report" }';
  const [report] = await findLines({ group, stream, pattern, since: at, first: true });
  if (report === undefined) return [];
  const { record } = fieldsOf(report.text) as {
    record?: { requestId?: string; status?: string; metrics?: Metrics };
  };
  const { durationMs = 0, initDurationMs } = record?.metrics ?? {};
  const requestId = record?.requestId ?? "";
  return [
    { kind: "log", at, requestId, line: text },
    {
      kind: "invocation",
      at: report.at,
      functionName: FUNCTION_GROUP.exec(group)?.[1] ?? group,
      requestId,
      // Each invocation is a trace of its own here; its request is given the same.
      traceId: requestId,
      status: record?.status === "success" ? "ok" : (record?.status ?? "unknown"),
      durationMs,
      coldStart: initDurationMs !== undefined,
      initDurationMs,
    },
  ];
}

interface Metrics {
  durationMs?: number;
  initDurationMs?: number;
}

/** The API's request id in a function's line -> the trace of the function's invocation. */
const apiRequests = (lines: readonly Found[], runs: readonly TraceEvent[][]): Map<string, string> =>
  new Map(
    lines.flatMap(({ text }, index): [string, string][] => {
      const { requestId } = fieldsOf(text);
      const traceId = runs[index]?.[1]?.traceId;
      return typeof requestId === "string" && typeof traceId === "string" ? [[requestId, traceId]] : [];
    }),
  );

async function requestOf(
  { requestId, traceId, since }: { requestId: string; traceId: string; since: number },
  groups: readonly string[],
  findLines: FindLines,
): Promise<TraceEvent[]> {
  const pattern = `{ $.requestId = ${JSON.stringify(requestId)} }`;
  const found = await Promise.all(groups.map((group) => findLines({ group, pattern, since, first: true })));
  return found.flat().flatMap(({ text, at }): TraceEvent[] => {
    const {
      httpMethod,
      method = httpMethod,
      path,
      status,
      responseLatency,
      latency = responseLatency,
    } = fieldsOf(text);
    if (status === undefined) return [];
    const said = { method: String(method), path: String(path), status: Number(status) };
    return [{ kind: "request", at, traceId, ...said, latencyMs: Number(latency ?? 0) }];
  });
}

/** Several lines of one invocation find it several times. */
const distinct = (events: readonly TraceEvent[]): TraceEvent[] => {
  const runs = new Map(events.filter(({ kind }) => kind === "invocation").map((run) => [run.requestId, run]));
  return [...events.filter(({ kind }) => kind === "log"), ...runs.values()];
};

const findLinesWith =
  (client: CloudWatchLogsClient): FindLines =>
  async (search) => {
    const found: Found[] = [];
    let nextToken: string | undefined;
    do {
      const page = await client.send(commandFor(search, nextToken));
      for (const { logStreamName = "", timestamp = 0, message = "" } of page.events ?? [])
        found.push({ group: search.group, stream: logStreamName, at: timestamp, text: message });
      nextToken = page.nextToken;
    } while (nextToken !== undefined && !(search.first && found.length > 0));
    found.sort((a, b) => a.at - b.at);
    return search.first ? found.slice(0, 1) : found;
  };

const commandFor = (
  { group, stream, pattern, since }: LineSearch,
  nextToken: string | undefined,
): FilterLogEventsCommand =>
  new FilterLogEventsCommand({
    logGroupName: group,
    ...(stream === undefined ? {} : { logStreamNames: [stream] }),
    filterPattern: pattern,
    startTime: since,
    nextToken,
  });

interface Exported {
  deployment?: { resources?: { type: string; outputs?: { name?: unknown; region?: unknown } }[] };
}

/** The stack's log groups, as Pulumi knows them. */
async function exported({
  directory,
  stack,
}: Pick<DeployedSearch, "directory" | "stack">): Promise<{ groups: string[]; region: string | undefined }> {
  const args = ["stack", "export", "--stack", stack];
  const options = { cwd: directory, maxBuffer: 256 * 1024 * 1024 };
  const { stdout } = await promisify(execFile)("pulumi", args, options).catch((error: unknown) => {
    throw new Error(exportProblem(stack, error));
  });
  const resources = (JSON.parse(stdout) as Exported).deployment?.resources ?? [];
  const logGroups = resources.filter(({ type }) => type === "aws:cloudwatch/logGroup:LogGroup");
  if (logGroups.length === 0)
    throw new Error(
      `Stack "${stack}" has no log groups. Deploy the program first: npm run up -- --stack ${stack}.`,
    );
  const region = logGroups[0]?.outputs?.region;
  return {
    groups: logGroups.map(({ outputs }) => String(outputs?.name)),
    region: typeof region === "string" ? region : undefined,
  };
}

function exportProblem(stack: string, error: unknown): string {
  if ((error as NodeJS.ErrnoException).code === "ENOENT")
    return `Reading stack "${stack}" needs the Pulumi CLI on PATH: https://www.pulumi.com/docs/install.`;
  const said = String((error as { stderr?: string }).stderr ?? error)
    .trim()
    .split("\n")[0];
  return `Stack "${stack}" cannot be read: ${said}`;
}
