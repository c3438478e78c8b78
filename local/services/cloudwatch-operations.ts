/** CloudWatch's operations over the store and the alarms. Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_Operations.html */
import type { AlarmState } from "../kit/alarm-evaluation.ts";
import { MathError } from "../kit/metric-math-parser.ts";
import { describeAlarm } from "./cloudwatch-alarm-view.ts";
import {
  invalid,
  mapsOf,
  metricOf,
  numberOf,
  periodOf,
  queriesOf,
  required,
  statisticOf,
  textOf,
  textsOf,
  timeOf,
} from "./cloudwatch-input.ts";
import { putMetricData } from "./cloudwatch-put.ts";
import { ServiceError } from "./faults.ts";
import type { Alarm, MetricAlarms } from "./metric-alarms.ts";
import { type DataQuery, periodOf as periodOfQuery, queryPoints, type Windows } from "./metric-query.ts";
import type { MetricName, MetricStore } from "./metric-store.ts";
import type { Input, Output } from "./service.ts";
import { Timestamp } from "./timestamp.ts";

interface CloudWatchContext {
  readonly store: MetricStore;
  readonly alarms: MetricAlarms;
  now(): number;
}

type Operation = (input: Input, context: CloudWatchContext) => Output;

const MOST_POINTS = 1_440;
const MOST_DATA_POINTS = 100_800;
const MOST_LISTED = 500;
const MOST_DESCRIBED = 100;
const STATES: readonly AlarmState[] = ["OK", "ALARM", "INSUFFICIENT_DATA"];

/** Whole periods that cover a time; the first begins at a multiple of the period. */
const windowsOf = (input: Input, periodSeconds: number, most: number): Windows => {
  const start = required(timeOf(input, "StartTime"), "StartTime");
  const end = required(timeOf(input, "EndTime"), "EndTime");
  if (start >= end) throw invalid("The parameter StartTime must be less than the parameter EndTime.");
  const period = periodSeconds * 1_000;
  const first = Math.floor(start / period) * period;
  const length = Math.ceil((end - first) / period);
  if (length <= most) return { start: first, periodSeconds, length };
  throw new ServiceError(
    "InvalidParameterCombinationException",
    `You have requested up to ${length} datapoints, which exceeds the limit of ${most}. You may reduce the datapoints requested by increasing Period, or decreasing the time range.`,
  );
};

const getMetricStatistics: Operation = (input, { store }) => {
  const metric = metricOf(input);
  const windows = windowsOf(input, periodOf(input), MOST_POINTS);
  const [plain, extended] = [textsOf(input, "Statistics"), textsOf(input, "ExtendedStatistics")];
  if (plain.length + extended.length === 0)
    throw new ServiceError(
      "InvalidParameterCombinationException",
      "Must specify either Statistics or ExtendedStatistics.",
    );
  const statistics = [...plain, ...extended].map((name) => [name, statisticOf(name)] as const);
  const series = store.find(metric);
  const period = windows.periodSeconds * 1_000;
  const Datapoints = Array.from(
    { length: windows.length },
    (_, index) => windows.start + index * period,
  ).flatMap((at) => {
    const summary = series?.summary(at, at + period);
    if (summary === undefined) return [];
    const values = statistics.map(([name, statistic]) => [name, statistic(summary)] as const);
    const own = values.filter(([name]) => plain.includes(name));
    const more = values.filter(([name]) => !plain.includes(name));
    return {
      Timestamp: new Timestamp(at),
      Unit: series?.unit ?? "None",
      ...Object.fromEntries(own),
      ...(more.length > 0 ? { ExtendedStatistics: Object.fromEntries(more) } : {}),
    };
  });
  return { Label: metric.name, Datapoints };
};

const resultOf = (
  query: DataQuery,
  queries: readonly DataQuery[],
  input: Input,
  store: MetricStore,
): object => {
  const period = periodOfQuery(query, queries) ?? 60;
  const windows = windowsOf(input, period, MOST_DATA_POINTS);
  const points = queryPoints(store, query, queries, windows)
    .map((value, index) => ({ value, at: windows.start + index * period * 1_000 }))
    .filter(({ value }) => value !== undefined);
  if (textOf(input, "ScanBy") !== "TimestampAscending") points.reverse();
  return {
    Id: query.id,
    Label: query.label,
    Timestamps: points.map(({ at }) => new Timestamp(at)),
    Values: points.map(({ value }) => value),
    StatusCode: "Complete",
  };
};

/** Everything at once: there are no further pages. */
const getMetricData: Operation = (input, { store }) => {
  const queries = queriesOf(input);
  try {
    const wanted = queries.filter(({ returnData }) => returnData);
    return { MetricDataResults: wanted.map((query) => resultOf(query, queries, input, store)), Messages: [] };
  } catch (error) {
    if (error instanceof MathError) throw invalid(`Error in a metric data query: ${error.message}`);
    throw error;
  }
};

const pageOf = <T>(items: readonly T[], input: Input, most: number): { page: T[]; NextToken?: string } => {
  const token = textOf(input, "NextToken");
  const start = token === undefined ? 0 : Number(token);
  if (!Number.isInteger(start) || start < 0)
    throw new ServiceError("InvalidNextToken", "The next token is not valid.");
  const page = items.slice(start, start + most);
  return start + most < items.length ? { page, NextToken: String(start + most) } : { page };
};

const inAwsWords = ({ namespace, name, dimensions }: MetricName): object => ({
  Namespace: namespace,
  MetricName: name,
  Dimensions: Object.entries(dimensions).map(([Name, Value]) => ({ Name, Value })),
});

const listMetrics: Operation = (input, { store }) => {
  const [namespace, name] = [textOf(input, "Namespace"), textOf(input, "MetricName")];
  const filters = mapsOf(input, "Dimensions").map((pair) => ({
    name: required(textOf(pair, "Name"), "Name"),
    value: textOf(pair, "Value"),
  }));
  const found = store.series.filter(
    (metric) =>
      (namespace ?? metric.namespace) === metric.namespace &&
      (name ?? metric.name) === metric.name &&
      filters.every((filter) => {
        const value = metric.dimensions[filter.name];
        return value !== undefined && (filter.value ?? value) === value;
      }),
  );
  const { page, ...next } = pageOf(found, input, MOST_LISTED);
  return { Metrics: page.map(inAwsWords), ...next };
};

/** @throws ServiceError for a state that is none */
const stateOf = (input: Input): AlarmState | undefined => {
  const text = textOf(input, "StateValue");
  if (text === undefined) return undefined;
  const state = STATES.find((each) => each === text);
  if (state) return state;
  throw invalid(`The value ${text} for parameter StateValue is none of ${STATES.join(", ")}.`);
};

const matches = (input: Input): ((alarm: Alarm) => boolean) => {
  const names = textsOf(input, "AlarmNames");
  const [prefix, action] = [textOf(input, "AlarmNamePrefix"), textOf(input, "ActionPrefix")];
  const state = stateOf(input);
  if (names.length > 0 && prefix !== undefined)
    throw new ServiceError(
      "InvalidParameterCombinationException",
      "AlarmNamePrefix and AlarmNames cannot both be specified.",
    );
  return ({ settings, state: current }) =>
    (names.length === 0 || names.includes(settings.name)) &&
    settings.name.startsWith(prefix ?? "") &&
    (state ?? current) === current &&
    (action === undefined ||
      Object.values(settings.actions)
        .flat()
        .some((arn) => arn.startsWith(action)));
};

const describeAlarms: Operation = (input, { alarms }) => {
  const types = textsOf(input, "AlarmTypes");
  const wanted = types.length === 0 || types.includes("MetricAlarm");
  const found = wanted ? alarms.all.filter(matches(input)) : [];
  const most = numberOf(input, "MaxRecords") ?? MOST_DESCRIBED;
  if (!Number.isInteger(most) || most < 1 || most > MOST_DESCRIBED)
    throw invalid(`The parameter MaxRecords must be a number from 1 to ${MOST_DESCRIBED}.`);
  const { page, ...next } = pageOf(found, input, most);
  return { MetricAlarms: page.map(describeAlarm), CompositeAlarms: [], ...next };
};

const setAlarmState: Operation = (input, { alarms }) => {
  const name = required(textOf(input, "AlarmName"), "AlarmName");
  const state = required(stateOf(input), "StateValue");
  const reason = required(textOf(input, "StateReason"), "StateReason");
  if (alarms.setState(name, state, reason, textOf(input, "StateReasonData"))) return {};
  throw new ServiceError("ResourceNotFound", `There is no alarm "${name}".`, { status: 404 });
};

export const CLOUDWATCH_OPERATIONS: Readonly<Record<string, Operation>> = {
  DescribeAlarms: describeAlarms,
  GetMetricData: getMetricData,
  GetMetricStatistics: getMetricStatistics,
  ListMetrics: listMetrics,
  PutMetricData: (input, { store, now }) => putMetricData(input, store, now()),
  SetAlarmState: setAlarmState,
};
