/** An alarm as DescribeAlarms tells it. Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricAlarm.html */
import type { Alarm } from "./metric-alarms.ts";
import { type DataQuery, isMetric, type MetricQuery } from "./metric-query.ts";
import type { Dimensions } from "./metric-store.ts";
import { percentileOf } from "./metric-summary.ts";
import { Timestamp } from "./timestamp.ts";

const pairs = (dimensions: Dimensions): object[] =>
  Object.entries(dimensions).map(([Name, Value]) => ({ Name, Value }));

const single = ({ metric, statisticName, periodSeconds }: MetricQuery): object => ({
  Namespace: metric.namespace,
  MetricName: metric.name,
  Dimensions: pairs(metric.dimensions),
  Period: periodSeconds,
  ...(percentileOf(statisticName) === undefined
    ? { Statistic: statisticName }
    : { ExtendedStatistic: statisticName }),
});

const query = (each: DataQuery): object => ({
  Id: each.id,
  Label: each.label,
  ReturnData: each.returnData,
  ...(isMetric(each)
    ? {
        MetricStat: {
          Metric: {
            Namespace: each.metric.namespace,
            MetricName: each.metric.name,
            Dimensions: pairs(each.metric.dimensions),
          },
          Period: each.periodSeconds,
          Stat: each.statisticName,
        },
      }
    : { Expression: each.text, ...("search" in each ? { Period: each.periodSeconds } : {}) }),
});

const watched = (queries: readonly DataQuery[]): object => {
  const [only, ...others] = queries;
  return only && others.length === 0 && isMetric(only) ? single(only) : { Metrics: queries.map(query) };
};

export const describeAlarm = ({
  settings,
  state,
  reason,
  reasonData,
  since,
  configuredAt,
}: Alarm): object => ({
  AlarmName: settings.name,
  AlarmArn: settings.arn,
  AlarmDescription: settings.description,
  AlarmConfigurationUpdatedTimestamp: new Timestamp(configuredAt),
  ActionsEnabled: settings.actionsEnabled,
  OKActions: settings.actions.OK,
  AlarmActions: settings.actions.ALARM,
  InsufficientDataActions: settings.actions.INSUFFICIENT_DATA,
  StateValue: state,
  StateReason: reason,
  StateReasonData: reasonData,
  StateUpdatedTimestamp: new Timestamp(since),
  StateTransitionedTimestamp: new Timestamp(since),
  ...watched(settings.queries),
  EvaluationPeriods: settings.rule.evaluationPeriods,
  DatapointsToAlarm: settings.rule.datapointsToAlarm,
  Threshold: settings.rule.threshold,
  ComparisonOperator: settings.rule.comparison,
  TreatMissingData: settings.rule.treatMissingData,
  ...(settings.ignoresLowSamples ? { EvaluateLowSampleCountPercentile: "ignore" } : {}),
});
