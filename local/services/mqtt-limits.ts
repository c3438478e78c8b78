/**
 * What AWS IoT's broker takes, and how it says no. Pure.
 * Sources: https://docs.aws.amazon.com/general/latest/gr/iot-core.html#message-broker-limits,
 * https://docs.aws.amazon.com/iot/latest/developerguide/mqtt.html#mqtt5-reason-codes
 */

/** MQTT 5's reason codes: https://docs.oasis-open.org/mqtt/mqtt/v5.0/os/mqtt-v5.0-os.html#_Toc3901031 */
export const REASON = {
  success: 0x00,
  disconnectWithWill: 0x04,
  malformedPacket: 0x81,
  protocolError: 0x82,
  unsupportedVersion: 0x84,
  clientIdNotValid: 0x85,
  notAuthorised: 0x87,
  badAuthenticationMethod: 0x8c,
  topicFilterInvalid: 0x8f,
  topicNameInvalid: 0x90,
  topicAliasInvalid: 0x94,
  packetTooLarge: 0x95,
  quotaExceeded: 0x97,
  qosNotSupported: 0x9b,
  sharedSubscriptionsNotSupported: 0x9e,
} as const;

export interface Refusal {
  /** One of `REASON`. */
  reason: number;
  /** For the console. */
  says: string;
}

export const refusal = (reason: number, says: string): Refusal => ({ reason, says });

export const LIMITS = {
  /** Bytes of a message. */
  payload: 128 * 1024,
  /** Bytes of a packet: message, topic and properties. */
  packet: 149_504,
  topicBytes: 256,
  slashes: 7,
  subscriptions: 8,
  topicAliases: 8,
  /** Seconds; also what a client gets that asks for none. */
  keepAlive: 1_200,
  /** Messages under way that are not acknowledged yet. */
  inFlight: 100,
} as const;

/** Why a Thing cannot have this name. Source: https://docs.aws.amazon.com/iot/latest/apireference/API_CreateThing.html */
export const clientIdProblem = (clientId: string): Refusal | undefined =>
  /^[A-Za-z0-9:_-]{1,128}$/.test(clientId)
    ? undefined
    : refusal(
        REASON.clientIdNotValid,
        `client id ${quote(clientId)} names no Thing: 1-128 letters, digits and :_-`,
      );

const sizeProblem = (topic: string, reason: number): Refusal | undefined => {
  const bytes = Buffer.byteLength(topic);
  if (bytes > LIMITS.topicBytes)
    return refusal(reason, `${quote(topic)} has ${bytes} bytes, at most ${LIMITS.topicBytes}`);
  const slashes = topic.split("/").length - 1;
  if (slashes > LIMITS.slashes)
    return refusal(reason, `${quote(topic)} has ${slashes} slashes, at most ${LIMITS.slashes}`);
  return undefined;
};

/** Why nobody can publish there. */
const topicProblem = (topic: string): Refusal | undefined => {
  const reason = REASON.topicNameInvalid;
  if (topic === "") return refusal(reason, "the topic is empty");
  if (/[+#\0]/.test(topic))
    return refusal(reason, `${quote(topic)} holds a wildcard; messages go to one topic`);
  if (topic.startsWith("$"))
    return refusal(reason, `${quote(topic)}: topics that begin with $ are AWS's own`);
  return sizeProblem(topic, reason);
};

/** Why nobody can subscribe to it. */
export const filterProblem = (filter: string): Refusal | undefined => {
  const reason = REASON.topicFilterInvalid;
  if (filter.startsWith("$share/"))
    return refusal(
      REASON.sharedSubscriptionsNotSupported,
      `${quote(filter)} is shared, which is not served here`,
    );
  if (filter === "" || filter.startsWith("$"))
    return refusal(reason, `${quote(filter)} cannot be subscribed to`);
  const levels = filter.split("/");
  const isValid = levels.every(
    (level, index) =>
      level === "+" || (level === "#" && index === levels.length - 1) || !/[+#\0]/.test(level),
  );
  return isValid
    ? sizeProblem(filter, reason)
    : refusal(reason, `${quote(filter)} has a wildcard in a wrong place`);
};

export interface Message {
  topic: string;
  qos: number;
  payload: string | Buffer;
}

/** Why the broker takes no such message, whoever sends it. */
export const messageProblem = ({ topic, qos, payload }: Message): Refusal | undefined => {
  if (qos === 2) return refusal(REASON.qosNotSupported, "QoS 2 is not supported by AWS IoT");
  const bytes = Buffer.byteLength(payload);
  if (bytes > LIMITS.payload)
    return refusal(REASON.packetTooLarge, `a message of ${bytes} bytes, at most ${LIMITS.payload}`);
  return topicProblem(topic);
};

const LONGEST_QUOTE = 80;

/** Shortened, without control characters. */
export const quote = (text: string): string =>
  JSON.stringify(text.length > LONGEST_QUOTE ? `${text.slice(0, LONGEST_QUOTE)}...` : text);

/** Refusals that MQTT 3.1.1 has a code for in its CONNACK; the others are "not authorised". */
export const connectReturnCode = (reason: number): number => {
  if (reason === REASON.unsupportedVersion) return 1;
  return reason === REASON.clientIdNotValid ? 2 : 5;
};
