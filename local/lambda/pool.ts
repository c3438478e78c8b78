/**
 * Lambda on this machine: functions, their execution environments, concurrency and figures.
 *
 * As on AWS: the most recently used idle environment serves first; without one a new environment is started for the
 * invocation (a cold start); beyond the reserved or the account's concurrency an invocation is refused with
 * `TooManyRequestsException`. An environment that times out, runs out of memory or ends is replaced at the next
 * invocation. Initialisation that fails, or takes longer than 10 s, is run once more under the function's timeout.
 * Source: https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
 *
 * Local only: at most `maxEnvironments` processes per function; an invocation beyond them waits in the pool for a
 * free one, where AWS would start another environment.
 */
import { randomUUID } from "node:crypto";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { transformSync } from "esbuild";
import type { Trace } from "../kit/trace.ts";
import { newTraceHeader, traceRoot } from "../kit/trace-header.ts";
import { CodeStore, unprotect } from "./code.ts";
import { type EnvironmentView, type FunctionHost, LambdaFunction } from "./function.ts";
import { Guard } from "./guard.ts";
import { aliasOf } from "./permission.ts";
import type { WriteFunctionLog } from "./platform-log.ts";
import {
  describeOutcome,
  type InvokeResult,
  PoolStoppedError,
  RequestTooLargeException,
  ResourceNotFoundException,
  TooManyRequestsException,
} from "./results.ts";
import { MAX_REQUEST_BYTES, RuntimeApi } from "./runtime-api.ts";
import type { FunctionSpec } from "./spec.ts";
import { StartGate } from "./start-gate.ts";
import type { FunctionStats } from "./stats.ts";

export interface PoolOptions {
  trace: Trace;
  /** Takes what functions print and Lambda's own lines. @default nobody */
  writeLog?: WriteFunctionLog;
  /** Most processes per function. @default 10 */
  maxEnvironments?: number;
  /** Invocations at a time over all functions. @default 1,000, an AWS account's */
  accountConcurrency?: number;
  /** How long initialisation may take before it is run again, in milliseconds. @default 10,000 */
  initLimitMs?: number;
  /** Stops an environment's process between invocations, as AWS does. @default true, except on Windows */
  freeze?: boolean;
  /**
   * For chaos tests: decides when a function has answered. "kill" kills the environment and drops the answer, so
   * the invocation fails with `Runtime.ExitError` after all its effects have happened. @default "deliver"
   */
  onResponse?: (functionName: string, requestId: string) => "deliver" | "kill";
}

export interface InvokeOptions {
  /** Of an event that is tried again. @default a new one */
  requestId?: string;
  /** @default the function's own ARN */
  invokedFunctionArn?: string;
  /** An X-Ray tracing header to go on with. @default a new one */
  traceId?: string;
  /** JSON text. */
  clientContext?: string;
}

/** A function, and how many of its invocations are in progress or wait for a process. */
interface Entry {
  lambda: LambdaFunction;
  inFlight: number;
}

const DEFAULT_MAX_ENVIRONMENTS = 10;
const ACCOUNT_CONCURRENCY = 1_000;
const INIT_LIMIT_MS = 10_000;
const MEMORY_CHECK_MS = 50;

/** The runtime as JavaScript: an environment that strips types itself starts 60 ms later. */
const writeWorker = (directory: string): string => {
  const source = readFileSync(fileURLToPath(new URL("worker.ts", import.meta.url)), "utf8");
  const { code } = transformSync(source, { loader: "ts", format: "cjs", target: "node22" });
  const path = join(directory, "runtime.cjs");
  writeFileSync(path, code);
  return path;
};

export class LambdaPool {
  readonly #host: FunctionHost;
  readonly #code: CodeStore;
  readonly #accountConcurrency: number;
  readonly #functions = new Map<string, Entry>();
  /** Taken out, but with invocations still to answer. */
  readonly #retired = new Set<LambdaFunction>();
  readonly #memoryTimer: NodeJS.Timeout;
  #stopped = false;

  private constructor(options: PoolOptions, api: RuntimeApi) {
    const directory = mkdtempSync(join(tmpdir(), "lambda-"));
    this.#host = {
      directory,
      workerPath: writeWorker(directory),
      api,
      guard: new Guard(directory),
      trace: options.trace,
      writeLog: options.writeLog ?? (() => {}),
      maxEnvironments: options.maxEnvironments ?? DEFAULT_MAX_ENVIRONMENTS,
      starts: new StartGate(Math.max(2, availableParallelism())),
      initLimitMs: options.initLimitMs ?? INIT_LIMIT_MS,
      freeze: options.freeze ?? process.platform !== "win32",
      onResponse: options.onResponse ?? (() => "deliver"),
    };
    this.#accountConcurrency = options.accountConcurrency ?? ACCOUNT_CONCURRENCY;
    this.#code = new CodeStore(join(directory, "code"));
    this.#memoryTimer = setInterval(() => {
      for (const { lambda } of this.#functions.values()) lambda.checkMemory();
    }, MEMORY_CHECK_MS).unref();
  }

  static async start(options: PoolOptions): Promise<LambdaPool> {
    const api = await RuntimeApi.start();
    try {
      return new LambdaPool(options, api);
    } catch (error) {
      await api.close();
      throw error;
    }
  }

  /**
   * Adds a function and starts its provisioned environments. One of the same name is replaced: its environments
   * finish what they do and are not used again.
   *
   * @throws when the zip cannot be unpacked; the message names the function. PoolStoppedError
   */
  async create(spec: FunctionSpec): Promise<void> {
    const codeDirectory = await this.#code.unpack(spec.zipPath).catch((error: Error) => {
      throw new Error(`Function "${spec.name}": ${error.message}`, { cause: error });
    });
    if (this.#stopped) throw new PoolStoppedError();
    this.remove(spec.name);
    const lambda = new LambdaFunction(spec, codeDirectory, this.#host);
    this.#functions.set(spec.name, { lambda, inFlight: 0 });
    await lambda.provision();
  }

  /** Takes a function out: idle environments end now, busy ones when they have answered. */
  remove(functionName: string): void {
    const entry = this.#functions.get(functionName);
    if (entry === undefined) return;
    this.#functions.delete(functionName);
    entry.lambda.retire();
    if (entry.inFlight > 0) this.#retired.add(entry.lambda);
  }

  has(functionName: string): boolean {
    return this.#functions.has(functionName);
  }

  /**
   * Runs the function once and waits for its answer; a failing function is a result, not an exception.
   *
   * @param payload JSON text, at most 6,291,456 bytes
   * @throws TooManyRequestsException, RequestTooLargeException, ResourceNotFoundException, PoolStoppedError
   */
  async invoke(
    functionName: string,
    payload: string | Buffer,
    options: InvokeOptions = {},
  ): Promise<InvokeResult> {
    if (this.#stopped) throw new PoolStoppedError();
    const entry = this.#get(functionName);
    const bytes = Buffer.byteLength(payload);
    if (bytes > MAX_REQUEST_BYTES) throw new RequestTooLargeException(bytes, MAX_REQUEST_BYTES);
    this.#throttle(entry);
    entry.inFlight += 1;
    try {
      return await this.#invoke(entry, payload, options);
    } finally {
      entry.inFlight -= 1;
      if (entry.inFlight === 0) this.#retired.delete(entry.lambda);
    }
  }

  /** The function's next environment opens a debugger; its address comes as a trace event of kind `inspect`. */
  inspect(functionName: string): void {
    this.#get(functionName).lambda.inspectNext();
  }

  /** The function's living environments. */
  environments(functionName: string): EnvironmentView[] {
    return this.#functions.get(functionName)?.lambda.view() ?? [];
  }

  /** What a function was made from. */
  spec(functionName: string): FunctionSpec | undefined {
    return this.#functions.get(functionName)?.lambda.spec;
  }

  /** What every function was made from. */
  specs(): FunctionSpec[] {
    return [...this.#functions.values()].map(({ lambda }) => lambda.spec);
  }

  stats(): FunctionStats[] {
    return [...this.#functions.values()].map(({ lambda }) => lambda.stats());
  }

  /** Ends every environment at once; invocations in progress fail with `Runtime.ExitError`. */
  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    clearInterval(this.#memoryTimer);
    const functions = [...this.#functions.values()].map(({ lambda }) => lambda);
    await Promise.all([...functions, ...this.#retired].map((lambda) => lambda.stop()));
    await this.#host.guard.stop();
    await this.#host.api.close();
    await unprotect(this.#host.directory).catch(() => {});
    await rm(this.#host.directory, { recursive: true, force: true });
  }

  async #invoke(entry: Entry, payload: string | Buffer, options: InvokeOptions): Promise<InvokeResult> {
    const { lambda } = entry;
    const { spec } = lambda;
    const requestId = options.requestId ?? randomUUID();
    const traceId = options.traceId ?? newTraceHeader();
    const { invokedFunctionArn = spec.arn } = options;
    const { outcome, ...run } = await lambda.run({
      requestId,
      payload,
      invokedFunctionArn,
      traceId,
      clientContext: options.clientContext,
    });
    const result: InvokeResult = { requestId, ...describeOutcome(spec, outcome, requestId), ...run };
    const { status, coldStart, initDurationMs, durationMs, errorType } = result;
    lambda.count(status === "ok" || status === "timeout" ? status : "error", durationMs);
    this.#host.trace.emit({
      kind: "invocation",
      functionName: spec.name,
      alias: aliasOf(invokedFunctionArn),
      version: spec.version,
      requestId,
      status,
      coldStart,
      initDurationMs,
      durationMs,
      errorType,
      traceId: traceRoot(traceId),
      // As many as at any time since the last one ended: the most of a minute is seen by the first that ends after it.
      concurrency: entry.inFlight,
    });
    return result;
  }

  #get(functionName: string): Entry {
    const entry = this.#functions.get(functionName);
    if (entry === undefined) throw new ResourceNotFoundException(functionName);
    return entry;
  }

  #throttle(entry: Entry): void {
    const reserved = entry.lambda.spec.reservedConcurrency;
    const refused =
      reserved === undefined
        ? this.#unreserved().inFlight >= this.#unreserved().limit
        : entry.inFlight >= reserved;
    if (!refused) return;
    const reason =
      reserved === undefined
        ? "ConcurrentInvocationLimitExceeded"
        : "ReservedFunctionConcurrentInvocationLimitExceeded";
    entry.lambda.count("throttled", 0);
    this.#host.trace.emit({
      kind: "invocation",
      functionName: entry.lambda.spec.name,
      status: "throttled",
      coldStart: false,
      durationMs: 0,
      errorType: reason,
    });
    throw new TooManyRequestsException(reason);
  }

  /** What functions without a reservation share, and how much of it is in use. */
  #unreserved(): { limit: number; inFlight: number } {
    let [limit, inFlight] = [this.#accountConcurrency, 0];
    for (const entry of this.#functions.values()) {
      const reserved = entry.lambda.spec.reservedConcurrency;
      limit -= reserved ?? 0;
      if (reserved === undefined) inFlight += entry.inFlight;
    }
    return { limit, inFlight };
  }
}
