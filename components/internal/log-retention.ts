import { argumentError, type Culprit } from "./arguments.ts";

/** Days: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html */
const PERIODS = [
  1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1_096, 1_827, 2_192, 2_557, 2_922, 3_288,
  3_653,
];

/** Refuses a period that CloudWatch Logs does not know. `undefined` (take the default) passes. */
export function checkLogRetention(who: Culprit, days: number | undefined): void {
  if (days === undefined || PERIODS.includes(days)) return;
  throw argumentError(
    who,
    `logRetentionDays is ${days}; CloudWatch keeps logs for ${PERIODS.join(", ")} days.`,
  );
}
