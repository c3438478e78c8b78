/**
 * One HTTP API, request by request, in the order of the service: limits, route, preflight, throttle, authorizer,
 * integration, response, access log.
 *
 * Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html (10,240 bytes of request
 * line and headers, 10 MB of body, 30 s). Unsettled, and taken as the design says: 413 when an event exceeds Lambda's
 * 6 MB.
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Clock } from "../../kit/clock.ts";
import { compileFormat } from "./access-log.ts";
import { type Answered, answered } from "./answered.ts";
import { isPreflight, preflightHeaders, withCors } from "./cors.ts";
import { type EventContext, type GatewayRequest, joinHeaders, toEvent } from "./event.ts";
import {
  type Exchange,
  headerBytes,
  logContext,
  readBounded,
  type StageState,
  stageName,
  tokenFrom,
} from "./exchange.ts";
import { type Invoke, integrate } from "./integration.ts";
import { type AuthorizerSettings, authorise, IssuerKeys, type ReadJson } from "./jwt.ts";
import { readTarget, selectRoute, type Target } from "./matching.ts";
import type { ApiModel, RouteModel, StageModel } from "./model.ts";
import { type GatewayResponse, gatewayMessage } from "./response.ts";
import { TokenBucket } from "./throttle.ts";

export interface GatewayDependencies {
  clock: Clock;
  /** 0 up to but not 1. */
  random(): number;
  invoke: Invoke;
  readJson: ReadJson;
  /** One line of the access log, already formatted. */
  writeLog(entry: AccessLogEntry): void;
  /** Told of every request that was answered. */
  onAnswer(answered: Answered): void;
}

export interface AccessLogEntry {
  logGroup: string;
  line: string;
  routeKey: string;
  method: string;
  path: string;
  status: number;
  latencyMs: number;
}

const MAX_HEADER_BYTES = 10_240;
/** Lambda's limit on a synchronous request. */
const MAX_EVENT_BYTES = 6_291_456;

/** A caller's own trace goes on when it reads like one. */
const TRACE_ID = /^[A-Za-z0-9=;:_-]{1,256}$/;
const ID_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/** Serves one API. State: key caches and token buckets, nothing else. */
export class Gateway {
  readonly #api: ApiModel;
  readonly #dependencies: GatewayDependencies;
  readonly #stages: Map<string, StageState>;
  readonly #keys = new Map<string, IssuerKeys>();

  constructor(api: ApiModel, dependencies: GatewayDependencies) {
    this.#api = api;
    this.#dependencies = dependencies;
    this.#stages = new Map(api.stages.map((model) => [model.name, stageState(model)]));
  }

  /** Answers one request. Rejects only when the answer cannot be written. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const exchange = this.#begin(request);
    const answer = await this.#answer(exchange).catch((error: unknown) => {
      exchange.log["error.message"] = error instanceof Error ? error.message : String(error);
      return gatewayMessage(500, "Internal Server Error");
    });
    this.#send(exchange, response, answer);
  }

  #begin(request: IncomingMessage): Exchange {
    const receivedAt = this.#dependencies.clock.now();
    const { headers, cookies } = joinHeaders(request.rawHeaders);
    const sent = headers["x-amzn-trace-id"] ?? "";
    return {
      request,
      requestId: `${this.#randomText(15)}=`,
      traceId: TRACE_ID.test(sent) ? sent : this.#newTraceId(receivedAt),
      receivedAt,
      method: request.method ?? "GET",
      url: request.url ?? "/",
      headers,
      cookies,
      log: {},
    };
  }

  async #answer(exchange: Exchange): Promise<GatewayResponse> {
    if (headerBytes(exchange.request) > MAX_HEADER_BYTES)
      return gatewayMessage(431, "Request Header Fields Too Large");
    exchange.target = readTarget(exchange.url);
    if (exchange.target === undefined) return gatewayMessage(400, "Bad Request");
    const match = this.#select(exchange, exchange.target);
    const preflight = this.#preflight(exchange);
    if (preflight !== undefined) return preflight;
    if (match === undefined) return gatewayMessage(404, "Not Found");
    return this.#serveRoute(exchange, match.route, match.parameters);
  }

  /** A named stage is the path's first segment; everything else belongs to `$default`. */
  #select(exchange: Exchange, target: Target): ReturnType<typeof selectRoute<RouteModel>> {
    const [first, ...rest] = target.segments;
    const named = first === undefined || first === "$default" ? undefined : this.#stages.get(first);
    exchange.stage = named ?? this.#stages.get("$default");
    if (exchange.stage === undefined) return undefined;
    const segments = named === undefined ? target.segments : rest;
    const match = selectRoute(this.#api.routes, exchange.method, segments);
    exchange.route = match?.route;
    return match;
  }

  /** A route with an authorizer that takes OPTIONS keeps the preflight from the gateway, as on AWS. */
  #preflight({ method, headers, route }: Exchange): GatewayResponse | undefined {
    const { cors } = this.#api;
    if (cors === undefined || route?.authorizer !== undefined || !isPreflight(method, headers))
      return undefined;
    return {
      status: 204,
      headers: preflightHeaders(cors, headers.origin),
      cookies: [],
      body: Buffer.alloc(0),
    };
  }

  async #serveRoute(
    exchange: Exchange,
    route: RouteModel,
    parameters: Record<string, string>,
  ): Promise<GatewayResponse> {
    if (!this.#takeToken(exchange, route)) return gatewayMessage(429, "Too Many Requests");
    const authorizer = await this.#authorise(exchange, route);
    if (authorizer !== undefined && "status" in authorizer) return authorizer;
    const body = await readBounded(exchange.request);
    if (body === undefined) return gatewayMessage(413, "Request Entity Too Large");
    const payload = this.#event(exchange, route, parameters, { body, authorizer });
    if (Buffer.byteLength(payload) > MAX_EVENT_BYTES) return gatewayMessage(413, "Request Entity Too Large");
    const answer = await integrate(
      route,
      { stage: stageName(exchange), payload, traceId: exchange.traceId },
      {
        clock: this.#dependencies.clock,
        invoke: this.#dependencies.invoke,
        log: exchange.log,
      },
    );
    const { cors } = this.#api;
    if (cors === undefined || "integrationErrorMessage" in exchange.log) return answer;
    return { ...answer, headers: withCors(cors, exchange.headers.origin, answer.headers) };
  }

  #takeToken({ stage }: Exchange, route: RouteModel): boolean {
    if (stage === undefined) return false;
    const now = this.#dependencies.clock.now();
    const bucket =
      stage.buckets.get(route.routeKey) ?? new TokenBucket(stage.model.limitsOf(route.routeKey), now);
    stage.buckets.set(route.routeKey, bucket);
    return bucket.take(now);
  }

  async #authorise(
    exchange: Exchange,
    route: RouteModel,
  ): Promise<GatewayResponse | EventContext["authorizer"] | undefined> {
    if (route.authorizer === undefined) return undefined;
    const settings = route.authorizer;
    const decision = await authorise(
      tokenFrom(exchange, settings.identitySource),
      route.scopes,
      { settings, keys: this.#keysOf(settings) },
      this.#dependencies.clock.now(),
    );
    if (decision.allowed) {
      for (const [name, value] of Object.entries(decision.claims))
        exchange.log[`authorizer.claims.${name}`] = String(value);
      return { claims: decision.claims, scopes: route.scopes.length === 0 ? null : decision.scopes };
    }
    exchange.log["authorizer.error"] = decision.error;
    const message = decision.status === 401 ? "Unauthorized" : "Forbidden";
    return gatewayMessage(decision.status, message, { "www-authenticate": decision.challenge });
  }

  #keysOf({ issuer }: AuthorizerSettings): IssuerKeys {
    const known = this.#keys.get(issuer);
    if (known !== undefined) return known;
    const { readJson, clock } = this.#dependencies;
    const keys = new IssuerKeys(issuer, readJson, () => clock.now());
    this.#keys.set(issuer, keys);
    return keys;
  }

  #event(
    exchange: Exchange,
    route: RouteModel,
    parameters: Record<string, string>,
    rest: { body: Buffer; authorizer: EventContext["authorizer"] | undefined },
  ): string {
    const request: GatewayRequest = {
      method: exchange.method,
      target: exchange.target as Target,
      headers: exchange.headers,
      cookies: exchange.cookies,
      body: rest.body,
      sourceIp: exchange.request.socket.remoteAddress ?? "127.0.0.1",
      protocol: `HTTP/${exchange.request.httpVersion}`,
      requestId: exchange.requestId,
      traceId: exchange.traceId,
      receivedAt: exchange.receivedAt,
    };
    const context: EventContext = {
      accountId: this.#api.accountId,
      apiId: this.#api.id,
      domainName: this.#api.domainName,
      stage: stageName(exchange),
      routeKey: route.routeKey,
      parameters,
      ...(rest.authorizer === undefined ? {} : { authorizer: rest.authorizer }),
    };
    return JSON.stringify(toEvent(request, context));
  }

  #send(exchange: Exchange, response: ServerResponse, answer: GatewayResponse): void {
    response.writeHead(answer.status, {
      ...answer.headers,
      ...(answer.cookies.length === 0 ? {} : { "set-cookie": answer.cookies }),
      ...(answer.status === 204 || answer.status === 304 ? {} : { "content-length": answer.body.length }),
      "apigw-requestid": exchange.requestId,
    });
    response.end(answer.body);
    const latencyMs = this.#dependencies.clock.now() - exchange.receivedAt;
    this.#writeLog(exchange, answer, latencyMs);
    this.#dependencies.onAnswer(answered(exchange, answer, latencyMs));
  }

  #writeLog(exchange: Exchange, answer: GatewayResponse, latencyMs: number): void {
    const { stage } = exchange;
    if (stage?.format === undefined || stage.model.accessLog === undefined) return;
    const line = stage.format(logContext(this.#api, exchange, answer, latencyMs));
    this.#dependencies.writeLog({
      logGroup: stage.model.accessLog.logGroup,
      line,
      routeKey: exchange.route?.routeKey ?? "-",
      method: exchange.method,
      path: exchange.target?.path ?? "-",
      status: answer.status,
      latencyMs,
    });
  }

  #randomText(length: number): string {
    let text = "";
    while (text.length < length) text += ID_ALPHABET[Math.floor(this.#dependencies.random() * 64)];
    return text;
  }

  #newTraceId(at: number): string {
    const hex = () =>
      Math.floor(this.#dependencies.random() * 2 ** 32)
        .toString(16)
        .padStart(8, "0");
    return `Root=1-${Math.floor(at / 1_000).toString(16)}-${hex()}${hex()}${hex()}`;
  }
}

const stageState = (model: StageModel): StageState => ({
  model,
  ...(model.accessLog === undefined ? {} : { format: compileFormat(model.accessLog.format) }),
  buckets: new Map(),
});
