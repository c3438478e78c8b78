/** Route: `GET /reports/{date}?limit=&cursor=`. A day's series; 404 when none of the day's readings is reported. */
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { ROUTE_CLIENT_OPTIONS } from "../shared/clients.ts";
import { openCursor, sealCursor } from "../shared/cursor.ts";
import {
  badRequest,
  cursorProblem,
  limitProblem,
  notFound,
  type ProblemItem,
  type RouteRequest,
  type RouteResponse,
  readLimit,
} from "../shared/http.ts";
import { parseDay } from "../shared/lake/layout.ts";
import { DEFAULT_PAGE, MAX_PAGE } from "../shared/pages.ts";
import { AFTER_ALL, justAfter, queryPage } from "../shared/query.ts";
import {
  fromBuildItem,
  fromSeriesItem,
  type ReportBuild,
  type SeriesReport,
  seriesPartition,
  seriesSortKey,
} from "../shared/report.ts";

const dynamodb = new DynamoDBClient(ROUTE_CLIENT_OPTIONS);
/** A bucket has four digits, a day fewer than this many of them. */
const MOST_BUCKETS = 256;

export interface GetReportDeps {
  /** Name of the reports' table. */
  table: string;
  /** Secret that cursors are signed with, at least 16 characters. */
  cursorKey: string;
  /** Replaced in tests. */
  client?: DynamoDBClient;
}

/** Where a page ended: good in later builds of the day, too. */
interface Position {
  bucket: number;
  after: string;
}

type GetReportRequest = RouteRequest<{ date: string }, { limit?: unknown; cursor?: unknown }>;

function problemsOf(
  { path, query }: GetReportRequest,
  limit: number | undefined,
  key: string,
): ProblemItem[] {
  const errors: ProblemItem[] = [];
  if (Number.isNaN(parseDay(path.date))) {
    errors.push({ parameter: "date", detail: "date must be a day that exists, such as 2026-01-31" });
  }
  if (limit === undefined) errors.push(limitProblem(MAX_PAGE));
  if (query.cursor !== undefined && !positionOf(path.date, query.cursor, key)) errors.push(cursorProblem());
  return errors;
}

function positionOf(date: string, cursor: unknown, key: string): Position | undefined {
  return typeof cursor === "string"
    ? openCursor<Position>(key, ["GET /reports/{date}", date], cursor)
    : undefined;
}

/** Up to `limit` series after the position, bucket after bucket. */
async function readSeries(
  deps: GetReportDeps,
  date: string,
  { builds, limit, position }: { builds: ReportBuild[]; limit: number; position?: Position },
): Promise<{ series: SeriesReport[]; end?: Position }> {
  const { client = dynamodb, table } = deps;
  const series: SeriesReport[] = [];
  let end: Position | undefined;
  for (const { bucket, build } of builds.filter(({ bucket: own }) => own >= (position?.bucket ?? 0))) {
    if (series.length === limit) return { series, end };
    const from = justAfter(position?.bucket === bucket ? position.after : "");
    const pk = seriesPartition(date, bucket, build);
    const page = await queryPage(client, table, { pk, from, to: AFTER_ALL, limit: limit - series.length });
    series.push(...page.entries.map(fromSeriesItem));
    const last = series.at(-1);
    if (last) end = { bucket, after: seriesSortKey(last.deviceId, last.metric) };
    if (page.more) return { series, end };
  }
  return { series };
}

/** Answers with a day's report. */
export async function getReport(request: GetReportRequest, deps: GetReportDeps): Promise<RouteResponse> {
  const { client = dynamodb, table, cursorKey } = deps;
  const { date } = request.path;
  const limit = readLimit(request.query.limit, { fallback: DEFAULT_PAGE, max: MAX_PAGE });
  const errors = problemsOf(request, limit, cursorKey);
  if (errors.length > 0 || limit === undefined) return badRequest(errors);
  const days = await queryPage(client, table, { pk: date, from: " ", to: AFTER_ALL, limit: MOST_BUCKETS });
  if (days.entries.length === 0) return notFound(`There is no report of ${date}.`);
  const builds = days.entries.map(fromBuildItem);
  const position = positionOf(date, request.query.cursor, cursorKey);
  const { series, end } = await readSeries(deps, date, { builds, limit, position });
  const cursor = end && sealCursor(cursorKey, ["GET /reports/{date}", date], end);
  return { body: { date, series, cursor } };
}
