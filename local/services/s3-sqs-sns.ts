/**
 * S3, SQS, SNS and STS: fauxqs behind a front that reads each request once, checks its caller, and adds what fauxqs
 * lacks: conditional writes, presigned URLs and the policies of POST forms, version ids, queues on the runtime's clock,
 * 501 for what it would mistake for a plain read or write.
 *
 * Differs from AWS: signatures are verified in presigned URLs and forms only, and of the functions' keys only; checksums
 * are not; of an object's versions only the current one is kept; an object's bytes are held in memory.
 */
import { once } from "node:events";
import type { Clock } from "../kit/clock.ts";
import type { TraceInput } from "../kit/trace.ts";
import type { CountedQueueOptions } from "./counted-queue.ts";
import type { Request, Response } from "./dual-server.ts";
import { jsonFault, ServiceError, s3Fault } from "./faults.ts";
import { embedFauxqs, type Fauxqs, type ObjectEvent, type StoredObject } from "./fauxqs.ts";
import { type AppReply, type AppRequest, addParsers, isMessage, MessageGate } from "./message-gate.ts";
import { MessageQueues } from "./message-queues.ts";
import { MessageTopics } from "./message-topics.ts";
import { ObjectGate, type S3Exchange } from "./object-gate.ts";
import type { Authorise, Caller, HttpService, Place } from "./service.ts";

export interface ObjectsAndMessagesOptions extends Place {
  readonly clock: Clock;
  /** Gets an event of kind `dead-letter` for every message that was received too often. */
  readonly trace?: { emit(event: TraceInput): void };
  readonly onMessages?: CountedQueueOptions["onMessages"];
  /** Folder of the runtime's state; objects, queues and topics are kept in its subfolder `fauxqs`. @default in memory */
  readonly dataDir?: string;
  /** Asked for the signers of POST forms. @default everything is allowed */
  readonly authorise?: Authorise;
  /** The secret of an access key that presigned URLs and forms may be signed with; others are not verified. */
  readonly secretOf?: (accessKeyId: string) => string | undefined;
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

/** An object that has just been written. */
export interface WrittenObject {
  readonly bucket: string;
  readonly key: string;
  /** Bytes. */
  readonly size: number;
  /** Without quotes. */
  readonly eTag: string;
  /** In a bucket with versions. */
  readonly versionId?: string;
  /** PutObject, PostObject, CopyObject or CompleteMultipartUpload. */
  readonly operation: string;
  /** Undefined when the runtime wrote it. */
  readonly accessKeyId: string | undefined;
}

interface Exchange {
  readonly caller: Caller;
  /** Undefined for SQS, SNS and STS. */
  readonly s3: S3Exchange | undefined;
}

const GIB = 1024 ** 3;
const LIST_PAGE = 1_000;
type OnSendDone = (error: null, payload: unknown) => void;

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
  readonly #gate: ObjectGate;
  /** The request that is about to write; undefined when the runtime writes by itself. */
  #writer: S3Exchange | undefined;
  readonly #createdListeners = new Set<(object: WrittenObject) => void>();
  readonly #objectListeners: Set<(event: ObjectEvent) => void>;

  private constructor(
    options: ObjectsAndMessagesOptions,
    fauxqs: Fauxqs,
    listeners: Set<(event: ObjectEvent) => void>,
  ) {
    this.#options = options;
    this.#fauxqs = fauxqs;
    this.#gate = new ObjectGate({ ...options, head: (bucket, key) => this.#head(bucket, key) });
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
        onMessages: options.onMessages,
      },
    });
    const service = new ObjectsAndMessages(options, fauxqs, listeners);
    fauxqs.onWritten((object) => service.#written(object));
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
    this.#writer = undefined;
    this.#fauxqs.s3.putObject(bucket, key, Buffer.from(body), contentType, { ...metadata });
  }

  /** Whether the bucket's objects have versions. Only the current one is kept. */
  setVersioning(bucket: string, enabled: boolean): void {
    this.#gate.setVersioning(bucket, enabled);
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

  /** Calls `listener` on every object written, once and after it is; it must return at once and not throw. */
  onCreated(listener: (object: WrittenObject) => void): () => void {
    this.#createdListeners.add(listener);
    return () => this.#createdListeners.delete(listener);
  }

  /** @param queue URL, name or ARN. @returns the message's id. @throws ServiceError */
  sendMessage(queue: string, body: string): Promise<string> {
    return this.queues.send(queue, { body });
  }

  #head(bucket: string, key: string) {
    try {
      return this.#fauxqs.s3.headObject(bucket, key);
    } catch {
      return undefined;
    }
  }

  #written({ bucket, key, size, etag }: StoredObject): void {
    const versionId = this.#gate.versionOf(bucket, key);
    const object: WrittenObject = {
      bucket,
      key,
      size,
      eTag: etag.replaceAll('"', ""),
      ...(versionId === undefined ? {} : { versionId }),
      operation: this.#writer?.operation ?? "PutObject",
      accessKeyId: this.#writer?.caller.credential?.accessKeyId,
    };
    for (const listener of this.#createdListeners) listener(object);
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

  #admit(request: Request, caller: Caller): S3Exchange | undefined {
    const isMessageTarget = request.headers["x-amz-target"] !== undefined;
    if (!isMessageTarget && (caller.credential?.service ?? "s3") === "s3")
      return this.#gate.admit(request, caller);
    // Clients may send to the path of a queue's URL.
    if (isMessageTarget) request.url = "/";
    // A queue's URL has the host that was asked, which HTTP/2 calls :authority.
    request.headers.host ??= String(request.headers[":authority"] ?? "");
    return undefined;
  }

  /** A promise for a form only, which takes a moment to read. */
  #check(request: AppRequest, messages: MessageGate): Promise<void> | undefined {
    const exchange = this.#exchanges.get(request.raw);
    if (exchange?.s3) return this.#gate.check(exchange.s3, request);
    if (exchange) messages.check(request, exchange.caller);
    messages.prepare(request);
    return undefined;
  }

  async #prepare(): Promise<void> {
    const { app } = this.#fauxqs;
    const { maxObjectBytes = GIB } = this.#options;
    addParsers(app, maxObjectBytes);
    const messages = new MessageGate(this.#options, (queue) => this.#fauxqs.queue(queue)?.attributes);
    // Callback style: the handler runs in the same turn, so that a condition still holds when it writes.
    app.addHook("preHandler", (request: AppRequest, _reply: unknown, done: (error?: Error) => void) => {
      const go = (): void => {
        this.#writer = this.#exchanges.get(request.raw)?.s3;
        done();
      };
      try {
        const form = this.#check(request, messages);
        if (form === undefined) go();
        else form.then(go, done);
      } catch (error) {
        done(error as Error);
      }
    });
    app.addHook("onSend", (request: AppRequest, reply: AppReply, payload: unknown, done: OnSendDone) => {
      const s3 = this.#exchanges.get(request.raw)?.s3;
      if (s3 !== undefined) this.#gate.describe(s3, reply);
      done(null, MessageGate.localise(request, payload));
    });
    app.setErrorHandler((error: unknown, request: AppRequest, reply: AppReply) => {
      const fault = asFault(error, maxObjectBytes);
      if (isMessage(request)) MessageGate.answer(fault, request, reply);
      else
        reply.code(fault.status).header("content-type", "application/xml").send(s3Fault(fault, request.id));
    });
    await app.ready();
  }
}

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
