/** A log event as a line for people. Pure. */
import type { LogEvent } from "./events.ts";

type Fields = Record<string, unknown>;

/** What every line has, or what its place shows already. */
const HIDDEN = new Set(["timestamp", "level", "message", "service", "_aws"]);

const parsed = (message: string): Fields | undefined => {
  if (!message.startsWith("{")) return undefined;
  try {
    return JSON.parse(message);
  } catch {
    return undefined;
  }
};

const textOf = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));

const rest = (fields: Fields): string[] =>
  Object.entries(fields)
    .filter(([key, value]) => !HIDDEN.has(key) && value !== undefined && value !== "-")
    .map(([key, value]) => `${key}=${textOf(value)}`);

/** https://docs.aws.amazon.com/lambda/latest/dg/telemetry-schema-reference.html#platform-report */
interface Report {
  status?: string;
  metrics?: { durationMs?: number; initDurationMs?: number; maxMemoryUsedMB?: number };
}

const reportText = ({ status = "", metrics = {} }: Report): string => {
  const { durationMs = 0, initDurationMs, maxMemoryUsedMB } = metrics;
  const cold = initDurationMs === undefined ? "" : `, cold start ${initDurationMs.toFixed(0)} ms`;
  const memory = maxMemoryUsedMB === undefined ? "" : `, ${maxMemoryUsedMB} MB`;
  return `${status} in ${durationMs.toFixed(1)} ms${cold}${memory}`;
};

/** What a line says; nothing for Lambda's own remarks that its report repeats. */
const bodyOf = (message: string): string | undefined => {
  const fields = parsed(message);
  if (fields === undefined) return message;
  const { type, record, level, message: said } = fields;
  if (type === "platform.report") return `REPORT ${reportText((record ?? {}) as Report)}`;
  if (typeof type === "string" && type.startsWith("platform.") && level === undefined) return undefined;
  if (Object.hasOwn(fields, "_aws")) return `METRIC ${rest(fields).join(" ")}`;
  return [level ?? "", said === undefined ? "" : textOf(said), ...rest(fields)]
    .filter((part) => part !== "")
    .join(" ");
};

export interface LineOptions {
  /** Width of the names' column. */
  width: number;
  /** The message as it is, whatever it is. */
  raw: boolean;
}

/**
 * A published version in the name of an environment's log stream: `2026/01/31/greet-function[12]<id>`, in the
 * function's own group without the function's name. `$LATEST` is none.
 * Source: https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-loggroups.html
 */
const VERSION = /^\d{4}\/\d\d\/\d\d\/[\w-]*(\[\d+\])/;

/** `12:00:00.123 greet  [12] INFO hello correlationId=...`; undefined for what is not shown. */
export function lineOf(
  { at, name, stream, message }: LogEvent,
  { width, raw }: LineOptions,
): string | undefined {
  const body = raw ? message : bodyOf(message);
  if (body === undefined) return undefined;
  const version = VERSION.exec(stream)?.[1];
  const said = version === undefined ? body : `${version} ${body}`;
  return `${new Date(at).toISOString().slice(11, 23)} ${name.padEnd(width)}  ${said}`;
}

/**
 * What finds the lines that name an id, wherever in the line: a line about a batch names up to ten.
 * Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
 */
export const idPattern = (id: string): string => JSON.stringify(id);
