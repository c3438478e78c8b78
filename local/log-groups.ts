/** CloudWatch Logs and the program: its log groups, and the lines of its functions. */
import type { Applier } from "./deployment.ts";
import { type PropertyMap, plain } from "./engine/graph.ts";
import type { Callers } from "./lambda/iam.ts";
import type { WriteFunctionLog } from "./lambda/platform-log.ts";
import { streamArn } from "./services/authorise-logs.ts";
import type { CloudWatchLogs } from "./services/logs.ts";
import type { Place } from "./services/service.ts";

/** Groups exist as soon as they are declared; their events stay when only their settings change. */
export const logAppliers = (logs: CloudWatchLogs): Record<string, Applier> => ({
  "aws:cloudwatch/logGroup:LogGroup": {
    fingerprint: (node) => JSON.stringify(settingsOf(plain(node.outputs) as PropertyMap)),
    create: async (node) => {
      const settings = settingsOf(plain(node.outputs) as PropertyMap);
      logs.createGroup(settings);
      // A group that the program drops keeps its events until the runtime ends.
      return async () => {};
    },
  },
});

const settingsOf = ({ name, retentionInDays, kmsKeyId }: PropertyMap) => ({
  name: String(name),
  retentionDays: Number(retentionInDays ?? 0),
  ...(typeof kmsKeyId === "string" ? { kmsKeyId } : {}),
});

export interface FunctionLogOptions {
  logs: Pick<CloudWatchLogs, "append">;
  callers: Pick<Callers, "authoriseFunction">;
  place: Place;
  clock: { now(): number };
}

/**
 * Puts a function's lines into its log group, as its role allows: a function that may not write logs has none.
 * Source: https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs.html
 */
export const functionLog =
  ({ logs, callers, place, clock }: FunctionLogOptions): WriteFunctionLog =>
  ({ name, logGroup }, stream, message) => {
    const arn = streamArn(place, logGroup, stream);
    if (!callers.authoriseFunction(name, "logs:PutLogEvents", arn).allowed) return;
    logs.append(logGroup, stream, [{ timestamp: clock.now(), message }]);
  };
