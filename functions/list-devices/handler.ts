/**
 * Route: `GET /devices?limit=&cursor=`. Every device that has sent a reading, by id.
 *
 * The index is sharded; a page asks all its partitions at once and merges, so that the order is plain and the cursor is
 * the last id. Cost: 8 queries a page.
 */
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { readText } from "../shared/attributes.ts";
import { cachedPage } from "../shared/cached-page.ts";
import { ROUTE_CLIENT_OPTIONS } from "../shared/clients.ts";
import { sealCursor, startAfter } from "../shared/cursor.ts";
import {
  badRequest,
  cursorProblem,
  limitProblem,
  type RouteRequest,
  type RouteResponse,
  readLimit,
} from "../shared/http.ts";
import { deviceIndexPartitions } from "../shared/keys.ts";
import { DEFAULT_PAGE, MAX_PAGE } from "../shared/pages.ts";
import { AFTER_ALL, justAfter, type Page, queryPage } from "../shared/query.ts";
import { type ReadCache, readThrough } from "../shared/read-cache.ts";
import { mergeDevices } from "./core.ts";

const dynamodb = new DynamoDBClient(ROUTE_CLIENT_OPTIONS);
const CONTEXT = ["GET /devices"];

export interface ListDevicesDeps {
  /** Name of the readings table. */
  table: string;
  /** Secret that cursors are signed with, at least 16 characters. */
  cursorKey: string;
  /** In front of the table. @default none */
  cache?: ReadCache;
  /** Replaced in tests. */
  client?: DynamoDBClient;
}

type ListDevicesRequest = RouteRequest<Record<string, string>, { limit?: unknown; cursor?: unknown }>;

async function readDevices(deps: ListDevicesDeps, after: string, limit: number): Promise<Page<string>> {
  const { client = dynamodb, table } = deps;
  const partitions = deviceIndexPartitions().map(async (pk) => {
    const page = await queryPage(client, table, { pk, from: justAfter(after), to: AFTER_ALL, limit });
    return { entries: page.entries.map((item) => readText(item, "sk")), more: page.more };
  });
  return mergeDevices(await Promise.all(partitions), limit);
}

const isDeviceId = (value: unknown): value is string => typeof value === "string";

/** Lists devices. */
export async function listDevices(
  request: ListDevicesRequest,
  deps: ListDevicesDeps,
): Promise<RouteResponse> {
  const limit = readLimit(request.query.limit, { fallback: DEFAULT_PAGE, max: MAX_PAGE });
  const after = startAfter(deps.cursorKey, CONTEXT, request.query.cursor);
  if (limit === undefined) return badRequest([limitProblem(MAX_PAGE)]);
  if (after === undefined) return badRequest([cursorProblem()]);
  const page = cachedPage(["devices", after, limit], isDeviceId);
  const { entries, more } = await readThrough(deps.cache, page, () => readDevices(deps, after, limit));
  const cursor = more ? sealCursor(deps.cursorKey, CONTEXT, entries.at(-1)) : undefined;
  const body = { devices: entries.map((deviceId) => ({ deviceId })), cursor };
  return { body };
}
