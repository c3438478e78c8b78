/** `npm start`: the program, whole, on this machine until Ctrl-C. */
import { stat } from "node:fs/promises";
import { parseArgs } from "node:util";
import { programLog, run, UsageError } from "./cli.ts";
import { consoleLine } from "./console.ts";
import { redact } from "./engine/graph.ts";
import { eachInTurn } from "./kit/in-turn.ts";
import type { LoopbackServer } from "./kit/server.ts";
import { Trace } from "./kit/trace.ts";
import { withLocalQueues } from "./queue-urls.ts";
import { Runtime } from "./runtime.ts";
import { removeState, writeState } from "./state.ts";
import { changedLine, type SummaryInput, summary } from "./summary.ts";
import { serveTraces } from "./traces.ts";
import { watchProgram } from "./watch.ts";

const DEFAULT_PORT = 4566;
/** For `npm run trace`: some minutes of a busy system, about 25 MB. */
const EVENTS_KEPT = 50_000;

interface Flags {
  stack: string;
  port: number;
  data: string | undefined;
  watch: boolean;
  /** Failed asynchronous invocations are tried again after 0.6 and 1.2 s instead of 1 and 2 min. */
  fast: boolean;
  inspect: string | undefined;
}

const USAGE =
  "Usage: npm start -- [--stack dev] [--port 4566] [--data DIR] [--watch] [--fast] [--inspect FUNCTION]";

function readFlags(argv: string[]): Flags {
  const { values } = parseArgs({
    args: argv,
    options: {
      stack: { type: "string", default: "dev" },
      port: { type: "string", default: String(DEFAULT_PORT) },
      data: { type: "string" },
      watch: { type: "boolean", default: false },
      fast: { type: "boolean", default: false },
      inspect: { type: "string" },
    },
  });
  const port = Number(values.port);
  if (!Number.isInteger(port) || port < 0 || port > 65_000) {
    throw new UsageError(`--port is ${values.port}; it must be a whole number from 0 to 65000. ${USAGE}`);
  }
  return { ...values, port, data: values.data, inspect: values.inspect };
}

async function main(): Promise<void> {
  const started = performance.now();
  const flags = readFlags(process.argv.slice(2));
  const directory = process.cwd();
  const trace = new Trace({ capacity: EVENTS_KEPT });
  const runtime = await Runtime.start({
    directory,
    trace,
    stack: flags.stack,
    port: flags.port,
    dataDir: flags.data,
    fast: flags.fast,
    onLog: programLog((line) => console.error(line)),
    log: (line) => console.error(line),
    onProgress: (step) => progress(`Starting: ${step} ...`),
  });
  const interrupted = interruption();
  let traces: LoopbackServer | undefined;
  await eachInTurn(
    async () => {
      traces = await serveTraces(trace);
      await serve(runtime, { directory, flags, started, interrupted, tracesUrl: traces.url });
    },
    async () => progress("Stopping ..."),
    async () => traces?.close(),
    () => runtime.stop(),
    () => removeState(directory, flags.stack, process.pid),
    async () => progress(""),
  );
}

interface Session {
  directory: string;
  flags: Flags;
  /** When the command began, by `performance.now()`. */
  started: number;
  interrupted: Promise<void>;
  /** Where `npm run trace` asks. */
  tracesUrl: string;
}

/** Tells what runs, and follows the program's changes, until it is interrupted. */
async function serve(runtime: Runtime, session: Session): Promise<void> {
  const { flags, started, interrupted } = session;
  if (flags.inspect) runtime.pool.inspect(functionNamed(runtime, flags.inspect));
  await publish(runtime, session);
  progress("");
  console.log(summary(await describe(runtime, flags.stack, performance.now() - started)).join("\n"));
  printInvocations(runtime);
  if (!flags.watch) return interrupted;
  const watching = await watchProgram({
    directory: session.directory,
    onChange: () => takeOver(runtime, session),
    onError: ({ message }) => console.error(`Changes are not seen everywhere any more: ${message}`),
  });
  await interrupted;
  watching.close();
}

/** For the commands of other terminals. */
const publish = (runtime: Runtime, { directory, flags, tracesUrl }: Session): Promise<void> =>
  writeState(directory, flags.stack, {
    pid: process.pid,
    endpoint: runtime.aws.endpoint.url,
    hosts: runtime.hosts.entries(),
    outputs: runtime.outputs,
    traces: tracesUrl,
  });

/** Evaluates the changed program; one that fails leaves the running system as it was. */
async function takeOver(runtime: Runtime, session: Session): Promise<void> {
  try {
    const changes = await runtime.update();
    await publish(runtime, session);
    console.log(changedLine(changes));
  } catch (error) {
    console.log(`Program not taken over: ${(error as Error).message}`);
  }
}

/** A line that is overwritten, on a terminal only. */
function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[2K${text}`);
}

/** Resolves at the first Ctrl-C or termination signal; a second one ends the process at once. */
function interruption(): Promise<void> {
  return new Promise((resolve) => {
    const stop = (): void => {
      process.off("SIGINT", stop);
      process.off("SIGTERM", stop);
      resolve();
    };
    process.on("SIGINT", stop);
    process.on("SIGTERM", stop);
  });
}

function functionNamed(runtime: Runtime, wanted: string): string {
  const names = runtime.pool.stats().map(({ functionName }) => functionName);
  const found = names.find((name) => name === wanted || name.startsWith(`${wanted}-`));
  if (found) return found;
  throw new UsageError(`--inspect names "${wanted}"; the functions are ${names.sort().join(", ")}.`);
}

async function describe(runtime: Runtime, stack: string, readyMs: number): Promise<SummaryInput> {
  const { outputs, hosts } = runtime;
  const text = (key: string): string => String(outputs[key] ?? "");
  const functions = await Promise.all(
    runtime.pool.specs().map(async (spec) => ({
      name: spec.name,
      memorySize: spec.memorySize,
      timeoutSeconds: spec.timeoutMs / 1_000,
      zipBytes: (await stat(spec.zipPath)).size,
    })),
  );
  const redacted = Object.entries(redact(runtime.graph.outputs) as Record<string, unknown>);
  return {
    stack,
    region: text("region") || "us-east-1",
    endpoint: runtime.aws.endpoint.url,
    addresses: addressesOf(hosts.entries()),
    functions: functions.sort((a, b) => a.name.localeCompare(b.name)),
    declaredOnly: runtime.declaredOnly,
    outputs: redacted.map(([key, value]) => [key, withLocalQueues(textOf(value), runtime.aws.endpoint.url)]),
    example: outputs.apiUrl
      ? {
          apiUrl: hosts.resolve(text("apiUrl")),
          tokenEndpoint: hosts.resolve(text("tokenEndpoint")),
          clientId: text("clientId"),
          streamName: text("streamName"),
        }
      : undefined,
    readyMs,
  };
}

const textOf = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));

/** A host that is also there with a path says nothing more. */
function addressesOf(entries: [string, string][]): SummaryInput["addresses"] {
  return entries
    .filter(([host]) => !entries.some(([other]) => other.startsWith(`${host}/`)))
    .map(([host, local]) => ({
      label: labelOf(host),
      aws: `${host.includes(".iot.") ? "mqtts" : "https"}://${host}`,
      local,
    }));
}

function labelOf(host: string): string {
  if (host.includes(".iot.")) return "MQTT";
  if (host.includes(".execute-api.")) return "API";
  return host.includes(".amazoncognito.") ? "Tokens" : "Issuer";
}

/** One line per invocation and request, and what functions log. */
function printInvocations(runtime: Runtime): void {
  runtime.trace.on((event) => {
    const line = consoleLine(event);
    if (line !== undefined) console.log(line);
  });
}

await run(main, USAGE);
