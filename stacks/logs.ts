import { Bucket } from "../components/bucket.ts";
import type { HttpApi } from "../components/http-api.ts";
import { LogGroup } from "../components/log-group.ts";
import { processLogFile } from "../functions/process-logs/files.ts";
import { processLogLines } from "../functions/process-logs/lines.ts";
import type { Settings } from "./config.ts";
import type { Telemetry } from "./telemetry.ts";

/** What the log pipeline gives to the program's outputs. */
export interface Logs {
  /** Access logs dropped here are processed. */
  files: Bucket;
}

/** Access logs, the API's own and files, to the lake's `logs/` and to metrics. */
export function createLogs(
  settings: Settings,
  { api, lake }: { api: HttpApi; lake: Telemetry["lake"] },
): Logs {
  const { logRetentionDays, logReservation } = settings;

  const files = new Bucket("logs", {
    expiration: { "": settings.logFileDays },
    deletionProtection: settings.protectData,
    forceDestroy: !settings.protectData,
  });

  LogGroup.from("access-log", api.accessLogs).onLines("process", {
    description: "The API's access log to the lake, with figures per minute",
    memorySize: 512,
    timeout: 60,
    logRetentionDays,
    // CloudWatch Logs invokes it as often as it likes; Lambda keeps what is throttled and tries again.
    ...(logReservation > 0 && { reservedConcurrentExecutions: logReservation }),
    callback: async (batch) => processLogLines(batch, { lake: lake.name.get() }),
  });

  files.onObjectCreated("process", {
    description: "Dropped access logs to the lake, with figures per minute",
    maximumConcurrency: settings.logFileConcurrency,
    memorySize: 512,
    timeout: 300,
    logRetentionDays,
    access: { files: ["GetObjectCommand"], lake: ["PutObjectCommand"] },
    permissions: [
      {
        actions: ["s3:ListBucket"],
        resources: [files.arn],
        reason: "a file that is gone is told from a forbidden one",
      },
    ],
    callback: async (file) => processLogFile(file, { source: files.name.get(), lake: lake.name.get() }),
  });

  return { files };
}
