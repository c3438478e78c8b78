/** `npm run send`: telemetry from a file or a simulated fleet to the stream, on this machine or on AWS. */
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { KinesisClient } from "@aws-sdk/client-kinesis";
import { run, UsageError } from "../../local/cli.ts";
import { createProgress } from "../shared/progress.ts";
import { deployed, runningLocally, type Target } from "../shared/target.ts";
import { parseDuration, parseQuantity } from "./quantities.ts";
import { FLUSH, send, type Totals } from "./sender.ts";
import { fleet, fromFile, type Outgoing } from "./sources.ts";

const USAGE = `Usage: npm run send -- [--stack dev] [--aws] (--file readings.ndjson|readings.csv | --devices 100 --every 10s --for 1m [--fast])`;

function readFlags(argv: string[]) {
  const { values } = parseArgs({
    args: argv,
    options: {
      stack: { type: "string", default: "dev" },
      aws: { type: "boolean", default: false },
      file: { type: "string" },
      devices: { type: "string" },
      every: { type: "string", default: "10s" },
      for: { type: "string", default: "1m" },
      fast: { type: "boolean", default: false },
    },
  });
  if ((values.file === undefined) === (values.devices === undefined)) {
    throw new UsageError(`Say what to send: either --file or --devices. ${USAGE}`);
  }
  return values;
}

type Flags = ReturnType<typeof readFlags>;

async function main(): Promise<void> {
  const flags = readFlags(process.argv.slice(2));
  const directory = process.cwd();
  const target = await (flags.aws
    ? deployed(directory, flags.stack)
    : runningLocally(directory, flags.stack));
  const progress = createProgress(process.stderr);
  const started = performance.now();
  const client = new KinesisClient(clientOptions(target));
  const over = new AbortController();
  const totals = await send(recordsOf(flags, over.signal), {
    client,
    streamName: target.outputs.streamName,
    sleep: (milliseconds) => sleep(milliseconds),
    random: Math.random,
    onProgress: (now) => {
      if (process.stderr.isTTY) progress.step(line(now, performance.now() - started));
    },
  }).finally(() => {
    over.abort();
    client.destroy();
    progress.end();
  });
  console.log(line(totals, performance.now() - started));
  if (totals.failed > 0) {
    const cure = totals.reason?.startsWith("Rate exceeded") ? " It has too few shards for this rate." : "";
    throw new Error(`${totals.failed} records were refused to the last attempt: ${totals.reason}${cure}`);
  }
}

/** On AWS the default credentials chain; locally any key is the account's owner. */
function clientOptions({ endpoint, outputs }: Target) {
  const credentials = { accessKeyId: "local", secretAccessKey: "local" };
  return endpoint === undefined
    ? { region: outputs.region }
    : { region: outputs.region, endpoint, credentials };
}

function recordsOf(
  flags: Flags,
  signal: AbortSignal,
): AsyncIterable<Outgoing | typeof FLUSH> | Iterable<Outgoing> {
  if (flags.file !== undefined) return fromFile(flags.file);
  const devices = parseQuantity("--devices", flags.devices ?? "", { minimum: 1, maximum: 1_000_000 });
  const every = parseDuration("--every", flags.every);
  const rounds = Math.max(1, Math.floor(parseDuration("--for", flags.for) / every));
  const options = { devices, every, count: devices * rounds, random: Math.random };
  if (flags.fast) return fleet({ ...options, start: Date.now() - rounds * every });
  return paced(fleet({ ...options, start: Date.now() }), signal);
}

/** Holds records back until the time they carry; what is due goes out together. */
async function* paced(
  records: Iterable<Outgoing & { at: number }>,
  signal: AbortSignal,
): AsyncGenerator<Outgoing | typeof FLUSH> {
  for (const record of records) {
    const wait = record.at - Date.now();
    if (wait > 0) {
      yield FLUSH;
      await sleep(wait, undefined, { signal });
    }
    yield record;
  }
}

function line({ sent, bytes, retried, failed }: Totals, milliseconds: number): string {
  const rate = Math.round(sent / (milliseconds / 1_000));
  const megabytes = (bytes / 1_048_576).toFixed(1);
  return `${sent} records sent (${megabytes} MB, ${rate}/s), ${retried} throttled and sent again, ${failed} given up`;
}

await run(main, USAGE);
