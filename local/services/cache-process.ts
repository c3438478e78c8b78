/** A `valkey-server` or `redis-server` of this machine, run for one cache on a Unix socket that only this user may open. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { access, constants, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import type { Clock } from "../kit/clock.ts";
import { Guard } from "../lambda/guard.ts";

/** The first of them that is there is taken. */
const PROGRAMS = ["valkey-server", "redis-server"];
/** Both write this when they are up. */
const READY = "Ready to accept connections";
const START_TIMEOUT_MS = 5_000;
/** Far less than a cache on AWS may hold: this is somebody's machine. */
const MEMORY = "256mb";

/** Who may do what: the access string of an ElastiCache user. */
export interface CacheUser {
  name: string;
  access: string;
}

export interface CacheProcess {
  /** The Unix socket it answers on. */
  socket: string;
  stop(): Promise<void>;
}

/** Full path of the first such program on `path`; undefined when there is none, and on Windows, which has no sockets of that kind. */
export async function findCacheProgram(
  path: string | undefined,
  platform: NodeJS.Platform = process.platform,
): Promise<string | undefined> {
  if (platform === "win32") return undefined;
  const folders = (path ?? "").split(delimiter).filter((folder) => folder.startsWith("/"));
  for (const program of PROGRAMS) {
    for (const folder of folders) {
      const file = join(folder, program);
      const isThere = await access(file, constants.X_OK).then(
        () => true,
        () => false,
      );
      if (isThere) return file;
    }
  }
  return undefined;
}

/** Words of a user's line; anything that would begin another line or directive is refused. */
const word = (text: string): string => {
  if (/^[^\s"'\\]+$/.test(text)) return text;
  throw new Error(
    `The cache's user has ${JSON.stringify(text)} in its name or access; it cannot be set up here.`,
  );
};

/**
 * In memory only, and with ElastiCache's users: IAM decides who they are there, so here any password does.
 * Source: https://valkey.io/topics/acl/
 */
export function cacheConfiguration(socket: string, users: CacheUser[]): string {
  const lines = users.map(
    ({ name, access: rights }) => `user ${word(name)} nopass ${rights.split(/\s+/).map(word).join(" ")}`,
  );
  return [
    "port 0",
    `unixsocket ${socket}`,
    "unixsocketperm 700",
    "daemonize no",
    'save ""',
    "appendonly no",
    `maxmemory ${MEMORY}`,
    "maxmemory-policy volatile-lru",
    ...(users.length > 0 ? ["user default off", ...lines] : []),
    "",
  ].join("\n");
}

export interface CacheProcessOptions {
  program: string;
  users: CacheUser[];
  clock: Clock;
  /** Told once when it ends by itself. */
  onExit(reason: string): void;
}

/** @throws {Error} when it does not come up; nothing is left behind then. */
export async function startCacheProcess(options: CacheProcessOptions): Promise<CacheProcess> {
  const directory = await mkdtemp(join(tmpdir(), "cache-"));
  const guard = new Guard(directory);
  const socket = join(directory, "socket");
  const file = join(directory, "cache.conf");
  let child: ChildProcess | undefined;
  const clean = async (): Promise<void> => {
    await endProcess(child, guard);
    await guard.stop();
    await rm(directory, { recursive: true, force: true });
  };
  try {
    await writeFile(file, cacheConfiguration(socket, options.users), { mode: 0o600 });
    child = spawn(options.program, [file], {
      cwd: directory,
      detached: true,
      stdio: ["ignore", "pipe", "ignore"],
      env: { PATH: process.env.PATH },
    });
    if (child.pid !== undefined) guard.watch(child.pid);
    await untilReady(child, options);
  } catch (error) {
    await clean();
    throw error;
  }
  let stopping = false;
  child.once("exit", (code, signal) => {
    if (!stopping) options.onExit(signal ?? `exit status ${code}`);
  });
  return {
    socket,
    stop: async () => {
      stopping = true;
      await clean();
    },
  };
}

/** There is nothing to save, so there is nothing to wait for. */
async function endProcess(child: ChildProcess | undefined, guard: Guard): Promise<void> {
  if (child?.pid === undefined) return;
  if (child.exitCode === null && child.signalCode === null) {
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  }
  guard.forget(child.pid);
}

async function untilReady(child: ChildProcess, { program, clock }: CacheProcessOptions): Promise<void> {
  const done = new AbortController();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let said = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    // Read on for ever, or a full pipe would stop it; what was said matters until it is up.
    said = `${said}${text}`.slice(-4_096);
    if (said.includes(READY)) resolve();
  });
  child.once("error", reject);
  child.once("exit", (code, signal) =>
    reject(new Error(`${program} ended while starting (${signal ?? `exit status ${code}`})`)),
  );
  const slow = clock.sleep(START_TIMEOUT_MS, done.signal).then(
    () => reject(new Error(`${program} was not ready after ${START_TIMEOUT_MS / 1_000} s`)),
    () => {},
  );
  try {
    await promise;
  } finally {
    done.abort();
    await slow;
  }
}
