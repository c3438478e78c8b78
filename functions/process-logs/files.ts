/**
 * Trigger: a file in the logs bucket, through its queue: access logs in common, combined or JSON format, plain or gzip,
 * told by their content. Entries go to the lake's `logs/`, lines that are none to `quarantine/logs/`, figures per
 * minute of the last 14 days become metrics of the service `log-files`.
 *
 * Failure contract: it throws when the file cannot be read or an object cannot be written, and the message comes again.
 * Bad lines never fail a file; what is behind a break in a gzip file, or behind 256 MiB unpacked, counts as one
 * quarantined line. Idempotency: objects are named by bucket, key and eTag and overwrite themselves, so the same
 * content under the same key is in the lake once; its metrics are emitted once. Memory does not grow with the file.
 */
import { createHash } from "node:crypto";
import { pipeline, Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { GetObjectCommand } from "@aws-sdk/client-s3";
import type { LineOrigin } from "../shared/access-entry.ts";
import { LogWriter } from "./core.ts";
import { LONGEST_LINE } from "./parse.ts";
import { LineSplitter } from "./split.ts";
import { finish, type LogDeps, type Surroundings, surroundings, writeObjects } from "./store.ts";

/** What the bucket's subscription hands over. */
export interface LogFile {
  bucket: string;
  key: string;
  eTag: string;
}

export interface FileDeps extends LogDeps {
  /** Name of the logs bucket; a file of another one is refused. */
  source: string;
  /** Most bytes read of a file, unpacked. @default 268,435,456 */
  mostBytes?: number;
}

const MOST_BYTES = 256 * 1_024 * 1_024;
/** Gone, or replaced by another that has an event of its own. */
const GONE = new Set(["NoSuchKey", "PreconditionFailed"]);

/** Bytes that a file's content itself makes unreadable. */
class ContentError extends Error {
  override name = "ContentError";
}

/** Processes one file. */
export async function processLogFile(file: LogFile, deps: FileDeps): Promise<void> {
  const { bucket, key, eTag } = file;
  if (bucket !== deps.source)
    throw new Error(`"${key}" is in "${bucket}", not in the logs bucket "${deps.source}".`);
  const around = surroundings(deps);
  const body = await open(file, around);
  if (body === undefined) return;
  const id = createHash("sha256").update(`${bucket}/${key}\n${eTag}`).digest("hex").slice(0, 32);
  const writer = new LogWriter(id);
  await readFile(body, { writer, file, around, mostBytes: deps.mostBytes ?? MOST_BYTES });
  await finish(writer, { id, service: "log-files", origin: { bucket, key, eTag } }, around);
}

/** Undefined when the file is not there any more. */
async function open(
  { bucket, key, eTag }: LogFile,
  { client, logger }: Surroundings,
): Promise<AsyncIterable<Uint8Array> | undefined> {
  try {
    const get = new GetObjectCommand({ Bucket: bucket, Key: key, IfMatch: `"${eTag}"` });
    const { Body } = await client.send(get);
    return (Body ?? Readable.from([])) as AsyncIterable<Uint8Array>;
  } catch (error) {
    if (!GONE.has((error as Error).name)) throw error;
    logger.info("file is gone or was replaced", { bucket, key });
    return undefined;
  }
}

interface Reading {
  writer: LogWriter;
  file: LogFile;
  around: Surroundings;
  mostBytes: number;
}

/** Every line to the writer; what cannot be read counts as one more. */
async function readFile(body: AsyncIterable<Uint8Array>, reading: Reading): Promise<void> {
  const { writer, file, around, mostBytes } = reading;
  const { bucket, key, eTag } = file;
  // One byte more tells that a line is too long.
  const splitter = new LineSplitter(LONGEST_LINE + 1);
  let line = 0;
  const origin = (): LineOrigin => ({ bucket, key, eTag, line });
  const take = async (lines: Iterable<{ number: number; bytes: Buffer }>): Promise<void> => {
    for (const { number, bytes } of lines) {
      line = number;
      const full = writer.add(bytes, origin());
      if (full.length > 0) await writeObjects(full, around);
    }
  };
  try {
    for await (const chunk of unpacked(body, mostBytes)) await take(splitter.push(chunk));
    await take(splitter.end());
  } catch (error) {
    if (!(error instanceof ContentError)) throw error;
    // What stands before the break is no line: its end is missing.
    const [rest] = splitter.end();
    line = rest?.number ?? line + 1;
    await writeObjects(writer.refuse(error.message, rest?.bytes ?? Buffer.alloc(0), origin()), around);
  }
}

/** @throws ContentError for corrupt or truncated gzip, and for more than `most` bytes */
async function* unpacked(body: AsyncIterable<Uint8Array>, most: number): AsyncGenerator<Buffer> {
  let bytes = 0;
  try {
    for await (const chunk of await plainStream(body)) {
      bytes += chunk.length;
      if (bytes > most) throw new ContentError(`file is over ${most} bytes, unpacked`);
      yield chunk;
    }
  } catch (error) {
    if (!String((error as NodeJS.ErrnoException).code).startsWith("Z_")) throw error;
    throw new ContentError(`gzip: ${(error as Error).message}`);
  }
}

/** Unzips what begins as gzip does. */
async function plainStream(body: AsyncIterable<Uint8Array>): Promise<AsyncIterable<Buffer>> {
  const chunks = body[Symbol.asyncIterator]();
  const head: Buffer[] = [];
  for (let size = 0; size < 2; ) {
    const { done, value } = await chunks.next();
    if (done) break;
    head.push(Buffer.from(value));
    size += value.length;
  }
  const first = Buffer.concat(head);
  const whole = Readable.from(chain(first, chunks), { objectMode: false });
  if (first[0] !== 0x1f || first[1] !== 0x8b) return whole;
  // Its own iteration tells of a failure of either; the callback only keeps it from being thrown.
  return pipeline(whole, createGunzip(), () => {});
}

async function* chain(first: Buffer, rest: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  if (first.length > 0) yield first;
  for (let next = await rest.next(); !next.done; next = await rest.next()) yield next.value;
}
