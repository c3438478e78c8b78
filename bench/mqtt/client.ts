/**
 * The client of the MQTT benchmark, a process of its own: devices publish at a steady pace, each over a connection of its
 * own, and the API is asked, one request after the other, how many readings of one of them have been counted.
 *
 * A reading is queryable when the API first counts it, and published when it was due: a client that falls behind makes
 * the figure worse, not better.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { connectAsync, type MqttClient } from "mqtt";
import { countOf } from "../shared/counting.ts";

/** What the benchmark tells the client, as JSON in `--settings`. */
export interface ClientSettings {
  mqttUrl: string;
  /** Loopback address of the API. */
  apiUrl: string;
  token: string;
  /** Devices, the marker included. */
  devices: number;
  /** Milliseconds between two readings of a device. */
  everyMs: number;
  /** Readings of each device; those before `measureFrom` warm the system up. */
  rounds: number;
  measureFrom: number;
  /** Milliseconds between an answer of the API and the next question. */
  pauseMs: number;
  /** Longest wait for the last reading, in milliseconds. */
  patienceMs: number;
}

/** What the client prints, as JSON. */
export interface ClientResult {
  /** Milliseconds from published to queryable, one per measured reading of the marker. */
  latencies: number[];
  /** Most milliseconds that a reading went out late. */
  latestStart: number;
  /** Round trips of the API's answers, in milliseconds: how closely the poller looks. */
  polls: number[];
}

const MARKER = "mqtt-marker";
const METRIC = "temperature";

class Run {
  readonly #settings: ClientSettings;
  readonly #startedAt = Date.now();
  readonly #latencies: number[] = [];
  readonly #polls: number[] = [];
  #start = 0;
  #latestStart = 0;

  constructor(settings: ClientSettings) {
    this.#settings = settings;
  }

  async run(): Promise<ClientResult> {
    const names = [
      MARKER,
      ...Array.from({ length: this.#settings.devices - 1 }, (_, index) => `mqtt-${index}`),
    ];
    const clients = await Promise.all(
      names.map((clientId) => connectAsync(this.#settings.mqttUrl, { clientId, reconnectPeriod: 0 })),
    );
    this.#start = performance.now();
    const spread = this.#settings.everyMs / clients.length;
    const publishing = clients.map((client, index) =>
      this.#publish(client, names[index] ?? "", index * spread),
    );
    await Promise.all([this.#poll(), ...publishing]);
    await Promise.all(clients.map((client) => client.endAsync()));
    return { latencies: this.#latencies, latestStart: this.#latestStart, polls: this.#polls };
  }

  /** The marker's own. */
  #dueAt(round: number): number {
    return this.#start + round * this.#settings.everyMs;
  }

  async #publish(client: MqttClient, deviceId: string, offset: number): Promise<void> {
    const acknowledged: Promise<unknown>[] = [];
    for (let round = 0; round < this.#settings.rounds; round++) {
      const due = this.#dueAt(round) + offset;
      const wait = due - performance.now();
      if (wait > 0) await sleep(wait);
      this.#latestStart = Math.max(this.#latestStart, performance.now() - due);
      const reading = { deviceId, metric: METRIC, value: round, at: new Date().toISOString() };
      const topic = `devices/${deviceId}/telemetry`;
      acknowledged.push(client.publishAsync(topic, JSON.stringify(reading), { qos: 1 }));
    }
    await Promise.all(acknowledged);
  }

  async #poll(): Promise<void> {
    const { rounds, measureFrom, patienceMs, pauseMs, apiUrl, token } = this.#settings;
    const deadline = this.#dueAt(rounds) + patienceMs;
    const question = { apiUrl, token, deviceId: MARKER, metric: METRIC, around: this.#startedAt };
    for (let seen = 0; seen < rounds; ) {
      const asked = performance.now();
      const now = await countOf(question);
      const answered = performance.now();
      if (answered > deadline) throw new Error(`Only ${now} of ${rounds} markers became queryable.`);
      if (seen >= measureFrom) this.#polls.push(answered - asked);
      for (; seen < now; seen++) if (seen >= measureFrom) this.#latencies.push(answered - this.#dueAt(seen));
      await sleep(pauseMs);
    }
  }
}

const { values } = parseArgs({ options: { settings: { type: "string", default: "{}" } } });
console.log(JSON.stringify(await new Run(JSON.parse(values.settings)).run()));
