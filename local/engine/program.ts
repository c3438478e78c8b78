/**
 * Evaluates a Pulumi program: starts it in a child process under Pulumi's own loader (`@pulumi/pulumi/cmd/run`),
 * exactly as the Pulumi CLI does, and is the engine at the other end of the wire. Nothing is mocked inside the
 * program's process, so what loads here loads there.
 */
import { statSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { type Child, type Exit, startChild } from "./child.ts";
import { Deployment } from "./deployment.ts";
import type { Graph } from "./graph.ts";
import { type LogEntry, LogLines } from "./log-lines.ts";
import { Monitor } from "./monitor.ts";
import { requireNode } from "./node.ts";
import { createOptionalInputs } from "./optional-inputs.ts";
import { DEFAULT_REGION, type Environment, LOCAL_ACCOUNT } from "./outputs.ts";
import type { StackSettings } from "./settings.ts";
import { framesOf, programPosition, rootCause } from "./source.ts";

export type { LogEntry } from "./log-lines.ts";

export interface EvaluateOptions {
  /** The folder with Pulumi.yaml. */
  directory: string;
  stack: string;
  /** True for a preview: what AWS alone knows is unknown to the program. */
  dryRun: boolean;
  settings: StackSettings;
  onLog?(entry: LogEntry): void;
  /** Called once the program's process has started: from then on it does not wait for this one. */
  onStart?(): void;
  /** Variables added to the program's environment. */
  environment?: Record<string, string>;
  /** Longest time the program may take, in milliseconds. @default 120_000 */
  timeoutMs?: number;
  /** Aborting it stops the program and fails the evaluation. */
  signal?: AbortSignal;
}

/** The program failed. The message is the root cause, with the place in the program. */
export class ProgramError extends Error {
  override name = "ProgramError";
}

/** How long a program may take to report where it was, once a resource of it was refused, in milliseconds. */
const REPORT_GRACE_MS = 2_000;
const DEFAULT_TIMEOUT_MS = 120_000;
/** Room for new objects from the start, MB: a tenth less time than V8's own 1 MB, which collects while modules load. */
const NURSERY = "--min-semi-space-size=8";

/** Runs the program once and returns everything it declares. Throws `ProgramError` when it fails. */
export const evaluate = async (options: EvaluateOptions): Promise<Graph> => {
  requireNode();
  const run = new Run(options);
  return run.evaluate();
};

const environmentOf = (options: EvaluateOptions): Environment => ({
  project: options.settings.project,
  stack: options.stack,
  account: LOCAL_ACCOUNT,
  region: options.settings.config["aws:region"] ?? DEFAULT_REGION,
  dryRun: options.dryRun,
});

/** One evaluation, from the listening engine to the ended child. */
class Run {
  readonly #options: EvaluateOptions;
  readonly #directory: string;
  readonly #deployment: Deployment;
  readonly #monitor: Monitor;
  readonly #log: LogLines;
  readonly #refused = Promise.withResolvers<void>();
  #failure: Error | undefined;

  constructor(options: EvaluateOptions) {
    this.#options = options;
    this.#directory = path.resolve(options.directory);
    const environment = environmentOf(options);
    this.#deployment = new Deployment({
      environment,
      directory: this.#directory,
      optionalInputs: createOptionalInputs(this.#directory),
    });
    this.#monitor = new Monitor(this.#deployment, environment, (error) => this.#fail(error));
    this.#log = new LogLines((entry) => options.onLog?.(entry));
  }

  async evaluate(): Promise<Graph> {
    const started = performance.now();
    try {
      await this.#run(await this.#monitor.listen());
    } finally {
      this.#monitor.close();
    }
    return {
      project: this.#options.settings.project,
      stack: this.#options.stack,
      dryRun: this.#options.dryRun,
      resources: this.#deployment.resources,
      outputs: this.#deployment.stackOutputs ?? {},
      durationMs: Math.round(performance.now() - started),
    };
  }

  async #run(address: string): Promise<void> {
    const child = startChild(this.#command(address), this.#environment(), this.#log);
    this.#options.onStart?.();
    try {
      this.#judge(await this.#watch(child), child);
    } finally {
      await child.kill();
    }
  }

  /** Waits for the child's end: its own, or one that a refusal, the time limit or the caller brings about. */
  async #watch(child: Child): Promise<Exit> {
    const { signal, timeoutMs = DEFAULT_TIMEOUT_MS } = this.#options;
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => late.reject(this.#lateError(timeoutMs)), timeoutMs);
    const abort = () => late.reject(signal?.reason ?? new Error("The evaluation was stopped."));
    if (signal?.aborted) abort();
    signal?.addEventListener("abort", abort, { once: true });
    try {
      return await Promise.race([child.ended, late.promise, this.#afterRefusal(child)]);
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
    }
  }

  /** A refused program is given a moment to say where it was, then stopped. */
  async #afterRefusal(child: Child): Promise<Exit> {
    await this.#refused.promise;
    const timer = setTimeout(() => void child.kill(), REPORT_GRACE_MS);
    const exit = await child.ended;
    clearTimeout(timer);
    return exit;
  }

  #lateError(timeoutMs: number): ProgramError {
    const last = this.#deployment.resources.at(-1);
    const where = last ? `${last.type} "${last.name}" was its last resource` : "it registered nothing";
    return new ProgramError(
      `The program did not end within ${timeoutMs / 1000} s; ${where}. Look for a server, a timer or a promise that never settles.`,
    );
  }

  #judge(exit: Exit, child: Child): void {
    if (this.#failure) throw new ProgramError(this.#refusal(this.#failure));
    const [first] = this.#log.errors;
    if (first !== undefined) throw new ProgramError(rootCause(first, this.#directory));
    if (exit.signal)
      throw new ProgramError(`The program was killed (${exit.signal}) before it had finished.`);
    if (exit.code !== 0) throw new ProgramError(this.#crash(exit.code, child.lastWords()));
    if (this.#deployment.stackOutputs === undefined) {
      throw new ProgramError(
        "The program ended before its outputs were known: it called process.exit, or waits for a value that never comes.",
      );
    }
  }

  #crash(code: number | null, words: string): string {
    const said = words.trim() ? `: ${rootCause(words, this.#directory)}` : ".";
    return `The program ended with exit code ${code} before it had finished${said}`;
  }

  /** The refusal, with the place that the program's own report of it shows. */
  #refusal(failure: Error): string {
    const { errors } = this.#log;
    const report = errors.find((error) => error.includes(failure.message)) ?? errors[0] ?? "";
    const position = programPosition(framesOf(report), this.#directory);
    return position ? `${failure.message} (${position})` : failure.message;
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#refused.resolve();
  }

  #command(address: string): string[] {
    const { settings, stack, dryRun } = this.#options;
    const entry = entryPoint(this.#directory, settings.main);
    const require = createRequire(path.join(this.#directory, "index.ts"));
    return [
      NURSERY,
      ...["--import", new URL("preload.ts", import.meta.url).href],
      require.resolve("@pulumi/pulumi/cmd/run"),
      ...["--monitor", address],
      ...["--project", settings.project, "--stack", stack, "--organization", "organization"],
      ...["--pwd", entry.folder, "--root-directory", this.#directory],
      ...(dryRun ? ["--dry-run"] : []),
      entry.program,
    ];
  }

  #environment(): Record<string, string> {
    const { config, secretKeys } = this.#options.settings;
    return {
      ...inheritedEnvironment(process.env),
      NODE_COMPILE_CACHE: path.join(this.#directory, ".cache", "compiled"),
      ...this.#options.environment,
      PULUMI_CONFIG: JSON.stringify(config),
      PULUMI_CONFIG_SECRET_KEYS: JSON.stringify(secretKeys),
      PULUMI_NODEJS_TYPESCRIPT: "false",
    };
  }
}

/** As the Pulumi CLI does: a program runs in its entry point's folder, which need not be the project's. */
const entryPoint = (directory: string, main: string): { folder: string; program: string } => {
  const target = path.resolve(directory, main);
  const stats = statSync(target, { throwIfNoEntry: false });
  if (!stats) throw new ProgramError(`Pulumi.yaml says \`main: ${main}\`, but ${target} does not exist.`);
  if (stats.isDirectory()) return { folder: target, program: "." };
  return { folder: path.dirname(target), program: path.basename(target) };
};

const SCRUBBED = /^(?:AWS_|PULUMI_|OTEL_|TRACEPARENT$|TRACESTATE$|NODE_OPTIONS$|NODE_CHANNEL_)/;

/**
 * The caller's environment without what would change the outcome: credentials and settings of AWS and Pulumi, tracing
 * and Node's own options. A program must come out the same on every machine.
 */
export const inheritedEnvironment = (environment: NodeJS.ProcessEnv): Record<string, string> =>
  Object.fromEntries(
    Object.entries(environment).flatMap(([key, value]) =>
      value === undefined || SCRUBBED.test(key) ? [] : [[key, value]],
    ),
  );
