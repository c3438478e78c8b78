/**
 * Reads through a cache that may be absent, down, slow, full or wrong: the answer is the same, and at most
 * `BUDGET_MS` later. docs/adr/0010-cache-failure-contract.md has the contract and its reasons.
 *
 * The client is not in this file, so that a function without a cache does not carry it (cache.ts does).
 */
import { createHash } from "node:crypto";
import { backOff, type Connection, isReplyError, type Link, openLink } from "./cache-link.ts";

/** Milliseconds that the cache may cost one read: connecting, asking and storing together. */
export const BUDGET_MS = 50;
/** Part of every key and value: one more when what is cached changes its shape. */
const VERSION = 1;
/** Largest text that is stored or believed, in characters. */
const MAX_LENGTH = 262_144;
/** Commands too late one after the other, until the connection is given up. */
const MAX_LATE = 3;

/** What is cached, and for how long. */
export interface Cacheable<T> {
  /** What the value depends on, all of it: route and parameters. */
  key: readonly (string | number)[];
  /** Milliseconds from storing on, at least 1. */
  ttlMs: number;
  /** Whether something out of the cache is such a value; anything else is ignored. */
  check(value: unknown): value is T;
  /** Whether a value is worth storing. @default always */
  keep?(value: T): boolean;
}

export interface ReadCache {
  /** The cached value, or what `load` gives. Rejects only as `load` does. */
  read<T>(entry: Cacheable<T>, load: () => Promise<T>): Promise<T>;
}

/** Time and chance, replaced in tests. */
export interface Surroundings {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Calls back once after so many milliseconds. @returns how to call that off */
  after(ms: number, callback: () => void): () => void;
  /** From 0 up to 1. */
  random(): number;
  warn(message: string, fields: Record<string, unknown>): void;
}

/** Straight to the source where there is no cache. */
export function readThrough<T>(
  cache: ReadCache | undefined,
  entry: Cacheable<T>,
  load: () => Promise<T>,
): Promise<T> {
  return cache ? cache.read(entry, load) : load();
}

interface Stored {
  value: unknown;
  /** When it ends, by the clock of who stored it. */
  expires: number;
  /** Milliseconds that loading it took. */
  cost: number;
}

/** A cache behind one connection, which is opened when it is first needed and kept between invocations. */
export class ConnectedCache implements ReadCache {
  readonly #connect: () => Promise<Connection>;
  readonly #around: Surroundings;
  /** Loads under way, so that reads of the same at once load once. */
  readonly #loading = new Map<string, Promise<unknown>>();
  #link: Link | undefined;
  #failures = 0;
  #retryAt = 0;

  constructor(connect: () => Promise<Connection>, around: Surroundings) {
    this.#connect = connect;
    this.#around = around;
  }

  read<T>(entry: Cacheable<T>, load: () => Promise<T>): Promise<T> {
    const key = keyOf(entry.key);
    const loading = this.#loading.get(key) as Promise<T> | undefined;
    if (loading) return loading;
    const reading = this.#read(key, entry, load).finally(() => this.#loading.delete(key));
    this.#loading.set(key, reading);
    return reading;
  }

  async #read<T>(key: string, entry: Cacheable<T>, load: () => Promise<T>): Promise<T> {
    const asked = this.#around.now();
    const text = await this.#ask(BUDGET_MS, (connection) => connection.get(key));
    const left = BUDGET_MS - (this.#around.now() - asked);
    const stored = parse(text, key, this.#around.now());
    const value = stored?.value;
    const hit = stored !== undefined && entry.check(value) ? { value } : undefined;
    if (hit && stored && !isDue(stored, this.#around)) return hit.value;
    try {
      return await this.#load(key, entry, { load, left });
    } catch (error) {
      // Refreshed early, and the source is down: what is cached is still good.
      if (hit) return hit.value;
      throw error;
    }
  }

  async #load<T>(
    key: string,
    entry: Cacheable<T>,
    { load, left }: { load: () => Promise<T>; left: number },
  ): Promise<T> {
    const started = this.#around.now();
    const value = await load();
    if (entry.keep && !entry.keep(value)) return value;
    const now = this.#around.now();
    const text = JSON.stringify({ v: VERSION, k: key, e: now + entry.ttlMs, c: now - started, d: value });
    if (text.length <= MAX_LENGTH) {
      await this.#ask(left, (connection) => connection.set(key, text, entry.ttlMs));
    }
    return value;
  }

  /** The cache's answer; undefined when there is none within `budget` milliseconds. Never rejects. */
  async #ask<R>(budget: number, use: (connection: Connection) => Promise<R>): Promise<R | undefined> {
    const link = budget > 0 ? this.#usable() : undefined;
    if (!link) return undefined;
    const answer = link.ready.then(use).catch((error: Error) => this.#refused(link, error));
    const outcome = await inTime(answer, budget, this.#around);
    if (outcome === LATE) this.#wasLate(link);
    else if (outcome.value !== undefined) this.#answered(link);
    return outcome === LATE ? undefined : (outcome.value as R | undefined);
  }

  /** The connection, opened when its time has come; undefined while waiting is pointless. */
  #usable(): Link | undefined {
    if (this.#link) return this.#link.hanging ? undefined : this.#link;
    if (this.#around.now() < this.#retryAt) return undefined;
    const link = openLink(this.#connect, (error) => this.#lost(link, error));
    this.#link = link;
    return link;
  }

  #answered(link: Link): void {
    link.late = 0;
    this.#failures = 0;
  }

  #wasLate(link: Link): void {
    // One read waits for a connection that is being opened; those after it go on without, until it is there.
    if (!link.open) {
      link.hanging = true;
      return;
    }
    link.late += 1;
    if (link.late >= MAX_LATE) this.#lost(link, new Error(`${MAX_LATE} commands were not answered in time`));
  }

  /** A refusal (full, no permission) is an answer: reads go on. Anything else ends the connection. */
  #refused(link: Link, error: Error): undefined {
    if (!isReplyError(error)) return this.#lost(link, error);
    if (!link.complained) this.#around.warn("The cache refuses a command", { reason: error.message });
    link.complained = true;
    return undefined;
  }

  #lost(link: Link, error: Error): undefined {
    link.close();
    if (this.#link !== link) return undefined;
    this.#link = undefined;
    const wait = backOff(this.#failures, this.#around.random());
    this.#failures += 1;
    this.#retryAt = this.#around.now() + wait;
    this.#around.warn("The cache is down; reads go on without it", {
      reason: error.message,
      retryInMs: Math.round(wait),
    });
    return undefined;
  }
}

const keyOf = (parts: readonly (string | number)[]): string =>
  `reads:${VERSION}:${createHash("sha256").update(JSON.stringify(parts)).digest("base64url")}`;

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Undefined for whatever was not stored by `#load`, under this key, in this version, and for what has ended. */
function parse(text: unknown, key: string, now: number): Stored | undefined {
  if (typeof text !== "string" || text.length > MAX_LENGTH) return undefined;
  try {
    const stored: unknown = JSON.parse(text);
    if (!isRecord(stored) || stored.v !== VERSION || stored.k !== key) return undefined;
    const { d: value, e: expires, c: cost } = stored;
    if (typeof expires !== "number" || typeof cost !== "number" || expires <= now) return undefined;
    return { value, expires, cost };
  } catch {
    return undefined;
  }
}

/**
 * Whether this reader should load anew although the value still holds: the nearer its end and the dearer its loading,
 * the likelier. So one of many readers comes before the end, and they do not all load at once after it.
 * Source: https://cseweb.ucsd.edu/~avattani/papers/cache_stampede.pdf
 */
function isDue({ expires, cost }: Stored, around: Surroundings): boolean {
  // Over 0 and up to 1: the logarithm of 0 would make everything due.
  return around.now() - cost * Math.log(1 - around.random()) >= expires;
}

const LATE = Symbol("late");

/** What the promise gives, or LATE. It must not reject. */
function inTime<T>(
  promise: Promise<T>,
  ms: number,
  around: Surroundings,
): Promise<{ value: T } | typeof LATE> {
  return new Promise((resolve) => {
    const cancel = around.after(ms, () => resolve(LATE));
    void promise.then((value) => {
      cancel();
      resolve({ value });
    });
  });
}
