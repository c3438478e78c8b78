/** `npm run logs -- --stack dev [FUNCTION...] [--follow]`: the lines of a stack's functions and APIs as one stream. */
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { CloudWatchLogsClient, paginateDescribeLogGroups } from "@aws-sdk/client-cloudwatch-logs";
import { run, UsageError } from "../../local/cli.ts";
import { parseDuration } from "../send/quantities.ts";
import { exportedStack } from "../shared/exported.ts";
import { runningLocally } from "../shared/target.ts";
import { deployedLogs, explainLogs } from "./client.ts";
import { eventsOf, followed, type LogEvent, merged, type Search } from "./events.ts";
import { chosenSources, deployedSources, type LogSource, localSources } from "./groups.ts";
import { idPattern, lineOf } from "./line.ts";

const USAGE =
  "Usage: npm run logs -- [--stack dev] [--local] [FUNCTION...] [--since 1h] [--follow] [--id CORRELATION_ID] [--raw]";

/** Between two looks, in milliseconds: each asks for every group, and AWS takes a few such requests a second. */
const POLL = { aws: 5_000, local: 500 } as const;
const ID = /^[\w.:/@=+-]{1,128}$/;

interface Stack {
  client: CloudWatchLogsClient;
  sources: LogSource[];
  poll: number;
}

function readFlags() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      stack: { type: "string", default: "dev" },
      local: { type: "boolean", default: false },
      since: { type: "string", default: "10m" },
      follow: { type: "boolean", default: false },
      id: { type: "string" },
      raw: { type: "boolean", default: false },
    },
  });
  if (values.id !== undefined && !ID.test(values.id)) {
    throw new UsageError(
      `--id is "${values.id}"; an id has up to 128 letters, digits and .:/@=+-_. ${USAGE}`,
    );
  }
  return { ...values, names: positionals, since: parseDuration("--since", values.since) };
}

/** From the stack's state, by the Pulumi CLI: what the program calls its functions, AWS does not know. */
async function deployedStack(directory: string, stack: string): Promise<Stack> {
  const { region, sources } = deployedSources(await exportedStack(directory, stack), stack);
  return { client: deployedLogs(region), sources, poll: POLL.aws };
}

async function localStack(directory: string, stack: string): Promise<Stack> {
  const { outputs, endpoint } = await runningLocally(directory, stack, "leave --local out");
  const credentials = { accessKeyId: "local", secretAccessKey: "local" };
  const client = new CloudWatchLogsClient({ region: outputs.region, endpoint, credentials });
  const groups: string[] = [];
  for await (const { logGroups = [] } of paginateDescribeLogGroups({ client }, {})) {
    groups.push(...logGroups.flatMap(({ logGroupName }) => logGroupName ?? []));
  }
  return { client, sources: localSources(groups), poll: POLL.local };
}

async function main(): Promise<void> {
  const flags = readFlags();
  endWithReader();
  const directory = process.cwd();
  const stack = await (flags.local
    ? localStack(directory, flags.stack)
    : deployedStack(directory, flags.stack));
  const sources = chosenSources(stack.sources, flags.names, flags.stack);
  const search: Search = {
    since: Date.now() - flags.since,
    pattern: flags.id === undefined ? undefined : idPattern(flags.id),
  };
  const events = flags.follow
    ? followed({ ...stack, sources, search, now: Date.now, pause: pauses(stack.poll) })
    : merged(sources.map((source) => eventsOf(stack.client, source, search)));
  const width = Math.max(...sources.map(({ name }) => name.length));
  await print(events, { width, raw: flags.raw }).finally(() => stack.client.destroy());
}

/** `npm run logs | head` wants no more. */
function endWithReader(): void {
  process.stdout.once("error", (error: NodeJS.ErrnoException) => {
    process.exit(error.code === "EPIPE" ? 0 : 1);
  });
}

/** Until Ctrl-C. */
function pauses(milliseconds: number): () => Promise<boolean> {
  const stop = new AbortController();
  process.once("SIGINT", () => stop.abort());
  return () => sleep(milliseconds, true, { signal: stop.signal }).catch(() => false);
}

async function print(
  events: AsyncIterable<LogEvent>,
  options: { width: number; raw: boolean },
): Promise<void> {
  try {
    for await (const event of events) {
      const line = lineOf(event, options);
      if (line !== undefined) console.log(line);
    }
  } catch (error) {
    throw explainLogs(error);
  }
}

await run(main, USAGE);
