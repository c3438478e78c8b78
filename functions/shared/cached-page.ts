/** How the read routes cache a page of the table: for a second, and never an empty one. */
import type { Page } from "./query.ts";
import type { Cacheable } from "./read-cache.ts";

/**
 * As long as the API lets its callers keep an answer (`cacheSeconds`). Short, since readings arrive all the time: what
 * is won is that a thousand dashboards cost the table one read a second.
 */
const TTL_MS = 1_000;

/** Names of an entry's fields and what they hold. */
type Shape<E> = { [Name in keyof E]-?: "string" | "number" };

/** Whether it has these fields, numbers being finite. */
export function hasShape<E>(value: unknown, shape: Shape<E>): value is E {
  if (typeof value !== "object" || value === null) return false;
  const fields = value as Record<string, unknown>;
  return Object.entries(shape).every(([name, type]) => typeof fields[name] === type);
}

/**
 * @param key all that the page depends on
 * @param isEntry whether something out of the cache is an entry of such a page
 */
export function cachedPage<E>(
  key: readonly (string | number)[],
  isEntry: (value: unknown) => value is E,
): Cacheable<Page<E>> {
  return {
    key,
    ttlMs: TTL_MS,
    check: (value): value is Page<E> => {
      if (typeof value !== "object" || value === null) return false;
      const { entries, more } = value as Record<string, unknown>;
      return Array.isArray(entries) && entries.every(isEntry) && typeof more === "boolean";
    },
    // A device's first reading is to be seen at once, and ids that nobody has must not fill the cache.
    keep: ({ entries }) => entries.length > 0,
  };
}
