/**
 * One line of an access log -> an entry, or why it is none. Pure.
 *
 * JSON: the API's own format, one object a line; numbers may be text, and "-" stands for what is not there.
 * Otherwise the common or the combined format: https://httpd.apache.org/docs/2.4/logs.html#accesslog
 */
import type { AccessEntry } from "../shared/access-entry.ts";

/** A longer line is taken for no access log's. Bytes. */
export const LONGEST_LINE = 65_536;
/** Longest text of any kind in an entry, characters. */
const LONGEST_TEXT = 8_192;
/** 1990 to 2100: anything else is a broken clock. Epoch milliseconds. */
const [FIRST_TIME, LAST_TIME] = [Date.UTC(1990, 0, 1), Date.UTC(2100, 0, 1)];

class LineError extends Error {
  override name = "LineError";
}

/** @returns the entry, or the reason why the line is none */
export function parseLine(line: string): AccessEntry | string {
  try {
    return line.trimStart().startsWith("{") ? parseJson(line) : parseCombined(line);
  } catch (error) {
    if (error instanceof LineError) return error.message;
    throw error;
  }
}

/** Null for `-`, empty and absent. @throws LineError when it is neither text nor a number, or too long */
function text(value: unknown, name: string): string | null {
  if (value === undefined || value === null || value === "" || value === "-") return null;
  if (typeof value !== "string" && typeof value !== "number") throw new LineError(`${name} is not text`);
  const found = String(value);
  if (found.length > LONGEST_TEXT) throw new LineError(`${name} is over ${LONGEST_TEXT} characters`);
  return found;
}

/** A whole number from 0 on; null for `-`. */
function count(value: unknown, name: string): number | null {
  const found = text(value, name);
  if (found === null) return null;
  if (!/^\d{1,15}$/.test(found)) throw new LineError(`${name} is not a whole number`);
  return Number(found);
}

function statusOf(value: unknown): number {
  const status = count(value, "status");
  if (status === null || status < 100 || status > 599) throw new LineError("status is not from 100 to 599");
  return status;
}

function instant(time: number): string {
  if (!(time >= FIRST_TIME && time < LAST_TIME)) throw new LineError("time is not between 1990 and 2100");
  return new Date(time).toISOString();
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const COMMON_TIME = /^(\d\d)\/([A-Z][a-z]{2})\/(\d{4}):(\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)$/;

/** `10/Oct/2000:13:55:36 -0700`; not a number for anything else. */
function commonTime(value: string): number {
  const [, day, month = "", year, hour, minute, second, sign, hours, minutes] = COMMON_TIME.exec(value) ?? [];
  const monthNumber = String(MONTHS.indexOf(month) + 1).padStart(2, "0");
  return Date.parse(`${year}-${monthNumber}-${day}T${hour}:${minute}:${second}${sign}${hours}:${minutes}`);
}

const ISO_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/;

/** From `timeEpoch` (milliseconds), else from `time` in ISO 8601 or common form. */
function jsonTime({ timeEpoch, time }: Record<string, unknown>): string {
  const epoch = count(timeEpoch, "timeEpoch");
  if (epoch !== null) return instant(epoch);
  const written = text(time, "time") ?? "";
  return instant(ISO_TIME.test(written) ? Date.parse(written) : commonTime(written));
}

function parseJson(line: string): AccessEntry {
  const fields = objectOf(line);
  return {
    at: jsonTime(fields),
    method: methodOf(fields.method),
    path: text(fields.path, "path"),
    protocol: text(fields.protocol, "protocol"),
    status: statusOf(fields.status),
    bytes: count(fields.responseLength, "responseLength"),
    latencyMs: count(fields.responseLatency, "responseLatency"),
    ip: text(fields.ip, "ip"),
    userAgent: text(fields.userAgent, "userAgent"),
    referrer: text(fields.referrer, "referrer"),
    requestId: text(fields.requestId, "requestId"),
    routeKey: text(fields.routeKey, "routeKey"),
    clientId: text(fields.clientId, "clientId"),
  };
}

function objectOf(line: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value === "object" && value !== null && !Array.isArray(value))
      return value as Record<string, unknown>;
  } catch {
    // Told below.
  }
  throw new LineError("not a JSON object");
}

/** https://www.rfc-editor.org/rfc/rfc9110.html#name-methods: a token; any case is kept. */
function methodOf(value: unknown): string | null {
  const method = text(value, "method");
  if (method !== null && !/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}$/.test(method))
    throw new LineError("method is not a token");
  return method;
}

const QUOTED = String.raw`"((?:[^"\\]|\\.)*)"`;
/** Host, identity, user, time, request, status, bytes, and for the combined format referrer and user agent. */
const COMBINED = new RegExp(
  String.raw`^(\S{1,256}) \S+ \S+ \[([^\]]{1,64})\] ${QUOTED} (\d{3}|-) (\d+|-)(?: ${QUOTED} ${QUOTED})?$`,
);
const REQUEST = /^(\S+) (\S+)(?: (\S+))?$/;

function parseCombined(line: string): AccessEntry {
  const found = COMBINED.exec(line);
  if (found === null) throw new LineError("neither JSON nor common nor combined format");
  const [, ip, time = "", request = "", status, bytes, referrer, userAgent] = found;
  const [, method, path, protocol] = REQUEST.exec(unquote(request)) ?? [];
  return {
    at: instant(commonTime(time)),
    method: methodOf(method),
    path: text(path, "path"),
    protocol: text(protocol, "protocol"),
    status: statusOf(status),
    bytes: count(bytes, "bytes"),
    latencyMs: null,
    ip: text(ip, "host"),
    userAgent: text(unquote(userAgent ?? ""), "user agent"),
    referrer: text(unquote(referrer ?? ""), "referrer"),
    requestId: null,
    routeKey: null,
    clientId: null,
  };
}

/** Servers escape quotes and backslashes in what a client has sent. */
function unquote(quoted: string): string {
  return quoted.replace(/\\(["\\])/g, "$1");
}
