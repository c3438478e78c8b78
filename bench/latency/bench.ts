/**
 * From sent to queryable at 1,000 readings a second: PutRecords -> stream -> aggregate-readings -> table -> API.
 *
 * A client process (client.ts) paces the calls and asks the API for one device's readings without a pause. The time
 * of a reading runs from the moment its call was due to the end of the first answer that counts it, so the API's own
 * answering time and the gap between two answers are in it.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { ApiClient } from "../../ops/smoke/api.ts";
import {
  type Bench,
  type BenchReport,
  type Figure,
  type Harness,
  median,
  percentile,
} from "../shared/harness.ts";
import { type System, withSystem } from "../shared/system.ts";
import type { ClientResult, ClientSettings } from "./client.ts";

const RATE = 1_000;
const DEVICES = Number(process.env.DEVICES ?? 100);
const EVERY_MS = 50;
const CALLS_A_SECOND = 1_000 / EVERY_MS;
const WARM_UP_SECONDS = 5;
const SECONDS = 20;
const PATIENCE_MS = 30_000;
const TARGET_MS = 300;

async function runClient(settings: ClientSettings): Promise<ClientResult> {
  const path = fileURLToPath(new URL("client.ts", import.meta.url));
  const child = spawn(process.execPath, [path, "--settings", JSON.stringify(settings)], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [said, failure, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, "exit"),
  ]);
  if (code !== 0) throw new Error(`The client of the latency benchmark failed: ${failure}`);
  return JSON.parse(said) as ClientResult;
}

async function settingsFor({ target }: System): Promise<ClientSettings> {
  const { outputs } = target;
  return {
    endpoint: target.endpoint ?? "",
    region: outputs.region,
    streamName: outputs.streamName,
    apiUrl: target.resolve(outputs.apiUrl),
    token: await new ApiClient(target).token("telemetry.read"),
    devices: DEVICES,
    everyMs: EVERY_MS,
    readings: RATE / CALLS_A_SECOND,
    calls: (WARM_UP_SECONDS + SECONDS) * CALLS_A_SECOND,
    measureFrom: WARM_UP_SECONDS * CALLS_A_SECOND,
    patienceMs: PATIENCE_MS,
  };
}

function figuresOf({ latencies, polls, latestStart, refused }: ClientResult): Figure[] {
  const p99: Figure = {
    name: "sent -> queryable, p99",
    value: percentile(latencies, 99),
    unit: "ms",
    target: { at: "most", value: TARGET_MS },
  };
  return [
    { name: "sent -> queryable, p50", value: median(latencies), unit: "ms" },
    p99,
    { name: "an answer of the API, p50", value: median(polls), unit: "ms" },
    { name: "latest start of a call", value: latestStart, unit: "ms" },
    { name: "readings refused by the stream", value: refused, unit: "readings" },
  ];
}

function run(harness: Harness): Promise<BenchReport> {
  return withSystem(async (system) => {
    harness.progress(`  ${RATE} readings a second of ${DEVICES} devices for ${SECONDS} s`);
    return { figures: figuresOf(await runClient(await settingsFor(system))) };
  });
}

export const bench: Bench = { name: "latency", run };
