/**
 * The Lambda Runtime API, version 2018-06-01, for the environments of one pool.
 * Source: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
 *
 * One server on loopback; each environment has its own unguessable token in the path
 * (`AWS_LAMBDA_RUNTIME_API=127.0.0.1:<port>/<token>`), so that no other process can take or answer its invocations.
 */
import { randomBytes } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** Largest synchronous request. Source: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html */
export const MAX_REQUEST_BYTES = 6_291_456;
/** Largest synchronous response. */
export const MAX_RESPONSE_BYTES = 6_291_556;

const VERSION = "/2018-06-01/runtime";
const INVOCATION = /^\/invocation\/([^/]+)\/(response|error)$/;

export interface Invocation {
  requestId: string;
  payload: string | Buffer;
  /** Milliseconds since the epoch. */
  deadlineMs: number;
  invokedFunctionArn: string;
  traceId: string;
  /** JSON text. */
  clientContext?: string;
}

/** How the environment answered. `payload` is JSON text. */
export type RuntimeResult =
  | { kind: "response"; payload: string }
  | { kind: "error"; payload: string }
  | { kind: "too-large" };

export interface RuntimeListener {
  /** The environment asks for an invocation and none is waiting: it is idle. */
  onIdle(): void;
  onResult(requestId: string, result: RuntimeResult): void;
  /** The code failed to load. `payload` is JSON text: errorType, errorMessage, trace. */
  onInitError(payload: string): void;
}

/** Reads a body up to a limit; what is beyond is read and thrown away, so that the connection stays usable. */
const readBody = (request: IncomingMessage, limit: number): Promise<string | undefined> =>
  new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    request.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size <= limit) chunks.push(chunk);
    });
    request.on("end", () => resolve(size > limit ? undefined : Buffer.concat(chunks, size).toString("utf8")));
    request.on("error", reject);
  });

const reply = (response: ServerResponse, status: number, body: object): void => {
  const text = JSON.stringify(body);
  response.writeHead(status, {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(text),
  });
  response.end(text);
};

const refuse = (response: ServerResponse, status: number, errorType: string, errorMessage: string): void =>
  reply(response, status, { errorType, errorMessage });

/** One environment's side of the Runtime API. */
export class RuntimeSession {
  /** For AWS_LAMBDA_RUNTIME_API. */
  readonly address: string;
  readonly #listener: RuntimeListener;
  readonly #onClose: () => void;
  #next: ServerResponse | undefined;
  #pending: Invocation | undefined;
  #current: string | undefined;

  constructor(address: string, listener: RuntimeListener, onClose: () => void) {
    this.address = address;
    this.#listener = listener;
    this.#onClose = onClose;
  }

  /** True while an invocation waits for the environment to ask for it. */
  get undelivered(): boolean {
    return this.#pending !== undefined;
  }

  /** Hands over an invocation, now or as soon as the environment asks. One at a time. */
  deliver(invocation: Invocation): void {
    this.#pending = invocation;
    this.#flush();
  }

  /** Ends the session: later requests with its token are refused. */
  close(): void {
    this.#onClose();
    this.#next?.destroy();
    this.#next = undefined;
  }

  async handle(request: IncomingMessage, response: ServerResponse, path: string): Promise<void> {
    if (request.method === "GET" && path === "/invocation/next") return this.#onNext(response);
    if (request.method === "POST" && path === "/init/error") return this.#onInitError(request, response);
    const match = request.method === "POST" ? INVOCATION.exec(path) : null;
    if (match) return this.#onAnswer(request, response, match);
    return refuse(response, 404, "NotFound", `No such Runtime API operation: ${request.method} ${path}.`);
  }

  #onNext(response: ServerResponse): void {
    this.#next = response;
    response.on("close", () => {
      if (this.#next === response) this.#next = undefined;
    });
    if (this.#pending === undefined) this.#listener.onIdle();
    else this.#flush();
  }

  async #onInitError(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const payload = await readBody(request, MAX_RESPONSE_BYTES);
    reply(response, 202, { status: "OK" });
    this.#listener.onInitError(payload ?? "{}");
  }

  async #onAnswer(request: IncomingMessage, response: ServerResponse, match: RegExpExecArray): Promise<void> {
    const [, requestId = "", verb] = match;
    const payload = await readBody(request, MAX_RESPONSE_BYTES);
    if (requestId !== this.#current) {
      return refuse(response, 400, "InvalidRequestID", "Invalid request ID");
    }
    this.#current = undefined;
    if (payload === undefined) {
      const message = `Exceeded maximum allowed payload size (${MAX_RESPONSE_BYTES} bytes).`;
      refuse(response, 413, "RequestEntityTooLarge", message);
      return this.#listener.onResult(requestId, { kind: "too-large" });
    }
    reply(response, 202, { status: "OK" });
    return this.#listener.onResult(requestId, { kind: verb === "error" ? "error" : "response", payload });
  }

  #flush(): void {
    const [invocation, response] = [this.#pending, this.#next];
    if (invocation === undefined || response === undefined) return;
    this.#pending = undefined;
    this.#next = undefined;
    this.#current = invocation.requestId;
    response.writeHead(200, {
      "content-type": "application/json",
      "content-length": Buffer.byteLength(invocation.payload),
      "lambda-runtime-aws-request-id": invocation.requestId,
      "lambda-runtime-deadline-ms": String(invocation.deadlineMs),
      "lambda-runtime-invoked-function-arn": invocation.invokedFunctionArn,
      "lambda-runtime-trace-id": invocation.traceId,
      ...(invocation.clientContext === undefined
        ? {}
        : { "lambda-runtime-client-context": invocation.clientContext }),
    });
    response.end(invocation.payload);
  }
}

export class RuntimeApi {
  readonly #server: Server;
  readonly #sessions = new Map<string, RuntimeSession>();

  private constructor() {
    this.#server = createServer((request, response) => void this.#route(request, response));
    // Environments wait for their next invocation as long as it takes, frozen most of the time.
    Object.assign(this.#server, { keepAliveTimeout: 0, requestTimeout: 0, headersTimeout: 0 });
  }

  /** Listens on a free loopback port. */
  static async start(): Promise<RuntimeApi> {
    const api = new RuntimeApi();
    await new Promise<void>((resolve, reject) => {
      api.#server.once("error", reject).listen(0, "127.0.0.1", resolve);
    });
    return api;
  }

  open(listener: RuntimeListener): RuntimeSession {
    const token = randomBytes(18).toString("base64url");
    const { port } = this.#server.address() as AddressInfo;
    const session = new RuntimeSession(`127.0.0.1:${port}/${token}`, listener, () =>
      this.#sessions.delete(token),
    );
    this.#sessions.set(token, session);
    return session;
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }

  async #route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = request.url ?? "/";
    const slash = url.indexOf("/", 1);
    const session = this.#sessions.get(url.slice(1, slash));
    const path = url.slice(slash);
    if (session === undefined || !path.startsWith(`${VERSION}/`)) {
      request.resume();
      return refuse(response, 403, "InvalidStateTransition", "No environment has this Runtime API address.");
    }
    try {
      await session.handle(request, response, path.slice(VERSION.length));
    } catch {
      // The environment went away in mid-request; its end is reported by the process that watches it.
      response.destroy();
    }
  }
}
