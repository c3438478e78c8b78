/** The events of tests/events: what AWS documents, each file with the page it comes from as `source`. */
import { readFileSync } from "node:fs";

/** A file of tests/events, by its name without `.json`. */
export const documented = (name: string) =>
  JSON.parse(readFileSync(new URL(`../events/${name}.json`, import.meta.url), "utf8"));

/** The types in a value, key by key. */
export const shape = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(shape);
  if (typeof value !== "object" || value === null) return typeof value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, shape(inner)]));
};
