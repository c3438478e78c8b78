/**
 * A metric alarm, read from its resource. Pure.
 * Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
 */
import { type PropertyMap, type PropertyValue, plain, type ResourceNode } from "../../engine/graph.ts";
import { type AlarmRule, isComparison, type MissingData } from "../../kit/alarm-evaluation.ts";
import type { AlarmSettings } from "../../services/metric-alarms.ts";
import { type DataQuery, queryPoints, textQuery } from "../../services/metric-query.ts";
import { MetricStore } from "../../services/metric-store.ts";
import { type Statistic, statisticNamed } from "../../services/metric-summary.ts";

type Fail = (what: string) => never;

const text = (value: PropertyValue | undefined): string | undefined =>
  typeof value === "string" && value !== "" ? value : undefined;
const map = (value: PropertyValue | undefined): PropertyMap =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? value : {};
const list = (value: PropertyValue | undefined): PropertyMap[] =>
  Array.isArray(value) ? value.map((item) => map(item)) : [];
const texts = (value: PropertyValue | undefined): string[] =>
  Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];

const TREATMENTS: readonly MissingData[] = ["missing", "notBreaching", "breaching", "ignore"];
const DAY_SECONDS = 86_400;
/** Alarms with periods of an hour and more may look back over a week. */
const HOUR_SECONDS = 3_600;
/** Of these, an alarm never judges what is missing: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html */
const NEVER_MISSING = "AWS/DynamoDB";

const number = (value: PropertyValue | undefined, what: string, fail: Fail): number =>
  typeof value === "number"
    ? value
    : fail(`${what} is ${JSON.stringify(value ?? null)}; it must be a number.`);

const dimensions = (value: PropertyValue | undefined): Record<string, string> =>
  Object.fromEntries(Object.entries(map(value)).map(([name, each]) => [name, String(each)]));

const statistic = (name: string, fail: Fail): Statistic =>
  statisticNamed(name) ??
  fail(`the statistic ${name} is not served here; SampleCount, Sum, Average, Minimum, Maximum and pNN are.`);

const period = (value: PropertyValue | undefined, fail: Fail): number => {
  const seconds = number(value, "period", fail);
  if (Number.isInteger(seconds) && seconds > 0 && seconds % 60 === 0) return seconds;
  return fail(
    `period is ${seconds}; figures are kept by the minute here, so that it must be a multiple of 60.`,
  );
};

/** A metric, from the alarm itself or from one of its queries. */
const metricQuery = (
  values: PropertyMap,
  named: { id: string; label: string | undefined; returnData: boolean; statisticName: string | undefined },
  fail: Fail,
): DataQuery => {
  const [namespace, name] = [text(values.namespace), text(values.metricName)];
  if (name === undefined || named.statisticName === undefined)
    return fail("it needs a metricName and a statistic or extendedStatistic, or metricQueries.");
  return {
    id: named.id,
    label: named.label ?? name,
    returnData: named.returnData,
    metric: { namespace: namespace ?? "", name, dimensions: dimensions(values.dimensions) },
    statisticName: named.statisticName,
    statistic: statistic(named.statisticName, fail),
    periodSeconds: period(values.period, fail),
  };
};

const queryOf = (values: PropertyMap, fail: Fail): DataQuery => {
  const id = text(values.id) ?? fail("a query of it has no id.");
  const [label, expression] = [text(values.label), text(values.expression)];
  const returnData = values.returnData === true;
  const metric = map(values.metric);
  if (expression === undefined)
    return metricQuery(metric, { id, label, returnData, statisticName: text(metric.stat) }, fail);
  try {
    const seconds = values.period ? period(values.period, fail) : undefined;
    return textQuery({ id, label: label ?? id, returnData }, expression, seconds);
  } catch (error) {
    return fail(
      `its query "${id}", ${JSON.stringify(expression)}, is not served here: ${(error as Error).message}`,
    );
  }
};

const queriesOf = (values: PropertyMap, fail: Fail): DataQuery[] => {
  const queries = list(values.metricQueries);
  if (queries.length > 0) return queries.map((query) => queryOf(query, fail));
  const statisticName = text(values.extendedStatistic) ?? text(values.statistic);
  return [metricQuery(values, { id: "m1", label: undefined, returnData: true, statisticName }, fail)];
};

const ruleOf = (values: PropertyMap, queries: readonly DataQuery[], fail: Fail): AlarmRule => {
  const comparison = text(values.comparisonOperator) ?? "";
  if (!isComparison(comparison)) return fail(`comparisonOperator ${comparison} is not served here.`);
  if (text(values.thresholdMetricId) !== undefined) fail("anomaly detection is not served here.");
  const evaluationPeriods = number(values.evaluationPeriods, "evaluationPeriods", fail);
  const datapointsToAlarm = values.datapointsToAlarm ? Number(values.datapointsToAlarm) : evaluationPeriods;
  if (datapointsToAlarm > evaluationPeriods)
    fail(
      `datapointsToAlarm is ${datapointsToAlarm}; it must be at most evaluationPeriods, ${evaluationPeriods}.`,
    );
  const given = text(values.treatMissingData) ?? "missing";
  const treatment =
    TREATMENTS.find((each) => each === given) ??
    fail(`treatMissingData is "${given}"; it must be one of ${TREATMENTS.join(", ")}.`);
  const isKept = queries.some((query) => "metric" in query && query.metric.namespace === NEVER_MISSING);
  return {
    comparison,
    threshold: number(values.threshold, "threshold", fail),
    evaluationPeriods,
    datapointsToAlarm,
    treatMissingData: isKept ? "ignore" : treatment,
  };
};

/** Of all queries, which must agree. */
const periodSeconds = (queries: readonly DataQuery[], fail: Fail): number => {
  const periods = new Set(
    queries.flatMap((query) => ("periodSeconds" in query ? [query.periodSeconds] : [])),
  );
  const [only, ...others] = periods;
  if (only === undefined || others.length > 0)
    return fail(
      `its queries have ${periods.size} periods (${[...periods].join(", ")}); all must have the same.`,
    );
  return only;
};

/** What is wrong with an expression shows without data, too: it must not be found out minutes later. */
const checkEvaluation = (
  watched: DataQuery,
  queries: readonly DataQuery[],
  periodSeconds: number,
  fail: Fail,
): void => {
  try {
    const nothing = new MetricStore({ clock: { now: () => 0 } });
    queryPoints(nothing, watched, queries, { start: 0, periodSeconds, length: 1 });
  } catch (error) {
    fail(`its queries cannot be evaluated: ${(error as Error).message}`);
  }
};

/** @throws Error naming the alarm, for what AWS or this runtime does not take */
export const readAlarm = (node: ResourceNode): AlarmSettings => {
  const fail: Fail = (what) => {
    throw new Error(`Metric alarm "${node.name}": ${what}`);
  };
  const values = plain(node.outputs) as PropertyMap;
  const queries = queriesOf(values, fail);
  const [watched, ...others] = queries.filter(({ returnData }) => returnData);
  if (watched === undefined || others.length > 0)
    return fail(`${watched ? others.length + 1 : 0} of its queries return data; exactly one must.`);
  const rule = ruleOf(values, queries, fail);
  const seconds = periodSeconds(queries, fail);
  checkEvaluation(watched, queries, seconds, fail);
  const most = seconds >= HOUR_SECONDS ? 7 * DAY_SECONDS : DAY_SECONDS;
  if (seconds * rule.evaluationPeriods > most)
    fail(
      `period x evaluationPeriods is ${seconds * rule.evaluationPeriods} s; it must be at most ${most} s.`,
    );
  return {
    name: text(values.name) ?? node.name,
    arn: text(values.arn) ?? "",
    description: text(values.alarmDescription),
    actionsEnabled: values.actionsEnabled !== false,
    actions: {
      OK: texts(values.okActions),
      ALARM: texts(values.alarmActions),
      INSUFFICIENT_DATA: texts(values.insufficientDataActions),
    },
    rule,
    periodSeconds: seconds,
    queries,
    ignoresLowSamples: text(values.evaluateLowSampleCountPercentiles) === "ignore",
  };
};
