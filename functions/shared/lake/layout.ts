/** Where everything of the lake is, in one place: hours, days, device buckets and object keys. */
import { DAY, HOUR, parseInstant } from "../instant.ts";
import { hashSlice } from "../parquet/dictionary.ts";

/** `2026-01-31T12` of an instant. */
export const hourName = (epochMs: number): string => new Date(epochMs).toISOString().slice(0, 13);
/** `2026-01-31` of an instant. */
export const dayName = (epochMs: number): string => new Date(epochMs).toISOString().slice(0, 10);

/** Epoch ms of `2026-01-31T12`; NaN when it is no hour. */
export const parseHour = (name: string): number =>
  name.length === 13 ? parseInstant(`${name}:00:00Z`) : Number.NaN;
/** Epoch ms of `2026-01-31`; NaN when it is no date. */
export const parseDay = (name: string): number =>
  name.length === 10 ? parseInstant(`${name}T00:00:00Z`) : Number.NaN;

export const startOfHour = (epochMs: number): number => Math.floor(epochMs / HOUR) * HOUR;
export const startOfDay = (epochMs: number): number => Math.floor(epochMs / DAY) * DAY;

/** Raw readings of an arrival hour: `raw/dt=2026-01-31/hour=12/`. */
export const rawPrefix = (hour: string): string => `raw/dt=${hour.slice(0, 10)}/hour=${hour.slice(11, 13)}/`;
/** What could not be compacted of an arrival hour's objects. */
export const refusedKey = (hour: string, object: string): string =>
  `quarantine/compaction/dt=${hour.slice(0, 10)}/hour=${hour.slice(11, 13)}/${object.slice(object.lastIndexOf("/") + 1)}.refused.ndjson`;

/** Curated readings of a day. */
export const curatedPrefix = (day: string): string => `curated/readings/dt=${day}/`;
/** Readings of one day that arrived in one hour, of one bucket's devices. */
export const curatedKey = (day: string, hour: string, bucket: number): string =>
  `${curatedPrefix(day)}${hour}-${bucket}.parquet`;
/** One bucket's part of a day's report. */
export const reportKey = (day: string, bucket: number): string =>
  `curated/reports/dt=${day}/${bucket}.parquet`;

/** The bucket in a curated file's key; NaN when it is none. */
export const bucketOfKey = (key: string): number =>
  Number(/-(\d{1,4})\.parquet$/.exec(key)?.[1] ?? Number.NaN);

/** The bucket of a device, from its id's bytes. */
export const bucketOfSlice = (
  data: Uint8Array,
  { start, end }: { start: number; end: number },
  buckets: number,
): number => hashSlice(data, start, end) % buckets;
