/**
 * What an HTTP API's arguments come down to: checks before anything is created, and plain settings. Pure.
 */
import type { TSchema } from "typebox";
import { argumentError, type Culprit, type Keys, requireRange } from "./arguments.ts";
import type { RouteDeclaration, Schema } from "./openapi.ts";
import type { RouteKey } from "./routes.ts";

export interface Throttle {
  /** Requests a second, in the long run. 1-10,000 (the account's own limit). */
  rate: number;
  /** Requests at once. 1-5,000. */
  burst: number;
}

export interface CorsArgs {
  /** Exact origins, e.g. `["https://app.example.com"]`. No `*`: name who may call. */
  origins: string[];
  /** @default every method */
  methods?: string[];
  /** @default ["authorization", "content-type", "idempotency-key", "x-correlation-id"] */
  headers?: string[];
  /** @default ["etag", "x-correlation-id"] */
  exposeHeaders?: string[];
  /**
   * Seconds that a browser keeps the answer. 0-86,400.
   * @default 600
   */
  maxAgeSeconds?: number;
  /**
   * Whether browsers send cookies along.
   * @default false
   */
  credentials?: boolean;
}

/** A route's own arguments, without what its function takes. */
export interface RouteSettings {
  callback: unknown;
  request?: { path?: TSchema; query?: TSchema; body?: TSchema };
  responses?: Record<number, TSchema>;
  scopes?: string[];
  auth?: "none";
  throttle?: Throttle;
  maxBody?: number;
  cacheSeconds?: number;
  unsafeKeys?: "refuse" | "keep";
  summary?: string;
  name?: string;
}

export const DEFAULTS = {
  throttle: { rate: 500, burst: 250 },
  timeout: 10,
  maxBody: 1_000_000,
  logRetentionDays: 14,
  corsMethods: ["*"],
  corsHeaders: ["authorization", "content-type", "idempotency-key", "x-correlation-id"],
  corsExposed: ["etag", "x-correlation-id"],
  corsMaxAge: 600,
  openApiCacheSeconds: 300,
} as const;

/** Template of at most 3 KB: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-logging-variables.html */
export const ACCESS_LOG_FORMAT = JSON.stringify({
  requestId: "$context.requestId",
  time: "$context.requestTime",
  timeEpoch: "$context.requestTimeEpoch",
  ip: "$context.identity.sourceIp",
  userAgent: "$context.identity.userAgent",
  method: "$context.httpMethod",
  path: "$context.path",
  routeKey: "$context.routeKey",
  protocol: "$context.protocol",
  status: "$context.status",
  responseLength: "$context.responseLength",
  responseLatency: "$context.responseLatency",
  integrationLatency: "$context.integrationLatency",
  integrationStatus: "$context.integrationStatus",
  functionStatus: "$context.integration.status",
  functionRequestId: "$context.integration.requestId",
  integrationErrorMessage: "$context.integrationErrorMessage",
  authorizerError: "$context.authorizer.error",
  clientId: "$context.authorizer.claims.client_id",
  errorMessage: "$context.error.message",
});

/** API Gateway gives up after 30 s: the function must have answered before. */
const LONGEST_TIMEOUT = 29;
const INTEGRATION_TIMEOUT = 30;
/** 6 MB of event, of which base64 takes a third. */
const LARGEST_BODY = 4_500_000;
const MAX_SCOPES = 10;
const BODILESS = ["GET", "HEAD", "DELETE"];

/** What is a route's own; everything else is its function's, which refuses what it does not know. */
const OWN_KEYS: Keys<RouteSettings> = {
  callback: true,
  request: true,
  responses: true,
  scopes: true,
  auth: true,
  throttle: true,
  maxBody: true,
  cacheSeconds: true,
  unsafeKeys: true,
  summary: true,
  name: true,
};

const isOrigin = (origin: string): boolean => URL.canParse(origin) && new URL(origin).origin === origin;

export const checkThrottle = (who: Culprit, throttle: Throttle | undefined): void => {
  requireRange(who, "throttle.rate", throttle?.rate, {
    minimum: 1,
    maximum: 10_000,
    unit: "requests a second",
  });
  requireRange(who, "throttle.burst", throttle?.burst, { minimum: 1, maximum: 5_000, unit: "requests" });
};

/** Exact origins only: a wildcard would let every page use a visitor's access. */
export const checkCors = (who: Culprit, cors: CorsArgs | undefined): void => {
  const open = cors?.origins.find((origin) => origin.includes("*") || !isOrigin(origin));
  if (open !== undefined) {
    throw argumentError(
      who,
      `cors.origins has "${open}"; name exact origins, such as "https://app.example.com".`,
    );
  }
  requireRange(who, "cors.maxAgeSeconds", cors?.maxAgeSeconds, {
    minimum: 0,
    maximum: 86_400,
    unit: "seconds",
  });
};

/** Path variables and path schema name the same things, or one of them is a mistake. */
const checkPath = (who: Culprit, { variables }: RouteKey, schema: TSchema | undefined): void => {
  const described = Object.keys((schema as { properties?: object } | undefined)?.properties ?? {});
  const missing = variables.find((name) => !described.includes(name));
  if (missing !== undefined) {
    throw argumentError(
      who,
      `request.path does not describe {${missing}}. Add it: Type.Object({ ${missing}: Type.String() }).`,
    );
  }
  const unknown = described.find((name) => !variables.includes(name));
  if (unknown !== undefined) {
    throw argumentError(
      who,
      `request.path describes "${unknown}", which the path does not have. Remove it, or add {${unknown}}.`,
    );
  }
};

/** Every route says who may call it: scopes, or `auth: "none"` written out. */
const checkAccess = (who: Culprit, { auth, scopes = [] }: RouteSettings, hasIdentity: boolean): void => {
  if (auth === "none") {
    if (scopes.length > 0)
      throw argumentError(who, 'it has both scopes and auth: "none". Remove one of them.');
    return;
  }
  if (scopes.length === 0 || scopes.length > MAX_SCOPES) {
    throw argumentError(
      who,
      `it has ${scopes.length} scopes. Give 1 to ${MAX_SCOPES}, or write auth: "none" to open it to everyone.`,
    );
  }
  if (!hasIdentity) {
    throw argumentError(
      who,
      'the API has no identity to check tokens with. Set identity on it, or auth: "none" here.',
    );
  }
};

const checkMethod = (who: Culprit, { method }: RouteKey, args: RouteSettings): void => {
  if (args.request?.body && BODILESS.includes(method)) {
    throw argumentError(who, `${method} has no body. Remove request.body, or use POST, PUT or PATCH.`);
  }
  if (args.cacheSeconds !== undefined && method !== "GET") {
    throw argumentError(who, "cacheSeconds is for GET routes. Remove it.");
  }
};

/** @throws Error naming the route and the cure */
export const checkRoute = (
  who: Culprit,
  key: RouteKey,
  args: RouteSettings & { timeout?: number },
  hasIdentity: boolean,
): void => {
  requireRange(who, "timeout", args.timeout, { minimum: 1, maximum: LONGEST_TIMEOUT, unit: "seconds" });
  requireRange(who, "maxBody", args.maxBody, { minimum: 1, maximum: LARGEST_BODY, unit: "bytes" });
  requireRange(who, "cacheSeconds", args.cacheSeconds, { minimum: 0, maximum: 86_400, unit: "seconds" });
  checkThrottle(who, args.throttle);
  checkPath(who, key, args.request?.path);
  checkMethod(who, key, args);
  checkAccess(who, args, hasIdentity);
};

/** TypeBox schemas carry hidden marks; what travels is plain JSON Schema. */
const plainSchema = (schema: TSchema): Schema => JSON.parse(JSON.stringify(schema)) as Schema;

const schemasOf = ({ path, query, body }: NonNullable<RouteSettings["request"]>): Record<string, Schema> => ({
  ...(path ? { path: plainSchema(path) } : {}),
  ...(query ? { query: plainSchema(query) } : {}),
  ...(body ? { body: plainSchema(body) } : {}),
});

const answerSchemas = (responses: Record<number, TSchema> = {}): Record<string, Schema> =>
  Object.fromEntries(Object.entries(responses).map(([status, schema]) => [status, plainSchema(schema)]));

/** What the OpenAPI document says of a route. */
export const declarationOf = (
  key: RouteKey,
  name: string,
  args: RouteSettings & { description?: string },
): RouteDeclaration => ({
  key,
  name,
  request: schemasOf(args.request ?? {}),
  responses: answerSchemas(args.responses),
  summary: args.summary,
  description: args.description,
  scopes: args.auth === "none" ? undefined : args.scopes,
});

/** What goes on to the route's function. */
export const functionArguments = <T extends RouteSettings>(args: T): Omit<T, keyof RouteSettings> =>
  Object.fromEntries(Object.entries(args).filter(([key]) => !Object.hasOwn(OWN_KEYS, key))) as Omit<
    T,
    keyof RouteSettings
  >;

/** Code around a callback, as the packager takes it. */
interface Wrap {
  module: string;
  export: string;
  options: Record<string, string | number>;
  validators?: Record<string, Schema>;
}

/** Milliseconds: a little more than the function's, so that a timeout is the function's and says so in its log. */
export const integrationTimeout = (seconds: number = DEFAULTS.timeout): number =>
  Math.min(seconds + 1, INTEGRATION_TIMEOUT) * 1_000;

/** The code around a route's callback. `module` is the absolute path of runtime/route.ts. */
export const routeWrap = (module: string, { key }: RouteKey, args: RouteSettings): Wrap => ({
  module,
  export: "serveRoute",
  options: {
    route: key,
    maxBody: args.maxBody ?? DEFAULTS.maxBody,
    ...(args.cacheSeconds === undefined ? {} : { cacheSeconds: args.cacheSeconds }),
    ...(args.unsafeKeys === undefined ? {} : { unsafeKeys: args.unsafeKeys }),
  },
  validators: schemasOf(args.request ?? {}),
});

/** The code of the route that serves the OpenAPI document. `module` is the absolute path of runtime/document.ts. */
export const documentWrap = (module: string, { key }: RouteKey, document: Schema): Wrap => ({
  module,
  export: "serveDocument",
  options: {
    route: key,
    maxBody: 1,
    cacheSeconds: DEFAULTS.openApiCacheSeconds,
    document: JSON.stringify(document),
  },
});

/** The end of the ARN that API Gateway invokes with: method and path as declared. */
export const sourcePath = ({ key, method, path }: RouteKey): string =>
  key === "$default" ? "$default" : `${method === "ANY" ? "*" : method}${path}`;

export const throttleSettings = ({ rate, burst }: Throttle) => ({
  throttlingRateLimit: rate,
  throttlingBurstLimit: burst,
  detailedMetricsEnabled: true,
});

export const corsConfiguration = (cors: CorsArgs) => ({
  allowOrigins: cors.origins,
  allowMethods: cors.methods ?? [...DEFAULTS.corsMethods],
  allowHeaders: cors.headers ?? [...DEFAULTS.corsHeaders],
  exposeHeaders: cors.exposeHeaders ?? [...DEFAULTS.corsExposed],
  maxAge: cors.maxAgeSeconds ?? DEFAULTS.corsMaxAge,
  allowCredentials: cors.credentials ?? false,
});
