/**
 * Deterministic zips in an on-disk cache: same content, same bytes, same hash, so that an unchanged function
 * is never deployed again.
 *
 * Compression is fflate's own JavaScript, never the machine's zlib, whose output differs between versions
 * and processors.
 */
import { createHash, randomUUID } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join, posix } from "node:path";
import { type Zippable, zipSync } from "fflate";
import { PackagingError } from "../internal/errors.ts";

/** Name in the archive -> content. */
export type ArchiveEntries = Record<string, Uint8Array>;

/** What is beside each zip: what was packaged, and why. */
export interface ArchiveReport {
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

/** Git-ignored and safe to delete. */
export const CACHE_FOLDER = ".cache/functions";
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
  /** The code's source map, kept beside the zip. */
  map: Uint8Array;
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
  writeIfNew(request, `${base}.js.map`, request.map);
  return archived;
}

/** The cached zip, if it is the one that its report describes. */
function cached(base: string): Uint8Array | undefined {
  try {
    const bytes = readFileSync(`${base}.zip`);
    const { codeSha256 } = JSON.parse(readFileSync(`${base}.json`, "utf8")) as { codeSha256?: string };
    return sha256(bytes) === codeSha256 ? bytes : undefined;
  } catch {
    return undefined;
  }
}

function writeZip(request: ArchiveRequest, base: string): Uint8Array {
  const bytes = zip(request.entries);
  write(request, `${base}.zip`, bytes);
  return bytes;
}

function writeIfNew(request: ArchiveRequest, path: string, content: string | Uint8Array): void {
  const bytes = Buffer.from(content);
  try {
    if (readFileSync(path).equals(bytes)) return;
  } catch {
    // Absent or unreadable: written anew.
  }
  write(request, path, bytes);
}

/** Through a file of its own and a rename: a reader sees the old file or the new one, never half of it. */
function write({ functionName, root }: ArchiveRequest, path: string, bytes: Uint8Array): void {
  const temporary = `${path}.${randomUUID()}.tmp`;
  try {
    mkdirSync(join(root, CACHE_FOLDER), { recursive: true });
    writeFileSync(temporary, bytes);
    renameSync(temporary, path);
  } catch (error) {
    removeQuietly(temporary);
    throw new PackagingError(functionName, unwritable(root, error as Error));
  }
}

function removeQuietly(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // The folder is not there either; the first error says why.
  }
}

function unwritable(root: string, { message }: Error): string {
  return `cannot write to ${join(root, CACHE_FOLDER)} (${message}). Make the project's folder writable, or free some space, and run again.`;
}
