/** Decides what a readings query asks for, and shapes its answer. Pure. */
import { type Item, readNumber, readText } from "../shared/attributes.ts";
import { hasShape } from "../shared/cached-page.ts";
import { limitProblem, type ProblemItem, readLimit } from "../shared/http.ts";
import { DAY, formatInstant, parseInstant } from "../shared/instant.ts";
import { bucketKey, bucketStart, RESOLUTIONS, type Resolution, startOfBucketKey } from "../shared/keys.ts";
import { DEFAULT_PAGE, MAX_PAGE } from "../shared/pages.ts";
import { justAfter } from "../shared/query.ts";

/** Query parameters as they come; `cursor` is opened by the handler. */
export interface QueryParameters {
  metric?: unknown;
  from?: unknown;
  to?: unknown;
  resolution?: unknown;
  limit?: unknown;
  cursor?: unknown;
}

export interface ReadingsQuery {
  metric: string;
  resolution: Resolution;
  /** Epoch ms, inclusive. */
  from: number;
  /** Epoch ms, exclusive. */
  to: number;
  limit: number;
}

/** Where a page ended: the range travels along, since `to` may have been "now". */
export interface Position {
  from: number;
  to: number;
  /** Sort key of the last point. */
  after: string;
}

export interface Point {
  /** ISO-8601 UTC. */
  start: string;
  count: number;
  sum: number;
  min: number;
  max: number;
  mean: number;
  last: number;
  /** ISO-8601 UTC. */
  lastAt: string;
}

const DEFAULT_RESOLUTION: Resolution = "hour";
const DEFAULT_RANGE = DAY;
const EXAMPLE = "2026-01-31T12:00:00Z";

function isResolution(value: unknown): value is Resolution {
  return typeof value === "string" && Object.hasOwn(RESOLUTIONS, value);
}

function readInstant(parameter: string, value: unknown, errors: ProblemItem[]): number | undefined {
  if (value === undefined) return undefined;
  const instant = typeof value === "string" ? parseInstant(value) : Number.NaN;
  if (!Number.isNaN(instant)) return instant;
  errors.push({ parameter, detail: `${parameter} must be an ISO-8601 UTC instant such as ${EXAMPLE}` });
  return undefined;
}

function readResolution(value: unknown, errors: ProblemItem[]): Resolution {
  if (value === undefined) return DEFAULT_RESOLUTION;
  if (isResolution(value)) return value;
  errors.push({ parameter: "resolution", detail: "resolution must be minute, hour or day" });
  return DEFAULT_RESOLUTION;
}

/** The finest resolution that a range of so many milliseconds may be asked at. */
function finestFor(range: number): string {
  for (const resolution of ["minute", "hour", "day"] as const) {
    const { maxRangeDays } = RESOLUTIONS[resolution];
    if (range <= maxRangeDays * DAY)
      return `use resolution=${resolution} (up to ${maxRangeDays} days) or a shorter range`;
  }
  return "ask for a shorter range";
}

function rangeProblem(from: number, to: number, resolution: Resolution): ProblemItem | undefined {
  if (from >= to) return { parameter: "from", detail: "from must be before to" };
  const { maxRangeDays } = RESOLUTIONS[resolution];
  const range = to - from;
  if (range <= maxRangeDays * DAY) return undefined;
  const asked = Math.ceil((range / DAY) * 100) / 100;
  const detail = `a range of ${asked} days is over the ${maxRangeDays} of ${resolution} resolution: ${finestFor(range)}`;
  return { parameter: "resolution", detail };
}

function readRange(
  parameters: QueryParameters,
  now: number,
  errors: ProblemItem[],
): { from: number; to: number } {
  const to = readInstant("to", parameters.to, errors) ?? now;
  const from = readInstant("from", parameters.from, errors) ?? to - DEFAULT_RANGE;
  return { from, to };
}

/** What the parameters ask for, or everything that is wrong with them. */
export function parseQuery(
  parameters: QueryParameters,
  now: number,
): { query: ReadingsQuery } | { errors: ProblemItem[] } {
  const errors: ProblemItem[] = [];
  const { metric } = parameters;
  if (typeof metric !== "string" || metric === "")
    errors.push({ parameter: "metric", detail: "metric is missing" });
  const resolution = readResolution(parameters.resolution, errors);
  const { from, to } = readRange(parameters, now, errors);
  const limit = readLimit(parameters.limit, { fallback: DEFAULT_PAGE, max: MAX_PAGE });
  if (limit === undefined) errors.push(limitProblem(MAX_PAGE));
  const range = errors.length === 0 ? rangeProblem(from, to, resolution) : undefined;
  if (range !== undefined) errors.push(range);
  if (errors.length > 0 || limit === undefined) return { errors };
  return { query: { metric: String(metric), resolution, from, to, limit } };
}

/** What a cursor of this query is bound to: the parameters as given. */
export function cursorContext(deviceId: string, { metric, from, to, resolution }: QueryParameters): string[] {
  return ["GET /devices/{deviceId}/readings", deviceId, JSON.stringify([metric, from, to, resolution])];
}

/** First and last sort key of the points in the range: each point whose bucket overlaps it. */
export function sortKeyRange(
  { from, to, resolution }: Pick<ReadingsQuery, "from" | "to" | "resolution">,
  after: string | undefined,
): { from: string; to: string } {
  const first = bucketKey(resolution, bucketStart(resolution, from));
  const last = bucketKey(resolution, bucketStart(resolution, to - 1));
  return { from: after === undefined ? first : justAfter(after), to: last };
}

export function toPoint(item: Item): Point {
  const count = readNumber(item, "count");
  const sum = readNumber(item, "sum") + readNumber(item, "sumLow");
  return {
    start: formatInstant(startOfBucketKey(readText(item, "sk"))),
    count,
    sum,
    min: readNumber(item, "min"),
    max: readNumber(item, "max"),
    mean: sum / count,
    last: readNumber(item, "last"),
    lastAt: formatInstant(readNumber(item, "lastAt")),
  };
}

/** Where a page ends. */
export const sortKeyOf = (resolution: Resolution, last: Point | undefined): string | undefined =>
  last && bucketKey(resolution, parseInstant(last.start));

export const isPoint = (value: unknown): value is Point =>
  hasShape<Point>(value, {
    start: "string",
    count: "number",
    sum: "number",
    min: "number",
    max: "number",
    mean: "number",
    last: "number",
    lastAt: "string",
  });
