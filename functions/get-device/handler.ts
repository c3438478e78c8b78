/** Route: `GET /devices/{deviceId}?limit=&cursor=`. The latest reading of each metric; 404 for an unknown device. */
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { cachedPage } from "../shared/cached-page.ts";
import { ROUTE_CLIENT_OPTIONS } from "../shared/clients.ts";
import { sealCursor, startAfter } from "../shared/cursor.ts";
import {
  badRequest,
  cursorProblem,
  limitProblem,
  notFound,
  type RouteRequest,
  type RouteResponse,
  readLimit,
} from "../shared/http.ts";
import { latestKey } from "../shared/keys.ts";
import { DEFAULT_PAGE, MAX_PAGE } from "../shared/pages.ts";
import { AFTER_ALL, justAfter, type Page, queryPage } from "../shared/query.ts";
import { type ReadCache, readThrough } from "../shared/read-cache.ts";
import { isLatestReading, type LatestReading, toLatestReading } from "./core.ts";

const dynamodb = new DynamoDBClient(ROUTE_CLIENT_OPTIONS);

export interface GetDeviceDeps {
  /** Name of the readings table. */
  table: string;
  /** Secret that cursors are signed with, at least 16 characters. */
  cursorKey: string;
  /** In front of the table. @default none */
  cache?: ReadCache;
  /** Replaced in tests. */
  client?: DynamoDBClient;
}

type GetDeviceRequest = RouteRequest<{ deviceId: string }, { limit?: unknown; cursor?: unknown }>;

async function readLatest(
  { client = dynamodb, table, cache }: GetDeviceDeps,
  deviceId: string,
  { after, limit }: { after: string; limit: number },
): Promise<Page<LatestReading>> {
  const from = justAfter(latestKey(deviceId, after).sk);
  const to = latestKey(deviceId, AFTER_ALL).sk;
  return readThrough(cache, cachedPage(["latest", deviceId, after, limit], isLatestReading), async () => {
    const { entries, more } = await queryPage(client, table, { pk: deviceId, from, to, limit });
    return { entries: entries.map(toLatestReading), more };
  });
}

/** Answers with a device's latest readings. */
export async function getDevice(request: GetDeviceRequest, deps: GetDeviceDeps): Promise<RouteResponse> {
  const { cursorKey } = deps;
  const { deviceId } = request.path;
  const context = ["GET /devices/{deviceId}", deviceId];
  const limit = readLimit(request.query.limit, { fallback: DEFAULT_PAGE, max: MAX_PAGE });
  const after = startAfter(cursorKey, context, request.query.cursor);
  if (limit === undefined) return badRequest([limitProblem(MAX_PAGE)]);
  if (after === undefined) return badRequest([cursorProblem()]);
  const { entries: metrics, more } = await readLatest(deps, deviceId, { after, limit });
  if (metrics.length === 0 && after === "")
    return notFound(`No reading of device "${deviceId}" has arrived.`);
  const cursor = more ? sealCursor(cursorKey, context, metrics.at(-1)?.metric) : undefined;
  return { body: { deviceId, metrics, cursor } };
}
