/**
 * HTTP request -> Lambda event, payload format 2.0. Pure.
 *
 * Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html, and
 * recordings of the service where the page is silent: which bodies are base64
 * (https://github.com/ministackorg/ministack/pull/766), claims as text and `scopes: null` on a route without scopes
 * (https://github.com/DefinitelyTyped/DefinitelyTyped/pull/75458, https://github.com/floci-io/floci/pull/2011).
 */

import type { APIGatewayProxyEventV2, APIGatewayProxyEventV2WithJWTAuthorizer } from "aws-lambda";
import { commonLogTime } from "./access-log.ts";
import type { Target } from "./matching.ts";

export interface GatewayRequest {
  method: string;
  target: Target;
  /** Lower-case names, duplicates joined, as `joinHeaders` gives them. */
  headers: Record<string, string>;
  cookies: string[];
  body: Buffer;
  sourceIp: string;
  protocol: string;
  requestId: string;
  traceId: string;
  /** Milliseconds since the epoch. */
  receivedAt: number;
}

export interface EventContext {
  accountId: string;
  apiId: string;
  domainName: string;
  stage: string;
  routeKey: string;
  parameters: Record<string, string>;
  /** Of the verified token, where the route has an authorizer. */
  authorizer?: { claims: Record<string, unknown>; scopes: string[] | null };
}

export type HttpApiEvent = APIGatewayProxyEventV2 | APIGatewayProxyEventV2WithJWTAuthorizer;

/** Headers that belong to the connection, not to the request. */
const CONNECTION_HEADERS = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
]);

/** Joins duplicate headers with commas and takes the cookies apart, which payload 2.0 delivers on their own. */
export const joinHeaders = (raw: string[]): { headers: Record<string, string>; cookies: string[] } => {
  const headers = new Map<string, string>();
  const cookies: string[] = [];
  for (let index = 0; index < raw.length; index += 2) {
    const name = (raw[index] ?? "").toLowerCase();
    const value = raw[index + 1] ?? "";
    const earlier = headers.get(name);
    if (name === "cookie") cookies.push(...value.split(/; */).filter((cookie) => cookie !== ""));
    else if (!CONNECTION_HEADERS.has(name))
      headers.set(name, earlier === undefined ? value : `${earlier},${value}`);
  }
  return { headers: Object.fromEntries(headers), cookies };
};

const TEXT_TYPE = /^(?:text\/.+|application\/(?:json|xml|javascript))$/i;

/** Measured: only these types arrive as text, a missing type does not. */
const isText = (contentType: string | undefined): boolean =>
  TEXT_TYPE.test((contentType ?? "").split(";")[0]?.trim() ?? "");

const bodyOf = ({ body, headers }: GatewayRequest): Pick<HttpApiEvent, "body" | "isBase64Encoded"> => {
  if (body.length === 0) return { isBase64Encoded: false };
  const text = isText(headers["content-type"]);
  return { body: body.toString(text ? "utf8" : "base64"), isBase64Encoded: !text };
};

const queryOf = (query: string): Record<string, string> | undefined => {
  if (query === "") return undefined;
  const values = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(query)) {
    const earlier = values.get(name);
    values.set(name, earlier === undefined ? value : `${earlier},${value}`);
  }
  return Object.fromEntries(values);
};

/** Measured: numbers and booleans as text, lists in blank-separated brackets, objects as JSON, null left out. */
const claimText = (value: unknown): string | undefined => {
  if (value === null || value === undefined) return undefined;
  if (Array.isArray(value)) return `[${value.join(" ")}]`;
  return typeof value === "object" ? JSON.stringify(value) : String(value);
};

const claimTexts = (claims: Record<string, unknown>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(claims).flatMap(([name, value]) => {
      const text = claimText(value);
      return text === undefined ? [] : [[name, text]];
    }),
  );

const forwarded = (request: GatewayRequest, context: EventContext): Record<string, string> => {
  const chain = request.headers["x-forwarded-for"];
  return {
    ...request.headers,
    host: context.domainName,
    "x-amzn-trace-id": request.traceId,
    "x-forwarded-for": chain === undefined ? request.sourceIp : `${chain}, ${request.sourceIp}`,
    "x-forwarded-port": "443",
    "x-forwarded-proto": "https",
  };
};

const authorizerOf = ({ authorizer }: EventContext): object =>
  authorizer === undefined
    ? {}
    : { authorizer: { jwt: { claims: claimTexts(authorizer.claims), scopes: authorizer.scopes } } };

const requestContext = (request: GatewayRequest, context: EventContext): object => ({
  accountId: context.accountId,
  apiId: context.apiId,
  ...authorizerOf(context),
  domainName: context.domainName,
  domainPrefix: context.domainName.split(".")[0],
  http: {
    method: request.method,
    path: request.target.path,
    protocol: request.protocol,
    sourceIp: request.sourceIp,
    userAgent: request.headers["user-agent"] ?? "",
  },
  requestId: request.requestId,
  routeKey: context.routeKey,
  stage: context.stage,
  time: commonLogTime(request.receivedAt),
  timeEpoch: request.receivedAt,
});

/** The event exactly as API Gateway sends it: absent parts are left out, not null. */
export const toEvent = (request: GatewayRequest, context: EventContext): HttpApiEvent => {
  const query = queryOf(request.target.query);
  const parameters = Object.keys(context.parameters).length === 0 ? undefined : context.parameters;
  return {
    version: "2.0",
    routeKey: context.routeKey,
    rawPath: request.target.path,
    rawQueryString: request.target.query,
    ...(request.cookies.length === 0 ? {} : { cookies: request.cookies }),
    headers: forwarded(request, context),
    ...(query === undefined ? {} : { queryStringParameters: query }),
    requestContext: requestContext(request, context),
    ...(parameters === undefined ? {} : { pathParameters: parameters }),
    ...bodyOf(request),
  } as HttpApiEvent;
};
