/**
 * AWS IoT's message broker: MQTT 3.1.1 and 5 on a loopback port, without TLS. Aedes keeps sessions, subscriptions and
 * retained messages; what devices may say is decided before it (mqtt-session.ts).
 * Source: https://docs.aws.amazon.com/iot/latest/developerguide/mqtt.html
 *
 * Differs from AWS: devices have no certificates (mqtt-policy.ts); sessions and retained messages are in memory.
 */
import { createServer, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { type LoopbackServer, listen } from "../kit/server.ts";
import type { Trace } from "../kit/trace.ts";
import { DevicePolicies } from "./mqtt-policy.ts";
import type { DeviceMessage, SessionOptions } from "./mqtt-session.ts";
import type { Place } from "./service.ts";

export type { DeviceMessage } from "./mqtt-session.ts";

/** Devices at a time; AWS has 500,000. */
const MOST_CONNECTIONS = 1_000;

export interface MqttOptions extends Place {
  trace: Trace;
  /** @default 1,000 */
  mostConnections?: number;
  /** A line for the console. */
  log(line: string): void;
}

interface Running {
  server: LoopbackServer;
  stop(): Promise<void>;
}

export class Mqtt {
  readonly policies: DevicePolicies;
  readonly #options: MqttOptions;
  readonly #listeners = new Set<(message: DeviceMessage) => void>();
  #running: Promise<Running> | undefined;

  constructor(options: MqttOptions) {
    this.#options = options;
    this.policies = new DevicePolicies(`arn:aws:iot:${options.region}:${options.account}`);
  }

  /**
   * Opens the port, once: a second call gives the first one's, since devices stay connected while the program changes.
   * @returns `mqtt://127.0.0.1:<port>`
   * @throws {Error} when the port is taken.
   */
  async listen(port: number): Promise<string> {
    this.#running ??= this.#start(port);
    const { server } = await this.#running;
    return `mqtt://127.0.0.1:${server.port}`;
  }

  /** Calls `listener` on every message that a device publishes; it must return at once and not throw. */
  onMessage(listener: (message: DeviceMessage) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    const running = await this.#running?.catch(() => undefined);
    await running?.stop();
  }

  /** Loaded with the first device policy: most of a start has no use for a broker. */
  async #start(port: number): Promise<Running> {
    const [{ Aedes }, { Session }] = await Promise.all([import("aedes"), import("./mqtt-session.ts")]);
    // Topic and filter limits are the session's; the broker's own must not be narrower.
    const aedes = new Aedes({ queueLimit: 1_000, heartbeatInterval: 60_000 });
    await aedes.listen();
    const options = this.#sessionOptions((inner) => void aedes.handle(inner));
    let connections = 0;
    const tcp = createServer((socket: Socket) => {
      connections += 1;
      socket.once("close", () => {
        connections -= 1;
      });
      if (connections <= (this.#options.mostConnections ?? MOST_CONNECTIONS)) new Session(socket, options);
      else socket.destroy();
    });
    const stopBroker = (): Promise<void> => new Promise((resolve) => aedes.close(() => resolve()));
    try {
      const server = await listen(tcp, port);
      return { server, stop: () => Promise.all([server.close(0), stopBroker()]).then(() => {}) };
    } catch (error) {
      await stopBroker();
      throw error;
    }
  }

  #sessionOptions(attach: (inner: Duplex) => void): SessionOptions {
    const { trace, log } = this.#options;
    return {
      policies: this.policies,
      attach,
      onMessage: (message) => {
        for (const listener of this.#listeners) listener(message);
      },
      onRefused: (clientId, { reason, says }, ended) => {
        const end = ended ? "is disconnected" : "is refused";
        trace.emit({ kind: "mqtt", clientId, reason, says, ended });
        log(`MQTT: ${clientId === "" ? "a client" : clientId} ${end}: ${says}.`);
      },
    };
  }
}
