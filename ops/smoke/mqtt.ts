import { readFile } from "node:fs/promises";
import { S3Client } from "@aws-sdk/client-s3";
import { connectAsync, type IClientOptions, type MqttClient } from "mqtt";
import { telemetryTopic } from "../../functions/shared/envelope.ts";
import type { Reading } from "../../functions/shared/reading.ts";
import { type Check, check } from "./checks.ts";
import type { SmokeContext } from "./context.ts";
import { type LakeLine, readLake } from "./lake.ts";

const READINGS = 60;
/** Readings of the last message: it carries an array. */
const TOGETHER = 10;
const HOUR = 3_600_000;

/** Who publishes: any name on this machine; a Thing with its certificate on AWS. */
interface Device {
  name: string;
  options: IClientOptions;
}

/**
 * Devices: readings over MQTT 3.1.1 and 5 become queryable, what is no reading is kept as it was sent, and a device
 * cannot speak under another's name. On AWS a device needs a certificate: `MQTT_THING`, `MQTT_CERTIFICATE` and
 * `MQTT_KEY` (two files), without which this part is left out and says so.
 */
export async function checkMqtt(context: SmokeContext): Promise<Check[]> {
  const device = await deviceOf(context);
  if (device === undefined) {
    context.step("leaving MQTT out: on AWS it needs MQTT_THING, MQTT_CERTIFICATE and MQTT_KEY");
    return [];
  }
  const metric = `${context.mark}-mqtt`;
  const since = context.now();
  const url = context.target.resolve(context.target.outputs.mqttUrl);
  const topic = telemetryTopic(device.name);
  const readings = plan(device.name, metric, since);
  const [odd, foreign] = [`no reading of ${metric}`, { ...readings[0], deviceId: `${metric}-other` }];

  context.step(`publishing ${READINGS} readings over MQTT`);
  const older = await connectAsync(url, { ...device.options, protocolVersion: 4 });
  for (const reading of readings.slice(0, READINGS / 2)) await publish(older, topic, reading);
  await older.publishAsync(topic, odd, { qos: 1 });
  await publish(older, topic, foreign);
  await older.endAsync();
  const newer = await connectAsync(url, { ...device.options, protocolVersion: 5 });
  const single = readings.slice(READINGS / 2, -TOGETHER);
  for (const reading of single) await publish(newer, topic, reading);
  await publish(newer, topic, readings.slice(-TOGETHER));
  const refused = await codeOf(newer.publishAsync(telemetryTopic("another-device"), odd, { qos: 1 }));
  await newer.endAsync();

  context.step("waiting until every one of them is queryable");
  const counted = await context.until(
    () => countOf(context, device.name, metric),
    (count) => count >= READINGS,
  );
  const kept = await quarantined(context, since, metric);
  return [
    check("MQTT: readings counted, sent over 3.1.1 and 5", READINGS, counted),
    check("MQTT: messages in quarantine", 2, kept.length),
    check(
      "MQTT: of them what is no JSON, with its own bytes",
      1,
      kept.filter(({ data }) => textOf(data) === odd).length,
    ),
    check(
      "MQTT: of them a reading under another's name, with the reason",
      1,
      kept.filter(({ reason }) => reason?.includes("published under the name of")).length,
    ),
    check("MQTT: publishing on another device's topic", "not authorised (135)", refused),
  ];
}

async function deviceOf({ target, mark }: SmokeContext): Promise<Device | undefined> {
  const options = { reconnectPeriod: 0, connectTimeout: 10_000 };
  if (target.endpoint !== undefined) {
    const name = `${mark}-device`;
    return { name, options: { ...options, clientId: name } };
  }
  const { MQTT_THING, MQTT_CERTIFICATE, MQTT_KEY } = process.env;
  if (!MQTT_THING || !MQTT_CERTIFICATE || !MQTT_KEY) return undefined;
  const [cert, key] = await Promise.all([readFile(MQTT_CERTIFICATE), readFile(MQTT_KEY)]);
  return { name: MQTT_THING, options: { ...options, clientId: MQTT_THING, cert, key } };
}

/** A minute apart, back from now. */
const plan = (deviceId: string, metric: string, now: number): Reading[] =>
  Array.from({ length: READINGS }, (_, index) => ({
    deviceId,
    metric,
    value: index,
    at: new Date(now - index * 60_000).toISOString(),
  }));

const publish = (client: MqttClient, topic: string, content: unknown): Promise<unknown> =>
  client.publishAsync(topic, JSON.stringify(content), { qos: 1 });

/** MQTT 5's answer to a message that the policy does not allow. */
async function codeOf(publishing: Promise<unknown>): Promise<string> {
  try {
    await publishing;
    return "accepted";
  } catch (error) {
    const { code } = error as { code?: number };
    return code === 135 ? "not authorised (135)" : `failed (${code})`;
  }
}

async function countOf({ api, now }: SmokeContext, deviceId: string, metric: string): Promise<number> {
  const from = `${new Date(now() - 2 * HOUR).toISOString().slice(0, 10)}T00:00:00Z`;
  const query = new URLSearchParams({ metric, from, resolution: "day" });
  const answer = await api.get(`/devices/${deviceId}/readings?${query}`, await api.token("telemetry.read"));
  if (answer.status !== 200) return 0;
  const { points } = answer.body as { points: { count: number }[] };
  return points.reduce((sum, point) => sum + point.count, 0);
}

async function quarantined(context: SmokeContext, since: number, metric: string): Promise<LakeLine[]> {
  const client = new S3Client(context.clientOptions);
  const read = async (): Promise<LakeLine[]> => {
    const bucket = context.target.outputs.lakeBucketName;
    const lines = await readLake(client, { bucket, prefix: "quarantine", since, until: context.now() });
    return lines.filter(({ data }) => textOf(data).includes(metric));
  };
  try {
    return await context.until(read, (lines) => lines.length >= 2);
  } finally {
    client.destroy();
  }
}

const textOf = (data: string | undefined): string => Buffer.from(data ?? "", "base64").toString("utf8");
