/**
 * One request on its way through the gateway: what is known of it so far, and what the access log says of it.
 */

import type { IncomingMessage } from "node:http";
import { BodyTooLargeError, readBody } from "../../kit/server.ts";
import { commonLogTime, type LogContext, type LogFormat } from "./access-log.ts";
import type { Target } from "./matching.ts";
import type { ApiModel, RouteModel, StageModel } from "./model.ts";
import type { GatewayResponse } from "./response.ts";
import type { TokenBucket } from "./throttle.ts";

/** A stage with what the gateway keeps for it. */
export interface StageState {
  model: StageModel;
  format?: LogFormat;
  /** By route key. */
  buckets: Map<string, TokenBucket>;
}

/** The access log reads it at the end, however early that comes. */
export interface Exchange {
  request: IncomingMessage;
  requestId: string;
  /** X-Ray's, the caller's own or a new one. */
  traceId: string;
  /** Milliseconds since the epoch. */
  receivedAt: number;
  method: string;
  url: string;
  headers: Record<string, string>;
  cookies: string[];
  target?: Target;
  stage?: StageState;
  route?: RouteModel;
  /** `$context` variables that authorizer and integration set. */
  log: LogContext;
}

/** 10 MB: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html */
const MAX_BODY_BYTES = 10 * 1_024 * 1_024;
const EMPTY = Buffer.alloc(0);

export const stageName = ({ stage }: Exchange): string => stage?.model.name ?? "$default";

/** Bytes of the request line and the headers, names included. */
export const headerBytes = (request: IncomingMessage): number =>
  request.rawHeaders.reduce(
    (sum, text) => sum + text.length,
    (request.url ?? "").length + (request.method ?? "").length,
  );

/** The token where the authorizer looks for it, e.g. `$request.header.Authorization`. */
export const tokenFrom = ({ headers, target }: Exchange, identitySource: string): string | undefined => {
  const [, place, name = ""] = /^\$request\.(header|querystring)\.(.+)$/.exec(identitySource) ?? [];
  if (place === "querystring") return new URLSearchParams(target?.query).get(name) ?? undefined;
  return headers[name.toLowerCase()];
};

const hasBody = ({ headers }: IncomingMessage): boolean =>
  headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;

/** The whole body; undefined when it is over the gateway's limit. Rejects when the client has gone. */
export const readBounded = async (request: IncomingMessage): Promise<Buffer | undefined> => {
  if (!hasBody(request)) return EMPTY;
  if (request.destroyed) throw new Error("The client closed the connection.");
  try {
    return await readBody(request, MAX_BODY_BYTES);
  } catch (error) {
    if (error instanceof BodyTooLargeError) return undefined;
    throw error;
  }
};

/** Every `$context` variable of the finished exchange. */
export const logContext = (
  api: ApiModel,
  exchange: Exchange,
  answer: GatewayResponse,
  latencyMs: number,
): LogContext => {
  const { request, log } = exchange;
  return {
    accountId: api.accountId,
    apiId: api.id,
    domainName: api.domainName,
    domainPrefix: api.id,
    extendedRequestId: exchange.requestId,
    httpMethod: exchange.method,
    "identity.sourceIp": request.socket.remoteAddress,
    "identity.userAgent": exchange.headers["user-agent"],
    path: exchange.target?.path,
    protocol: `HTTP/${request.httpVersion}`,
    requestId: exchange.requestId,
    requestTime: commonLogTime(exchange.receivedAt),
    requestTimeEpoch: exchange.receivedAt,
    responseLatency: latencyMs,
    responseLength: answer.body.length,
    routeKey: exchange.route?.routeKey,
    stage: exchange.stage?.model.name,
    status: answer.status,
    ...log,
    "integration.error": log.integrationErrorMessage,
    "integration.integrationStatus": log.integrationStatus,
    "integration.latency": log.integrationLatency,
    integrationError: log.integrationErrorMessage,
  };
};
