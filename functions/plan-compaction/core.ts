/** Which hours are to be compacted. Pure. */
import { asCorrelationId } from "../shared/correlation.ts";
import { DAY, HOUR } from "../shared/instant.ts";
import { hourName, parseDay, parseHour, startOfHour } from "../shared/lake/layout.ts";
import type { CompactionJob, Manifest } from "../shared/lake/manifest.ts";

/** Hours that are looked at on every run. */
const LATEST = 48;
/** Longest backfill of one message, in hours. */
const LONGEST_BACKFILL = 31 * 24;

/** The last 48 arrival hours, the one that is being written included. */
export function latestHours(now: number): string[] {
  const last = startOfHour(now);
  return Array.from({ length: LATEST }, (_, index) => hourName(last - (LATEST - 1 - index) * HOUR));
}

export interface Backfill {
  hours: string[];
  force: boolean;
  /** The sender's own, if it is one. */
  correlationId?: string;
}

/** Start of the first hour and end of the last one that a name of an hour or a day means. */
function spanOf(name: unknown): { start: number; end: number } | undefined {
  if (typeof name !== "string") return undefined;
  const hour = parseHour(name);
  if (!Number.isNaN(hour)) return { start: hour, end: hour + HOUR };
  const day = parseDay(name);
  return Number.isNaN(day) ? undefined : { start: day, end: day + DAY };
}

/** Why nothing can be planned from a message. */
export class BackfillError extends Error {
  override name = "BackfillError";
}

function parseObject(body: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(body);
    if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
  } catch {
    // Told below.
  }
  throw new BackfillError("a backfill is a JSON object { from, to }");
}

/**
 * What `{ from, to, force?, correlationId? }` asks for: hours (`2026-01-31T12`) or days (`2026-01-31`), both included, at most 31 days.
 * @throws BackfillError when it asks for nothing that there can be.
 */
export function parseBackfill(body: string): Backfill {
  const { from, to, force, correlationId } = parseObject(body);
  const [first, last] = [spanOf(from), spanOf(to)];
  if (!first || !last)
    throw new BackfillError("from and to must be an hour like 2026-01-31T12 or a day like 2026-01-31");
  const count = (last.end - first.start) / HOUR;
  if (count < 1) throw new BackfillError("from must not be after to");
  if (count > LONGEST_BACKFILL)
    throw new BackfillError(`${count} hours are more than the ${LONGEST_BACKFILL} of one backfill`);
  const hours = Array.from({ length: count }, (_, index) => hourName(first.start + index * HOUR));
  return { hours, force: force === true, correlationId: asCorrelationId(correlationId) };
}

export interface HourState {
  hour: string;
  /** Hash of the hour's raw objects, and how many there are. */
  sources: string;
  objects: number;
  manifests: Manifest[];
}

/** The jobs of one hour: its buckets that were not built from what there is, and those that are no more. */
export function jobsOf(
  { hour, sources, objects, manifests }: HourState,
  buckets: number,
  force = false,
): CompactionJob[] {
  const known = new Map(manifests.map((manifest) => [manifest.bucket, manifest]));
  const jobs: CompactionJob[] = [];
  for (let bucket = 0; bucket < buckets; bucket++) {
    const manifest = known.get(bucket);
    const isBuilt = manifest ? manifest.sources === sources && manifest.buckets === buckets : objects === 0;
    if (force && objects > 0) jobs.push({ hour, bucket, buckets, force });
    else if (!isBuilt) jobs.push({ hour, bucket, buckets });
  }
  const retired = manifests.filter(({ bucket, files }) => bucket >= buckets && files.length > 0);
  return [...jobs, ...retired.map(({ bucket }) => ({ hour, bucket, buckets }))];
}
