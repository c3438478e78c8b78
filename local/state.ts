import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** What a running system leaves for the commands of other terminals: `.cache/local/<stack>.json`. */
export interface LocalState {
  pid: number;
  /** The AWS endpoint. */
  endpoint: string;
  /** AWS host -> loopback address. */
  hosts: [string, string][];
  /** The stack's outputs, secrets opened. */
  outputs: object;
  /** Where traces are asked for. */
  traces?: string;
}

const folderOf = (directory: string): string => join(directory, ".cache", "local");
const runningFolder = (directory: string): string => join(folderOf(directory), "running");
/** Of the system that was started last. */
const stateFile = (directory: string, stack: string): string => join(folderOf(directory), `${stack}.json`);
/** Each system's own, for when one that was started later has ended. */
const ownFile = (directory: string, stack: string, pid: number): string =>
  join(runningFolder(directory), `${stack}.${pid}.json`);

/** It holds the throw-away client secret, so only its owner may read it; readers see the old or the new one, whole. */
export async function writeState(directory: string, stack: string, state: LocalState): Promise<void> {
  await mkdir(runningFolder(directory), { recursive: true });
  await writeWhole(ownFile(directory, stack, state.pid), state);
  await writeWhole(stateFile(directory, stack), state);
}

async function writeWhole(path: string, state: LocalState): Promise<void> {
  const written = `${path}.${state.pid}`;
  await rm(written, { force: true });
  await writeFile(written, JSON.stringify(state, null, 2), { mode: 0o600 });
  await rename(written, path);
}

/** Undefined when nothing was left, or nothing readable. */
export async function readState(directory: string, stack: string): Promise<LocalState | undefined> {
  return readFrom(stateFile(directory, stack));
}

async function readFrom(path: string): Promise<LocalState | undefined> {
  try {
    return JSON.parse(await readFile(path, "utf8"));
  } catch {
    return undefined;
  }
}

/**
 * Takes a system's state away. Where another one of the stack still runs, its state takes the place; one that was
 * started since has put its own there already.
 * @param isRunning whether a process is alive
 */
export async function removeState(
  directory: string,
  stack: string,
  pid: number,
  isRunning: (pid: number) => boolean = isAlive,
): Promise<void> {
  await rm(ownFile(directory, stack, pid), { force: true });
  const state = await readState(directory, stack);
  if (state?.pid !== pid) return;
  const other = await otherState(directory, stack, isRunning);
  if (other) await writeWhole(stateFile(directory, stack), other);
  else await rm(stateFile(directory, stack), { force: true });
}

/** What ended without taking its state away is cleared on the way. */
async function otherState(
  directory: string,
  stack: string,
  isRunning: (pid: number) => boolean,
): Promise<LocalState | undefined> {
  const names = await readdir(runningFolder(directory));
  const pids = names.flatMap((name) =>
    name.startsWith(`${stack}.`) && /^\d+\.json$/.test(name.slice(stack.length + 1))
      ? [Number.parseInt(name.slice(stack.length + 1), 10)]
      : [],
  );
  for (const pid of pids) if (!isRunning(pid)) await rm(ownFile(directory, stack, pid), { force: true });
  const running = pids.find(isRunning);
  return running === undefined ? undefined : readFrom(ownFile(directory, stack, running));
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
