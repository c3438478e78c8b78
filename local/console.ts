/** What the terminal shows of what happens: one line per request, invocation, line of a function and alarm. Pure. */
import type { TraceEvent } from "./kit/trace.ts";

/** Longest text of a function's line; the whole line is in its log group. */
const LONGEST = 300;

const text = (value: unknown): string => (value === undefined || value === null ? "" : String(value));
const milliseconds = (value: unknown): string => `${Number(value).toFixed(1)} ms`;
const shorten = (line: string): string => (line.length > LONGEST ? `${line.slice(0, LONGEST)}...` : line);

/** Logical names tell more than what is appended to them. */
const nameOf = (functionName: unknown): string => text(functionName).replace(/-function-[0-9a-f]{7}$/, "");

const invocation = (event: TraceEvent): string[] => [
  nameOf(event.functionName),
  text(event.status),
  milliseconds(event.durationMs),
  ...(event.coldStart ? [`cold=${milliseconds(event.initDurationMs ?? 0)}`] : []),
  ...(event.errorType ? [`error=${text(event.errorType)}`] : []),
  ...(event.requestId ? [`requestId=${text(event.requestId)}`] : []),
];

const request = (event: TraceEvent): string[] => [
  `${text(event.method)} ${text(event.path)}`,
  text(event.status),
  milliseconds(event.latencyMs),
  `route="${text(event.routeKey)}"`,
];

const parse = (line: string): Record<string, unknown> | undefined => {
  if (!line.startsWith("{")) return undefined;
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return undefined;
  }
};

/** A structured line as level, message and what else it holds; figures for CloudWatch are not shown. */
const logLine = (event: TraceEvent): string[] | undefined => {
  const line = text(event.line);
  const fields = parse(line);
  const name = nameOf(event.functionName);
  if (fields === undefined) return [name, shorten(line)];
  if (fields._aws !== undefined) return undefined;
  const { timestamp: _timestamp, requestId: _requestId, service: _service, level, message, ...rest } = fields;
  const said = typeof message === "string" ? message : JSON.stringify(message ?? {});
  const more = Object.keys(rest).length > 0 ? ` ${JSON.stringify(rest)}` : "";
  return [name, text(level), shorten(`${said}${more}`)];
};

/** Not that an alarm has found its first figures, or lost them again. */
const alarm = ({ alarm, from, to, reason }: TraceEvent): string[] | undefined =>
  from === "ALARM" || to === "ALARM"
    ? [text(alarm), `${text(from)} -> ${text(to)}`, text(reason)]
    : undefined;

const FORMATS: Readonly<Record<string, (event: TraceEvent) => string[] | undefined>> = {
  invocation,
  "access-log": request,
  log: logLine,
  alarm,
  inspect: (event) => [nameOf(event.functionName), text(event.url)],
};
const LABELS: Readonly<Record<string, string>> = { "access-log": "request" };

/** Undefined for what the terminal does not show. */
export function consoleLine(event: TraceEvent): string | undefined {
  const format = Object.hasOwn(FORMATS, event.kind) ? FORMATS[event.kind] : undefined;
  const parts = format?.(event);
  if (parts === undefined) return undefined;
  const time = new Date(event.at).toISOString().slice(11, 23);
  const label = (LABELS[event.kind] ?? event.kind).padEnd(10);
  return `${time} ${label} ${parts.filter((part) => part !== "").join("  ")}`;
}
