import { createHash } from "node:crypto";
import * as pulumi from "@pulumi/pulumi";
import { Cache } from "../components/cache.ts";
import { HttpApi } from "../components/http-api.ts";
import { Identity } from "../components/identity.ts";
import { acceptTelemetry } from "../functions/accept-telemetry/handler.ts";
import { getDevice } from "../functions/get-device/handler.ts";
import { health } from "../functions/health/handler.ts";
import { listDevices } from "../functions/list-devices/handler.ts";
import { queryReadings } from "../functions/query-readings/handler.ts";
import { openCache } from "../functions/shared/cache.ts";
import type { ReadCache } from "../functions/shared/read-cache.ts";
import {
  DeviceListSchema,
  DevicePathSchema,
  DeviceSchema,
  HealthSchema,
  PageQuerySchema,
  ReadingsPageSchema,
  ReadingsQuerySchema,
  TelemetryBodySchema,
  TelemetryResultSchema,
} from "../functions/shared/schemas.ts";
import type { Settings } from "./config.ts";
import { release, releaseWarm } from "./releases.ts";
import type { Telemetry } from "./telemetry.ts";

/** Version of the API, as its description and its health say. */
const VERSION = "1.0.0";

/** What each scope allows. */
const SCOPES = {
  "telemetry.read": "Read devices and their readings",
  "telemetry.write": "Send readings",
  "images.read": "See images of one's own",
  "images.write": "Upload images",
  "orders.read": "Follow orders of one's own",
  "orders.write": "Place orders",
} as const;

/** What the API gives to the program's outputs. */
export interface Api {
  api: HttpApi;
  identity: Identity;
  /** Scope as the API names it -> as tokens carry it. */
  scopes: pulumi.Output<Record<string, string>>;
  /** Signs the cursors of every route. */
  cursorKey: pulumi.Output<string>;
}

/** Query and ingest over HTTP, for callers with a token. */
export function createApi(settings: Settings, { stream, readings }: Telemetry): Api {
  const { logRetentionDays, readingMaxAgeDays: maxAgeDays } = settings;
  const identity = createIdentity(settings);
  const cursorKey = settings.cursorKey ?? deriveCursorKey(identity);
  const stack = pulumi.getStack();
  const { member, readCache } = createCache(settings);
  const reads = { ...member, ...releaseWarm(settings) };

  const api = new HttpApi("api", {
    identity,
    cors: settings.corsOrigins.length > 0 ? { origins: settings.corsOrigins } : undefined,
    throttle: { rate: settings.apiRateLimit, burst: settings.apiBurstLimit },
    openApi: { title: "Telemetry API", version: VERSION },
    logRetentionDays,
  });

  api.route("POST /telemetry", {
    summary: "Send up to 500 readings",
    scopes: ["telemetry.write"],
    request: { body: TelemetryBodySchema },
    responses: { 202: TelemetryResultSchema },
    unsafeKeys: "keep",
    ...release(settings),
    callback: async (request) => acceptTelemetry(request, { stream: stream.name.get(), maxAgeDays }),
  });

  api.route("GET /devices", {
    summary: "List the devices that have sent readings",
    scopes: ["telemetry.read"],
    request: { query: PageQuerySchema },
    responses: { 200: DeviceListSchema },
    cacheSeconds: 1,
    ...reads,
    callback: async (request) =>
      listDevices(request, {
        table: readings.name.get(),
        cursorKey: cursorKey.get(),
        cache: readCache(),
      }),
  });

  api.route("GET /devices/{deviceId}", {
    summary: "Latest reading per metric of one device",
    scopes: ["telemetry.read"],
    request: { path: DevicePathSchema, query: PageQuerySchema },
    responses: { 200: DeviceSchema },
    cacheSeconds: 1,
    ...reads,
    callback: async (request) =>
      getDevice(request, {
        table: readings.name.get(),
        cursorKey: cursorKey.get(),
        cache: readCache(),
      }),
  });

  api.route("GET /devices/{deviceId}/readings", {
    summary: "Aggregates of one metric by minute, hour or day",
    scopes: ["telemetry.read"],
    request: { path: DevicePathSchema, query: ReadingsQuerySchema },
    responses: { 200: ReadingsPageSchema },
    cacheSeconds: 1,
    ...reads,
    callback: async (request) =>
      queryReadings(request, {
        table: readings.name.get(),
        cursorKey: cursorKey.get(),
        cache: readCache(),
      }),
  });

  api.route("GET /health", {
    summary: "Whether the API answers",
    auth: "none",
    responses: { 200: HealthSchema },
    memorySize: 128,
    callback: async (request) => health(request, { stack, version: VERSION }),
  });

  return { api, identity, scopes: scopeNames(identity), cursorKey };
}

/**
 * The cache in front of the telemetry reads, where the environment has one. The function that opens it is chosen here,
 * so that without a cache the routes' zips do not carry its client.
 */
function createCache({ cacheGb, cacheUnitsPerSecond }: Settings): {
  member?: Cache["member"];
  readCache: () => ReadCache | undefined;
} {
  if (cacheGb === 0) return { readCache: () => undefined };
  const { url, member } = new Cache("reads", { storageGb: cacheGb, unitsPerSecond: cacheUnitsPerSecond });
  return { member, readCache: () => openCache(url.get()) };
}

function createIdentity({ jwtIssuer, jwtAudience, protectData }: Settings): Identity {
  return new Identity("identity", {
    scopes: SCOPES,
    identifier: "telemetry",
    deletionProtection: protectData,
    external: jwtIssuer && jwtAudience ? { issuer: jwtIssuer, audience: jwtAudience } : undefined,
  });
}

/**
 * Cursors are signed, so that nobody reads on from a position of his own making. The key comes from the client's
 * secret: known to the deployment alone and to whoever may call the API anyway, and there is nothing more to store.
 */
function deriveCursorKey({ clientSecret }: Identity): pulumi.Output<string> {
  if (!clientSecret) throw new Error('"cursorKey" must be set with an issuer of your own.');
  return clientSecret.apply((secret) => createHash("sha256").update(`cursor ${secret}`).digest("base64url"));
}

const scopeNames = (identity: Identity): pulumi.Output<Record<string, string>> =>
  pulumi.all(Object.fromEntries(Object.keys(SCOPES).map((scope) => [scope, identity.scopeName(scope)])));
