/**
 * What runs in Lambda around a route's callback: API Gateway event -> validated request -> callback -> response.
 *
 * The callback sees checked and coerced values only, and every refusal is one RFC 9457 body that lists all that is
 * wrong. No input makes it throw: a failure of the callback itself is logged with the correlation id and answered 500
 * without a detail.
 */

import { randomUUID } from "node:crypto";
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from "aws-lambda";
import { cacheControl, entityTag, matchesTag } from "./caching.ts";
import { CORRELATION_HEADER, correlationId } from "./correlation.ts";
import { logError } from "./log-error.ts";
import { type Problem, ProblemResponse, problemBody } from "./problems.ts";
import {
  callerOf,
  claimsOf,
  definedHeaders,
  type RouteOptions,
  type RouteRequest,
  type RouteValidators,
  readRequest,
  urlOf,
} from "./request.ts";
import { countServerError } from "./server-errors.ts";

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

/** The callback, with its request typed by whoever declared the schemas. */
// biome-ignore lint/suspicious/noExplicitAny: the schemas give the type at the declaration; here any of them may come.
export type RouteCallback = (request: RouteRequest<any, any, any>) => RouteResponse | Promise<RouteResponse>;

/** What the wrapper needs from its surroundings, replaced in tests. */
export interface RouteEnvironment {
  newId(): string;
  logError(entry: Record<string, unknown>): void;
  /** Told of every answer with 5xx. */
  countServerError(): void;
}

export type RouteHandler = (event: APIGatewayProxyEventV2) => Promise<APIGatewayProxyStructuredResultV2>;

const ENVIRONMENT: RouteEnvironment = {
  newId: () => randomUUID(),
  logError,
  countServerError,
};

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

const FIRST_SERVER_ERROR = 500;

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
    const result = await callRoute(exchange, callback, validators).catch((error: unknown) =>
      failureResult(exchange, error, environment),
    );
    if ((result.statusCode ?? 0) >= FIRST_SERVER_ERROR) environment.countServerError();
    return result;
  };
};
