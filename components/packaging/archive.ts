/**
 * Deterministic zips in an on-disk cache: same content, same bytes, same hash, so that an unchanged function
 * is never deployed again.
 *
 * What is packed already (native packages) is joined as it is: compressing it takes seconds.
 *
 * Compression is fflate's own JavaScript, never the machine's zlib, whose output differs between versions
 * and processors.
 */
import { createHash } from "node:crypto";
import { join, posix } from "node:path";
import { type Zippable, zipSync } from "fflate";
import { PackagingError } from "../internal/errors.ts";
import { CACHE_FOLDER, readIfThere, readJson, writeAtomically } from "./storage.ts";

/** Name in the archive -> content. */
export type ArchiveEntries = Record<string, Uint8Array>;

/** What is beside each zip: what was packaged, and why. */
interface ArchiveReport {
  modules: { path: string; bytes: number }[];
  captures: string[];
  commands: { command: string; client: string; importer: string }[];
  /** Native packages beside the bundle. */
  natives?: { name: string; version: string }[];
}

export interface Archived {
  /** Relative to the root, with forward slashes. */
  zipPath: string;
  /** SHA-256 of the entries, hexadecimal. */
  hash: string;
  /** SHA-256 of the zip, base64: Lambda's `sourceCodeHash`. */
  codeSha256: string;
  /** Bytes. */
  size: number;
}

/** The earliest that a zip can say, at noon: fflate writes local time, and no clock change reaches it. */
const MODIFIED = new Date(1980, 0, 1, 12);
const UNIX = 3;
/** A regular file, rw-r--r--. */
const MODE = 0o100644 << 16;

/** @param level 9 makes the smallest. */
export function zip(entries: ArchiveEntries, level: 6 | 9 = 9): Uint8Array {
  const files: Zippable = {};
  for (const name of Object.keys(entries).sort()) {
    const content = entries[name];
    if (content) files[name] = [content, { level, mtime: MODIFIED, os: UNIX, attrs: MODE }];
  }
  return zipSync(files);
}

export function contentHash(entries: ArchiveEntries): string {
  const hash = createHash("sha256");
  for (const name of Object.keys(entries).sort()) {
    const content = entries[name] ?? new Uint8Array();
    hash.update(`${name}\0${content.length}\0`).update(content);
  }
  return hash.digest("hex");
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("base64");
}

const CENTRAL_ENTRY = 0x02014b50;
const END_OF_DIRECTORY = 22;

/**
 * Two zips as one, their files as they are. Both must be `zip`'s own, which have no comment, and small: the offsets of
 * a zip have 32 bits.
 * Source: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, 4.3
 */
export function joinZips(first: Uint8Array, second: Uint8Array): Uint8Array {
  const [one, two] = [directoryOf(first), directoryOf(second)];
  const moved = Buffer.from(two.directory);
  for (let at = 0; at < moved.length && moved.readUInt32LE(at) === CENTRAL_ENTRY; ) {
    moved.writeUInt32LE(moved.readUInt32LE(at + 42) + one.files.length, at + 42);
    at += 46 + moved.readUInt16LE(at + 28) + moved.readUInt16LE(at + 30) + moved.readUInt16LE(at + 32);
  }
  const end = Buffer.from(one.end);
  end.writeUInt16LE(one.count + two.count, 8);
  end.writeUInt16LE(one.count + two.count, 10);
  end.writeUInt32LE(one.directory.length + moved.length, 12);
  end.writeUInt32LE(one.files.length + two.files.length, 16);
  return Buffer.concat([one.files, two.files, one.directory, moved, end]);
}

function directoryOf(archive: Uint8Array): { files: Buffer; directory: Buffer; end: Buffer; count: number } {
  const bytes = Buffer.from(archive.buffer, archive.byteOffset, archive.byteLength);
  const end = bytes.subarray(bytes.length - END_OF_DIRECTORY);
  const start = end.readUInt32LE(16);
  const directory = bytes.subarray(start, start + end.readUInt32LE(12));
  return { files: bytes.subarray(0, start), directory, end, count: end.readUInt16LE(10) };
}

export interface ArchiveRequest {
  functionName: string;
  /** The folder that the cache is in. */
  root: string;
  entries: ArchiveEntries;
  /** A zip to be joined, made when it is needed; an entry must stand for its content. */
  packed?: () => Promise<Uint8Array>;
  /** The code's source map, kept beside the zip; undefined when it was kept before. */
  map: Uint8Array | undefined;
  report: ArchiveReport;
}

/** Writes the zip, its report and its source map, or finds them in the cache. */
export async function archive(request: ArchiveRequest): Promise<Archived> {
  const hash = contentHash(request.entries);
  const zipPath = posix.join(CACHE_FOLDER, `${hash}.zip`);
  const base = join(request.root, CACHE_FOLDER, hash);
  const bytes = cached(base) ?? (await writeZip(request, base));
  const archived = { zipPath, hash, codeSha256: sha256(bytes), size: bytes.length };
  const report = { ...request.report, hash, size: bytes.length, codeSha256: archived.codeSha256 };
  writeIfNew(request, `${base}.json`, `${JSON.stringify(report, null, 2)}\n`);
  if (request.map) write(request, `${base}.js.map`, request.map);
  return archived;
}

/** The cached zip, if it is the one that its report describes. */
function cached(base: string): Uint8Array | undefined {
  const bytes = readIfThere(`${base}.zip`);
  const report = readJson<{ codeSha256: string }>(`${base}.json`);
  return bytes && sha256(bytes) === report?.codeSha256 ? bytes : undefined;
}

async function writeZip(request: ArchiveRequest, base: string): Promise<Uint8Array> {
  const own = zip(request.entries);
  const bytes = request.packed ? joinZips(own, await request.packed()) : own;
  write(request, `${base}.zip`, bytes);
  return bytes;
}

function writeIfNew(request: ArchiveRequest, path: string, content: string): void {
  if (readIfThere(path)?.toString() !== content) write(request, path, content);
}

function write({ functionName, root }: ArchiveRequest, path: string, content: string | Uint8Array): void {
  try {
    writeAtomically(path, content);
  } catch (error) {
    const { message } = error as Error;
    throw new PackagingError(
      functionName,
      `cannot write to ${join(root, CACHE_FOLDER)} (${message}). Make the project's folder writable, or free some space, and run again.`,
    );
  }
}
