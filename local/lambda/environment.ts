/**
 * One execution environment: one process with its own code folder, temporary folder, environment variables and
 * memory limit, working off one invocation at a time and frozen between.
 * Source: https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
 *
 * What a laptop cannot do: `/tmp` itself is shared (use `os.tmpdir()`, which is the environment's own), CPU is not
 * scaled with memory, and memory beyond V8's heap is only watched on Linux.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import type { Trace } from "../kit/trace.ts";
import type { Guard } from "./guard.ts";
import { LineReader } from "./lines.ts";
import type { WriteFunctionLog } from "./platform-log.ts";
import type { Invocation, RuntimeApi, RuntimeResult, RuntimeSession } from "./runtime-api.ts";
import { type FunctionSpec, logStreamName, reservedVariables } from "./spec.ts";

/** What the pool gives each environment. */
export interface EnvironmentOptions {
  spec: FunctionSpec;
  /** Unique, part of the log stream's name. */
  id: string;
  codeDirectory: string;
  /** Removed with the environment. */
  temporaryDirectory: string;
  /** The runtime as JavaScript. */
  workerPath: string;
  api: RuntimeApi;
  guard: Guard;
  trace: Trace;
  writeLog: WriteFunctionLog;
  /** Stops the process between invocations. */
  freeze: boolean;
  /** Opens a debugger; nothing is frozen then. */
  inspect: boolean;
  provisioned: boolean;
  onExit(environment: Environment): void;
}

export type InitResult = { kind: "ready"; durationMs: number } | InitFailure;
/** `payload` is JSON text. */
type InitFailure = { kind: "error"; payload: string } | Exit;
export type Exit = { kind: "exited"; reason: string; outOfMemory: boolean };
export type Outcome = RuntimeResult | Exit;
/** What became of an invocation, its initialisation and its time limit included. */
export type RunOutcome = Outcome | InitFailure | { kind: "timeout" };

/** V8's share of the memory, as AWS's runtime sets it; the rest is for buffers and the process itself. */
const HEAP_SHARE = 0.9;
const DEBUGGER = /Debugger listening on (ws:\/\/\S+)/;
const HEAP_EXHAUSTED = "heap out of memory";

/** How AWS words the end of a process. */
const describeExit = (code: number | null, signal: NodeJS.Signals | null): string => {
  if (signal !== null) return signal === "SIGABRT" ? "signal: aborted" : "signal: killed";
  return code === 0 ? "" : `exit status ${code}`;
};

/** Resident memory of a process in bytes; undefined where the platform does not tell. */
const residentBytes = (pid: number): number | undefined => {
  try {
    const kilobytes = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1];
    return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
  } catch {
    return undefined;
  }
};

export class Environment {
  readonly spec: FunctionSpec;
  readonly provisioned: boolean;
  /** Whether a debugger may hold it: no time limit applies. */
  readonly inspected: boolean;
  /** How initialisation ended. Never rejects. */
  readonly ready: Promise<InitResult>;
  readonly exited: Promise<Exit>;
  readonly #logStream: string;
  readonly #options: EnvironmentOptions;
  readonly #process: ChildProcess;
  readonly #session: RuntimeSession;
  readonly #startedAt = performance.now();
  #settleReady: (result: InitResult) => void = () => {};
  #settleExit: (exit: Exit) => void = () => {};
  #settleInvocation: ((outcome: Outcome) => void) | undefined;
  #requestId: string | undefined;
  #initialised = false;
  #frozen = false;
  #outOfMemory = false;
  #peakBytes = 0;
  #dead = false;

  constructor(options: EnvironmentOptions) {
    this.#options = options;
    this.spec = options.spec;
    this.provisioned = options.provisioned;
    this.inspected = options.inspect;
    this.#logStream = logStreamName(options.spec, options.id);
    this.ready = new Promise((resolve) => {
      this.#settleReady = resolve;
    });
    this.exited = new Promise((resolve) => {
      this.#settleExit = resolve;
    });
    this.#session = options.api.open({
      onIdle: () => this.#onIdle(),
      onResult: (requestId, result) => this.#onResult(requestId, result),
      onInitError: (payload) => this.#settleReady({ kind: "error", payload }),
    });
    this.#process = this.#spawn();
    if (this.#process.pid !== undefined) options.guard.watch(this.#process.pid);
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  get dead(): boolean {
    return this.#dead;
  }

  get frozen(): boolean {
    return this.#frozen;
  }

  get initialised(): boolean {
    return this.#initialised;
  }

  /** True when the process has taken the last invocation given to `invoke`. */
  get delivered(): boolean {
    return !this.#session.undelivered;
  }

  /** The most memory seen in use, in MB; undefined where the platform does not tell. */
  get peakMegabytes(): number | undefined {
    if (this.#peakBytes === 0 && !this.#dead) this.#measure();
    return this.#peakBytes === 0 ? undefined : Math.ceil(this.#peakBytes / 1_048_576);
  }

  /** Writes a line to the function's log, under this environment's stream. */
  log(message: string): void {
    this.#options.writeLog(this.spec, this.#logStream, message);
  }

  /** Runs one invocation to its end: an answer, or the end of the process. Never rejects. */
  invoke(invocation: Invocation): Promise<Outcome> {
    return new Promise((resolve) => {
      this.#settleInvocation = resolve;
      this.#requestId = invocation.requestId;
      this.#thaw();
      this.#session.deliver(invocation);
    });
  }

  /** Kills the process when it uses more than the function's memory. */
  checkMemory(): void {
    if (this.inspected || this.#dead) return;
    const bytes = this.#measure();
    if (bytes === undefined || bytes <= this.spec.memorySize * 1024 * 1024) return;
    this.#outOfMemory = true;
    this.kill();
  }

  #measure(): number | undefined {
    const bytes = this.pid === undefined ? undefined : residentBytes(this.pid);
    this.#peakBytes = Math.max(this.#peakBytes, bytes ?? 0);
    return bytes;
  }

  /** Ends the process and whatever it started, frozen or not. */
  kill(): void {
    if (!this.#dead) this.#signal("SIGKILL");
  }

  /** To the whole process group, where there is such a thing. */
  #signal(signal: NodeJS.Signals): boolean {
    if (this.pid === undefined) return false;
    try {
      return process.kill(process.platform === "win32" ? this.pid : -this.pid, signal);
    } catch {
      return false;
    }
  }

  #spawn(): ChildProcess {
    const { spec, temporaryDirectory, codeDirectory, workerPath, inspect } = this.#options;
    mkdirSync(temporaryDirectory, { recursive: true });
    const heap = `--max-old-space-size=${Math.floor(spec.memorySize * HEAP_SHARE)}`;
    const flags = inspect ? [heap, "--inspect=127.0.0.1:0"] : [heap];
    const child = spawn(process.execPath, [...flags, workerPath], {
      cwd: codeDirectory,
      // A group of its own: Ctrl-C in the terminal goes to the runtime alone, and its children die with it.
      detached: process.platform !== "win32",
      windowsHide: true,
      stdio: ["ignore", "pipe", "pipe"],
      env: {
        ...spec.environment,
        ...reservedVariables(spec, {
          ...this.#options,
          runtimeApi: this.#session.address,
          logStream: this.#logStream,
        }),
      },
    });
    const lines = new LineReader((line) => this.#onLine(line));
    child.stdout?.on("data", (chunk: Buffer) => lines.push(chunk));
    const errors = new LineReader((line) => this.#onLine(line));
    child.stderr?.on("data", (chunk: Buffer) => errors.push(chunk));
    child.once("error", (error) => this.#onExit(`cannot start ${process.execPath}: ${error.message}`));
    // Processes that the function has left behind go too; they would hold the output open.
    child.once("exit", () => this.#signal("SIGKILL"));
    child.once("close", (code, signal) => {
      lines.end();
      errors.end();
      this.#onExit(describeExit(code, signal));
    });
    return child;
  }

  #onIdle(): void {
    // One that was started for an invocation gets it at once.
    if (this.#initialised || this.provisioned) this.#freeze();
    if (this.#initialised) return;
    this.#initialised = true;
    this.#settleReady({ kind: "ready", durationMs: performance.now() - this.#startedAt });
  }

  #onResult(requestId: string, result: RuntimeResult): void {
    if (requestId !== this.#requestId) return;
    this.#settle(result);
  }

  #settle(outcome: Outcome): void {
    const settle = this.#settleInvocation;
    this.#settleInvocation = undefined;
    settle?.(outcome);
  }

  #onLine(line: string): void {
    const { trace, inspect, spec } = this.#options;
    if (line.includes(HEAP_EXHAUSTED)) this.#outOfMemory = true;
    const url = inspect ? DEBUGGER.exec(line)?.[1] : undefined;
    if (url !== undefined) trace.emit({ kind: "inspect", functionName: spec.name, url });
    trace.emit({ kind: "log", functionName: spec.name, requestId: this.#requestId, line });
    this.log(line);
  }

  #onExit(reason: string): void {
    if (this.#dead) return;
    this.#dead = true;
    const exit: Exit = { kind: "exited", reason, outOfMemory: this.#outOfMemory };
    if (this.pid !== undefined) this.#options.guard.forget(this.pid);
    this.#session.close();
    this.#settleReady(exit);
    this.#options.onExit(this);
    this.#settle(exit);
    this.#settleExit(exit);
    void rm(this.#options.temporaryDirectory, { recursive: true, force: true }).catch(() => {});
  }

  #freeze(): void {
    if (!this.#options.freeze || this.inspected || this.#frozen || this.#dead) return;
    this.#frozen = this.#signal("SIGSTOP");
  }

  #thaw(): void {
    if (!this.#frozen) return;
    this.#frozen = false;
    this.#signal("SIGCONT");
  }
}
