/**
 * Trigger: the compaction queue, one job `{ hour, bucket, buckets }` at a time. Turns the raw objects of an arrival
 * hour into Parquet under `curated/readings/dt=<day of the reading>/<arrival hour>-<bucket>.parquet`.
 *
 * Failure contract: it throws when a service fails or another build of the same hour was faster, and the job comes
 * again; after five deliveries it is in the dead letters. Objects and lines that are no readings go to `quarantine/`
 * with the reason, the others are built. Idempotency: an hour that is built from what there is, is left alone; a
 * build gives the same bytes under the same keys. Files first, then the days' report jobs, the manifest last: whatever
 * is interrupted is done again from the beginning.
 */
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { SQSClient } from "@aws-sdk/client-sqs";
import type { SQSBatchResponse, SQSEvent, SQSRecord } from "aws-lambda";
import { CLIENT_OPTIONS } from "../shared/clients.ts";
import { asCorrelationId, correlating } from "../shared/correlation.ts";
import { curatedKey, dayName, parseHour, rawPrefix, refusedKey } from "../shared/lake/layout.ts";
import {
  type CompactionJob,
  type Manifest,
  type ManifestFile,
  type ReportJob,
  readManifests,
  writeManifest,
} from "../shared/lake/manifest.ts";
import { fingerprint, type LakeEntry, listObjects, uploadFile } from "../shared/lake/objects.ts";
import { createLogger, type Logger } from "../shared/logger.ts";
import { eachMessage } from "../shared/messages.ts";
import { emitMetrics } from "../shared/metrics.ts";
import { sendMessages } from "../shared/send-messages.ts";
import { Compaction, type DayFile, type Refused } from "./core.ts";

const SERVICE = "compact-lake";
/** Raw objects that are fetched ahead. */
const AHEAD = 4;
/** Most buckets that an hour can be split into. */
const MOST_BUCKETS = 256;
/** Largest raw object as stored; a batch of the stream has 6 MB before compression. */
const MOST_STORED = 32 * 1024 * 1024;

const s3 = new S3Client(CLIENT_OPTIONS);
const dynamodb = new DynamoDBClient(CLIENT_OPTIONS);
const sqs = new SQSClient(CLIENT_OPTIONS);
const log = createLogger({ service: SERVICE });

export interface CompactDeps {
  /** Name of the lake bucket. */
  lake: string;
  /** Name of the manifests' table. */
  manifests: string;
  /** URL of the reports queue. */
  reports: string;
  /** Seconds that a day's report waits for further changes, 0-900. */
  reportDelaySeconds: number;
  /** Replaced in tests. */
  clients?: { s3: S3Client; dynamodb: DynamoDBClient; sqs: SQSClient };
  logger?: Logger;
  emit?: typeof emitMetrics;
}

interface Built extends ManifestFile {
  day: string;
  path: string;
}

function parseJob({ body, messageId }: SQSRecord): Required<CompactionJob> {
  const job = JSON.parse(body) as CompactionJob;
  const { hour, bucket, buckets } = job;
  const isWhole = (value: unknown, most: number): boolean =>
    Number.isInteger(value) && Number(value) >= 0 && Number(value) <= most;
  if (
    typeof hour === "string" &&
    !Number.isNaN(parseHour(hour)) &&
    isWhole(bucket, MOST_BUCKETS) &&
    isWhole(buckets, MOST_BUCKETS)
  ) {
    const correlationId = asCorrelationId(job.correlationId) ?? messageId;
    return { hour, bucket, buckets, force: job.force === true, correlationId };
  }
  throw new Error(`This is no compaction job: ${body.slice(0, 200)}`);
}

/** The raw objects in order, a few of them fetched ahead. */
async function* fetchAll(
  client: S3Client,
  bucket: string,
  entries: LakeEntry[],
): AsyncGenerator<[LakeEntry, Uint8Array | undefined]> {
  const get = async ({ key, size }: LakeEntry): Promise<Uint8Array | undefined> => {
    if (size > MOST_STORED) return undefined;
    const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
    return Body?.transformToByteArray();
  };
  const fetched: Promise<Uint8Array | undefined>[] = [];
  for (let index = 0; index < entries.length; index++) {
    for (let next = fetched.length; next < entries.length && next < index + AHEAD; next++) {
      const object = get(entries[next] as LakeEntry);
      // A failure is told when its turn comes, not before.
      object.catch(() => {});
      fetched.push(object);
    }
    yield [entries[index] as LakeEntry, await fetched[index]];
    fetched[index] = Promise.resolve(undefined);
  }
}

class Build {
  readonly #job: Required<CompactionJob>;
  readonly #deps: CompactDeps;
  readonly #s3: S3Client;
  readonly #log: Logger;

  constructor(job: Required<CompactionJob>, deps: CompactDeps) {
    this.#job = job;
    this.#log = (deps.logger ?? log).with({ correlationId: job.correlationId });
    this.#deps = deps;
    this.#s3 = deps.clients?.s3 ?? s3;
  }

  async run(): Promise<void> {
    const { hour, bucket, buckets, force } = this.#job;
    const { lake, manifests: table, clients } = this.#deps;
    const known = await readManifests(clients?.dynamodb ?? dynamodb, table, hour);
    const seen = known.find((manifest) => manifest.bucket === bucket);
    const entries = bucket < buckets ? await listObjects(this.#s3, lake, rawPrefix(hour)) : [];
    const sources = fingerprint(entries);
    const isSame = seen?.sources === sources && seen.buckets === buckets;
    if (!force && isSame && (await this.#isIntact(seen))) return;
    const directory = mkdtempSync(join(tmpdir(), "compaction-"));
    try {
      await this.#build({ entries, sources, seen, directory });
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  }

  async #build({
    entries,
    sources,
    seen,
    directory,
  }: {
    entries: LakeEntry[];
    sources: string;
    seen?: Manifest;
    directory: string;
  }): Promise<void> {
    const { hour, bucket, buckets } = this.#job;
    const compaction = new Compaction(
      { hourStart: parseHour(hour), bucket, buckets },
      join(directory, "runs"),
    );
    try {
      for await (const [{ key, size }, body] of fetchAll(this.#s3, this.#deps.lake, entries)) {
        const tooLarge = {
          reason: `${size} bytes are more than the ${MOST_STORED} of a raw object`,
          line: null,
        };
        await this.#quarantine(key, body ? compaction.addObject(body) : compaction.refuse([tooLarge]));
      }
      const built: Built[] = [];
      compaction.finish((day) => this.#openDay(day, directory, built));
      const { counts } = compaction;
      const files: ManifestFile[] = [];
      for (const { key, path, rows } of built) {
        files.push({ key, eTag: await uploadFile(this.#s3, { bucket: this.#deps.lake, key, path }), rows });
        rmSync(path);
      }
      await this.#settle({ hour, bucket, buckets, sources, objects: entries.length, files, ...counts }, seen);
    } finally {
      compaction.close();
    }
  }

  #openDay(day: number, directory: string, built: Built[]): DayFile {
    const name = dayName(day);
    const path = join(directory, `${name}.parquet`);
    const file = openSync(path, "wx", 0o600);
    return {
      day,
      sink: (bytes) => {
        for (let written = 0; written < bytes.length; ) written += writeSync(file, bytes, written);
      },
      finish: (rows) => {
        closeSync(file);
        const key = curatedKey(name, this.#job.hour, this.#job.bucket);
        built.push({ day: name, path, key, eTag: "", rows });
      },
    };
  }

  /** Are the files that the manifest names still those it wrote? An interrupted build may have replaced them. */
  async #isIntact({ files }: Manifest): Promise<boolean> {
    const checks = files.map(async ({ key, eTag }) => {
      const head = new HeadObjectCommand({ Bucket: this.#deps.lake, Key: key });
      const found = await this.#s3.send(head).catch((error: Error) => {
        if (error.name === "NotFound" || error.name === "NoSuchKey") return undefined;
        throw error;
      });
      return found?.ETag === eTag;
    });
    return (await Promise.all(checks)).every(Boolean);
  }

  async #quarantine(object: string, refused: Refused[]): Promise<void> {
    if (refused.length === 0) return;
    const lines = refused.map(({ reason, line, data }) => JSON.stringify({ reason, object, line, data }));
    const put = new PutObjectCommand({
      Bucket: this.#deps.lake,
      Key: refusedKey(this.#job.hour, object),
      Body: `${lines.join("\n")}\n`,
      ContentType: "application/x-ndjson",
    });
    await this.#s3.send(put);
    this.#log.warn("raw lines quarantined", { object, lines: refused.length });
  }

  /** Files of an earlier build go, the days' reports are queued, and the manifest says what has been built. */
  async #settle(manifest: Manifest, seen: Manifest | undefined): Promise<void> {
    const { lake, manifests: table, clients, emit = emitMetrics } = this.#deps;
    const { correlationId } = this.#job;
    const current = new Set(manifest.files.map(({ key }) => key));
    const stale = (seen?.files ?? []).filter(({ key }) => !current.has(key));
    for (const { key } of stale) await this.#s3.send(new DeleteObjectCommand({ Bucket: lake, Key: key }));
    const dates = new Set([...manifest.files, ...stale].map(({ key }) => /dt=([^/]+)/.exec(key)?.[1] ?? ""));
    const jobs: ReportJob[] = [...dates].map((date) => ({ date, bucket: manifest.bucket, correlationId }));
    await sendMessages(clients?.sqs ?? sqs, this.#deps.reports, jobs, this.#deps.reportDelaySeconds);
    const written = await writeManifest(clients?.dynamodb ?? dynamodb, table, manifest, seen);
    if (!written)
      throw new Error(
        `Hour ${manifest.hour}, bucket ${manifest.bucket} was built by another job meanwhile; this one comes again.`,
      );
    const { hour, bucket, rows, redelivered, repeated, refused } = manifest;
    this.#log.info("hour compacted", { hour, bucket, rows, days: jobs.length });
    emit(SERVICE, {
      compactedReadings: rows,
      redeliveredLines: redelivered,
      repeatedReadings: repeated,
      refusedLines: refused,
    });
  }
}

/** Builds what the jobs ask for. */
export async function compactLake(event: SQSEvent, deps: CompactDeps): Promise<SQSBatchResponse> {
  const build = async (record: SQSRecord): Promise<void> => {
    const job = parseJob(record);
    await correlating(job.correlationId, () => new Build(job, deps).run());
  };
  return eachMessage(event, build, { concurrency: 1, logger: deps.logger ?? log });
}
