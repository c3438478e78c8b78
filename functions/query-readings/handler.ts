/**
 * Route: `GET /devices/{deviceId}/readings?metric=&from=&to=&resolution=&limit=&cursor=`. Aggregates of one metric in
 * order of time: each minute, hour or day that overlaps [from, to).
 *
 * 400 names each parameter that is wrong; 404 when no reading of this metric from this device has ever arrived.
 */
import { DynamoDBClient, GetItemCommand } from "@aws-sdk/client-dynamodb";
import { keyItem } from "../shared/attributes.ts";
import { cachedPage } from "../shared/cached-page.ts";
import { ROUTE_CLIENT_OPTIONS } from "../shared/clients.ts";
import { openCursor, sealCursor } from "../shared/cursor.ts";
import {
  badRequest,
  cursorProblem,
  notFound,
  type RouteRequest,
  type RouteResponse,
} from "../shared/http.ts";
import { formatInstant } from "../shared/instant.ts";
import { latestKey, seriesKey } from "../shared/keys.ts";
import { type Page, queryPage } from "../shared/query.ts";
import { type ReadCache, readThrough } from "../shared/read-cache.ts";
import {
  cursorContext,
  isPoint,
  type Point,
  type Position,
  parseQuery,
  type QueryParameters,
  type ReadingsQuery,
  sortKeyOf,
  sortKeyRange,
  toPoint,
} from "./core.ts";

const dynamodb = new DynamoDBClient(ROUTE_CLIENT_OPTIONS);

export interface QueryReadingsDeps {
  /** Name of the readings table. */
  table: string;
  /** Secret that cursors are signed with, at least 16 characters. */
  cursorKey: string;
  /** In front of the table. @default none */
  cache?: ReadCache;
  /** Replaced in tests. */
  client?: DynamoDBClient;
  now?: () => number;
}

type QueryReadingsRequest = RouteRequest<{ deviceId: string }, QueryParameters>;

/** Has a reading of this metric ever arrived? */
async function isKnown(deps: QueryReadingsDeps, deviceId: string, metric: string): Promise<boolean> {
  const { client = dynamodb, table } = deps;
  const command = new GetItemCommand({ TableName: table, Key: keyItem(latestKey(deviceId, metric)) });
  return (await client.send(command)).Item !== undefined;
}

async function readPoints(
  { client = dynamodb, table, cache }: QueryReadingsDeps,
  deviceId: string,
  query: ReadingsQuery,
  after?: string,
): Promise<Page<Point>> {
  const { from, to } = sortKeyRange(query, after);
  const { metric, limit } = query;
  return readThrough(cache, cachedPage(["points", deviceId, metric, from, to, limit], isPoint), async () => {
    const pk = seriesKey(deviceId, metric);
    const { entries, more } = await queryPage(client, table, { pk, from, to, limit });
    return { entries: entries.map(toPoint), more };
  });
}

async function answer(
  request: QueryReadingsRequest,
  deps: QueryReadingsDeps,
  query: ReadingsQuery,
  after?: string,
): Promise<RouteResponse> {
  const { cursorKey } = deps;
  const { deviceId } = request.path;
  const { metric, resolution, from, to } = query;
  const page = await readPoints(deps, deviceId, query, after);
  if (page.entries.length === 0 && after === undefined && !(await isKnown(deps, deviceId, metric))) {
    return notFound(`No reading of metric "${metric}" from device "${deviceId}" has arrived.`);
  }
  const position = { from, to, after: sortKeyOf(resolution, page.entries.at(-1)) };
  const cursor = page.more
    ? sealCursor(cursorKey, cursorContext(deviceId, request.query), position)
    : undefined;
  const span = { from: formatInstant(from), to: formatInstant(to) };
  const body = { deviceId, metric, resolution, ...span, points: page.entries, cursor };
  return { body };
}

/** Where to go on: undefined for the first page, "unknown" when the cursor is not one of this query. */
function positionOf(request: QueryReadingsRequest, cursorKey: string): Position | undefined | "unknown" {
  const { cursor } = request.query;
  if (cursor === undefined) return undefined;
  const context = cursorContext(request.path.deviceId, request.query);
  return openCursor<Position>(cursorKey, context, String(cursor)) ?? "unknown";
}

/** Answers with one metric's aggregates. */
export async function queryReadings(
  request: QueryReadingsRequest,
  deps: QueryReadingsDeps,
): Promise<RouteResponse> {
  const parsed = parseQuery(request.query, (deps.now ?? Date.now)());
  const position = positionOf(request, deps.cursorKey);
  const errors = "errors" in parsed ? parsed.errors : [];
  if (position === "unknown") return badRequest([...errors, cursorProblem()]);
  if ("errors" in parsed) return badRequest(errors);
  if (position === undefined) return answer(request, deps, parsed.query);
  const { from, to, after } = position;
  return answer(request, deps, { ...parsed.query, from, to }, after);
}
