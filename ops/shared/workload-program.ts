/**
 * What this program's functions do with what they may use, by their logical names: the figures that a reader of their
 * code would give, with the reason. Pure.
 */
import { type Load, readingsPerSecond, seriesOf } from "./load.ts";
import {
  type Assumption,
  DYNAMODB_MS,
  type Run,
  S3_MS,
  SECONDS_PER_DAY,
  SECONDS_PER_MONTH,
} from "./workload-assumptions.ts";

/** Builds of an hour of the lake: at each quarter while it runs, and once after it. Each sees so much of the hour. */
const BUILDS_PER_HOUR = 5;
const SEEN_OF_HOUR = (0.25 + 0.5 + 0.75 + 1 + 1) / BUILDS_PER_HOUR;
const RUNS_PER_HOUR = 4;
const HOURS_LOOKED_AT = 48;
const LISTED_AT_ONCE = 1_000;
const PART_BYTES = 8_000_000;
/** Bytes of a reading in the lake: NDJSON under zstd, and Parquet. */
const RAW_BYTES = 40;
const CURATED_BYTES = 20;
const ITEM_BYTES = 400;

const once = (bytes: number) => (run: Run) => ({ perSecond: run.events, bytes });
const readingsIn = ({ events, load }: Run): number => Math.max(events, readingsPerSecond(load));

/**
 * Series that a batch has readings of, over all batches of a second. A record's readings are of one device, and a
 * device's records are in one shard: a batch can hold no more than its shard's share of the series.
 */
const seriesTouched = (run: Run): number => {
  const { readingsPerRecord, metricsPerDevice } = run.load;
  return Math.min(
    readingsIn(run),
    run.events * Math.min(readingsPerRecord, metricsPerDevice),
    run.invocations * Math.max(1, seriesOf(run.load) / run.shards),
  );
};

const AGGREGATES = 4;
const CONCURRENT_WRITES = 40;

const rawObjectsPerHour = (run: Run): number => run.invocationsOf("telemetry-archive-function") * 3_600;
const readingsPerHour = ({ load }: Run): number => readingsPerSecond(load) * 3_600;
const curatedOfJob = (run: Run): number =>
  (readingsPerHour(run) * SEEN_OF_HOUR * CURATED_BYTES) / run.load.compactionBuckets;
const seenObjects = (run: Run): number => Math.max(1, rawObjectsPerHour(run) * SEEN_OF_HOUR);
const buildsOfReports = (run: Run): number =>
  Math.min(run.invocations, run.invocationsOf("compactions-compact-function"));
const seriesOfJob = ({ load }: Run): number => seriesOf(load) / load.compactionBuckets;

const planning: Assumption = {
  why: "looks at 48 hours, lists each hour's objects 1,000 at a time, and queues each hour that changed once per bucket: the hour that runs at every quarter, and the one before once",
  uses: {
    "lake-bucket list": (run) => ({
      perSecond: run.invocations * HOURS_LOOKED_AT * Math.max(1, rawObjectsPerHour(run) / LISTED_AT_ONCE),
      bytes: 0,
    }),
    "manifests-table get": (run) => ({
      perSecond: run.invocations * HOURS_LOOKED_AT,
      bytes: 500 * run.load.compactionBuckets,
    }),
    "compactions-queue put": (run) => ({
      perSecond:
        run.invocations *
        Math.min(BUILDS_PER_HOUR, readingsPerHour(run)) *
        (run.load.compactionBuckets / RUNS_PER_HOUR),
      bytes: 200,
    }),
  },
  workMs: (run) => 4 * 100 * Math.max(1, rawObjectsPerHour(run) / LISTED_AT_ONCE),
};

/** By the function's logical name. */
export const PROGRAM: Record<string, Assumption> = {
  "telemetry-aggregate-function": {
    why: "per batch and series it has readings of: three conditional writes (minute, hour, day) and the latest; a read of one of them, the others are in the environment's cache; 40 writes at once, 5 ms each, and 10 µs of work per reading",
    uses: {
      "readings-table put": (run) => ({ perSecond: AGGREGATES * seriesTouched(run), bytes: ITEM_BYTES }),
      "readings-table get": (run) => ({ perSecond: seriesTouched(run), bytes: ITEM_BYTES }),
    },
    workMs: (run) =>
      run.invocations === 0
        ? 0
        : ((AGGREGATES * seriesTouched(run) * DYNAMODB_MS) / CONCURRENT_WRITES + readingsIn(run) * 0.01) /
          run.invocations,
  },
  "telemetry-archive-function": {
    why: "one object per batch, 40 bytes a reading under zstd; 5 µs of work per reading",
    uses: {
      "lake-bucket put": (run) => ({
        perSecond: run.invocations,
        bytes: run.invocations === 0 ? 0 : (readingsIn(run) * RAW_BYTES) / run.invocations,
      }),
    },
    workMs: (run) => (run.invocations === 0 ? 0 : 30 + (readingsIn(run) * 0.005) / run.invocations),
  },
  "api-post-telemetry-function": {
    why: "a record per reading of the request",
    uses: {
      "telemetry-stream put": (run) => ({
        perSecond: run.events * run.load.readingsPerRecord,
        bytes: run.load.readingBytes,
      }),
    },
  },
  "plan-compaction-function": planning,
  "backfills-plan-function": planning,
  "plan-reports-function": {
    why: "queues two days once per bucket",
    uses: {
      "daily-reports-queue put": (run) => ({
        perSecond: run.invocations * 2 * run.load.compactionBuckets,
        bytes: 200,
      }),
    },
  },
  "compactions-compact-function": {
    why: "each job fetches every raw object that its hour has so far (on average 0.7 of it) for its share of the devices: 1 µs per line read, 4 µs per line kept, four fetches at once",
    uses: {
      "lake-bucket get": (run) => ({
        perSecond: run.invocations * seenObjects(run),
        bytes: (readingsPerHour(run) * SEEN_OF_HOUR * RAW_BYTES) / seenObjects(run),
      }),
      "lake-bucket list": (run) => ({
        perSecond: run.invocations * Math.max(1, seenObjects(run) / LISTED_AT_ONCE),
        bytes: 0,
      }),
      "lake-bucket put": (run) => ({
        perSecond: run.invocations * Math.max(1, curatedOfJob(run) / PART_BYTES),
        bytes: Math.min(PART_BYTES, curatedOfJob(run)),
      }),
      "manifests-table get": (run) => ({
        perSecond: run.invocations,
        bytes: 500 * run.load.compactionBuckets,
      }),
      "manifests-table put": once(500),
      "daily-reports-queue put": once(200),
    },
    workMs: (run) =>
      readingsPerHour(run) * SEEN_OF_HOUR * (0.001 + 0.004 / run.load.compactionBuckets) +
      (seenObjects(run) * S3_MS) / 4,
    unmeasuredMs: 300,
  },
  "daily-reports-build-function": {
    why: "a build reads half a day of its bucket's files on average (12 files, four ranges each), writes an item per series and takes the one before away; 2 µs per reading",
    uses: {
      "lake-bucket get": (run) => ({ perSecond: buildsOfReports(run) * 48, bytes: curatedOfJob(run) / 4 }),
      "lake-bucket list": (run) => ({ perSecond: run.invocations, bytes: 0 }),
      "lake-bucket put": (run) => ({ perSecond: buildsOfReports(run), bytes: seriesOfJob(run) * 100 }),
      "reports-table put": (run) => ({
        perSecond: buildsOfReports(run) * 2 * seriesOfJob(run),
        bytes: ITEM_BYTES,
      }),
      "reports-table get": (run) => ({ perSecond: run.invocations, bytes: ITEM_BYTES }),
    },
    workMs: (run) =>
      run.invocations === 0
        ? 0
        : (((readingsPerHour(run) * 12 * 0.002) / run.load.compactionBuckets + seriesOfJob(run) * 2 * 0.2) *
            buildsOfReports(run)) /
          run.invocations,
    unmeasuredMs: 300,
  },
  "uploads-thumbnails-function": {
    why: "reads the upload, writes three thumbnails of 60 KB on average, and the image's row",
    uses: {
      "uploads-bucket get": (run) => ({ perSecond: run.events, bytes: run.load.imageBytes }),
      "thumbnails-bucket put": (run) => ({ perSecond: 3 * run.events, bytes: 60_000 }),
    },
    unmeasuredMs: 600,
  },
  "api-post-images-function": {
    why: "the client puts the image in the bucket with the form that it gets",
    uses: { "uploads-bucket put": (run) => ({ perSecond: run.events, bytes: run.load.imageBytes }) },
  },
  "api-get-images-imageId-function": {
    why: "the client fetches one thumbnail",
    uses: { "thumbnails-bucket get": once(60_000) },
  },
  "api-post-orders-function": {
    why: "reads an order only when its key comes again",
    uses: { "orders-table get": () => ({ perSecond: 0, bytes: ITEM_BYTES }) },
  },
  "api-get-devices-deviceId-readings-function": {
    why: "a page of 25 aggregates; the cache is asked and filled",
    uses: {
      "readings-table get": once(10_000),
      "reads-cache command": (run) => ({ perSecond: 2 * run.events, bytes: 5_000 }),
    },
  },
  "access-log-process-function": {
    why: "an object of lines and its manifest per batch, 100 bytes a line under zstd",
    uses: {
      "lake-bucket put": (run) => ({ perSecond: 2 * run.invocations, bytes: 2_000 }),
    },
  },
  "logs-process-function": {
    why: "reads the file, writes its lines under zstd and the manifest; 2 µs a line of 250 bytes",
    uses: {
      "logs-bucket get": (run) => ({ perSecond: run.events, bytes: run.load.fileBytes }),
      "lake-bucket put": (run) => ({ perSecond: 2 * run.events, bytes: run.load.fileBytes / 10 }),
    },
    workMs: ({ load }) => (load.fileBytes / 250) * 0.002,
  },
};

const months = ({ storedMonths }: Load): number => storedMonths * SECONDS_PER_MONTH;
const daysOf = (load: Load): number => months(load) / SECONDS_PER_DAY;

/** Aggregates of one series that the table holds: minutes for 31 days, hours for a year, days for good. */
const aggregatesOf = (load: Load): number => {
  const interval = load.everySeconds * load.metricsPerDevice;
  const perDay = (most: number) => Math.min(most, SECONDS_PER_DAY / interval);
  const days = daysOf(load);
  return perDay(1_440) * Math.min(31, days) + perDay(24) * Math.min(365, days) + perDay(1) * days;
};

/** Bytes that lie in a resource, where they are not simply what was put there. By its name. */
export const STORED: Record<string, { bytes: (load: Load) => number; why: string }> = {
  "readings-table": {
    bytes: (load) => seriesOf(load) * aggregatesOf(load) * (ITEM_BYTES + 100),
    why: "aggregates by their time to live; DynamoDB adds 100 bytes to an item",
  },
  "reports-table": {
    bytes: (load) => seriesOf(load) * daysOf(load) * (ITEM_BYTES + 100),
    why: "an item per series and day",
  },
  "manifests-table": {
    bytes: (load) => Math.min(1, load.devices) * daysOf(load) * 24 * load.compactionBuckets * 600,
    why: "an item per hour and bucket",
  },
  "lake-bucket": {
    bytes: (load) =>
      readingsPerSecond(load) *
      (months(load) * (RAW_BYTES + CURATED_BYTES) +
        Math.min(months(load), 30 * SECONDS_PER_DAY) * 3 * CURATED_BYTES),
    why: "raw and curated readings for good; replaced builds of an hour for 30 days more",
  },
};
