/**
 * What runs inside an execution environment: Node 24's Lambda runtime, written to start fast.
 *
 * It loads `_HANDLER` from `LAMBDA_TASK_ROOT` and works off the Runtime API one invocation at a time. Handlers take
 * `(event, context)` and return a value or a promise; callback handlers are refused and the context has no
 * `done`, `succeed` or `fail`, as in `nodejs24.x`.
 * Sources: https://docs.aws.amazon.com/lambda/latest/dg/nodejs-handler.html,
 * https://docs.aws.amazon.com/lambda/latest/dg/nodejs-logging.html,
 * https://github.com/aws/aws-lambda-nodejs-runtime-interface-client.
 *
 * The Runtime API is spoken over a plain socket: `node:http` alone would add 40 ms and 14 MB to every cold start.
 * Both ends are this project's, every body has a Content-Length, and requests are answered in order.
 * This file is turned into JavaScript once per pool and shares nothing with the rest of `local`.
 */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { createConnection, type Socket } from "node:net";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { format } from "node:util";

const LEVELS = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"];
const CALLBACK_HANDLER =
  "ERROR: AWS Lambda has removed support for callback-based function handlers starting with Node.js 24. You need to modify this function to use a supported handler signature to use Node.js 24 or later. For more information see https://docs.aws.amazon.com/lambda/latest/dg/nodejs-handler.html.";

interface Reply {
  status: number;
  headers: Map<string, string>;
  body: string;
}

interface RuntimeFailure {
  errorType: string;
  errorMessage: string;
  trace: string[];
}

type Handler = (event: unknown, context: object) => unknown;

/** What the logs and the error handlers need to know about the invocation in progress. */
interface Current {
  requestId?: string;
}

class RuntimeError extends Error {
  constructor(name: string, message: string) {
    super(message);
    this.name = name;
  }
}

/** Splits replies off a byte stream: header block, then as many bytes as Content-Length says. */
class ReplyParser {
  #chunks: Buffer[] = [];
  #size = 0;
  #needed = 0;

  push(chunk: Buffer, onReply: (reply: Reply) => void): void {
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    for (let reply = this.#take(); reply !== undefined; reply = this.#take()) onReply(reply);
  }

  #take(): Reply | undefined {
    if (this.#size === 0 || this.#size < this.#needed) return undefined;
    const bytes = this.#chunks.length === 1 ? (this.#chunks[0] as Buffer) : Buffer.concat(this.#chunks);
    this.#chunks = [bytes];
    const end = bytes.indexOf("\r\n\r\n");
    if (end === -1) return undefined;
    const [statusLine = "", ...lines] = bytes.toString("latin1", 0, end).split("\r\n");
    const headers = new Map(
      lines.map((line) => {
        const colon = line.indexOf(":");
        return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const;
      }),
    );
    this.#needed = end + 4 + Number(headers.get("content-length") ?? 0);
    if (bytes.length < this.#needed) return undefined;
    const body = bytes.toString("utf8", end + 4, this.#needed);
    const rest = bytes.subarray(this.#needed);
    this.#chunks = rest.length > 0 ? [rest] : [];
    this.#size = rest.length;
    this.#needed = 0;
    return { status: Number(statusLine.split(" ")[1]), headers, body };
  }
}

/** The client's end of the Runtime API. Source: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html */
class RuntimeClient {
  readonly socket: Socket;
  readonly #host: string;
  readonly #base: string;
  readonly #waiting: ((reply: Reply) => void)[] = [];

  /** @param address `host:port/token`, from AWS_LAMBDA_RUNTIME_API */
  constructor(address: string) {
    const slash = address.indexOf("/");
    this.#host = address.slice(0, slash);
    this.#base = `${address.slice(slash)}/2018-06-01/runtime`;
    const [host, port] = this.#host.split(":");
    const parser = new ReplyParser();
    this.socket = createConnection({ host, port: Number(port), noDelay: true });
    this.socket.on("data", (chunk) => parser.push(chunk, (reply) => this.#waiting.shift()?.(reply)));
    // The runtime that owns this environment is gone: nobody is left to work for.
    const leave = () => process.exit(0);
    this.socket.on("error", leave).on("close", leave);
  }

  next(): Promise<Reply> {
    return this.#request("GET", "/invocation/next");
  }

  respond(requestId: string, body: string): Promise<Reply> {
    return this.#request("POST", `/invocation/${requestId}/response`, body);
  }

  fail(requestId: string | undefined, failure: RuntimeFailure): Promise<Reply> {
    const path = requestId === undefined ? "/init/error" : `/invocation/${requestId}/error`;
    return this.#request("POST", path, JSON.stringify(failure));
  }

  #request(method: string, path: string, body?: string): Promise<Reply> {
    const length = body === undefined ? 0 : Buffer.byteLength(body);
    this.socket.write(
      `${method} ${this.#base}${path} HTTP/1.1\r\nHost: ${this.#host}\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n\r\n${body ?? ""}`,
    );
    return new Promise((done) => this.#waiting.push(done));
  }
}

const toFailure = (error: unknown): RuntimeFailure =>
  error instanceof Error
    ? { errorType: error.name, errorMessage: error.message, trace: error.stack?.split("\n") ?? [] }
    : { errorType: typeof error, errorMessage: String(error), trace: [] };

const describeError = (error: Error) => ({
  errorType: error.constructor?.name ?? "UnknownError",
  errorMessage: error.message,
  stackTrace: error.stack?.split("\n") ?? [],
});

/** One line of Lambda's JSON log format: a single argument is kept as data, several are formatted to text. */
const jsonLine = (level: string, requestId: string | undefined, values: unknown[]): string => {
  const head = { timestamp: new Date().toISOString(), level, requestId };
  const [message, ...params] = values;
  if (params.length > 0) {
    const error = params.find((param) => param instanceof Error);
    return JSON.stringify({
      ...head,
      message: format(message, ...params),
      ...(error && describeError(error)),
    });
  }
  try {
    return JSON.stringify({ ...head, message }, (_key, value) =>
      value instanceof Error ? { ...describeError(value), ...value } : value,
    );
  } catch {
    return JSON.stringify({ ...head, message: format(message) });
  }
};

const textLine = (level: string, requestId: string | undefined, values: unknown[]): string =>
  [new Date().toISOString(), requestId, level, format(...values)].join("\t");

/** Sends `console.*` to standard output in the function's log format, from its log level up. */
const patchConsole = (current: Current): void => {
  const toLine = process.env.AWS_LAMBDA_LOG_FORMAT === "Text" ? textLine : jsonLine;
  const least = Math.max(0, LEVELS.indexOf(process.env.AWS_LAMBDA_LOG_LEVEL ?? "TRACE"));
  const logger = (level: string) => {
    if (LEVELS.indexOf(level) < least) return () => {};
    return (...values: unknown[]) => {
      process.stdout.write(`${toLine(level, current.requestId, values)}\n`);
    };
  };
  const info = logger("INFO");
  Object.assign(console, {
    trace: logger("TRACE"),
    debug: logger("DEBUG"),
    info,
    log: info,
    warn: logger("WARN"),
    error: logger("ERROR"),
    fatal: logger("FATAL"),
  });
};

/** What nobody caught: reported like a failed invocation, then the environment ends (exit codes are AWS's). */
const reportUncaught = (client: RuntimeClient, current: Current): void => {
  const leave = (error: Error, code: number) => {
    console.error(error);
    client.socket.ref();
    void client.fail(current.requestId, toFailure(error)).then(() => process.exit(code));
  };
  process.on("uncaughtException", (error) => leave(error, 129));
  process.on("unhandledRejection", (reason) => {
    const error = new RuntimeError("Runtime.UnhandledPromiseRejection", String(reason));
    if (reason instanceof Error && reason.stack) error.stack = reason.stack;
    leave(error, 128);
  });
};

const loadModule = async (file: string): Promise<Record<string, unknown>> => {
  const path = [".js", ".mjs", ".cjs"].map((extension) => file + extension).find((each) => existsSync(each));
  if (path === undefined) {
    throw new RuntimeError("Runtime.ImportModuleError", `Error: Cannot find module '${file}'`);
  }
  // `require` is the faster way for the bundles' CommonJS.
  return path.endsWith(".mjs") ? import(pathToFileURL(path).href) : createRequire(path)(path);
};

const loadHandler = async (root: string, name: string): Promise<Handler> => {
  const dot = name.lastIndexOf(".");
  if (dot <= 0 || name.includes("..")) {
    throw new RuntimeError("Runtime.MalformedHandlerName", `'${name}' is not a valid handler name.`);
  }
  const loaded = await loadModule(resolve(root, name.slice(0, dot)));
  const handler = loaded[name.slice(dot + 1)];
  if (handler === undefined) {
    throw new RuntimeError("Runtime.HandlerNotFound", `${name} is undefined or not exported`);
  }
  if (typeof handler !== "function") {
    throw new RuntimeError("Runtime.HandlerNotFound", `${name} is not a function`);
  }
  if (handler.length >= 3) throw new RuntimeError("Runtime.CallbackHandlerDeprecated", CALLBACK_HANDLER);
  return handler as Handler;
};

const parseHeader = (value: string | undefined): unknown => (value ? JSON.parse(value) : undefined);

const toContext = (headers: Map<string, string>): object => {
  const deadline = Number(headers.get("lambda-runtime-deadline-ms"));
  return {
    callbackWaitsForEmptyEventLoop: true,
    functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: process.env.AWS_LAMBDA_FUNCTION_VERSION,
    memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: process.env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: process.env.AWS_LAMBDA_LOG_STREAM_NAME,
    invokedFunctionArn: headers.get("lambda-runtime-invoked-function-arn"),
    awsRequestId: headers.get("lambda-runtime-aws-request-id"),
    clientContext: parseHeader(headers.get("lambda-runtime-client-context")),
    getRemainingTimeInMillis: () => deadline - Date.now(),
  };
};

const setTraceId = (traceId: string | undefined): void => {
  if (traceId === undefined) delete process.env._X_AMZN_TRACE_ID;
  else process.env._X_AMZN_TRACE_ID = traceId;
};

const toJson = (result: unknown): string => {
  try {
    return JSON.stringify(result) ?? "null";
  } catch (error) {
    throw new RuntimeError("Runtime.MarshalError", `Unable to stringify response body: ${String(error)}`);
  }
};

const work = async (client: RuntimeClient, handler: Handler, current: Current): Promise<never> => {
  for (;;) {
    const { headers, body } = await client.next();
    const requestId = headers.get("lambda-runtime-aws-request-id") ?? "";
    current.requestId = requestId;
    setTraceId(headers.get("lambda-runtime-trace-id"));
    // The socket must not keep a handler alive that waits for nothing: the environment then exits, as on AWS.
    client.socket.unref();
    try {
      const result = toJson(await handler(JSON.parse(body), toContext(headers)));
      client.socket.ref();
      // Not awaited: the reply says nothing of use, and asking for the next event at once saves a round trip.
      void client.respond(requestId, result);
    } catch (error) {
      client.socket.ref();
      console.error(error);
      void client.fail(requestId, toFailure(error));
    }
  }
};

const main = async (): Promise<void> => {
  const { AWS_LAMBDA_RUNTIME_API = "", LAMBDA_TASK_ROOT = "", _HANDLER = "" } = process.env;
  const current: Current = {};
  patchConsole(current);
  const client = new RuntimeClient(AWS_LAMBDA_RUNTIME_API);
  reportUncaught(client, current);
  try {
    const handler = await loadHandler(LAMBDA_TASK_ROOT, _HANDLER);
    await work(client, handler, current);
  } catch (error) {
    console.error(error);
    await client.fail(undefined, toFailure(error));
    process.exit(1);
  }
};

void main();
