import { zstdDecompressSync } from "node:zlib";
import { GetObjectCommand, ListObjectsV2Command, S3Client } from "@aws-sdk/client-s3";
import { SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { parquetReadObjects } from "hyparquet";
import type { Reading } from "../../functions/shared/reading.ts";
import { type Check, check } from "./checks.ts";
import type { SmokeContext } from "./context.ts";

/** What was sent, and when the first of it was. */
export interface EtlInput {
  /** Readings of this run's devices, as sent; none of them twice. */
  readings: Reading[];
  /** Epoch ms before the first was sent. */
  since: number;
}

interface Figures {
  count: number;
  min: number;
  max: number;
  mean: number;
  p50: number;
  p95: number;
}

interface SeriesFigures extends Figures {
  deviceId: string;
  metric: string;
}

const HOUR = 3_600_000;

/** Compacts the hours that were just written, counts this run's rows in them, and compares a day's report. */
export async function checkEtl(context: SmokeContext, { readings, since }: EtlInput): Promise<Check[]> {
  const hours = hoursBetween(since, context.now());
  context.step(`compacting the lake's ${hours.length === 1 ? "hour" : "hours"} ${hours.join(", ")}`);
  await queueBackfill(context, hours);
  const rows = await context.until(
    () => countRows(context, { readings, hours }),
    (count) => count === readings.length,
  );
  const date = busiestDay(readings);
  const wanted = figuresOf(readings.filter(({ at }) => at.startsWith(date)));
  context.step(`waiting for the report of ${date}`);
  const equal = await context.until(
    () => countEqual(context, date, wanted),
    (count) => count === wanted.size,
  );
  const token = await context.api.token("telemetry.read");
  const [missing, bad] = await Promise.all([
    context.api.get("/reports/1999-01-01", token),
    context.api.get("/reports/2026-02-30", token),
  ]);
  return [
    check("compacted readings in Parquet", readings.length, rows),
    check(`series of ${date} whose report equals the source`, wanted.size, equal),
    check("a day without readings gets 404", 404, missing.status),
    check("a day that does not exist gets 400", 400, bad.status),
  ];
}

function hoursBetween(since: number, until: number): string[] {
  const first = Math.floor(since / HOUR) * HOUR;
  const count = Math.floor((until - first) / HOUR) + 1;
  return Array.from({ length: count }, (_, index) =>
    new Date(first + index * HOUR).toISOString().slice(0, 13),
  );
}

async function queueBackfill({ target, clientOptions }: SmokeContext, hours: string[]): Promise<void> {
  const { forcePathStyle: _, ...options } = clientOptions;
  const body = JSON.stringify({ from: hours[0], to: hours.at(-1) });
  const command = new SendMessageCommand({ QueueUrl: target.outputs.compactionQueueUrl, MessageBody: body });
  await new SQSClient(options).send(command);
}

/** Rows of this run's devices in the files of these arrival hours. */
async function countRows(
  { target, clientOptions }: SmokeContext,
  { readings, hours }: { readings: Reading[]; hours: string[] },
): Promise<number> {
  const client = new S3Client(clientOptions);
  const bucket = target.outputs.lakeBucketName;
  const devices = new Set(readings.map(({ deviceId }) => deviceId));
  const days = new Set(readings.map(({ at }) => at.slice(0, 10)));
  const listed = await Promise.all(
    [...days].map((day) => listKeys(client, bucket, `curated/readings/dt=${day}/`)),
  );
  const keys = listed.flat().filter((key) => hours.includes(key.split("/").at(-1)?.slice(0, 13) ?? ""));
  const counts = await Promise.all(keys.map((key) => countIn(client, { bucket, key, devices })));
  return counts.reduce((total, count) => total + count, 0);
}

async function listKeys(client: S3Client, bucket: string, prefix: string): Promise<string[]> {
  const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix }));
  return Contents.map(({ Key }) => Key ?? "");
}

async function countIn(
  client: S3Client,
  { bucket, key, devices }: { bucket: string; key: string; devices: Set<string> },
): Promise<number> {
  const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
  const bytes = (await Body?.transformToByteArray()) ?? new Uint8Array();
  const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
  const compressors = { ZSTD: (page: Uint8Array) => zstdDecompressSync(page) };
  const rows = await parquetReadObjects({ file, columns: ["deviceId"], compressors });
  return rows.filter(({ deviceId }) => devices.has(String(deviceId))).length;
}

function busiestDay(readings: Reading[]): string {
  const counts = new Map<string, number>();
  for (const { at } of readings) counts.set(at.slice(0, 10), (counts.get(at.slice(0, 10)) ?? 0) + 1);
  const [day = ""] = [...counts].reduce((best, next) => (next[1] > best[1] ? next : best), ["", 0] as [
    string,
    number,
  ]);
  return day;
}

const seriesOf = ({ deviceId, metric }: { deviceId: string; metric: string }): string =>
  `${deviceId} ${metric}`;

/** Computed from what was sent and nothing else. */
function figuresOf(readings: Reading[]): Map<string, Figures> {
  const values = new Map<string, number[]>();
  for (const reading of readings) {
    const key = seriesOf(reading);
    values.set(key, [...(values.get(key) ?? []), reading.value]);
  }
  return new Map([...values].map(([key, own]) => [key, summarise(own)]));
}

function summarise(values: number[]): Figures {
  const sorted = [...values].sort((left, right) => left - right);
  const rank = (percent: number): number => sorted[Math.ceil((percent / 100) * sorted.length) - 1] as number;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const [min, max] = [sorted[0] as number, sorted.at(-1) as number];
  return { count: values.length, min, max, mean, p50: rank(50), p95: rank(95) };
}

/** Sums of doubles depend on their order in the last digits; the other figures do not. */
const isEqual = (left: Figures, right: Figures): boolean =>
  (["count", "min", "max", "p50", "p95"] as const).every((name) => left[name] === right[name]) &&
  Math.abs(left.mean - right.mean) <= 1e-9 * Math.max(1, Math.abs(right.mean));

/** How many series of the day's report are as wanted; all pages are read. */
async function countEqual(
  { api }: SmokeContext,
  date: string,
  wanted: Map<string, Figures>,
): Promise<number> {
  const token = await api.token("telemetry.read");
  const isWanted = (series: SeriesFigures): boolean => {
    const figures = wanted.get(seriesOf(series));
    return figures !== undefined && isEqual(series, figures);
  };
  let equal = 0;
  let cursor = "";
  do {
    const { status, body } = await api.get(`/reports/${date}?limit=1000${cursor}`, token);
    if (status !== 200) return equal;
    const page = body as { series: SeriesFigures[]; cursor?: string };
    equal += page.series.filter(isWanted).length;
    cursor = page.cursor ? `&cursor=${encodeURIComponent(page.cursor)}` : "";
  } while (cursor);
  return equal;
}
