/**
 * One function of the pool: its environments, who waits for them, and how an invocation goes through one.
 */
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import type { Trace } from "../kit/trace.ts";
import { Environment, type RunOutcome } from "./environment.ts";
import type { Guard } from "./guard.ts";
import { initStartLine, type Report, reportLines, startLine, type WriteFunctionLog } from "./platform-log.ts";
import { PoolStoppedError } from "./results.ts";
import type { Invocation, RuntimeApi } from "./runtime-api.ts";
import type { FunctionSpec } from "./spec.ts";
import type { StartGate } from "./start-gate.ts";
import { type FunctionStats, Histogram } from "./stats.ts";
import { TIMED_OUT, within } from "./within.ts";

/** What all functions of a pool share. */
export interface FunctionHost {
  directory: string;
  /** The runtime as JavaScript. */
  workerPath: string;
  api: RuntimeApi;
  guard: Guard;
  trace: Trace;
  writeLog: WriteFunctionLog;
  maxEnvironments: number;
  /** Of all functions together. */
  starts: StartGate;
  initLimitMs: number;
  freeze: boolean;
  onResponse(functionName: string, requestId: string): "deliver" | "kill";
}

/** How one invocation went. */
export interface Run {
  outcome: RunOutcome;
  coldStart: boolean;
  initDurationMs?: number;
  durationMs: number;
}

/** An invocation before its environment, and so its deadline, is known. */
export type Request = Omit<Invocation, "deadlineMs">;

export interface EnvironmentView {
  pid: number;
  state: "starting" | "idle" | "busy";
  frozen: boolean;
}

/** Initialisation of a provisioned environment: the greater of this and the timeout. */
const PROVISIONED_INIT_LIMIT_MS = 130_000;
export class LambdaFunction {
  readonly spec: FunctionSpec;
  readonly #codeDirectory: string;
  readonly #host: FunctionHost;
  readonly #environments = new Set<Environment>();
  readonly #init = new Histogram();
  readonly #duration = new Histogram();
  readonly #counts = { invocations: 0, errors: 0, timeouts: 0, throttles: 0, coldStarts: 0 };
  /** Most recently used last. */
  #idle: Environment[] = [];
  /** Invocations that wait for a free process. */
  #waiting: ((environment: Environment | undefined) => void)[] = [];
  #inspectNext = false;
  #retired = false;
  #stopped = false;

  constructor(spec: FunctionSpec, codeDirectory: string, host: FunctionHost) {
    this.spec = spec;
    this.#codeDirectory = codeDirectory;
    this.#host = host;
  }

  /** Starts the provisioned environments and waits until they are ready or have failed. */
  async provision(): Promise<void> {
    const count = Math.min(this.spec.provisionedConcurrency ?? 0, this.#host.maxEnvironments);
    await Promise.all(Array.from({ length: count }, () => this.#provisionOne()));
  }

  /** Runs one invocation; a failing function is a result. @throws PoolStoppedError */
  async run(request: Request): Promise<Run> {
    const environment = await this.#acquire();
    const coldStart = !environment.initialised && !environment.provisioned;
    if (coldStart) this.#counts.coldStarts += 1;
    return { ...(await this.#runIn(environment, request)), coldStart };
  }

  /** Counts a finished invocation. */
  count(status: "ok" | "throttled" | "timeout" | "error", durationMs: number): void {
    if (status === "throttled") {
      this.#counts.throttles += 1;
      return;
    }
    this.#counts.invocations += 1;
    if (status !== "ok") this.#counts.errors += 1;
    if (status === "timeout") this.#counts.timeouts += 1;
    this.#duration.add(durationMs);
  }

  /** The next environment opens a debugger; idle ones make room for it. */
  inspectNext(): void {
    this.#inspectNext = true;
    for (const environment of this.#idle.splice(0)) environment.kill();
  }

  /** Idle environments end now, busy ones when they have answered. */
  retire(): void {
    this.#retired = true;
    for (const environment of this.#idle.splice(0)) environment.kill();
  }

  /** Ends every environment, whatever it does, and resolves when all processes are gone. */
  async stop(): Promise<void> {
    this.#stopped = true;
    const environments = [...this.#environments];
    for (const environment of environments) environment.kill();
    for (const give of this.#waiting.splice(0)) give(undefined);
    await Promise.all(environments.map((environment) => environment.exited));
  }

  /** Kills those that use more memory than the function has. */
  checkMemory(): void {
    for (const environment of this.#environments) {
      if (!environment.frozen) environment.checkMemory();
    }
  }

  view(): EnvironmentView[] {
    return [...this.#environments].flatMap((environment) => {
      const { pid, frozen, initialised } = environment;
      const rested = this.#idle.includes(environment) ? "idle" : "busy";
      return pid === undefined ? [] : [{ pid, frozen, state: initialised ? rested : "starting" }];
    });
  }

  stats(): FunctionStats {
    return {
      functionName: this.spec.name,
      ...this.#counts,
      environments: this.#environments.size,
      init: this.#init.percentiles(),
      duration: this.#duration.percentiles(),
    };
  }

  async #acquire(): Promise<Environment> {
    if (this.#stopped) throw new PoolStoppedError();
    const idle = this.#idle.pop();
    if (idle !== undefined) return idle;
    const room = this.#environments.size < this.#host.maxEnvironments;
    const began = room && this.#host.starts.enter();
    if (!began) return (await this.#nextFree(room)) ?? this.#acquire();
    const environment = this.#start(false);
    began(Promise.race([environment.ready, environment.exited]));
    return environment;
  }

  /** An environment that has become free; undefined when one may be started. */
  #nextFree(room: boolean): Promise<Environment | undefined> {
    const { promise, resolve } = Promise.withResolvers<Environment | undefined>();
    const give = (environment: Environment | undefined): void => {
      forget();
      resolve(environment);
    };
    const giveUp = (): void => {
      this.#waiting = this.#waiting.filter((other) => other !== give);
      resolve(undefined);
    };
    const forget = room ? this.#host.starts.onFree(giveUp) : () => {};
    this.#waiting.push(give);
    return promise;
  }

  #release(environment: Environment): void {
    if (environment.dead) return;
    if (this.#retired && this.#waiting.length === 0) {
      environment.kill();
      return;
    }
    const next = this.#waiting.shift();
    if (next === undefined) this.#idle.push(environment);
    else next(environment);
  }

  /** Initialises if need be, invokes, and puts the environment back or drops it. */
  async #runIn(environment: Environment, request: Request): Promise<Omit<Run, "coldStart">> {
    const { timeoutMs } = this.spec;
    if (environment.initialised) return this.#invokeIn(environment, request, { timeoutMs });
    const limit = environment.inspected ? Number.POSITIVE_INFINITY : this.#host.initLimitMs;
    const init = await within(environment.ready, limit);
    if (init !== TIMED_OUT && init.kind === "ready") {
      this.#init.add(init.durationMs);
      const { durationMs: initDurationMs } = init;
      const run = await this.#invokeIn(environment, request, {
        timeoutMs,
        initDurationMs,
      });
      return { ...run, initDurationMs };
    }
    environment.kill();
    if (this.#stopped) return { outcome: await environment.exited, durationMs: 0 };
    return this.#runWithInit(request);
  }

  /** AWS's "suppressed init": initialisation again, now on the invocation's own time. */
  async #runWithInit(request: Request): Promise<Omit<Run, "coldStart">> {
    const startedAt = performance.now();
    const environment = this.#start(false);
    const init = await within(environment.ready, this.spec.timeoutMs);
    const durationMs = performance.now() - startedAt;
    if (init === TIMED_OUT || init.kind !== "ready") {
      environment.kill();
      return { outcome: init === TIMED_OUT ? { kind: "timeout" } : init, durationMs };
    }
    this.#init.add(init.durationMs);
    const run = await this.#invokeIn(environment, request, { timeoutMs: this.spec.timeoutMs - durationMs });
    return { ...run, durationMs: run.durationMs + durationMs };
  }

  async #invokeIn(
    environment: Environment,
    request: Request,
    { timeoutMs, initDurationMs }: { timeoutMs: number; initDurationMs?: number },
  ): Promise<Omit<Run, "coldStart">> {
    const { requestId } = request;
    const report = (status: Report["status"], durationMs: number): void => {
      const maxMemoryUsedMB = environment.peakMegabytes;
      const figures = { requestId, status, durationMs, initDurationMs, maxMemoryUsedMB };
      for (const line of reportLines(this.spec, figures, Date.now())) environment.log(line);
    };
    environment.log(startLine(this.spec, requestId, Date.now()));
    const limit = environment.inspected ? Number.POSITIVE_INFINITY : timeoutMs;
    const startedAt = performance.now();
    const deadlineMs = Math.round(Date.now() + timeoutMs);
    const outcome = await within(environment.invoke({ ...request, deadlineMs }), limit);
    const durationMs = performance.now() - startedAt;
    if (outcome === TIMED_OUT) {
      environment.kill();
      report("timeout", timeoutMs);
      return { outcome: { kind: "timeout" }, durationMs: timeoutMs };
    }
    if (outcome.kind === "exited") {
      // It ended between two invocations, without having seen this one.
      if (!environment.delivered && !this.#stopped) return this.#runIn(await this.#acquire(), request);
      report("error", durationMs);
      return { outcome, durationMs };
    }
    report(outcome.kind === "response" ? "success" : "failure", durationMs);
    if (this.#host.onResponse(this.spec.name, requestId) === "kill") {
      environment.kill();
      return { outcome: await environment.exited, durationMs };
    }
    this.#release(environment);
    return { outcome, durationMs };
  }

  async #provisionOne(): Promise<void> {
    const environment = this.#start(true);
    const limit = Math.max(PROVISIONED_INIT_LIMIT_MS, this.spec.timeoutMs);
    const init = await within(environment.ready, limit);
    if (init === TIMED_OUT || init.kind !== "ready") {
      environment.kill();
      return;
    }
    this.#init.add(init.durationMs);
    this.#release(environment);
  }

  #start(provisioned: boolean): Environment {
    const id = randomUUID().replaceAll("-", "");
    const environment = new Environment({
      ...this.#host,
      spec: this.spec,
      id,
      codeDirectory: this.#codeDirectory,
      temporaryDirectory: join(this.#host.directory, "tmp", id),
      inspect: this.#inspectNext,
      provisioned,
      onExit: (gone) => this.#onExit(gone),
    });
    this.#inspectNext = false;
    environment.log(initStartLine(this.spec, provisioned, Date.now()));
    this.#environments.add(environment);
    return environment;
  }

  /** An environment has ended: whoever waits for a process may start one. */
  #onExit(environment: Environment): void {
    this.#environments.delete(environment);
    this.#idle = this.#idle.filter((other) => other !== environment);
    this.#waiting.shift()?.(undefined);
  }
}
