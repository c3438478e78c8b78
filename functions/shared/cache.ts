/**
 * The Valkey client behind a `ReadCache`: TLS, IAM authentication, one connection for an environment's whole life.
 *
 * Only a function that captures a cache's URL imports this: the client is more than half of its zip.
 * Source: https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/auth-iam.html
 */
import { Redis } from "iovalkey";
import type { Connection } from "./cache-link.ts";
import { connectToken } from "./cache-token.ts";
import { createLogger } from "./logger.ts";
import { ConnectedCache, type ReadCache, type Surroundings } from "./read-cache.ts";

/**
 * Milliseconds until a connection that does not open is given up. Not a read's time: that has its own limit. Long,
 * since a frozen environment's clock runs on while it opens.
 */
const CONNECT_TIMEOUT_MS = 10_000;

const SURROUNDINGS: Surroundings = {
  now: Date.now,
  after: (ms, callback) => {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
  random: Math.random,
  warn: (message, fields) => createLogger({ service: "cache" }).warn(message, fields),
};

const opened = new Map<string, ReadCache>();

/**
 * The cache at this URL; the same one, with its connection, for every call. Connects with the first read.
 *
 * @param url `rediss://<user>@<host>:<port>/<cache name>`, as the Cache component gives it.
 */
export function openCache(url: string): ReadCache {
  const known = opened.get(url) ?? new ConnectedCache(() => connectValkey(url), SURROUNDINGS);
  opened.set(url, known);
  return known;
}

/**
 * Connects once: no retries and no queue of its own, since whoever waits has 50 ms.
 * @throws {Error} when it cannot
 */
export async function connectValkey(url: string): Promise<Connection> {
  const { hostname, port, username, pathname } = new URL(url);
  const user = decodeURIComponent(username);
  const client = new Redis({
    host: hostname,
    port: Number(port),
    username: user,
    // Good for 15 minutes, so each connection has its own.
    password: connectToken({ cache: pathname.slice(1), user, now: new Date(), environment: process.env }),
    tls: {},
    lazyConnect: true,
    connectTimeout: CONNECT_TIMEOUT_MS,
    enableReadyCheck: false,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  });
  let failure: Error | undefined;
  // Without a listener the client writes to the console.
  client.on("error", (error: Error) => {
    failure = error;
  });
  await client.connect().catch((error: Error) => {
    throw failure ?? error;
  });
  return {
    get: (key) => client.get(key),
    set: (key, value, ttlMs) => client.set(key, value, "PX", ttlMs),
    close: () => client.disconnect(),
    onEnd: (listener) => {
      if (client.status === "end") listener();
      else client.once("end", listener);
    },
  };
}
