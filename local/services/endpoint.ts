/**
 * The one AWS endpoint of the local runtime: 127.0.0.1, HTTP/1.1 and HTTP/2 on the same port, every service behind
 * it. A request goes to the service that its `X-Amz-Target` or its signature's scope names, else to S3. The caller
 * is checked against its policies before the service sees anything.
 */

import { randomUUID } from "node:crypto";
import { BodyTooLargeError, type LoopbackServer, listen, readBody } from "../kit/server.ts";
import type { TraceInput } from "../kit/trace.ts";
import { traceRoot } from "../kit/trace-header.ts";
import { accessDenied, callerOf } from "./authorise.ts";
import { createDualServer, type Request, type Response } from "./dual-server.ts";
import {
  jsonFault,
  missingToken,
  notServed,
  queryFault,
  ServiceError,
  serializationError,
} from "./faults.ts";
import type { Authorise, Credential, HttpService, Input, JsonService } from "./service.ts";
import { credentialOf, isKnownHost, isKnownOrigin, targetOf } from "./wire.ts";
import { readPlainBody } from "./wire-body.ts";

export interface EndpointOptions {
  /** 0 takes any free port. AWS tools expect local endpoints on 4566. */
  readonly port: number;
  /** Services that speak AWS JSON. */
  readonly json: readonly JsonService[];
  /** Services that answer HTTP themselves. The one with the scope `s3` also gets requests that name no service. */
  readonly http?: readonly HttpService[];
  /** Asked before every operation. @default everything is allowed */
  readonly authorise?: Authorise;
  /** Gets an event of kind `aws` per request: service, operation, resource, status, durationMs, the caller's traceId. */
  readonly trace?: { emit(event: TraceInput): void };
}

export type Endpoint = LoopbackServer;

interface Named {
  service: string;
  operation: string;
  /** ARN of what it is about, or the first of several. */
  resource?: string;
}

const MAX_QUERY_BODY = 64 * 1024;

/** Starts listening. @throws Error when the port is taken. */
export const startEndpoint = async (options: EndpointOptions): Promise<Endpoint> => {
  const front = new Front(options);
  const server = createDualServer((request, response) => front.serve(request, response));
  return listen(server, options.port, { busy: () => front.inFlight > 0 });
};

/** The request handler. */
class Front {
  inFlight = 0;
  readonly #options: EndpointOptions;
  readonly #json = new Map<string, JsonService>();
  readonly #http = new Map<string, HttpService>();

  constructor(options: EndpointOptions) {
    this.#options = options;
    for (const service of options.json) {
      for (const target of service.targets) this.#json.set(target, service);
    }
    for (const service of options.http ?? []) {
      for (const name of [...service.targets, ...service.scopes]) this.#http.set(name, service);
    }
  }

  serve(request: Request, response: Response): void {
    this.inFlight += 1;
    response.once("close", () => {
      this.inFlight -= 1;
    });
    const started = performance.now();
    const named: Named = { service: "unknown", operation: "unknown" };
    this.#answer(request, response, named)
      .catch((error: unknown) => {
        if (request.readableAborted || response.destroyed) return;
        answerFault(request, response, asFault(error, named));
      })
      .finally(() => this.#trace(named, request, { status: response.statusCode, started }));
  }

  #trace(named: Named, { headers }: Request, { status, started }: { status: number; started: number }): void {
    const durationMs = performance.now() - started;
    const traceId = traceRoot(headers["x-amzn-trace-id"]);
    this.#options.trace?.emit({ kind: "aws", ...named, status, durationMs, traceId });
  }

  async #answer(request: Request, response: Response, named: Named): Promise<void> {
    const { headers } = request;
    refuseStrangers(headers);
    const target = targetOf(headers["x-amz-target"]);
    const service = target && this.#json.get(target.prefix);
    if (target && service) {
      Object.assign(named, { service: service.name, operation: target.operation });
      return this.#answerJson(service, named, request, response);
    }
    const credential = credentialOf(headers.authorization, request.url ?? "/");
    const http = this.#httpService(target?.prefix, credential);
    if (!http) throw await unserved(request, target, credential);
    Object.assign(named, {
      service: credential?.service ?? target?.prefix ?? "s3",
      operation: target?.operation ?? request.method ?? "",
    });
    const caller = callerOf(credential, this.#options.authorise);
    return http.serve(request, response, {
      credential,
      refusal: (permissions) => {
        named.resource ??= permissions[0]?.resources[0];
        return caller.refusal(permissions);
      },
    });
  }

  /** By target, then by the signature's scope; a request that names neither is S3's (a presigned form, a browser). */
  #httpService(prefix: string | undefined, credential: Credential | undefined): HttpService | undefined {
    if (prefix !== undefined) return this.#http.get(prefix);
    return this.#http.get(credential?.service ?? "s3");
  }

  async #answerJson(service: JsonService, named: Named, request: Request, response: Response): Promise<void> {
    const { operation } = named;
    if (!service.serves(operation)) throw notServed(service.name, operation);
    refuseOtherFormats(service, operation, request);
    const credential = credentialOf(request.headers.authorization, request.url ?? "/");
    if (!credential) throw missingToken();
    const input = parseJson(await readPlainBody(request, service.maxBodyBytes));
    const caller = callerOf(credential, this.#options.authorise);
    const permissions = service.permissions(operation, input);
    named.resource = permissions[0]?.resources[0];
    const message = caller.refusal(permissions);
    if (message !== undefined) throw accessDenied(message);
    const output = await service.handle(operation, input);
    send(response, 200, service.contentType, JSON.stringify(output));
  }
}

const parseJson = (body: Buffer): Input => {
  let value: unknown;
  try {
    value =
      body.length === 0 ? {} : JSON.parse(body.toString(), mayNameProto(body) ? refuseProto : undefined);
  } catch (error) {
    if (error instanceof ServiceError) throw error;
    throw serializationError("The request body is not valid JSON.");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw serializationError("The request body is not a JSON object.");
  }
  return value as Input;
};

/** Whether a member may be called `__proto__`, as it stands or with escapes. Cheap: most bodies hold neither. */
const mayNameProto = (body: Buffer): boolean => body.includes("__proto__") || body.includes("\\u00");

const refuseProto = (key: string, value: unknown): unknown => {
  if (key === "__proto__") throw serializationError("A member called __proto__ is not accepted.");
  return value;
};

/** CBOR is what the Java SDK sends to Kinesis by default. */
const refuseOtherFormats = (service: JsonService, operation: string, request: Request): void => {
  const type = request.headers["content-type"] ?? "";
  if (!type.includes("cbor")) return;
  throw notServed(
    service.name,
    operation,
    `It speaks JSON, and the request is "${type}"; for the Java SDK set CBOR_ENABLED=false (version 1: AWS_CBOR_DISABLE=true).`,
  );
};

/** Other machines' pages reach a loopback port through the user's browser. */
const refuseStrangers = (headers: Request["headers"]): void => {
  const host = headers.host ?? headers[":authority"];
  if (typeof host === "string" && !isKnownHost(host)) throw unknownHost(host);
  const { origin } = headers;
  if (origin !== undefined && !isKnownOrigin(origin)) throw unknownOrigin(origin);
};

const unknownHost = (host: string): ServiceError =>
  new ServiceError(
    "UnrecognizedClientException",
    `This endpoint does not answer for the host "${host}". Use http://127.0.0.1 and its port.`,
    { status: 421 },
  );

const unknownOrigin = (origin: string): ServiceError =>
  new ServiceError("AccessDeniedException", `This endpoint does not answer web pages of "${origin}".`, {
    status: 403,
  });

/** What a request of a service that is not here asked for. */
const unserved = async (
  request: Request,
  target: { prefix: string; operation: string } | undefined,
  credential: Credential | undefined,
): Promise<ServiceError> => {
  const service = credential?.service ?? target?.prefix ?? "unknown";
  if (target) return notServed(service, target.operation);
  if (isForm(request)) {
    const form = new URLSearchParams((await readBody(request, MAX_QUERY_BODY)).toString());
    return notServed(service, form.get("Action") ?? "unknown");
  }
  return notServed(service, `${request.method} ${(request.url ?? "/").split("?")[0]}`);
};

const isForm = (request: Request): boolean =>
  (request.headers["content-type"] ?? "").startsWith("application/x-www-form-urlencoded");

const asFault = (error: unknown, named: Named): ServiceError => {
  if (error instanceof ServiceError) return error;
  if (error instanceof BodyTooLargeError) {
    return new ServiceError("RequestEntityTooLargeException", error.message, { status: 413 });
  }
  const message = error instanceof Error ? error.message : String(error);
  return new ServiceError("InternalFailure", `${named.service}:${named.operation} failed: ${message}`, {
    status: 500,
  });
};

const send = (response: Response, status: number, contentType: string, body: string): void => {
  const bytes = Buffer.from(body);
  response.statusCode = status;
  response.setHeader("content-type", contentType);
  response.setHeader("content-length", bytes.length);
  response.setHeader("x-amzn-requestid", randomUUID());
  response.end(bytes);
};

/** In the shape that the request's own protocol reads. */
const answerFault = (request: Request, response: Response, fault: ServiceError): void => {
  request.resume();
  if (response.headersSent) {
    response.end();
    return;
  }
  if (isForm(request) && request.headers["x-amz-target"] === undefined) {
    send(response, fault.status, "text/xml", queryFault(fault, randomUUID()));
    return;
  }
  const asked = request.headers["content-type"] ?? "";
  const contentType = asked.startsWith("application/x-amz-json") ? asked : "application/json";
  response.setHeader("x-amzn-errortype", fault.type);
  send(response, fault.status, contentType, jsonFault(fault));
};
