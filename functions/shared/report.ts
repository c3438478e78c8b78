/**
 * A day's report: what is known of each series (device and metric), and where it is kept.
 *
 * | item of the reports table | pk | sk |
 * |---|---|---|
 * | a bucket's current build | `2026-01-31` | `0007` |
 * | one series of a build | `2026-01-31#0007#<build>` | `<deviceId>#<metric>` |
 *
 * A build's series are written under a key of their own, then the day points to them: readers never see half a build.
 */
import { type Item, numberValue, readNumber, readText } from "./attributes.ts";
import { bucketName } from "./lake/manifest.ts";

export interface SeriesReport {
  deviceId: string;
  metric: string;
  /** Readings, repeats not counted. */
  count: number;
  min: number;
  max: number;
  mean: number;
  /** Nearest rank: the smallest value that at least half of the values do not exceed. */
  p50: number;
  /** Nearest rank: the smallest value that at least 95 % of the values do not exceed. */
  p95: number;
  /**
   * Intervals between consecutive times of the day that are more than twice as long as the median one (nearest rank):
   * at least one reading of a steady sender is missing in each.
   */
  gaps: number;
  /** The longest interval, in seconds; 0 with fewer than two times. */
  longestIntervalSeconds: number;
  /** Readings that were sent again under the same event id, and are not in `count`. */
  repeats: number;
  /** ISO-8601 UTC. */
  firstAt: string;
  lastAt: string;
}

/** The columns of curated reports as SQL knows them. */
export const REPORT_COLUMNS = {
  deviceId: "string",
  metric: "string",
  count: "int",
  min: "double",
  max: "double",
  mean: "double",
  p50: "double",
  p95: "double",
  gaps: "int",
  longestIntervalSeconds: "double",
  repeats: "int",
  firstAt: "timestamp",
  lastAt: "timestamp",
} as const;

const NUMBERS = [
  "count",
  "min",
  "max",
  "mean",
  "p50",
  "p95",
  "gaps",
  "longestIntervalSeconds",
  "repeats",
] as const;

/** The current build of one bucket of a day. */
export interface ReportBuild {
  bucket: number;
  /** Hash of what it was built from. */
  build: string;
  series: number;
  /** Of its file in the lake; empty when there is none. */
  eTag: string;
}

export const seriesPartition = (date: string, bucket: number, build: string): string =>
  `${date}#${bucketName(bucket)}#${build}`;

export const seriesSortKey = (deviceId: string, metric: string): string => `${deviceId}#${metric}`;

export function toSeriesItem(pk: string, report: SeriesReport): Item {
  const numbers = NUMBERS.map((name) => [name, numberValue(report[name])]);
  return {
    pk: { S: pk },
    sk: { S: seriesSortKey(report.deviceId, report.metric) },
    ...Object.fromEntries(numbers),
    firstAt: { S: report.firstAt },
    lastAt: { S: report.lastAt },
  };
}

export function fromSeriesItem(item: Item): SeriesReport {
  const [deviceId = "", metric = ""] = readText(item, "sk").split("#");
  const numbers = Object.fromEntries(NUMBERS.map((name) => [name, readNumber(item, name)]));
  const times = { firstAt: readText(item, "firstAt"), lastAt: readText(item, "lastAt") };
  return { deviceId, metric, ...numbers, ...times } as SeriesReport;
}

export const fromBuildItem = (item: Item): ReportBuild => ({
  bucket: Number(readText(item, "sk")),
  build: readText(item, "build"),
  series: readNumber(item, "series"),
  eTag: readText(item, "eTag"),
});
