/**
 * One device's connection: every packet is judged as AWS IoT judges it before the broker sees it, in MQTT 3.1.1 or 5.
 *
 * Differs from AWS: what AWS leaves without an answer (QoS 2) ends the connection, so that a device does not wait for
 * ever.
 */
import type { Socket } from "node:net";
import { type Duplex, duplexPair } from "node:stream";
import {
  generate,
  type IConnackPacket,
  type IConnectPacket,
  type IDisconnectPacket,
  type IPublishPacket,
  type ISubackPacket,
  type ISubscribePacket,
  type IUnsubscribePacket,
  type Packet,
  type Parser,
  parser,
} from "mqtt-packet";
import { DeviceJudge } from "./mqtt-judge.ts";
import { connectReturnCode, LIMITS, REASON, type Refusal, refusal } from "./mqtt-limits.ts";
import type { DevicePolicies } from "./mqtt-policy.ts";
import {
  acceptance,
  connectInside,
  outside5,
  publishInside,
  subscribeInside,
  TopicAliases,
} from "./mqtt-versions.ts";

/** What a device published and the broker took. */
export interface DeviceMessage {
  clientId: string;
  topic: string;
  payload: Buffer;
}

export interface SessionOptions {
  policies: DevicePolicies;
  /** Gives the inner end to the broker. */
  attach(inner: Duplex): void;
  onMessage(message: DeviceMessage): void;
  /** @param ended whether the connection ends with it */
  onRefused(clientId: string, refused: Refusal, ended: boolean): void;
}

/** How long a connection may stay silent before its CONNECT, in milliseconds. */
const CONNECT_MS = 10_000;
/** Bytes of a packet's fixed header at most. */
const HEADER = 5;

type Handlers = { [Command in Packet["cmd"]]?: (packet: never) => void };

export class Session {
  readonly #socket: Socket;
  readonly #options: SessionOptions;
  readonly #broker: Duplex;
  readonly #fromClient: Parser = parser();
  readonly #aliases = new TopicAliases();
  /** Codes of a SUBSCRIBE under way, undefined where the broker's own comes; or how many topics an UNSUBSCRIBE has. */
  readonly #subscribing = new Map<number, (number | undefined)[]>();
  readonly #unsubscribing = new Map<number, number>();
  #connect: IConnectPacket | undefined;
  #judge: DeviceJudge;
  #ended = false;

  constructor(socket: Socket, options: SessionOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#judge = new DeviceJudge("", options.policies);
    const [outer, inner] = duplexPair();
    this.#broker = outer;
    this.#listenToClient();
    this.#listenToBroker(inner);
    options.attach(inner);
  }

  get #clientId(): string {
    return this.#connect?.clientId ?? "";
  }

  get #is5(): boolean {
    return this.#connect?.protocolVersion === 5;
  }

  #listenToClient(): void {
    const socket = this.#socket;
    socket.setNoDelay(true);
    socket.setTimeout(CONNECT_MS, () => socket.destroy());
    socket.on("error", () => {});
    socket.on("close", () => this.#broker.destroy());
    socket.on("data", (chunk) => this.#read(chunk));
    this.#fromClient.on("packet", (packet) => this.#onPacket(packet));
    this.#fromClient.on("error", (error: Error) => this.#end(refusal(REASON.malformedPacket, error.message)));
  }

  #listenToBroker(inner: Duplex): void {
    const fromBroker = parser({ protocolVersion: 4 });
    fromBroker.on("packet", (packet) => this.#onAnswer(packet));
    inner.on("error", () => {});
    this.#broker.on("error", () => {});
    this.#broker.on("data", (chunk: Buffer) => fromBroker.parse(chunk));
    for (const event of ["end", "close"]) this.#broker.on(event, () => this.#socket.destroySoon());
  }

  /** Nothing of an oversized packet is kept: its length is known before its content. */
  #read(chunk: Buffer): void {
    if (this.#ended) return;
    this.#fromClient.parse(chunk);
    const { packet } = this.#fromClient as unknown as { packet: { length: number } };
    if (packet.length <= LIMITS.packet - HEADER) return;
    const says = `a packet of ${packet.length} bytes, at most ${LIMITS.packet}`;
    this.#end(refusal(REASON.packetTooLarge, says));
  }

  #onPacket(packet: Packet): void {
    if (this.#ended) return;
    if ((packet.cmd === "connect") === (this.#connect !== undefined)) {
      this.#end(refusal(REASON.protocolError, `a ${packet.cmd} out of place`));
      return;
    }
    const handler = Object.hasOwn(this.#handlers, packet.cmd) ? this.#handlers[packet.cmd] : undefined;
    if (handler === undefined)
      this.#end(refusal(REASON.protocolError, `a ${packet.cmd}, which AWS IoT does not take`));
    else handler(packet as never);
  }

  readonly #handlers: Handlers = {
    connect: (packet: IConnectPacket) => this.#onConnect(packet),
    publish: (packet: IPublishPacket) => this.#onPublish(packet),
    subscribe: (packet: ISubscribePacket) => this.#onSubscribe(packet),
    unsubscribe: (packet: IUnsubscribePacket) => this.#onUnsubscribe(packet),
    puback: ({ messageId }: Packet) => this.#toBroker({ cmd: "puback", messageId }),
    pingreq: () => this.#toBroker({ cmd: "pingreq" }),
    disconnect: (packet: IDisconnectPacket) => this.#onDisconnect(packet),
  };

  #onConnect(packet: IConnectPacket): void {
    this.#connect = packet;
    this.#judge = new DeviceJudge(packet.clientId, this.#options.policies);
    const refused = this.#judge.connect(packet);
    if (refused !== undefined) {
      this.#refuseConnect(refused);
      return;
    }
    this.#socket.setTimeout(0);
    this.#toBroker(connectInside(packet));
  }

  #onPublish(packet: IPublishPacket): void {
    const topic = this.#aliases.resolve(packet);
    if (topic === undefined) {
      this.#end(refusal(REASON.topicAliasInvalid, "a topic alias that was never set, or is over 8"));
      return;
    }
    const message = { ...packet, topic };
    const refused = this.#judge.message(message);
    if (refused !== undefined) {
      this.#refusePublish(message, refused);
      return;
    }
    this.#toBroker(publishInside(message));
    this.#options.onMessage({ clientId: this.#clientId, topic, payload: Buffer.from(packet.payload) });
  }

  /** MQTT 5 has an answer for a message that asks for one; anything else ends the connection. */
  #refusePublish({ qos, messageId }: IPublishPacket, refused: Refusal): void {
    const answered: number[] = [REASON.notAuthorised, REASON.topicNameInvalid];
    if (!this.#is5 || qos !== 1 || !answered.includes(refused.reason)) {
      this.#end(refused);
      return;
    }
    this.#options.onRefused(this.#clientId, refused, false);
    this.#toClient({ cmd: "puback", messageId, reasonCode: refused.reason });
  }

  #onSubscribe(packet: ISubscribePacket): void {
    const { subscriptions, messageId = 0 } = packet;
    if (subscriptions.length > LIMITS.subscriptions) {
      this.#end(refusal(REASON.quotaExceeded, `${subscriptions.length} topics in one SUBSCRIBE, at most 8`));
      return;
    }
    if (subscriptions.some(({ qos }) => qos === 2)) {
      this.#end(refusal(REASON.qosNotSupported, "QoS 2 is not supported by AWS IoT"));
      return;
    }
    const codes = subscriptions.map(({ topic }) => this.#judgeFilter(topic)?.reason);
    this.#subscribing.set(messageId, codes);
    const allowed = codes.flatMap((code, index) => (code === undefined ? [index] : []));
    if (allowed.length > 0) this.#toBroker(subscribeInside(packet, allowed));
    else this.#onSubscribed({ cmd: "suback", messageId, granted: [] });
  }

  #judgeFilter(filter: string): Refusal | undefined {
    const refused = this.#judge.filter(filter);
    if (refused) this.#options.onRefused(this.#clientId, refused, false);
    return refused;
  }

  #onUnsubscribe({ messageId = 0, unsubscriptions }: IUnsubscribePacket): void {
    this.#unsubscribing.set(messageId, unsubscriptions.length);
    this.#toBroker({ cmd: "unsubscribe", messageId, unsubscriptions });
  }

  #onDisconnect({ reasonCode }: IDisconnectPacket): void {
    // Without the broker's own DISCONNECT it publishes the will.
    if (reasonCode !== REASON.disconnectWithWill) this.#toBroker({ cmd: "disconnect" });
    this.#ended = true;
    this.#broker.end();
  }

  #onAnswer(packet: Packet): void {
    if (packet.cmd === "connack") this.#onConnected(packet);
    else if (packet.cmd === "suback") this.#onSubscribed(packet);
    else if (packet.cmd === "unsuback") this.#onUnsubscribed(packet);
    else if (packet.cmd === "publish") this.#deliver(packet);
    else this.#toClient(this.#is5 ? outside5(packet) : packet);
  }

  #onConnected(packet: IConnackPacket): void {
    const connect = this.#connect;
    this.#toClient(connect && this.#is5 && packet.returnCode === 0 ? acceptance(connect, packet) : packet);
  }

  #onSubscribed({ messageId = 0, granted }: ISubackPacket): void {
    const codes = this.#subscribing.get(messageId) ?? [];
    this.#subscribing.delete(messageId);
    const own = [...(granted as number[])];
    const merged = codes.map((code) => code ?? own.shift() ?? REASON.notAuthorised);
    // MQTT 3.1.1 has one code for every failure.
    this.#toClient({
      cmd: "suback",
      messageId,
      granted: this.#is5 ? merged : merged.map((code) => Math.min(code, 0x80)),
    });
  }

  #onUnsubscribed({ messageId = 0 }: Packet): void {
    const count = this.#unsubscribing.get(messageId) ?? 1;
    this.#unsubscribing.delete(messageId);
    const granted = Array.from({ length: count }, () => REASON.success);
    this.#toClient({ cmd: "unsuback", messageId, granted });
  }

  /** What the device may not receive, or says it cannot hold, is acknowledged in its place. */
  #deliver(packet: IPublishPacket): void {
    const bytes = this.#encode(this.#is5 ? outside5(packet) : packet);
    const most = this.#connect?.properties?.maximumPacketSize ?? Number.POSITIVE_INFINITY;
    if (bytes.length <= most && this.#judge.mayReceive(packet.topic)) this.#write(bytes);
    else if (packet.qos > 0) this.#toBroker({ cmd: "puback", messageId: packet.messageId });
  }

  #refuseConnect(refused: Refusal): void {
    this.#toClient({
      cmd: "connack",
      sessionPresent: false,
      ...(this.#is5 ? { reasonCode: refused.reason } : { returnCode: connectReturnCode(refused.reason) }),
    });
    this.#finish(refused);
  }

  /** MQTT 3.1.1 cannot say why. */
  #end(refused: Refusal): void {
    if (this.#ended) return;
    if (this.#is5) this.#toClient({ cmd: "disconnect", reasonCode: refused.reason });
    this.#finish(refused);
  }

  #finish(refused: Refusal): void {
    this.#ended = true;
    this.#options.onRefused(this.#clientId, refused, true);
    this.#socket.destroySoon();
    this.#broker.destroy();
  }

  #encode(packet: Packet): Buffer {
    return generate(packet, { protocolVersion: this.#is5 ? 5 : 4 });
  }

  #toClient(packet: Packet): void {
    this.#write(this.#encode(packet));
  }

  #write(bytes: Buffer): void {
    if (!this.#socket.writable || this.#socket.write(bytes)) return;
    this.#broker.pause();
    this.#socket.once("drain", () => this.#broker.resume());
  }

  #toBroker(packet: Packet): void {
    if (!this.#broker.writable || this.#broker.write(generate(packet, { protocolVersion: 4 }))) return;
    this.#socket.pause();
    this.#broker.once("drain", () => this.#socket.resume());
  }
}
