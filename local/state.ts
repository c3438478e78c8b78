import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

/** What a running system leaves for the commands of other terminals: `.cache/local/<stack>.json`. */
export interface LocalState {
  pid: number;
  /** The AWS endpoint. */
  endpoint: string;
  /** AWS host -> loopback address. */
  hosts: [string, string][];
  /** The stack's outputs, secrets opened. */
  outputs: object;
}

const stateFile = (directory: string, stack: string): string =>
  join(directory, ".cache", "local", `${stack}.json`);

/** It holds the throw-away client secret, so only its owner may read it; readers see the old or the new one, whole. */
export async function writeState(directory: string, stack: string, state: LocalState): Promise<void> {
  const path = stateFile(directory, stack);
  await mkdir(dirname(path), { recursive: true });
  const written = `${path}.${state.pid}`;
  await rm(written, { force: true });
  await writeFile(written, JSON.stringify(state, null, 2), { mode: 0o600 });
  await rename(written, path);
}

/** Undefined when nothing was left, or nothing readable. */
export async function readState(directory: string, stack: string): Promise<LocalState | undefined> {
  try {
    return JSON.parse(await readFile(stateFile(directory, stack), "utf8"));
  } catch {
    return undefined;
  }
}

/** Unless another system, started since, has put its own there. */
export async function removeState(directory: string, stack: string, pid: number): Promise<void> {
  const state = await readState(directory, stack);
  if (state?.pid === pid) await rm(stateFile(directory, stack), { force: true });
}
