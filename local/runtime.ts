import { randomBytes } from "node:crypto";
import { dataAppliers, functionAppliers, loadSources, sourceAppliers } from "./appliers.ts";
import { asyncAppliers, createAsyncInvoker } from "./async-invocations.ts";
import { type Aws, startAws } from "./aws.ts";
import { Caches } from "./caches.ts";
import { allSettled, type Changes, Deployment } from "./deployment.ts";
import { checkGraph } from "./engine/checks.ts";
import { type Graph, type PropertyMap, plain } from "./engine/graph.ts";
import { DEFAULT_REGION, isDeclaredOnly, LOCAL_ACCOUNT } from "./engine/outputs.ts";
import { evaluate, type LogEntry } from "./engine/program.ts";
import { readSettings } from "./engine/settings.ts";
import { Hosts } from "./hosts.ts";
import { type Clock, systemClock } from "./kit/clock.ts";
import { eachInTurn } from "./kit/in-turn.ts";
import { Trace } from "./kit/trace.ts";
import type { AsyncInvoker } from "./lambda/async-invoke.ts";
import { Callers } from "./lambda/iam.ts";
import { LambdaPool, type PoolOptions } from "./lambda/pool.ts";
import { functionLog, logAppliers } from "./log-groups.ts";
import { messagingAppliers, subscriptionAppliers } from "./messaging.ts";
import { monitor } from "./monitoring.ts";
import { LambdaApi } from "./services/lambda.ts";
import { portsAfter, sourceContext } from "./source-context.ts";
import type { RunningSource } from "./sources/source.ts";

export interface RuntimeOptions {
  /** The folder with Pulumi.yaml. */
  directory: string;
  stack: string;
  /** Port of the AWS endpoint; APIs and issuers take the next ones. 0 takes any free ports. */
  port: number;
  /** Where state is kept between runs. @default in memory only */
  dataDir?: string;
  clock?: Clock;
  trace?: Trace;
  /** Options of the Lambda pool, e.g. fault injection. */
  pool?: Partial<Omit<PoolOptions, "trace" | "writeLog">>;
  /** Whether asynchronous invocations wait a hundredth of AWS's time before they are tried again. @default false */
  fast?: boolean;
  /** Whether Kinesis refuses what a shard could not take on AWS. @default true */
  throttle?: boolean;
  /** What the program logs. */
  onLog?: (entry: LogEntry) => void;
  /** What the runtime is doing, for a progress line. */
  onProgress?: (step: string) => void;
  /** Lines for the console. */
  log?: (line: string) => void;
  signal?: AbortSignal;
}

interface Parts {
  graph: Graph;
  aws: Aws;
  pool: LambdaPool;
  caches: Caches;
  asyncInvoke: AsyncInvoker;
  callers: Callers;
  hosts: Hosts;
  running: Map<string, RunningSource>;
  clock: Clock;
  trace: Trace;
}

/** The program, running on this machine. */
export class Runtime {
  readonly #options: RuntimeOptions;
  readonly #parts: Parts;
  readonly #deployment: Deployment;
  readonly #stopping = new AbortController();
  /** The update in progress; never rejects. */
  #updating: Promise<unknown> = Promise.resolve();
  #stopped: Promise<void> | undefined;

  private constructor(options: RuntimeOptions, parts: Parts, deployment: Deployment) {
    this.#options = options;
    this.#parts = parts;
    this.#deployment = deployment;
  }

  /**
   * Evaluates the program, starts the services, makes what it declares, and starts its triggers.
   * @throws {Error} with the root cause; nothing is left running then.
   */
  static async start(options: RuntimeOptions): Promise<Runtime> {
    const parts = await startParts(options);
    try {
      const deployment = await createDeployment(options, parts);
      await deployment.apply(parts.graph);
      return new Runtime(options, parts, deployment);
    } catch (error) {
      await stopParts(parts);
      throw error;
    }
  }

  get graph(): Graph {
    return this.#parts.graph;
  }

  get aws(): Aws {
    return this.#parts.aws;
  }

  get pool(): LambdaPool {
    return this.#parts.pool;
  }

  get asyncInvoke(): AsyncInvoker {
    return this.#parts.asyncInvoke;
  }

  get hosts(): Hosts {
    return this.#parts.hosts;
  }

  get trace(): Trace {
    return this.#parts.trace;
  }

  /** The triggers that run, e.g. APIs with their addresses. */
  get triggers(): RunningSource[] {
    return [...this.#parts.running.values()];
  }

  /** The stack's outputs with secrets opened. Never print them. */
  get outputs(): PropertyMap {
    return plain(this.graph.outputs) as PropertyMap;
  }

  /** Registered types that have nothing behind them here. */
  get declaredOnly(): string[] {
    const nodes = this.graph.resources.filter(({ custom, type }) => custom && isDeclaredOnly(type));
    return [...new Set(nodes.map(({ type }) => type))].sort();
  }

  /**
   * Evaluates the program again and changes only what differs. The running system stays when the program fails, and
   * is brought back when what it declares cannot be made. One update at a time.
   */
  update(): Promise<Changes> {
    const updated = this.#updating.then(() => this.#update());
    this.#updating = updated.catch(() => {});
    return updated;
  }

  /** Stops triggers, then functions, then services, whatever one of them says. Data in a data folder stays. */
  stop(): Promise<void> {
    this.#stopping.abort(new Error("The system is being stopped."));
    this.#stopped ??= this.#updating.then(() => stopParts(this.#parts));
    return this.#stopped;
  }

  async #update(): Promise<Changes> {
    const { signal } = this.#stopping;
    signal.throwIfAborted();
    const before = this.graph;
    const graph = await evaluateProgram({ ...this.#options, signal: withSignal(this.#options, signal) });
    signal.throwIfAborted();
    try {
      const changes = await this.#deployment.apply(graph);
      this.#parts.graph = graph;
      return changes;
    } catch (error) {
      await this.#deployment.apply(before).catch((second: Error) => {
        this.#options.log?.(
          `The system before the change could not be brought back whole: ${second.message}`,
        );
      });
      throw error;
    }
  }
}

const withSignal = ({ signal }: RuntimeOptions, other: AbortSignal): AbortSignal =>
  signal ? AbortSignal.any([signal, other]) : other;

const stopParts = ({ running, asyncInvoke, pool, caches, aws }: Parts): Promise<void> =>
  eachInTurn(
    () => allSettled([...running.values()].map((trigger) => trigger.stop())),
    async () => asyncInvoke.stop(),
    () => pool.stop(),
    () => caches.stop(),
    () => aws.stop(),
  );

const regionOf = (config: Record<string, string>): string => config["aws:region"] ?? DEFAULT_REGION;

async function evaluateProgram(
  { directory, stack, onLog, signal }: RuntimeOptions,
  onStart?: () => void,
): Promise<Graph> {
  const settings = await readSettings(directory, stack);
  const graph = await evaluate({ directory, stack, dryRun: false, settings, onLog, onStart, signal });
  const problems = checkGraph(graph);
  if (problems.length === 0) return graph;
  throw new Error(problems.map(({ message }) => message).join("\n"));
}

/** Resolves once the program's process runs: it is the longest work, and starting services would hold it up. */
async function beginEvaluation(options: RuntimeOptions): Promise<{ graph: Promise<Graph> }> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const graph = evaluateProgram(options, resolve);
  await Promise.race([promise, graph.catch(() => undefined)]);
  return { graph };
}

/** The program is evaluated while the services start: its outputs do not need them. */
async function startParts(options: RuntimeOptions): Promise<Parts> {
  options.onProgress?.("evaluating the program, starting services");
  const clock = options.clock ?? systemClock;
  const trace = options.trace ?? new Trace();
  const callers = new Callers();
  const { config } = await readSettings(options.directory, options.stack);
  const failed = new AbortController();
  const signal = withSignal(options, failed.signal);
  const place = { region: regionOf(config), account: LOCAL_ACCOUNT };
  const monitoring = monitor({ ...place, clock, trace });
  const lambda = new LambdaApi(place);
  const evaluation = await beginEvaluation({ ...options, signal });
  const started = await Promise.allSettled([
    evaluation.graph,
    startAws({
      ...place,
      monitoring,
      others: [lambda],
      port: options.port,
      dataDir: options.dataDir,
      throttle: options.throttle ?? true,
      clock,
      trace,
      authorise: callers.authorise,
      secretOf: callers.secretOf,
      log: (line) => options.log?.(line),
    }).catch((error: Error) => {
      // Nothing to wait for: the program is not evaluated to its end.
      failed.abort();
      throw error;
    }),
    LambdaPool.start({
      ...options.pool,
      trace,
      writeLog: functionLog({ logs: monitoring.logs, callers, place, clock }),
    }),
    // Asked for again later, and loaded by then.
    loadSources(),
  ]);
  const [graph, aws, pool] = started;
  if (graph.status === "fulfilled" && aws.status === "fulfilled" && pool.status === "fulfilled") {
    const made = { aws: aws.value, pool: pool.value, callers, clock, trace };
    const log = (line: string): void => options.log?.(line);
    const asyncInvoke = createAsyncInvoker({ ...made, fast: options.fast, log });
    lambda.connect({ ...made, asyncInvoke });
    return {
      ...made,
      graph: graph.value,
      asyncInvoke,
      caches: new Caches({ clock, log }),
      hosts: new Hosts(),
      running: new Map(),
    };
  }
  if (aws.status === "fulfilled") await aws.value.stop();
  if (pool.status === "fulfilled") await pool.value.stop();
  throw [aws, graph, pool].find((result) => result.status === "rejected")?.reason;
}

async function createDeployment(options: RuntimeOptions, parts: Parts): Promise<Deployment> {
  options.onProgress?.("starting functions and triggers");
  const { config } = await readSettings(options.directory, options.stack);
  const data = {
    ...dataAppliers(parts.aws),
    ...messagingAppliers(parts.aws.objects),
    ...logAppliers(parts.aws.logs),
    ...parts.caches.appliers(),
  };
  const functions = functionAppliers(parts.pool, parts.callers, {
    directory: options.directory,
    region: regionOf(config),
    endpointUrl: parts.aws.endpoint.url,
    localise: (variables) => parts.caches.localise(variables),
    secretAccessKey: () => randomBytes(30).toString("base64"),
  });
  const after = { ...asyncAppliers(parts.asyncInvoke), ...subscriptionAppliers(parts.aws.objects) };
  const ports = portsAfter(options.port === 0 ? 0 : parts.aws.endpoint.port);
  const log = (line: string): void => options.log?.(line);
  const triggers = sourceAppliers(await loadSources(), {
    context: (graph, urn) => sourceContext({ ...parts, graph, log }, () => ports.of(urn)),
    hosts: parts.hosts,
    running: parts.running,
  });
  return new Deployment([({ type }) => data[type], ({ type }) => functions[type] ?? after[type], triggers]);
}
