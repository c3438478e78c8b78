/** Writes what the core decided to the lake, and its figures as metrics, once per batch or file. */
import { promisify } from "node:util";
import { zstdCompress } from "node:zlib";
import { PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { CLIENT_OPTIONS } from "../shared/clients.ts";
import { createLogger, type Logger } from "../shared/logger.ts";
import { emitMetrics } from "../shared/metrics.ts";
import type { LogObject, LogWriter } from "./core.ts";

const SERVICE = "process-logs";
/** CloudWatch takes metrics of the last two weeks. */
const METRIC_AGE_MS = 14 * 86_400_000;

const compress = promisify(zstdCompress);

export interface LogDeps {
  /** Name of the lake bucket. */
  lake: string;
  /** Replaced in tests. */
  client?: S3Client;
  logger?: Logger;
  emit?: typeof emitMetrics;
  now?: () => number;
}

export type Surroundings = Required<LogDeps>;

const s3 = new S3Client(CLIENT_OPTIONS);
const log = createLogger({ service: SERVICE });

export const surroundings = (deps: LogDeps): Surroundings => ({
  client: s3,
  logger: log,
  emit: emitMetrics,
  now: Date.now,
  ...deps,
});

/** One object after the other, so that only one is held compressed. @throws Error naming the object */
export async function writeObjects(objects: LogObject[], { client, lake }: Surroundings): Promise<void> {
  for (const { key, text } of objects) {
    const packed = key.endsWith(".zst");
    const put = new PutObjectCommand({
      Bucket: lake,
      Key: key,
      Body: packed ? await compress(text) : Buffer.from(text),
      ContentType: packed ? "application/zstd" : "application/x-ndjson",
    });
    await client.send(put).catch((cause: Error) => {
      throw new Error(`Could not write "${key}" to bucket "${lake}"; the lines will come again.`, { cause });
    });
  }
}

/** What a batch or file came to. */
interface Result {
  id: string;
  /** The metrics' dimension: whose requests they count. */
  service: "access-log" | "log-files";
  /** Where it came from, for the manifest. */
  origin: object;
}

/**
 * Ends a batch or file: the first to write its manifest emits the figures; whoever comes again finds it and does not.
 * Ended between the two, a function leaves figures out rather than counting them twice.
 */
export async function finish(
  writer: LogWriter,
  { id, service, origin }: Result,
  around: Surroundings,
): Promise<void> {
  await writeObjects(writer.end(), around);
  const reasons = Object.fromEntries([...writer.quarantined].sort(([a], [b]) => (a < b ? -1 : 1)));
  const quarantined = Object.values(reasons).reduce((sum, count) => sum + count, 0);
  const manifest = { ...origin, parsed: writer.parsed, quarantined, reasons };
  if (quarantined > 0) around.logger.warn("lines quarantined", manifest);
  if (!(await claim(`manifests/logs/${id}.json`, manifest, around))) return;
  const oldest = around.now() - METRIC_AGE_MS;
  for (const { minute, counts, latency } of writer.figures.minutes()) {
    if (minute < oldest) continue;
    around.emit(service, counts, { now: minute });
    if (latency) around.emit(service, latency, { now: minute, unit: "Milliseconds" });
  }
  around.emit(SERVICE, { parsedLines: writer.parsed, quarantinedLines: quarantined });
}

/** False when the manifest is there already. */
async function claim(key: string, manifest: object, { client, lake }: Surroundings): Promise<boolean> {
  const put = new PutObjectCommand({
    Bucket: lake,
    Key: key,
    Body: JSON.stringify(manifest),
    ContentType: "application/json",
    IfNoneMatch: "*",
  });
  try {
    await client.send(put);
    return true;
  } catch (error) {
    if ((error as Error).name === "PreconditionFailed") return false;
    throw error;
  }
}
