/**
 * What a device publishes over MQTT, as the topic rule forwards it: the bytes as they came, in base64, with their topic
 * and the time of their arrival at the broker. Consumers judge the bytes, not the rule, so that what is no reading is
 * kept as it was sent. A device may publish only under its own name: the topic's device and the reading's must agree.
 *
 * Source: https://docs.aws.amazon.com/iot/latest/developerguide/binary-payloads.html
 */
import { PayloadError } from "./batch.ts";

/** Where devices publish, as an MQTT topic filter. */
export const TELEMETRY_FILTER = "devices/+/telemetry";

/** The topic of one device. */
export function telemetryTopic(deviceId: string): string {
  return `devices/${deviceId}/telemetry`;
}

const TOPIC = /^devices\/([^/]+)\/telemetry$/;

export interface Envelope {
  /** What the device published, base64. */
  payload: string;
  topic: string;
  /** The broker's clock, epoch milliseconds. */
  receivedAt: number;
}

/** The envelope, when the record holds one; undefined for a reading or anything else. */
export function asEnvelope(value: unknown): Envelope | undefined {
  const envelope = value as Envelope | null | undefined;
  // Almost every record holds a bare reading: one look decides.
  if (envelope?.payload === undefined) return undefined;
  const { payload, topic, receivedAt } = envelope;
  const fits = typeof payload === "string" && isTopic(topic) && isInstant(receivedAt);
  return fits ? envelope : undefined;
}

/** The broker takes no longer one; whoever writes to the stream by himself may try. */
const LONGEST_TOPIC = 256;

function isTopic(value: unknown): boolean {
  return typeof value === "string" && value.length <= LONGEST_TOPIC;
}

/** The longest time that a Date can hold: a larger number could not be written as a text. */
const LAST_INSTANT = 8.64e15;

function isInstant(value: unknown): boolean {
  return typeof value === "number" && value >= 0 && value <= LAST_INSTANT;
}

/**
 * The device whose topic it is.
 * @throws PayloadError for a topic that is no device's.
 */
export function senderOf({ topic }: Envelope): string {
  const [, deviceId] = TOPIC.exec(topic) ?? [];
  if (deviceId !== undefined) return deviceId;
  throw new PayloadError(`topic "${topic}" is no device's; readings go to ${TELEMETRY_FILTER}`);
}

/** Why this sender may not send that device's readings; undefined when it is its own. */
export function senderProblem(deviceId: string, sender: string | undefined): string | undefined {
  if (sender === undefined || sender === deviceId) return undefined;
  return `deviceId is "${deviceId}", but it was published under the name of "${sender}"`;
}
