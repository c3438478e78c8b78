/**
 * The client of the latency benchmark, a process of its own: it sends readings at a steady pace through the SDK's
 * Kinesis client and asks the API, one request after the other, how many readings of one device have been counted.
 *
 * Every call carries one reading of that device, the marker. It is queryable when the API first counts it, and sent
 * when its call was due: a client that falls behind makes the figure worse, not better.
 */

import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { KinesisClient, PutRecordsCommand } from "@aws-sdk/client-kinesis";
import { countOf } from "../shared/counting.ts";

/** What the benchmark tells the client, as JSON in `--settings`. */
export interface ClientSettings {
  endpoint: string;
  region: string;
  streamName: string;
  /** Loopback address of the API. */
  apiUrl: string;
  token: string;
  /** Devices beside the marker. */
  devices: number;
  /** Milliseconds between two calls. */
  everyMs: number;
  /** Readings in a call, the marker's included. */
  readings: number;
  /** Calls; those before `measureFrom` warm the system up. */
  calls: number;
  measureFrom: number;
  /** Milliseconds between an answer of the API and the next question. */
  pauseMs: number;
  /** Longest wait for the last marker, in milliseconds. */
  patienceMs: number;
}

/** What the client prints, as JSON. */
export interface ClientResult {
  /** Milliseconds from sent to queryable, one per measured call. */
  latencies: number[];
  /** Readings that the stream refused. */
  refused: number;
  /** Most milliseconds that a call went out late. */
  latestStart: number;
  /** Round trips of the API's answers, in milliseconds: how closely the poller looks. */
  polls: number[];
}

const MARKER = "latency-marker";
const METRIC = "temperature";

const encoder = new TextEncoder();

function record(deviceId: string, value: number): { PartitionKey: string; Data: Uint8Array } {
  const reading = { deviceId, metric: METRIC, value, at: new Date().toISOString() };
  return { PartitionKey: deviceId, Data: encoder.encode(JSON.stringify(reading)) };
}

function recordsOf(call: number, { devices, readings }: ClientSettings): ReturnType<typeof record>[] {
  const first = call * (readings - 1);
  const others = Array.from({ length: readings - 1 }, (_, index) =>
    record(`latency-${(first + index) % devices}`, (first + index) % 100),
  );
  return [...others, record(MARKER, call)];
}

/** One run: what is due when, and what was seen when. */
class Run {
  readonly #settings: ClientSettings;
  readonly #client: KinesisClient;
  readonly #startedAt = Date.now();
  readonly #start = performance.now();
  readonly #latencies: number[] = [];
  readonly #polls: number[] = [];
  #refused = 0;
  #latestStart = 0;

  constructor(settings: ClientSettings) {
    this.#settings = settings;
    const { endpoint, region } = settings;
    const credentials = { accessKeyId: "local", secretAccessKey: "local" };
    this.#client = new KinesisClient({ endpoint, region, credentials });
  }

  async run(): Promise<ClientResult> {
    await Promise.all([this.#send(), this.#poll()]);
    this.#client.destroy();
    return {
      latencies: this.#latencies,
      refused: this.#refused,
      latestStart: this.#latestStart,
      polls: this.#polls,
    };
  }

  #dueAt(call: number): number {
    return this.#start + call * this.#settings.everyMs;
  }

  async #send(): Promise<void> {
    const calls: Promise<void>[] = [];
    for (let call = 0; call < this.#settings.calls; call++) {
      const wait = this.#dueAt(call) - performance.now();
      if (wait > 0) await sleep(wait);
      this.#latestStart = Math.max(this.#latestStart, performance.now() - this.#dueAt(call));
      calls.push(this.#put(call));
    }
    await Promise.all(calls);
  }

  async #put(call: number): Promise<void> {
    const Records = recordsOf(call, this.#settings);
    const command = new PutRecordsCommand({ StreamName: this.#settings.streamName, Records });
    this.#refused += (await this.#client.send(command)).FailedRecordCount ?? 0;
  }

  async #poll(): Promise<void> {
    const { calls, measureFrom, patienceMs, apiUrl, token } = this.#settings;
    const deadline = this.#dueAt(calls) + patienceMs;
    const question = { apiUrl, token, deviceId: MARKER, metric: METRIC, around: this.#startedAt };
    for (let seen = 0; seen < calls; ) {
      const asked = performance.now();
      const now = await countOf(question);
      const answered = performance.now();
      if (answered > deadline) throw new Error(`Only ${now} of ${calls} markers became queryable.`);
      if (seen >= measureFrom) this.#polls.push(answered - asked);
      for (; seen < now; seen++) if (seen >= measureFrom) this.#latencies.push(answered - this.#dueAt(seen));
      await sleep(this.#settings.pauseMs);
    }
  }
}

const { values } = parseArgs({ options: { settings: { type: "string", default: "{}" } } });
console.log(JSON.stringify(await new Run(JSON.parse(values.settings)).run()));
