/**
 * What an alarm publishes to its topics when its state changes. Pure.
 * Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-actions.html; the members are those of
 * notifications that AWS sent.
 */
import type { Transition } from "../../services/metric-alarms.ts";
import { type DataQuery, isMetric } from "../../services/metric-query.ts";
import type { Dimensions } from "../../services/metric-store.ts";
import { percentileOf } from "../../services/metric-summary.ts";

/** As a mail's subject names them; SNS takes at most 100 characters. */
const REGIONS: Readonly<Record<string, string>> = {
  "us-east-1": "US East (N. Virginia)",
  "us-east-2": "US East (Ohio)",
  "us-west-2": "US West (Oregon)",
  "eu-central-1": "EU (Frankfurt)",
  "eu-west-1": "EU (Ireland)",
};
const LONGEST_SUBJECT = 100;

/** AWS's notifications have no `Z`: `2026-01-31T10:00:00.000+0000`. */
const time = (ms: number): string => new Date(ms).toISOString().replace("Z", "+0000");

const pairs = (dimensions: Dimensions): object[] =>
  Object.entries(dimensions).map(([name, value]) => ({ value, name }));

/** `Average` is `AVERAGE`, `SampleCount` `SAMPLE_COUNT`; a percentile has a member of its own. */
const statisticOf = (name: string): object =>
  percentileOf(name) === undefined
    ? { StatisticType: "Statistic", Statistic: name.replace(/(?<=[a-z])(?=[A-Z])/g, "_").toUpperCase() }
    : { StatisticType: "ExtendedStatistic", ExtendedStatistic: name };

const queryOf = (query: DataQuery): object =>
  isMetric(query)
    ? {
        Id: query.id,
        MetricStat: {
          Metric: {
            Dimensions: pairs(query.metric.dimensions),
            MetricName: query.metric.name,
            Namespace: query.metric.namespace,
          },
          Period: query.periodSeconds,
          Stat: query.statisticName,
        },
        ReturnData: query.returnData,
      }
    : { Id: query.id, Expression: query.text, Label: query.label, ReturnData: query.returnData };

const watched = (queries: readonly DataQuery[], periodSeconds: number): object => {
  const [only, ...others] = queries;
  if (only === undefined || others.length > 0 || !isMetric(only))
    return { Period: periodSeconds, Metrics: queries.map(queryOf) };
  return {
    MetricName: only.metric.name,
    Namespace: only.metric.namespace,
    ...statisticOf(only.statisticName),
    Unit: null,
    Dimensions: pairs(only.metric.dimensions),
    Period: periodSeconds,
  };
};

const regionOf = (arn: string): string => {
  const region = arn.split(":")[3] ?? "";
  return REGIONS[region] ?? region;
};

export const alarmSubject = ({ alarm: { settings }, to }: Transition): string =>
  `${to}: "${settings.name}" in ${regionOf(settings.arn)}`.slice(0, LONGEST_SUBJECT);

export const alarmMessage = ({ alarm, from, to, reason, at }: Transition): string => {
  const { settings, configuredAt } = alarm;
  const { rule, queries, periodSeconds, actions } = settings;
  return JSON.stringify({
    AlarmName: settings.name,
    AlarmDescription: settings.description ?? null,
    AWSAccountId: settings.arn.split(":")[4] ?? "",
    AlarmConfigurationUpdatedTimestamp: time(configuredAt),
    NewStateValue: to,
    NewStateReason: reason,
    StateChangeTime: time(at),
    Region: regionOf(settings.arn),
    AlarmArn: settings.arn,
    OldStateValue: from,
    OKActions: actions.OK,
    AlarmActions: actions.ALARM,
    InsufficientDataActions: actions.INSUFFICIENT_DATA,
    Trigger: {
      ...watched(queries, periodSeconds),
      EvaluationPeriods: rule.evaluationPeriods,
      DatapointsToAlarm: rule.datapointsToAlarm,
      ComparisonOperator: rule.comparison,
      Threshold: rule.threshold,
      TreatMissingData: rule.treatMissingData,
      EvaluateLowSampleCountPercentile: settings.ignoresLowSamples ? "ignore" : "",
    },
  });
};
