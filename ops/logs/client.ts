/** CloudWatch Logs of a deployed stack. */
import { CloudWatchLogsClient } from "@aws-sdk/client-cloudwatch-logs";
import { explain } from "../shared/credentials.ts";

/** How often a refused request is sent again, with growing waits: throttling is usual with many groups. */
const ATTEMPTS = 10;

export const deployedLogs = (region: string): CloudWatchLogsClient =>
  new CloudWatchLogsClient({ region, maxAttempts: ATTEMPTS });

/** Why the logs cannot be read, in one sentence where AWS refused. */
export const explainLogs = (error: unknown): Error =>
  explain(error, "someone who may read the stack's logs (logs:FilterLogEvents)");
