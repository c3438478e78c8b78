/** The part of the fauxqs front that concerns SQS, SNS and STS: what is served, and who may. */

import { accessDenied } from "./authorise.ts";
import { queryPermissions, sqsPermissions } from "./authorise-messages.ts";
import { jsonFault, missingToken, notServed, queryFault, type ServiceError } from "./faults.ts";
import type { FauxqsApp } from "./fauxqs-internals.ts";
import { addGroup, type Entry } from "./queue-messages.ts";
import type { Caller, Credential, Input, Place } from "./service.ts";
import { targetOf } from "./wire.ts";

/** What is used of Fastify's request and reply. */
export interface AppRequest {
  readonly id: string;
  readonly raw: object;
  readonly method: string;
  readonly url: string;
  readonly headers: Record<string, unknown> & { "if-match"?: string; "if-none-match"?: string };
  readonly body: unknown;
}
export interface AppReply {
  code(status: number): AppReply;
  header(name: string, value: string): AppReply;
  send(body: unknown): AppReply;
}

const JSON_TYPE = "application/x-amz-json-1.0";
const FORM_TYPE = "application/x-www-form-urlencoded";

/** SQS, SNS and STS share one path; everything else is S3's. */
export const isMessage = (request: { method: string; url: string }): boolean =>
  request.method === "POST" && (request.url === "/" || request.url.startsWith("/?"));

/** The request's body as bytes; nothing parsed it. */
export const bodyOf = (request: AppRequest): Buffer =>
  Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);

type Done = (error: Error | null, body?: unknown) => void;

const asBadRequest = (error: unknown): Error => Object.assign(error as Error, { statusCode: 400 });

const parseMessage = (parse: (text: string) => unknown) => {
  return (request: { method: string; url: string }, body: Buffer, done: Done): void => {
    // S3 objects may have any content type: curl sends form data unless told otherwise.
    if (!isMessage(request)) {
      done(null, body);
      return;
    }
    try {
      done(null, parse(body.toString()));
    } catch (error) {
      done(asBadRequest(error));
    }
  };
};

const parseObject = (text: string): unknown => {
  const value: unknown = JSON.parse(text === "" ? "{}" : text);
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  throw new SyntaxError("The request body is not a JSON object.");
};

/** Replaces fauxqs's body parsers: theirs parse S3 objects that happen to have a message's content type. */
export const addParsers = (app: FauxqsApp, maxObjectBytes: number): void => {
  const add = (type: string, bodyLimit: number, parser: ReturnType<typeof parseMessage>) => {
    app.removeContentTypeParser(type);
    app.addContentTypeParser(type, { parseAs: "buffer", bodyLimit }, parser as never);
  };
  const fromForm = (text: string) => Object.fromEntries(new URLSearchParams(text));
  add(JSON_TYPE, maxObjectBytes, parseMessage(parseObject));
  add(FORM_TYPE, maxObjectBytes, parseMessage(fromForm));
  add("*", maxObjectBytes, (_request, body, done) => done(null, body));
};

/** Operations that answer with queue URLs. */
const WITH_URLS = new Set(["CreateQueue", "GetQueueUrl", "ListQueues"]);
const QUEUE_URL = /http:\/\/[^/"]*(?=\/\d{12}\/)/g;

const operationOf = (request: AppRequest): string | undefined =>
  targetOf(request.headers["x-amz-target"] as string | undefined)?.operation;

const entriesOf = (input: Input): Entry[] => {
  const entries = Array.isArray(input.Entries) ? input.Entries : [input];
  return entries.filter((entry): entry is Entry => typeof entry === "object" && entry !== null);
};

export class MessageGate {
  readonly #place: Place;
  readonly #attributesOf: (queue: string) => Readonly<Record<string, string>> | undefined;

  /** @param attributesOf a queue's attributes by its URL or name; undefined when there is none */
  constructor(
    place: Place,
    attributesOf: (queue: string) => Readonly<Record<string, string>> | undefined = () => undefined,
  ) {
    this.#place = place;
    this.#attributesOf = attributesOf;
  }

  /** What every message goes through on its way to its queue, whoever sends it. */
  prepare(request: AppRequest): void {
    const operation = operationOf(request);
    if (operation !== "SendMessage" && operation !== "SendMessageBatch") return;
    const input = request.body as Input;
    const attributes = typeof input.QueueUrl === "string" ? this.#attributesOf(input.QueueUrl) : undefined;
    if (attributes === undefined) return;
    for (const entry of entriesOf(input)) addGroup(entry, attributes);
  }

  /** A queue's URL has the host that was asked, whoever made the queue. */
  static localise(request: AppRequest, payload: unknown): unknown {
    if (typeof payload !== "string" || !WITH_URLS.has(operationOf(request) ?? "")) return payload;
    return payload.replace(QUEUE_URL, `http://${request.headers.host}`);
  }

  /** @throws ServiceError 501 for what is not served, AccessDenied, MissingAuthenticationToken */
  check(request: AppRequest, caller: Caller): void {
    const { credential } = caller;
    if (!credential) throw missingToken();
    const input = (typeof request.body === "object" && request.body !== null ? request.body : {}) as Input;
    const target = targetOf(request.headers["x-amz-target"] as string | undefined);
    const permissions = target
      ? sqsPermissions(target.operation, input, this.#place)
      : this.#query(input, credential);
    const operation = target?.operation ?? String(input.Action ?? request.method);
    if (!permissions) throw notServed(credential.service, operation);
    const message = caller.refusal(permissions);
    if (message !== undefined) throw accessDenied(message);
  }

  /** SQS's older query protocol is not served. */
  #query(input: Input, credential: Credential) {
    if (credential.service === "sqs") return undefined;
    return queryPermissions(String(input.Action ?? ""), input, this.#place);
  }

  /** In the protocol of the request. */
  static answer(fault: ServiceError, request: AppRequest, reply: AppReply): void {
    const isJson = String(request.headers["content-type"] ?? "").startsWith("application/x-amz-json");
    const body = isJson ? jsonFault(fault) : queryFault(fault, request.id);
    reply
      .code(fault.status)
      .header("content-type", isJson ? JSON_TYPE : "text/xml")
      .send(body);
  }
}
