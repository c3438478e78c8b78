/**
 * What is alarmed about, when, and what it means: one rule per kind of alarm. Thresholds and periods follow AWS's
 * recommendations where they fit a system that is mostly idle:
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Best_Practice_Recommended_Alarms_AWS_Services.html
 */

/**
 * `essential` is what loses or holds up work and what callers see; `all` adds the early warnings. An alarm costs
 * 0.10 $ a month; the account's first ten are free: https://aws.amazon.com/cloudwatch/pricing/
 */
export type AlarmLevel = "essential" | "all";

export interface AlarmRule {
  /** The lowest level at which it is made. */
  level: AlarmLevel;
  /** Last part of the alarm's name. */
  suffix: string;
  namespace: string;
  metricName: string;
  /** Statistic of one period. */
  statistic: "Sum" | "Maximum" | "Average" | "p99";
  comparison: "GreaterThanThreshold" | "GreaterThanOrEqualToThreshold";
  /** Seconds. 60 is the finest that AWS's own metrics have. */
  period: number;
  /** `[m, n]`: m bad periods among the last n raise it, so that one bad minute does not make it flap. */
  datapoints: readonly [number, number];
  /** What a period without data counts as. */
  missing: "notBreaching" | "ignore";
  /** What it means, beginning with the resource's name. */
  means: string;
  /** What to do first. */
  cure: string;
}

const MINUTE = 60;
const ONE_BAD_MINUTE = [1, 1] as const;
const MOST_OF_THREE = [2, 3] as const;
const MOST_OF_FIVE = [3, 5] as const;
const LAMBDA = { namespace: "AWS/Lambda", period: MINUTE } as const;
const SQS = { namespace: "AWS/SQS", statistic: "Maximum", period: MINUTE } as const;
const API = { namespace: "AWS/ApiGateway", period: MINUTE, datapoints: MOST_OF_FIVE } as const;
const AT_LEAST = "GreaterThanOrEqualToThreshold";
const ABOVE = "GreaterThanThreshold";

/** By kind; the kind is also the section of the runbook. */
export const ALARM_RULES = {
  /** A retry of an asynchronous event comes a minute later: an event that fails twice raises it. */
  "function-errors": {
    ...LAMBDA,
    level: "all",
    suffix: "errors",
    metricName: "Errors",
    statistic: "Sum",
    comparison: AT_LEAST,
    datapoints: MOST_OF_THREE,
    missing: "notBreaching",
    means: "throws or runs into its timeout, again and again.",
    cure: "Run the saved query errors-by-function, then follow a correlation id.",
  },
  "function-throttles": {
    ...LAMBDA,
    level: "all",
    suffix: "throttles",
    metricName: "Throttles",
    statistic: "Sum",
    comparison: AT_LEAST,
    datapoints: MOST_OF_FIVE,
    missing: "notBreaching",
    means: "is refused invocations: its reservation or the account's concurrency is used up.",
    cure: "See on the dashboard which function takes the concurrency; raise the reservation or the account's quota.",
  },
  "function-duration": {
    ...LAMBDA,
    level: "all",
    suffix: "duration",
    metricName: "Duration",
    statistic: "p99",
    comparison: AT_LEAST,
    datapoints: MOST_OF_FIVE,
    missing: "notBreaching",
    means:
      "needs more than 80 % of its timeout in the slowest hundredth of its runs, and will soon be cut off.",
    cure: "Run the saved query slowest-invocations; give it memory, smaller batches or a longer timeout.",
  },
  "function-concurrency": {
    ...LAMBDA,
    level: "all",
    suffix: "concurrency",
    metricName: "ConcurrentExecutions",
    statistic: "Maximum",
    comparison: AT_LEAST,
    datapoints: MOST_OF_FIVE,
    missing: "notBreaching",
    means:
      "uses more than 80 % of its reserved concurrency, or alone 80 % of what the account leaves unreserved.",
    cure: "Find out what sends more, or runs longer, than before; raise the reservation or the account's quota.",
  },
  /**
   * Lambda's own age per consumer, not the stream's GetRecords.IteratorAgeMilliseconds: it names the consumer that
   * lags, and DynamoDB's streams have no other. It comes with invocations only, so that a consumer which is throttled
   * altogether sends nothing: the state stays what it was.
   */
  "iterator-age": {
    ...LAMBDA,
    level: "essential",
    suffix: "iterator-age",
    metricName: "IteratorAge",
    statistic: "Maximum",
    comparison: AT_LEAST,
    datapoints: MOST_OF_FIVE,
    missing: "ignore",
    means:
      "reads records that have waited for half the time they are kept: what waits longer is given up or lost.",
    cure: "See whether it fails (errors-by-function), is throttled, or needs more shards or a larger batch.",
  },
  /** A queue that nobody touches for hours stops reporting, with its messages still there: the state stays. */
  "dead-letters": {
    ...SQS,
    level: "essential",
    suffix: "depth",
    metricName: "ApproximateNumberOfMessagesVisible",
    comparison: ABOVE,
    datapoints: ONE_BAD_MINUTE,
    missing: "ignore",
    means: "holds what was given up after the last attempt. Nothing takes it from there but people.",
    cure: "Read one message, mend the cause, then redrive.",
  },
  "queue-age": {
    ...SQS,
    level: "all",
    suffix: "age",
    metricName: "ApproximateAgeOfOldestMessage",
    comparison: AT_LEAST,
    datapoints: [3, 3],
    missing: "notBreaching",
    means: "holds messages that nobody has worked off after two attempts' time.",
    cure: "See whether its function fails, is throttled, or is at its maximum concurrency.",
  },
  /** Each request counts as 0 or 1, so that the average is their share. */
  "api-errors": {
    ...API,
    level: "essential",
    suffix: "server-errors",
    metricName: "5xx",
    statistic: "Average",
    comparison: ABOVE,
    missing: "notBreaching",
    means: "answers too large a share of its requests with 5xx.",
    cure: "Run the saved query api-server-errors; if it began with a release, roll back.",
  },
  "api-latency": {
    ...API,
    level: "all",
    suffix: "latency",
    metricName: "Latency",
    statistic: "p99",
    comparison: AT_LEAST,
    missing: "notBreaching",
    means: "answers the slowest hundredth of its requests too late.",
    cure: "Run the saved queries slowest-invocations and cold-starts.",
  },
  "topic-rule-failures": {
    level: "essential",
    suffix: "failures",
    namespace: "AWS/IoT",
    metricName: "Failure",
    statistic: "Sum",
    comparison: ABOVE,
    period: MINUTE,
    datapoints: ONE_BAD_MINUTE,
    missing: "notBreaching",
    means:
      "could not hand a device's message on: it is in the failures bucket, under iot/, if the error action worked.",
    cure: "Read one of those objects: it names the action and the reason.",
  },
} as const satisfies Record<string, AlarmRule>;

export type AlarmKind = keyof typeof ALARM_RULES;

/** Whether an alarm is made at a level. */
export const isWithin = (level: AlarmLevel, wanted: AlarmLevel): boolean =>
  level === "essential" || wanted === "all";

/** Part of a limit at which one is warned of it. */
const WARNING_SHARE = 0.8;

/** Milliseconds of 80 % of a timeout in seconds. */
export const durationThreshold = (timeoutSeconds: number): number => timeoutSeconds * 1_000 * WARNING_SHARE;

/** Fewer executions are all in use whenever the function runs at all: nothing to warn of. */
const FEWEST_TO_WARN_OF = 3;

/**
 * Executions: 80 % of the reservation, or of what all reservations leave of the account's; out of reach where a
 * reservation is too small for a share of it to say anything. Its throttles are told all the same.
 */
export const concurrencyThreshold = (available: number): number =>
  available < FEWEST_TO_WARN_OF ? FEWEST_TO_WARN_OF : Math.floor(available * WARNING_SHARE);

/** Milliseconds of half the retention in hours. */
export const iteratorAgeThreshold = (retentionHours: number): number => (retentionHours * 3_600_000) / 2;

/**
 * Seconds: two attempts' time, since a message that fails is hidden for the visibility timeout. After the third
 * receipt SQS leaves a message out of the age, and soon after it is among the dead letters.
 * Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
 */
export const queueAgeThreshold = (visibilitySeconds: number, delaySeconds: number): number =>
  Math.max(SHORTEST_QUEUE_AGE, 2 * visibilitySeconds + delaySeconds);

/** Seconds; below it a burst that is worked off in time would alarm. */
const SHORTEST_QUEUE_AGE = 300;

/**
 * A topic rule's failures, whatever the action: the metric has the action's type as a second dimension, with values
 * that are documented nowhere, and a query need not name it.
 * Sources: https://docs.aws.amazon.com/iot/latest/developerguide/metrics_dimensions.html#rule-action-metrics,
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-metrics-insights-alarms.html
 */
export const ruleFailures = (ruleName: string): string =>
  `SELECT SUM(Failure) FROM "AWS/IoT" WHERE RuleName = '${ruleName}'`;

/** What an alarm says of itself, in mails too: where, what, what to do, and where to read on. */
export function alarmDescription(
  kind: AlarmKind,
  { place, subject, runbook }: { place: string; subject: string; runbook: string },
): string {
  const { means, cure } = ALARM_RULES[kind];
  return `${place}: ${subject} ${means} ${cure} ${runbook}#${kind}`;
}
