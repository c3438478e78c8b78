/**
 * The readings table's keys, in one place. One table holds:
 *
 * | item | pk | sk |
 * |---|---|---|
 * | aggregate | `<deviceId>#<metric>` | `minute#2026-01-31T12:00`, `hour#2026-01-31T12`, `day#2026-01-31` |
 * | latest reading of a metric | `<deviceId>` | `latest#<metric>` |
 * | device index | `#devices#<0-7>` | `<deviceId>` |
 *
 * Ids hold no `#`, so the three can never meet.
 */
import { DAY, HOUR, MINUTE } from "./instant.ts";

/** The table's attribute names: what the stack declares and the functions use. */
export const PARTITION_KEY = "pk";
export const SORT_KEY = "sk";
/** Epoch seconds after which DynamoDB removes the item. */
export const TTL_ATTRIBUTE = "expiresAt";

export interface TableKey {
  pk: string;
  sk: string;
}

export type Resolution = "minute" | "hour" | "day";

interface ResolutionRule {
  /** Length of a bucket. */
  ms: number;
  /** Characters of the ISO instant that name a bucket. */
  textLength: number;
  /** Days that an aggregate is kept; undefined = for ever. */
  keptDays?: number;
  /** Longest range of one query, in days. */
  maxRangeDays: number;
}

export const RESOLUTIONS: Record<Resolution, ResolutionRule> = {
  minute: { ms: MINUTE, textLength: 16, keptDays: 31, maxRangeDays: 31 },
  hour: { ms: HOUR, textLength: 13, keptDays: 365, maxRangeDays: 366 },
  day: { ms: DAY, textLength: 10, maxRangeDays: 3660 },
};

/**
 * Days beyond `keptDays` before an aggregate goes. A stream may deliver a record again for as long as it keeps it
 * (at most 7 days as configured here), and an aggregate that went before would be counted from nothing.
 */
const GRACE_DAYS = 7;
const LATEST_PREFIX = "latest#";
const INDEX_SHARDS = 8;

/** Start of the bucket that an instant falls in, epoch ms. */
export function bucketStart(resolution: Resolution, epochMs: number): number {
  const { ms } = RESOLUTIONS[resolution];
  return Math.floor(epochMs / ms) * ms;
}

export function seriesKey(deviceId: string, metric: string): string {
  return `${deviceId}#${metric}`;
}

/** Sort key of the bucket that starts at `start`. */
export function bucketKey(resolution: Resolution, start: number): string {
  return `${resolution}#${new Date(start).toISOString().slice(0, RESOLUTIONS[resolution].textLength)}`;
}

/** Epoch ms of a bucket's start from its sort key. */
export function startOfBucketKey(sortKey: string): number {
  const text = sortKey.slice(sortKey.indexOf("#") + 1);
  return Date.parse(`${text}${"1970-01-01T00:00:00Z".slice(text.length)}`);
}

/** Epoch seconds at which an aggregate may go; undefined = never. */
export function expiryOf(resolution: Resolution, start: number): number | undefined {
  const { keptDays } = RESOLUTIONS[resolution];
  return keptDays === undefined ? undefined : Math.floor((start + (keptDays + GRACE_DAYS) * DAY) / 1000);
}

export function latestKey(deviceId: string, metric: string): TableKey {
  return { pk: deviceId, sk: `${LATEST_PREFIX}${metric}` };
}

export function metricOfLatestKey(sortKey: string): string {
  return sortKey.slice(LATEST_PREFIX.length);
}

/** FNV-1a: spreads devices over the index so that no partition takes every new device's write. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) {
    value = Math.imul(value ^ text.charCodeAt(index), 0x01000193);
  }
  return value >>> 0;
}

export function deviceKey(deviceId: string): TableKey {
  return { pk: `#devices#${hash(deviceId) % INDEX_SHARDS}`, sk: deviceId };
}

/** Partition keys of the whole device index. */
export function deviceIndexPartitions(): string[] {
  return Array.from({ length: INDEX_SHARDS }, (_, shard) => `#devices#${shard}`);
}
