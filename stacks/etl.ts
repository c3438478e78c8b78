import type * as pulumi from "@pulumi/pulumi";
import { Analytics } from "../components/analytics.ts";
import type { HttpApi } from "../components/http-api.ts";
import { Queue } from "../components/queue.ts";
import { Schedule } from "../components/schedule.ts";
import { Table } from "../components/table.ts";
import { buildDailyReport, queueDailyReports } from "../functions/build-daily-report/handler.ts";
import { compactLake } from "../functions/compact-lake/handler.ts";
import { getReport } from "../functions/get-report/handler.ts";
import { planBackfill, planCompaction } from "../functions/plan-compaction/handler.ts";
import { PARTITION_KEY, SORT_KEY } from "../functions/shared/keys.ts";
import { READING_COLUMNS } from "../functions/shared/lake/readings-file.ts";
import { REPORT_COLUMNS } from "../functions/shared/report.ts";
import { ReportPathSchema, ReportQuerySchema, ReportSchema } from "../functions/shared/report-schemas.ts";
import type { Settings } from "./config.ts";
import type { Telemetry } from "./telemetry.ts";

/** What the ETL gives to the program's outputs. */
export interface Etl {
  /** Takes `{ from, to }`: hours or days to compact. */
  backfills: Queue;
  analytics: Analytics;
}

/** One vCPU; compaction's memory does not grow with the hour. */
const COMPACTION_MB = 1_769;
/** Compaction sorts through /tmp: some 20 million readings of one hour and bucket. */
const COMPACTION_DISK_MB = 4_096;
const LONG = 900;
/** Backfills are asked for by hand, and each queues up to thousands of jobs. */
const BACKFILLS_AT_ONCE = 5;

/** The lake's raw hours to Parquet, its days to reports, and SQL over both. */
export function createEtl(
  settings: Settings,
  { api, cursorKey, lake }: { api: HttpApi; cursorKey: pulumi.Output<string>; lake: Telemetry["lake"] },
): Etl {
  const { logRetentionDays, compactionBuckets: buckets, reportDelaySeconds } = settings;
  const keys = { partitionKey: PARTITION_KEY, sortKey: SORT_KEY };
  const kept = {
    pointInTimeRecovery: settings.pointInTimeRecovery,
    deletionProtection: settings.protectData,
  };

  const manifests = new Table("manifests", { ...keys, ...kept });
  const reports = new Table("reports", { ...keys, ...kept });
  const backfills = new Queue("backfills");
  const compactions = new Queue("compactions");
  const dailyReports = new Queue("daily-reports");

  new Schedule("plan-compaction", {
    description: "Queues the hours of the lake that have changed",
    expression: "rate(15 minutes)",
    timeout: 120,
    logRetentionDays,
    callback: async () =>
      planCompaction({
        lake: lake.name.get(),
        manifests: manifests.name.get(),
        jobs: compactions.url.get(),
        buckets,
      }),
  });

  backfills.subscribe("plan", {
    description: "Queues the hours of the lake that a message asks for",
    maximumConcurrency: BACKFILLS_AT_ONCE,
    batchSize: 1,
    timeout: 300,
    logRetentionDays,
    callback: async (event) =>
      planBackfill(event, {
        lake: lake.name.get(),
        manifests: manifests.name.get(),
        jobs: compactions.url.get(),
        buckets,
      }),
  });

  compactions.subscribe("compact", {
    description: "An hour of raw readings to Parquet",
    batchSize: 1,
    maximumConcurrency: settings.compactionConcurrency,
    memorySize: COMPACTION_MB,
    ephemeralStorage: COMPACTION_DISK_MB,
    timeout: LONG,
    logRetentionDays,
    callback: async (event) =>
      compactLake(event, {
        lake: lake.name.get(),
        manifests: manifests.name.get(),
        reports: dailyReports.url.get(),
        reportDelaySeconds,
      }),
  });

  dailyReports.subscribe("build", {
    description: "A day's readings to its report",
    batchSize: 1,
    maximumConcurrency: settings.compactionConcurrency,
    memorySize: COMPACTION_MB,
    ephemeralStorage: COMPACTION_DISK_MB,
    timeout: LONG,
    logRetentionDays,
    callback: async (event) =>
      buildDailyReport(event, { lake: lake.name.get(), reports: reports.name.get() }),
  });

  new Schedule("plan-reports", {
    description: "Queues the reports of the days before",
    expression: "cron(30 0 * * ? *)",
    timeout: 60,
    logRetentionDays,
    callback: async () => queueDailyReports({ jobs: dailyReports.url.get(), buckets }),
  });

  api.route("GET /reports/{date}", {
    summary: "A day's figures per device and metric",
    scopes: ["telemetry.read"],
    request: { path: ReportPathSchema, query: ReportQuerySchema },
    responses: { 200: ReportSchema },
    cacheSeconds: 1,
    callback: async (request) =>
      getReport(request, { table: reports.name.get(), cursorKey: cursorKey.get() }),
  });

  const analytics = new Analytics("lake-sql", {
    bucket: lake,
    scanLimitGb: settings.athenaScanLimitGb,
    forceDestroy: !settings.protectData,
    tables: {
      readings: {
        description: "Readings, deduplicated, by the day they were measured",
        prefix: "curated/readings/",
        columns: READING_COLUMNS,
      },
      reports: {
        description: "Daily figures per device and metric",
        prefix: "curated/reports/",
        columns: REPORT_COLUMNS,
      },
    },
  });

  return { backfills, analytics };
}
