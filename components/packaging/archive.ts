/**
 * Deterministic zips in an on-disk cache: same content, same bytes, same hash, so that an unchanged function
 * is never deployed again.
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

export function zip(entries: ArchiveEntries): Uint8Array {
  const files: Zippable = {};
  for (const name of Object.keys(entries).sort()) {
    const content = entries[name];
    if (content) files[name] = [content, { level: 9, mtime: MODIFIED, os: UNIX, attrs: MODE }];
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

export interface ArchiveRequest {
  functionName: string;
  /** The folder that the cache is in. */
  root: string;
  entries: ArchiveEntries;
  /** The code's source map, kept beside the zip; undefined when it was kept before. */
  map: Uint8Array | undefined;
  report: ArchiveReport;
}

/** Writes the zip, its report and its source map, or finds them in the cache. */
export function archive(request: ArchiveRequest): Archived {
  const hash = contentHash(request.entries);
  const zipPath = posix.join(CACHE_FOLDER, `${hash}.zip`);
  const base = join(request.root, CACHE_FOLDER, hash);
  const bytes = cached(base) ?? writeZip(request, base);
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

function writeZip(request: ArchiveRequest, base: string): Uint8Array {
  const bytes = zip(request.entries);
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
