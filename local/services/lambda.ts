/**
 * Lambda's Invoke and ListFunctions, so that a default SDK client and `aws lambda invoke` reach a function here.
 *
 * Differs from AWS: one version of a function is kept, which every qualifier means; the tail of the log holds the
 * function's own lines only; ListFunctions answers everything at once; response streams are not served.
 * Sources: https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html,
 * https://docs.aws.amazon.com/lambda/latest/api/API_ListFunctions.html
 */
import { randomUUID } from "node:crypto";
import { BodyTooLargeError, readBody } from "../kit/server.ts";
import type { Trace } from "../kit/trace.ts";
import type { AsyncInvoker } from "../lambda/async-invoke.ts";
import type { LambdaPool } from "../lambda/pool.ts";
import {
  type InvokeResult,
  RequestTooLargeException,
  ResourceNotFoundException,
  TooManyRequestsException,
} from "../lambda/results.ts";
import { MAX_REQUEST_BYTES } from "../lambda/runtime-api.ts";
import type { FunctionSpec } from "../lambda/spec.ts";
import { accessDenied } from "./authorise.ts";
import type { Request, Response } from "./dual-server.ts";
import { notServed, ServiceError } from "./faults.ts";
import type { Caller, HttpService, Place } from "./service.ts";

/** What the service calls; there once the functions' pool is. */
export interface Functions {
  pool: Pick<LambdaPool, "invoke" | "spec" | "specs">;
  asyncInvoke: Pick<AsyncInvoker, "invoke">;
  /** Holds what functions print. */
  trace: Pick<Trace, "on">;
}

/** A function as a request names it. */
interface Named {
  name: string;
  /** Without a qualifier. */
  arn: string;
  qualifier: string | undefined;
}

interface Invocation {
  named: Named;
  payload: string;
  clientContext: string | undefined;
  traceId: string | undefined;
  tail: boolean;
}

const FUNCTIONS = /^\/2015-03-31\/functions\/?$/;
const INVOCATIONS = /^\/2015-03-31\/functions\/([^/]{1,512})\/invocations\/?$/;
/** Name, partial ARN or ARN, each with or without a qualifier. */
const NAME =
  /^(?:arn:aws[a-z-]*:lambda:([a-z0-9-]+):)?(?:(\d{12}):function:)?([A-Za-z0-9_-]{1,140})(?::(\$LATEST|[A-Za-z0-9_-]{1,128}))?$/;
const LOG_TAIL_BYTES = 4_096;
const MAX_CLIENT_CONTEXT = 3_583;

const invalid = (message: string): ServiceError => fault("InvalidParameterValueException", message, 400);

const fault = (type: string, message: string, status: number, details = {}): ServiceError =>
  new ServiceError(type, message, { status, details: { Type: "User", ...details } });

export class LambdaApi implements HttpService {
  readonly scopes = ["lambda"];
  readonly targets = [];
  readonly #place: Place;
  #functions: Functions | undefined;

  constructor(place: Place) {
    this.#place = place;
  }

  /** From now on requests are answered; before, with 503. */
  connect(functions: Functions): void {
    this.#functions = functions;
  }

  /** @throws ServiceError as AWS would; the endpoint answers with it. */
  async serve(request: Request, response: Response, caller: Caller): Promise<void> {
    const url = new URL(request.url ?? "/", "http://local");
    if (request.method === "GET" && FUNCTIONS.test(url.pathname)) return this.#list(response, caller);
    const reference = request.method === "POST" ? INVOCATIONS.exec(url.pathname)?.[1] : undefined;
    if (reference === undefined) throw notServed("lambda", `${request.method} ${url.pathname}`);
    const named = this.#named(reference, url.searchParams.get("Qualifier") ?? undefined);
    const type = headerOf(request, "x-amz-invocation-type") ?? "RequestResponse";
    const payload = textOf(await readPayload(request));
    allow(caller, "lambda:InvokeFunction", named.arn);
    const spec = this.#specOf(named);
    const invocation = { named, payload, ...optionsOf(request) };
    if (type === "RequestResponse") return this.#invoke(spec, invocation, response);
    if (type === "Event") return this.#accept(invocation, response);
    if (type !== "DryRun") throw invalid(`InvocationType ${type} is none of Event, RequestResponse, DryRun.`);
    answer(response, 204, randomUUID());
  }

  async #invoke(spec: FunctionSpec, invocation: Invocation, response: Response): Promise<void> {
    const { pool, trace } = this.#connected();
    const requestId = randomUUID();
    const lines: string[] = [];
    const end = trace.on((event) => {
      if (invocation.tail && event.kind === "log" && event.requestId === requestId)
        lines.push(String(event.line));
    });
    try {
      const { clientContext, traceId, payload, named } = invocation;
      const qualified = named.qualifier === undefined ? {} : { invokedFunctionArn: qualifiedArn(named) };
      const options = { requestId, ...qualified, clientContext, traceId };
      const result = await pool.invoke(spec.name, payload, options).catch(refused);
      answer(response, 200, requestId, {
        body: result.payload,
        headers: { ...resultHeaders(spec, result), ...tailHeader(invocation.tail, lines) },
      });
    } finally {
      end();
    }
  }

  async #accept({ named, payload }: Invocation, response: Response): Promise<void> {
    const { requestId } = await this.#connected().asyncInvoke.invoke(named.name, payload).catch(refused);
    answer(response, 202, requestId);
  }

  #list(response: Response, caller: Caller): void {
    allow(caller, "lambda:ListFunctions", "*");
    const Functions = this.#connected()
      .pool.specs()
      .map((spec) => ({
        FunctionName: spec.name,
        FunctionArn: spec.arn,
        Version: spec.version,
        Handler: spec.handler,
        MemorySize: spec.memorySize,
        Timeout: spec.timeoutMs / 1_000,
        LoggingConfig: { LogGroup: spec.logGroup, LogFormat: spec.logFormat ?? "JSON" },
      }));
    answer(response, 200, randomUUID(), { body: JSON.stringify({ Functions }) });
  }

  #connected(): Functions {
    if (this.#functions !== undefined) return this.#functions;
    throw new ServiceError("ServiceException", "The functions are still being started.", { status: 503 });
  }

  #named(reference: string, qualifier: string | undefined): Named {
    const [, region, account, name, own] = NAME.exec(decode(reference)) ?? [];
    if (name === undefined) throw invalid(`"${reference}" is neither the name nor the ARN of a function.`);
    if (own !== undefined && qualifier !== undefined && own !== qualifier)
      throw invalid(`The qualifier "${qualifier}" is not that of the function's ARN, "${own}".`);
    const place = `${region ?? this.#place.region}:${account ?? this.#place.account}`;
    return { name, arn: `arn:aws:lambda:${place}:function:${name}`, qualifier: qualifier ?? own };
  }

  /** Of this account and region only. */
  #specOf(named: Named): FunctionSpec {
    const spec = this.#connected().pool.spec(named.name);
    if (spec?.arn === named.arn) return spec;
    throw fault("ResourceNotFoundException", `Function not found: ${qualifiedArn(named)}`, 404);
  }
}

const qualifiedArn = ({ arn, qualifier }: Named): string =>
  qualifier === undefined ? arn : `${arn}:${qualifier}`;

const allow = (caller: Caller, action: string, resource: string): void => {
  const message = caller.refusal([{ action, resources: [resource] }]);
  if (message === undefined) return;
  throw new ServiceError(accessDenied(message).type, message, { status: 403 });
};

const headerOf = (request: Request, name: string): string | undefined => {
  const value = request.headers[name];
  return typeof value === "string" ? value : undefined;
};

const decode = (text: string): string => {
  try {
    return decodeURIComponent(text);
  } catch {
    throw invalid(`"${text}" is not percent-encoded UTF-8.`);
  }
};

const readPayload = (request: Request): Promise<Buffer> =>
  readBody(request, MAX_REQUEST_BYTES).catch((error: unknown) => {
    if (!(error instanceof BodyTooLargeError)) throw error;
    throw fault("RequestTooLargeException", `Request must be smaller than ${error.limit} bytes.`, 413);
  });

/** JSON text; no payload at all is an empty object. */
const textOf = (body: Buffer): string => {
  if (body.length === 0) return "{}";
  const text = body.toString();
  try {
    JSON.parse(text);
    return text;
  } catch (error) {
    const why = (error as Error).message;
    throw fault("InvalidRequestContentException", `Could not parse request body into json: ${why}`, 400);
  }
};

const optionsOf = (request: Request) => ({
  clientContext: contextOf(headerOf(request, "x-amz-client-context")),
  traceId: headerOf(request, "x-amzn-trace-id"),
  tail: headerOf(request, "x-amz-log-type") === "Tail",
});

const contextOf = (header: string | undefined): string | undefined => {
  if (header === undefined) return undefined;
  if (header.length > MAX_CLIENT_CONTEXT)
    throw invalid(`The client context has more than ${MAX_CLIENT_CONTEXT} bytes in base64.`);
  const text = Buffer.from(header, "base64").toString();
  try {
    JSON.parse(text);
    return text;
  } catch {
    throw invalid("The client context is not JSON in base64.");
  }
};

/** What the pool refuses, as the API says it. */
const refused = (error: unknown): never => {
  if (error instanceof TooManyRequestsException)
    throw fault(error.name, error.message, error.statusCode, { Reason: error.reason });
  if (error instanceof RequestTooLargeException || error instanceof ResourceNotFoundException)
    throw fault(error.name, error.message, error.statusCode);
  throw error;
};

const resultHeaders = (spec: FunctionSpec, { functionError }: InvokeResult): Record<string, string> => ({
  "x-amz-executed-version": spec.version,
  ...(functionError === undefined ? {} : { "x-amz-function-error": functionError }),
});

const tailHeader = (tail: boolean, lines: string[]): Record<string, string> => {
  if (!tail) return {};
  const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(""));
  return { "x-amz-log-result": bytes.subarray(-LOG_TAIL_BYTES).toString("base64") };
};

const answer = (
  response: Response,
  status: number,
  requestId: string,
  { body, headers = {} }: { body?: string; headers?: Record<string, string> } = {},
): void => {
  response.statusCode = status;
  response.setHeader("x-amzn-requestid", requestId);
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  if (body !== undefined) response.setHeader("content-type", "application/json");
  response.end(body ?? "");
};
