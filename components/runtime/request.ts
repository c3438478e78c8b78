/**
 * API Gateway event -> what a route's callback gets: checked, coerced, and refused as a whole with every problem listed.
 *
 * Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
 * (payload format 2.0: header names are lower case, path and query parameters arrive decoded, duplicates of a query
 * parameter are joined by commas, which is why the raw query string is read instead).
 */

import type { APIGatewayProxyEventV2 } from "aws-lambda";
import { isUnsafeKey, parseBody } from "./json-body.ts";
import {
  type ProblemError,
  ProblemResponse,
  parameterErrors,
  pointerErrors,
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

/** A compiled schema in Ajv's shape: true when valid, else the errors are on the function. */
interface Validate {
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

/** Of the verified token, as text. */
export type Claims = Record<string, unknown>;

export const claimsOf = (event: APIGatewayProxyEventV2): Claims => {
  const context = event.requestContext as { authorizer?: { jwt?: { claims?: Claims } } };
  return context.authorizer?.jwt?.claims ?? {};
};

/** `scope` is one string with blanks; some issuers call it `scp`, and a list arrives as `[a b]`. */
const scopesOf = (claims: Claims): string[] =>
  String(claims.scope ?? claims.scp ?? "")
    .replace(/^\[|\]$/g, "")
    .split(" ")
    .filter((scope) => scope !== "");

export const callerOf = (claims: Claims): RouteRequest["caller"] => {
  const clientId = claims.client_id ?? claims.azp ?? claims.sub;
  return { ...(clientId === undefined ? {} : { clientId: String(clientId) }), scopes: scopesOf(claims) };
};

export const urlOf = (event: APIGatewayProxyEventV2): string =>
  event.rawQueryString ? `${event.rawPath}?${event.rawQueryString}` : event.rawPath;

/** @throws ProblemResponse 400, 413 or 415 with all that is wrong */
export const readRequest = (
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

export const definedHeaders = (event: APIGatewayProxyEventV2): Record<string, string> =>
  Object.fromEntries(Object.entries(event.headers ?? {}).map(([name, value]) => [name, value ?? ""]));
