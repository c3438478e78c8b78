/**
 * Trigger: the telemetry stream, in batches of some seconds. Writes valid readings as NDJSON (zstd) to the lake under
 * `raw/dt=YYYY-MM-DD/hour=HH/` of their arrival, and what is no reading to `quarantine/` with its reason and bytes.
 *
 * Failure contract: it throws when an object cannot be written, and the whole batch is delivered again; bad data never
 * fails a batch. Idempotency: objects are named by shard and sequence range and their bytes follow from the batch, so
 * a retry overwrites itself. A line about an object names up to ten of its readings' correlation ids; every reading's
 * own is in the object. Metrics are counted for each delivery.
 */
import { promisify } from "node:util";
import { zstdCompress } from "node:zlib";
import { PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import type { KinesisStreamEvent } from "aws-lambda";
import { CLIENT_OPTIONS } from "../shared/clients.ts";
import { createLogger, type Logger } from "../shared/logger.ts";
import { emitMetrics } from "../shared/metrics.ts";
import { limitsFor } from "../shared/reading.ts";
import { archiveRecords, type LakeObject } from "./core.ts";

const SERVICE = "archive-readings";

const s3 = new S3Client(CLIENT_OPTIONS);
const log = createLogger({ service: SERVICE });
const compress = promisify(zstdCompress);

export interface ArchiveDeps {
  /** Name of the lake bucket. */
  bucket: string;
  /** How old a reading may be on arrival, in days, at most 31. @default 31 */
  maxAgeDays?: number;
  /** Replaced in tests. */
  client?: S3Client;
  logger?: Logger;
  emit?: typeof emitMetrics;
}

interface Upload {
  key: string;
  body: Buffer;
  type: string;
}

async function compressed({ key, text }: LakeObject): Promise<Upload> {
  return { key, body: await compress(text), type: "application/zstd" };
}

function plain({ key, text }: LakeObject): Upload {
  return { key, body: Buffer.from(text), type: "application/x-ndjson" };
}

async function upload(client: S3Client, bucket: string, { key, body, type }: Upload): Promise<void> {
  try {
    await client.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: body, ContentType: type }));
  } catch (cause) {
    throw new Error(`Could not write "${key}" to bucket "${bucket}"; the batch will be delivered again.`, {
      cause,
    });
  }
}

function countLines(objects: LakeObject[]): number {
  return objects.reduce((total, { lines }) => total + lines, 0);
}

/** Writes a batch to the lake. */
export async function archiveReadings(event: KinesisStreamEvent, deps: ArchiveDeps): Promise<void> {
  const { client = s3, logger = log, emit = emitMetrics } = deps;
  const { raw, quarantine } = archiveRecords(event.Records, limitsFor(deps.maxAgeDays));
  const uploads = [...(await Promise.all(raw.map(compressed))), ...quarantine.map(plain)];
  await Promise.all(uploads.map((object) => upload(client, deps.bucket, object)));
  for (const { key, lines, correlationIds } of raw)
    logger.info("readings archived", { key, lines, ...correlationIds.fields() });
  for (const { key, lines, correlationIds } of quarantine)
    logger.warn("readings quarantined", { key, lines, ...correlationIds.fields() });
  emit(SERVICE, {
    readingsArchived: countLines(raw),
    readingsQuarantined: countLines(quarantine),
  });
}
