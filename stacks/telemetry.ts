import { Bucket } from "../components/bucket.ts";
import { IotTopic } from "../components/iot-topic.ts";
import { Stream } from "../components/stream.ts";
import { Table } from "../components/table.ts";
import { aggregateReadings } from "../functions/aggregate-readings/handler.ts";
import { archiveReadings } from "../functions/archive-readings/handler.ts";
import { TELEMETRY_FILTER } from "../functions/shared/envelope.ts";
import { PARTITION_KEY, SORT_KEY, TTL_ATTRIBUTE } from "../functions/shared/keys.ts";
import type { Settings } from "./config.ts";

/** What the telemetry pipeline gives to the rest of the system. */
export interface Telemetry {
  /** Where readings enter, by Kinesis, HTTP or MQTT. */
  stream: Stream;
  /** The same for devices: MQTT to `devices/{deviceId}/telemetry`. */
  topic: IotTopic;
  /** Aggregates per device and metric, latest values, and the index of devices. */
  readings: Table;
  /** Every reading as it arrived (`raw/`), and what was none (`quarantine/`). */
  lake: Bucket;
  /** What was given up, with the reason: a subscriber's batches under `aws/lambda/`, devices' messages under `iot/`. */
  failures: Bucket;
}

/** Readings -> stream -> aggregates in a table, and the raw lake with its quarantine. */
export function createTelemetry(settings: Settings): Telemetry {
  const { logRetentionDays, readingMaxAgeDays: maxAgeDays } = settings;

  const lake = new Bucket("lake", {
    expiration: { "quarantine/": 90, "manifests/logs/": 90 },
    deletionProtection: settings.protectData,
    forceDestroy: !settings.protectData,
  });

  const readings = new Table("readings", {
    partitionKey: PARTITION_KEY,
    sortKey: SORT_KEY,
    timeToLive: TTL_ATTRIBUTE,
    pointInTimeRecovery: settings.pointInTimeRecovery,
    deletionProtection: settings.protectData,
  });

  const failures = new Bucket("failures", {
    expiration: { "aws/lambda/": 30, "iot/": 30 },
    deletionProtection: settings.protectData,
    forceDestroy: !settings.protectData,
  });

  const stream = new Stream("telemetry", {
    mode: settings.streamShards === undefined ? "on-demand" : { shards: settings.streamShards },
    retentionHours: settings.streamRetentionHours,
    deletionProtection: settings.protectData,
    failures,
  });

  stream.subscribe("aggregate", {
    description: "Counts, sums and extremes per device and metric",
    batchSize: settings.aggregateWindowSeconds === 0 ? 500 : 5_000,
    maximumBatchingWindowInSeconds: settings.aggregateWindowSeconds,
    memorySize: 1_024,
    timeout: 60,
    logRetentionDays,
    callback: async (event) => aggregateReadings(event, { table: readings.name.get(), maxAgeDays }),
  });

  stream.subscribe("archive", {
    description: "Raw readings to the lake, malformed ones to quarantine",
    batchSize: 5_000,
    maximumBatchingWindowInSeconds: settings.archiveWindowSeconds,
    memorySize: 512,
    timeout: 60,
    logRetentionDays,
    callback: async (event) => archiveReadings(event, { bucket: lake.name.get(), maxAgeDays }),
  });

  const topic = new IotTopic("devices", { filter: TELEMETRY_FILTER, stream, failures });

  return { stream, topic, readings, lake, failures };
}
