/**
 * From published over MQTT to queryable, at 500 messages a second: broker -> topic rule -> stream -> aggregate-readings ->
 * table -> API. Each of the devices has a connection of its own and publishes with QoS 1 (client.ts).
 */
import { ApiClient } from "../../ops/smoke/api.ts";
import { runClient } from "../shared/client-process.ts";
import { type Bench, type BenchReport, type Harness, median, percentile } from "../shared/harness.ts";
import { type System, withSystem } from "../shared/system.ts";
import type { ClientResult, ClientSettings } from "./client.ts";

const RATE = 500;
const DEVICES = 25;
const EVERY_MS = (DEVICES * 1_000) / RATE;
const WARM_UP_SECONDS = 5;
const SECONDS = 20;
const TARGET_MS = 400;

const rounds = (seconds: number): number => (seconds * 1_000) / EVERY_MS;

async function settingsFor({ target }: System): Promise<ClientSettings> {
  const { outputs } = target;
  return {
    mqttUrl: target.resolve(outputs.mqttUrl),
    apiUrl: target.resolve(outputs.apiUrl),
    token: await new ApiClient(target).token("telemetry.read"),
    devices: DEVICES,
    everyMs: EVERY_MS,
    rounds: rounds(WARM_UP_SECONDS + SECONDS),
    measureFrom: rounds(WARM_UP_SECONDS),
    pauseMs: 20,
    patienceMs: 30_000,
  };
}

async function run(harness: Harness): Promise<BenchReport> {
  harness.progress(`  ${RATE} messages a second of ${DEVICES} devices for ${SECONDS} s`);
  const client = new URL("client.ts", import.meta.url);
  const { latencies, polls, latestStart } = await withSystem(async (system) =>
    runClient<ClientResult>(client, await settingsFor(system)),
  );
  return {
    figures: [
      { name: "published -> queryable, p50", value: median(latencies), unit: "ms" },
      {
        name: "published -> queryable, p99",
        value: percentile(latencies, 99),
        unit: "ms",
        target: { at: "most", value: TARGET_MS },
        note: `${latencies.length} markers; an answer of the API took ${median(polls).toFixed(0)} ms, a message started up to ${latestStart.toFixed(0)} ms late`,
      },
    ],
  };
}

export const bench: Bench = { name: "mqtt", run };
