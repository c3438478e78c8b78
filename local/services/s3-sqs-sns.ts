/**
 * S3, SQS, SNS and STS: fauxqs behind a front that reads each request once, checks its caller, and adds what fauxqs
 * lacks: conditional writes, expiry of presigned URLs, 501 for what it would mistake for a plain read or write.
 *
 * Differs from AWS: signatures, checksums and the policies of POST forms are not verified; no versions; an object's
 * bytes are held in memory.
 */

import { once } from "node:events";
import type { Clock } from "../kit/clock.ts";
import type { TraceInput } from "../kit/trace.ts";
import type { Request, Response } from "./dual-server.ts";
import { jsonFault, ServiceError, s3Fault } from "./faults.ts";
import { embedFauxqs, type Fauxqs, type ObjectEvent } from "./fauxqs.ts";
import {
  type AppReply,
  type AppRequest,
  addParsers,
  bodyOf,
  isMessage,
  MessageGate,
} from "./message-gate.ts";
import { MessageQueues } from "./message-queues.ts";
import { MessageTopics } from "./message-topics.ts";
import {
  checkCondition,
  checkPost,
  checkPresigned,
  copySourceHeader,
  deletePermissions,
  readCopySource,
  readS3Request,
  type S3Request,
  s3Operation,
} from "./s3-request.ts";
import type { Caller, HttpService, Permission, Place } from "./service.ts";

export interface ObjectsAndMessagesOptions extends Place {
  readonly clock: Clock;
  /** Gets an event of kind `dead-letter` for every message that was received too often. */
  readonly trace?: { emit(event: TraceInput): void };
  /** Folder of the runtime's state; objects, queues and topics are kept in its subfolder `fauxqs`. @default in memory */
  readonly dataDir?: string;
  /** Largest body of one PutObject or UploadPart, in bytes. @default 1 GiB (AWS: 5 GiB) */
  readonly maxObjectBytes?: number;
}

export interface PutObjectMeta {
  readonly contentType?: string;
  readonly metadata?: Readonly<Record<string, string>>;
}

export interface ListedObject {
  readonly key: string;
  /** Bytes. */
  readonly size: number;
  /** With its quotes. */
  readonly etag: string;
  readonly lastModified: Date;
}

interface Exchange {
  readonly caller: Caller;
  /** Undefined for SQS, SNS and STS. */
  readonly s3: S3Request | undefined;
}

const GIB = 1024 ** 3;
const LIST_PAGE = 1_000;
const denied = (message: string): ServiceError => new ServiceError("AccessDenied", message, { status: 403 });

export class ObjectsAndMessages implements HttpService {
  readonly scopes = ["s3", "sqs", "sns", "sts"];
  readonly targets = ["AmazonSQS"];
  /** The queues, for what the runtime itself does with them. */
  readonly queues: MessageQueues;
  readonly topics: MessageTopics;
  readonly #options: ObjectsAndMessagesOptions;
  readonly #fauxqs: Fauxqs;
  /** What is known of a request before fauxqs has it. One that is not listed came from this process. */
  readonly #exchanges = new WeakMap<object, Exchange>();
  readonly #objectListeners: Set<(event: ObjectEvent) => void>;

  private constructor(
    options: ObjectsAndMessagesOptions,
    fauxqs: Fauxqs,
    listeners: Set<(event: ObjectEvent) => void>,
  ) {
    this.#options = options;
    this.#fauxqs = fauxqs;
    this.queues = new MessageQueues(fauxqs, options);
    this.topics = new MessageTopics(fauxqs, options);
    this.#objectListeners = listeners;
  }

  /** @throws Error when `dataDir` cannot be used. */
  static async start(options: ObjectsAndMessagesOptions): Promise<ObjectsAndMessages> {
    const listeners = new Set<(event: ObjectEvent) => void>();
    const fauxqs = embedFauxqs({
      region: options.region,
      ...(options.dataDir === undefined ? {} : { dataDir: options.dataDir }),
      onObject: (event) => {
        for (const listener of listeners) listener(event);
      },
      queues: {
        clock: options.clock,
        onDeadLetter: ({ from, to, message: { messageId, approximateReceiveCount: receiveCount } }) =>
          options.trace?.emit({ kind: "dead-letter", queue: from, target: to, messageId, receiveCount }),
      },
    });
    const service = new ObjectsAndMessages(options, fauxqs, listeners);
    await service.#prepare();
    return service;
  }

  /** Ends long polls at once. */
  close(): Promise<void> {
    return this.#fauxqs.close();
  }

  /** Creates the bucket unless it exists. @throws Error for a name that S3 refuses. */
  createBucket(name: string): void {
    this.#fauxqs.s3.createBucket(name);
  }

  /** @throws Error when the bucket does not exist. */
  putObject(bucket: string, key: string, body: Buffer | string, meta: PutObjectMeta = {}): void {
    const { contentType = "binary/octet-stream", metadata = {} } = meta;
    this.#fauxqs.s3.putObject(bucket, key, Buffer.from(body), contentType, { ...metadata });
  }

  /** @throws Error when the bucket or the key does not exist. */
  getObject(bucket: string, key: string): Buffer {
    return this.#fauxqs.s3.getObject(bucket, key).body;
  }

  /** Every object of the bucket whose key starts with `prefix`, in the order of their keys. */
  listObjects(bucket: string, prefix = ""): ListedObject[] {
    const found: ListedObject[] = [];
    for (let startAfter = "", more = true; more; ) {
      const page = this.#fauxqs.s3.listObjects(bucket, { prefix, maxKeys: LIST_PAGE, startAfter });
      for (const { key, contentLength, etag, lastModified } of page.objects) {
        found.push({ key, size: contentLength, etag, lastModified });
      }
      startAfter = found.at(-1)?.key ?? "";
      more = page.isTruncated && page.objects.length > 0;
    }
    return found;
  }

  /** Calls `listener` on every object read, written or deleted; it must return at once and not throw. */
  onObject(listener: (event: ObjectEvent) => void): () => void {
    this.#objectListeners.add(listener);
    return () => this.#objectListeners.delete(listener);
  }

  /** @param queue URL, name or ARN. @returns the message's id. @throws ServiceError */
  sendMessage(queue: string, body: string): Promise<string> {
    return this.queues.send(queue, { body });
  }

  async serve(request: Request, response: Response, caller: Caller): Promise<void> {
    try {
      this.#exchanges.set(request, { caller, s3: this.#admit(request, caller) });
    } catch (error) {
      if (!(error instanceof ServiceError)) throw error;
      answerS3Fault(request, response, error);
      return;
    }
    const done = once(response, "close");
    this.#fauxqs.app.routing(request as never, response as never);
    await done;
  }

  #admit(request: Request, caller: Caller): S3Request | undefined {
    const isMessageTarget = request.headers["x-amz-target"] !== undefined;
    if (!isMessageTarget && (caller.credential?.service ?? "s3") === "s3")
      return this.#admitS3(request, caller);
    // Clients may send to the path of a queue's URL.
    if (isMessageTarget) request.url = "/";
    // A queue's URL has the host that was asked, which HTTP/2 calls :authority.
    request.headers.host ??= String(request.headers[":authority"] ?? "");
    return undefined;
  }

  /** Everything about an S3 request that its body does not decide. Rewrites it to its canonical form. */
  #admitS3(request: Request, caller: Caller): S3Request {
    const { credential } = caller;
    const host = String(request.headers.host ?? request.headers[":authority"] ?? "");
    const s3 = readS3Request(request.method ?? "GET", request.url ?? "/", host);
    const source = request.headers["x-amz-copy-source"];
    const operation = s3Operation(s3, typeof source === "string" ? source : undefined);
    checkPost(s3, request.headers["content-type"]);
    if (credential?.presigned) checkPresigned(s3.query, this.#options.clock.now());
    const isForm = operation.name === "PostObject";
    if (!credential && !isForm) throw denied("Access Denied");
    authorise(caller, operation.permissions);
    request.url = s3.target;
    // fauxqs would take a host with dots for a bucket's.
    request.headers.host = "127.0.0.1";
    if (typeof source === "string") {
      request.headers["x-amz-copy-source"] = copySourceHeader(readCopySource(source));
    }
    // What S3 stores when there is none; fauxqs needs one to read an empty body.
    if (s3.method === "PUT") request.headers["content-type"] ??= "binary/octet-stream";
    return s3;
  }

  async #prepare(): Promise<void> {
    const { app } = this.#fauxqs;
    const { maxObjectBytes = GIB } = this.#options;
    addParsers(app, maxObjectBytes);
    const messages = new MessageGate(this.#options, (queue) => this.#fauxqs.queue(queue)?.attributes);
    // Callback style: the handler runs in the same turn, so that a condition still holds when it writes.
    app.addHook("preHandler", (request: AppRequest, _reply: unknown, done: (error?: Error) => void) => {
      try {
        const exchange = this.#exchanges.get(request.raw);
        if (exchange?.s3) this.#checkBody(exchange.s3, exchange.caller, request);
        else {
          if (exchange) messages.check(request, exchange.caller);
          messages.prepare(request);
        }
        done();
      } catch (error) {
        done(error as Error);
      }
    });
    app.addHook(
      "onSend",
      (
        request: AppRequest,
        _reply: unknown,
        payload: unknown,
        done: (error: null, payload: unknown) => void,
      ) => done(null, MessageGate.localise(request, payload)),
    );
    app.setErrorHandler((error: unknown, request: AppRequest, reply: AppReply) => {
      const fault = asFault(error, maxObjectBytes);
      if (isMessage(request)) MessageGate.answer(fault, request, reply);
      else
        reply.code(fault.status).header("content-type", "application/xml").send(s3Fault(fault, request.id));
    });
    await app.ready();
  }

  /** What only the body, or the moment of writing, decides. */
  #checkBody(s3: S3Request, caller: Caller, request: AppRequest): void {
    const { method, bucket, key, query } = s3;
    const deletes = method === "POST" && key === "" && query.has("delete");
    if (deletes) authorise(caller, deletePermissions(bucket, bodyOf(request).toString()));
    const completes = method === "POST" && query.has("uploadId");
    const writes = key !== "" && (completes || method === "DELETE" || method === "PUT");
    const part = query.has("uploadId") && !completes;
    const { "if-match": match, "if-none-match": noneMatch } = request.headers;
    if (!writes || part || (match === undefined && noneMatch === undefined)) return;
    checkCondition({ "if-match": match, "if-none-match": noneMatch }, this.#tag(bucket, key));
  }

  #tag(bucket: string, key: string): string | undefined {
    try {
      return this.#fauxqs.s3.headObject(bucket, key).etag;
    } catch {
      return undefined;
    }
  }
}

const authorise = (caller: Caller, permissions: readonly Permission[]): void => {
  const message = caller.refusal(permissions);
  if (message !== undefined) throw denied(message);
};

const asFault = (error: unknown, maxObjectBytes: number): ServiceError => {
  if (error instanceof ServiceError) return error;
  const {
    code,
    message = "",
    statusCode = 500,
  } = (error ?? {}) as Partial<Error & { code: string; statusCode: number }>;
  if (code === "FST_ERR_CTP_BODY_TOO_LARGE") {
    return new ServiceError(
      "EntityTooLarge",
      `Your proposed upload exceeds the maximum allowed size of ${maxObjectBytes} bytes; upload it in parts.`,
    );
  }
  if (statusCode < 500) return new ServiceError("InvalidRequest", message, { status: statusCode });
  return new ServiceError("InternalError", `The store failed: ${message}`, { status: 500 });
};

const answerS3Fault = (request: Request, response: Response, fault: ServiceError): void => {
  request.resume();
  const isXml = request.headers["x-amz-target"] === undefined;
  const body = isXml ? s3Fault(fault, "LOCAL") : jsonFault(fault);
  response.statusCode = fault.status;
  response.setHeader("content-type", isXml ? "application/xml" : "application/x-amz-json-1.0");
  response.end(request.method === "HEAD" ? "" : body);
};
