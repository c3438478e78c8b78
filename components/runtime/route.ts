/**
 * What runs in Lambda around a route's callback: API Gateway event -> validated request -> callback -> response.
 *
 * The callback sees checked and coerced values only, and every refusal is one RFC 9457 body that lists all that is
 * wrong. No input makes it throw: a failure of the callback itself is logged with the correlation id and answered 500
 * without a detail.
 *
 * Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
 * (payload format 2.0: header names are lower case, path and query parameters arrive decoded, duplicates of a query
 * parameter are joined by commas, which is why the raw query string is read instead).
 */

import { randomUUID } from "node:crypto";
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from "aws-lambda";
import { cacheControl, entityTag, matchesTag } from "./caching.ts";
import { CORRELATION_HEADER, correlationId } from "./correlation.ts";
import { isUnsafeKey, parseBody } from "./json-body.ts";
import {
  type Problem,
  type ProblemError,
  ProblemResponse,
  parameterErrors,
  pointerErrors,
  problemBody,
  type SchemaError,
} from "./problems.ts";

/** What a route's callback gets. Values are validated, coerced and completed with their schema's defaults. */
export interface RouteRequest<Path = unknown, Query = unknown, Body = unknown> {
  path: Path;
  query: Query;
  body: Body;
  /** Lower-case names. */
  headers: Record<string, string>;
  /** From the verified token; without one, no client and no scopes. */
  caller: { clientId?: string; scopes: string[] };
  /** Follows the request through every hop. */
  correlationId: string;
  /** API Gateway's id of this request. */
  requestId: string;
  method: string;
  /** Path and query string, without the host. */
  url: string;
}

/** What a route's callback returns: an answer, or a problem as data. */
export type RouteResponse =
  | {
      /** @default 200 */
      status?: number;
      headers?: Record<string, string>;
      /** Anything JSON can hold; absent means an empty body. */
      body?: unknown;
    }
  | { /** 4xx or 5xx. */ status: number; headers?: Record<string, string>; problem: Problem };

/** A compiled schema in Ajv's shape: true when valid, else the errors are on the function. */
export interface Validate {
  (data: unknown): boolean;
  errors?: SchemaError[] | null;
}

export interface RouteValidators {
  path?: Validate;
  query?: Validate;
  /** Its presence makes a JSON body required. */
  body?: Validate;
}

/** Plain data: it travels inside the bundle. */
export interface RouteOptions {
  /** Route key, for the log. */
  route: string;
  /** Largest body in bytes. */
  maxBody: number;
  /** Adds ETag, Cache-Control and 304 answers to successful GETs. */
  cacheSeconds?: number;
  /** @default "refuse" */
  unsafeKeys?: "refuse" | "keep";
}

/** The callback, with its request typed by whoever declared the schemas. */
// biome-ignore lint/suspicious/noExplicitAny: the schemas give the type at the declaration; here any of them may come.
export type RouteCallback = (request: RouteRequest<any, any, any>) => RouteResponse | Promise<RouteResponse>;

/** What the wrapper needs from its surroundings, replaced in tests. */
export interface RouteEnvironment {
  newId(): string;
  logError(entry: Record<string, unknown>): void;
}

export type RouteHandler = (event: APIGatewayProxyEventV2) => Promise<APIGatewayProxyStructuredResultV2>;

const ENVIRONMENT: RouteEnvironment = {
  newId: () => randomUUID(),
  // An object, not text: Lambda's JSON log format keeps its members searchable.
  logError: (entry) => console.error(entry),
};

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for.
const CONTROL_CHARACTER = /[\u0000-\u001f\u007f]/;

const refuseParameters = (kind: "path" | "query", errors: ProblemError[]): never => {
  throw new ProblemResponse(400, { title: `The ${kind} is not valid`, errors });
};

const textProblem = (name: string, value: string): ProblemError[] => {
  if (isUnsafeKey(name)) return [{ parameter: name, detail: "is not known here" }];
  if (CONTROL_CHARACTER.test(value)) return [{ parameter: name, detail: "has a control character" }];
  return value.isWellFormed() ? [] : [{ parameter: name, detail: "is not well-formed text" }];
};

/** A parameter given once is its text, given several times the list of them: the schema decides which is right. */
const collect = (entries: Iterable<[string, string]>): Record<string, string | string[]> => {
  const values = new Map<string, string | string[]>();
  for (const [name, value] of entries) {
    const earlier = values.get(name);
    values.set(name, earlier === undefined ? value : [...[earlier].flat(), value]);
  }
  return Object.fromEntries(values);
};

const checkParameters = (
  kind: "path" | "query",
  entries: [string, string][],
  validate: Validate | undefined,
): Record<string, unknown> => {
  const unsafe = entries.flatMap(([name, value]) => textProblem(name, value));
  if (unsafe.length > 0) refuseParameters(kind, unsafe);
  const values = collect(entries);
  if (validate !== undefined && !validate(values))
    refuseParameters(kind, parameterErrors(validate.errors ?? []));
  return values;
};

const pathEntries = (event: APIGatewayProxyEventV2): [string, string][] =>
  Object.entries(event.pathParameters ?? {}).map(([name, value]) => [name, value ?? ""]);

const queryEntries = (event: APIGatewayProxyEventV2): [string, string][] => [
  ...new URLSearchParams(event.rawQueryString ?? ""),
];

const checkBody = (event: APIGatewayProxyEventV2, options: RouteOptions, validate: Validate): unknown => {
  const raw = {
    body: event.body,
    isBase64Encoded: event.isBase64Encoded,
    contentType: event.headers?.["content-type"],
  };
  const body = parseBody(raw, { maxBody: options.maxBody, unsafeKeys: options.unsafeKeys ?? "refuse" });
  if (validate(body)) return body;
  throw new ProblemResponse(400, {
    title: "The body is not valid",
    errors: pointerErrors(validate.errors ?? []),
  });
};

const attempt = <T>(check: () => T): { value: T } | { refused: ProblemResponse } => {
  try {
    return { value: check() };
  } catch (error) {
    if (error instanceof ProblemResponse) return { refused: error };
    throw error;
  }
};

/** All that is wrong with a request in one answer; 413 and 415 stand alone, since the body was not read. */
const mergeRefusals = (refusals: ProblemResponse[]): ProblemResponse => {
  const [first, ...others] = refusals as [ProblemResponse, ...ProblemResponse[]];
  const alone = refusals.find(({ status }) => status !== 400);
  if (alone !== undefined || others.length === 0) return alone ?? first;
  return new ProblemResponse(400, {
    title: "The request is not valid",
    errors: refusals.flatMap(({ problem }) => problem.errors ?? []),
  });
};

type Claims = Record<string, unknown>;

const claimsOf = (event: APIGatewayProxyEventV2): Claims => {
  const context = event.requestContext as { authorizer?: { jwt?: { claims?: Claims } } };
  return context.authorizer?.jwt?.claims ?? {};
};

/** `scope` is one string with blanks; some issuers call it `scp`, and a list arrives as `[a b]`. */
const scopesOf = (claims: Claims): string[] =>
  String(claims.scope ?? claims.scp ?? "")
    .replace(/^\[|\]$/g, "")
    .split(" ")
    .filter((scope) => scope !== "");

const callerOf = (claims: Claims): RouteRequest["caller"] => {
  const clientId = claims.client_id ?? claims.azp ?? claims.sub;
  return { ...(clientId === undefined ? {} : { clientId: String(clientId) }), scopes: scopesOf(claims) };
};

const urlOf = (event: APIGatewayProxyEventV2): string =>
  event.rawQueryString ? `${event.rawPath}?${event.rawQueryString}` : event.rawPath;

const readRequest = (
  event: APIGatewayProxyEventV2,
  options: RouteOptions,
  validators: RouteValidators,
): Pick<RouteRequest, "path" | "query" | "body"> => {
  const path = attempt(() => checkParameters("path", pathEntries(event), validators.path));
  const query = attempt(() => checkParameters("query", queryEntries(event), validators.query));
  const { body: validate } = validators;
  const body = attempt(() => (validate === undefined ? undefined : checkBody(event, options, validate)));
  const refusals = [path, query, body].flatMap((part) => ("refused" in part ? [part.refused] : []));
  if ("value" in path && "value" in query && "value" in body)
    return { path: path.value, query: query.value, body: body.value };
  throw mergeRefusals(refusals);
};

const definedHeaders = (event: APIGatewayProxyEventV2): Record<string, string> =>
  Object.fromEntries(Object.entries(event.headers ?? {}).map(([name, value]) => [name, value ?? ""]));

const lowerCased = (headers: Record<string, string> | undefined): Record<string, string> =>
  Object.fromEntries(Object.entries(headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]));

/** One request's own facts, known before anything is validated. */
interface Exchange {
  event: APIGatewayProxyEventV2;
  options: RouteOptions;
  correlationId: string;
}

const problemResult = (
  { event, correlationId: id }: Exchange,
  status: number,
  problem: Problem,
  headers?: Record<string, string>,
): APIGatewayProxyStructuredResultV2 => ({
  statusCode: status,
  headers: {
    "cache-control": "no-store",
    ...lowerCased(headers),
    "content-type": "application/problem+json",
    [CORRELATION_HEADER]: id,
  },
  body: JSON.stringify(problemBody(status, problem, { instance: event.rawPath, correlationId: id })),
});

const cachingHeaders = (
  { event, options }: Exchange,
  body: string,
  headers: Record<string, string>,
): Record<string, string> | undefined => {
  if (options.cacheSeconds === undefined || event.requestContext.http.method !== "GET") return undefined;
  const authorised = Object.keys(claimsOf(event)).length > 0;
  return {
    "cache-control": cacheControl(options.cacheSeconds, authorised),
    etag: headers.etag ?? entityTag(body),
  };
};

const answerResult = (
  exchange: Exchange,
  response: Exclude<RouteResponse, { problem: Problem }>,
): APIGatewayProxyStructuredResultV2 => {
  const statusCode = response.status ?? 200;
  const own = { ...lowerCased(response.headers), [CORRELATION_HEADER]: exchange.correlationId };
  if (response.body === undefined) return { statusCode, headers: own };
  const body = JSON.stringify(response.body);
  const caching = statusCode === 200 ? cachingHeaders(exchange, body, own) : undefined;
  const headers = { ...caching, ...own };
  if (caching?.etag !== undefined && matchesTag(exchange.event.headers["if-none-match"], caching.etag))
    return { statusCode: 304, headers };
  return { statusCode, headers: { "content-type": "application/json", ...headers }, body };
};

const failureResult = (
  exchange: Exchange,
  error: unknown,
  environment: RouteEnvironment,
): APIGatewayProxyStructuredResultV2 => {
  if (error instanceof ProblemResponse) return problemResult(exchange, error.status, error.problem);
  const { name, message, stack } = error instanceof Error ? error : new Error(String(error));
  environment.logError({
    level: "ERROR",
    message: "The route's callback failed",
    route: exchange.options.route,
    correlationId: exchange.correlationId,
    requestId: exchange.event.requestContext.requestId,
    error: { name, message, stack },
  });
  return problemResult(exchange, 500, {
    title: "Internal error",
    detail: "The failure was recorded under the correlation id.",
  });
};

const callRoute = async (
  exchange: Exchange,
  callback: RouteCallback,
  validators: RouteValidators,
): Promise<APIGatewayProxyStructuredResultV2> => {
  const { event, options } = exchange;
  const response = await callback({
    ...readRequest(event, options, validators),
    headers: definedHeaders(event),
    caller: callerOf(claimsOf(event)),
    correlationId: exchange.correlationId,
    requestId: event.requestContext.requestId,
    method: event.requestContext.http.method,
    url: urlOf(event),
  });
  return "problem" in response
    ? problemResult(exchange, response.status, response.problem, response.headers)
    : answerResult(exchange, response);
};

/**
 * Makes the Lambda handler of a route.
 *
 * @param callback the route's own code
 * @param options plain data from the route's declaration
 * @param validators compiled schemas; a part without one is handed over unchecked
 * @param environment clock-free surroundings, replaced in tests
 */
export const serveRoute = (
  callback: RouteCallback,
  options: RouteOptions,
  validators: RouteValidators = {},
  environment: RouteEnvironment = ENVIRONMENT,
): RouteHandler => {
  return async (event) => {
    const exchange = {
      event,
      options,
      correlationId: correlationId(event.headers ?? {}, environment.newId),
    };
    try {
      return await callRoute(exchange, callback, validators);
    } catch (error) {
      return failureResult(exchange, error, environment);
    }
  };
};
