/** Route: `GET /devices/{deviceId}?limit=&cursor=`. The latest reading of each metric; 404 for an unknown device. */
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
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
import { AFTER_ALL, justAfter, queryPage } from "../shared/query.ts";
import { toLatestReading } from "./core.ts";

const dynamodb = new DynamoDBClient(ROUTE_CLIENT_OPTIONS);

export interface GetDeviceDeps {
  /** Name of the readings table. */
  table: string;
  /** Secret that cursors are signed with, at least 16 characters. */
  cursorKey: string;
  /** Replaced in tests. */
  client?: DynamoDBClient;
}

type GetDeviceRequest = RouteRequest<{ deviceId: string }, { limit?: unknown; cursor?: unknown }>;

/** Answers with a device's latest readings. */
export async function getDevice(request: GetDeviceRequest, deps: GetDeviceDeps): Promise<RouteResponse> {
  const { client = dynamodb, table, cursorKey } = deps;
  const { deviceId } = request.path;
  const context = ["GET /devices/{deviceId}", deviceId];
  const limit = readLimit(request.query.limit, { fallback: DEFAULT_PAGE, max: MAX_PAGE });
  const after = startAfter(cursorKey, context, request.query.cursor);
  if (limit === undefined) return badRequest([limitProblem(MAX_PAGE)]);
  if (after === undefined) return badRequest([cursorProblem()]);
  const from = justAfter(latestKey(deviceId, after).sk);
  const to = latestKey(deviceId, AFTER_ALL).sk;
  const page = await queryPage(client, table, { pk: deviceId, from, to, limit });
  if (page.entries.length === 0 && after === "")
    return notFound(`No reading of device "${deviceId}" has arrived.`);
  const metrics = page.entries.map(toLatestReading);
  const cursor = page.more ? sealCursor(cursorKey, context, metrics.at(-1)?.metric) : undefined;
  return { body: { deviceId, metrics, cursor } };
}
