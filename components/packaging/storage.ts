/**
 * Files of the cache.
 */
import { randomUUID } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

/** Git-ignored and safe to delete. */
export const CACHE_FOLDER = ".cache/functions";

/** Through a file of its own and a rename: a reader sees the old file or the new one, never half of it. */
export function writeAtomically(path: string, content: string | Uint8Array): void {
  const temporary = `${path}.${randomUUID()}.tmp`;
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(temporary, content);
    renameSync(temporary, path);
  } catch (error) {
    removeQuietly(temporary);
    throw error;
  }
}

function removeQuietly(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // The folder is not there either; the first error says why.
  }
}

/** The file's bytes, or undefined if they cannot be read. */
export function readIfThere(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch {
    return undefined;
  }
}

/** The file's JSON, or undefined if it cannot be read or is damaged. */
export function readJson<Value>(path: string): Partial<Value> | undefined {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as Partial<Value>;
  } catch {
    return undefined;
  }
}
