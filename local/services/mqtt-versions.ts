/**
 * MQTT 5 for a broker that speaks 3.1.1: what a client says in either becomes 3.1.1 inside, and what the broker says
 * becomes 5 again for a client of that version. Pure.
 * Source: https://docs.oasis-open.org/mqtt/mqtt/v5.0/os/mqtt-v5.0-os.html
 *
 * Differs from AWS: a session is kept or not as a whole (5's Clean Start and Session Expiry become 3.1.1's one flag: kept
 * when it may be resumed and has an expiry), for as long as the runtime runs; a message's properties are not forwarded.
 */
import type { IConnackPacket, IConnectPacket, IPublishPacket, ISubscribePacket, Packet } from "mqtt-packet";
import { LIMITS, REASON } from "./mqtt-limits.ts";

/** Seconds between signs of life: the client's own, within AWS's bounds. */
const keepAliveOf = ({ keepalive = 0 }: IConnectPacket): number =>
  keepalive === 0 || keepalive > LIMITS.keepAlive ? LIMITS.keepAlive : keepalive;

export const connectInside = (packet: IConnectPacket): IConnectPacket => {
  const expiry = packet.properties?.sessionExpiryInterval ?? 0;
  const { will } = packet;
  return {
    cmd: "connect",
    protocolId: "MQTT",
    protocolVersion: 4,
    clientId: packet.clientId,
    clean: packet.protocolVersion === 5 ? packet.clean === true || expiry === 0 : packet.clean,
    keepalive: keepAliveOf(packet),
    ...(will && {
      will: { topic: will.topic, payload: will.payload, qos: will.qos, retain: will.retain },
    }),
  };
};

export const publishInside = ({
  topic,
  payload,
  qos,
  retain,
  dup,
  messageId,
}: IPublishPacket): IPublishPacket => ({
  cmd: "publish",
  topic,
  payload,
  qos,
  retain,
  dup,
  ...(qos > 0 && { messageId }),
});

/** Only what the broker may see: topics and levels. */
export const subscribeInside = (packet: ISubscribePacket, allowed: number[]): ISubscribePacket => ({
  cmd: "subscribe",
  messageId: packet.messageId,
  subscriptions: allowed.flatMap((index) => {
    const subscription = packet.subscriptions[index];
    return subscription ? [{ topic: subscription.topic, qos: subscription.qos }] : [];
  }),
});

/** What the broker can do, as MQTT 5 tells it at the start. */
const abilities = (connect: IConnectPacket): IConnackPacket["properties"] => ({
  sessionExpiryInterval: connectInside(connect).clean ? 0 : connect.properties?.sessionExpiryInterval,
  receiveMaximum: LIMITS.inFlight,
  maximumQoS: 1,
  retainAvailable: true,
  maximumPacketSize: LIMITS.packet,
  topicAliasMaximum: LIMITS.topicAliases,
  wildcardSubscriptionAvailable: true,
  subscriptionIdentifiersAvailable: false,
  sharedSubscriptionAvailable: false,
  ...(keepAliveOf(connect) === connect.keepalive ? {} : { serverKeepAlive: keepAliveOf(connect) }),
});

export const acceptance = (connect: IConnectPacket, inside: IConnackPacket): IConnackPacket => ({
  cmd: "connack",
  sessionPresent: inside.sessionPresent,
  reasonCode: REASON.success,
  properties: abilities(connect),
});

/** A packet of the broker for a client of MQTT 5. The answers to CONNECT, SUBSCRIBE and UNSUBSCRIBE have their own. */
export const outside5 = (packet: Packet): Packet => {
  if (packet.cmd !== "publish")
    return packet.cmd === "puback" ? { ...packet, reasonCode: REASON.success } : packet;
  return { ...publishInside(packet), properties: {} };
};

/** Numbers that a client of MQTT 5 gives to topics, so that it need not repeat them. */
export class TopicAliases {
  readonly #topics = new Map<number, string>();

  /** @returns the topic; undefined for an alias that was never set, or is over the limit */
  resolve({ topic, properties }: IPublishPacket): string | undefined {
    const alias = properties?.topicAlias;
    if (alias === undefined) return topic;
    if (alias < 1 || alias > LIMITS.topicAliases) return undefined;
    if (topic === "") return this.#topics.get(alias);
    this.#topics.set(alias, topic);
    return topic;
  }
}
