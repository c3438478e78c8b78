/**
 * From sent to queryable at 1,000 readings a second: PutRecords -> stream -> aggregate-readings -> table -> API.
 *
 * A client process (client.ts) sends a call every 50 ms and asks the API every 20 ms how many readings of one device have
 * been counted. The time of a reading runs from the moment its call was due to the end of the first answer that counts
 * it, so the API's own answering time and the gap between two answers are in it.
 *
 * A batch writes four items for each series in it, so a fleet of many devices is more work than one of few that send as
 * many readings. Sizes between the two shown lie between their figures.
 */
import { ApiClient } from "../../ops/smoke/api.ts";
import { runClient } from "../shared/client-process.ts";
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

const CLIENT = new URL("client.ts", import.meta.url);
const RATE = 1_000;
const FLEETS = [25, 100];
const EVERY_MS = 50;
const CALLS_A_SECOND = 1_000 / EVERY_MS;
const WARM_UP_SECONDS = 5;
const SECONDS = 20;
const PAUSE_MS = 20;
const PATIENCE_MS = 30_000;
const TARGET_MS = 300;

async function settingsFor({ target }: System, devices: number): Promise<ClientSettings> {
  const { outputs } = target;
  return {
    endpoint: target.endpoint ?? "",
    region: outputs.region,
    streamName: outputs.streamName,
    apiUrl: target.resolve(outputs.apiUrl),
    token: await new ApiClient(target).token("telemetry.read"),
    devices,
    everyMs: EVERY_MS,
    readings: RATE / CALLS_A_SECOND,
    calls: (WARM_UP_SECONDS + SECONDS) * CALLS_A_SECOND,
    measureFrom: WARM_UP_SECONDS * CALLS_A_SECOND,
    pauseMs: PAUSE_MS,
    patienceMs: PATIENCE_MS,
  };
}

function figuresOf(devices: number, { latencies, polls, latestStart, refused }: ClientResult): Figure[] {
  const fleet = `${devices} devices`;
  return [
    { name: `${fleet}: sent -> queryable, p50`, value: median(latencies), unit: "ms" },
    {
      name: `${fleet}: sent -> queryable, p99`,
      value: percentile(latencies, 99),
      unit: "ms",
      target: { at: "most", value: TARGET_MS },
      note: `${latencies.length} markers; an answer of the API took ${median(polls).toFixed(0)} ms, a call started up to ${latestStart.toFixed(0)} ms late, ${refused} readings were refused`,
    },
  ];
}

/** A system of its own for each fleet: no table that another one has filled, no function that is warm already. */
async function measure(harness: Harness, devices: number): Promise<Figure[]> {
  harness.progress(`  ${RATE} readings a second of ${devices} devices for ${SECONDS} s`);
  const result = await withSystem(async (system) =>
    runClient<ClientResult>(CLIENT, await settingsFor(system, devices)),
  );
  return figuresOf(devices, result);
}

async function run(harness: Harness): Promise<BenchReport> {
  const figures: Figure[] = [];
  for (const devices of FLEETS) figures.push(...(await measure(harness, devices)));
  return { figures };
}

export const bench: Bench = { name: "latency", run };
