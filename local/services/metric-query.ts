/** Points of metrics and of expressions over them, as GetMetricData and alarms ask for them. */
import { type InsightsQuery, isInsightsQuery, parseInsightsQuery } from "../kit/insights-query.ts";
import { compileMath, type MathExpression, type Points } from "../kit/metric-math.ts";
import { MathError } from "../kit/metric-math-parser.ts";
import { type MetricName, type MetricSeries, type MetricStore, MINUTE_MS } from "./metric-store.ts";
import { type Statistic, Summary, statisticNamed } from "./metric-summary.ts";

/** Periods that follow each other. */
export interface Windows {
  /** Where the first one begins, in milliseconds since the epoch. */
  readonly start: number;
  /** A multiple of 60. */
  readonly periodSeconds: number;
  readonly length: number;
}

interface Named {
  readonly id: string;
  readonly label: string;
  readonly returnData: boolean;
}

export interface MetricQuery extends Named {
  readonly metric: MetricName;
  /** E.g. `Sum`, `p99`. */
  readonly statisticName: string;
  readonly statistic: Statistic;
  readonly periodSeconds: number;
}

interface ExpressionQuery extends Named {
  readonly text: string;
  readonly expression: MathExpression;
}

/** One figure over all metrics that fit. */
interface SearchQuery extends Named {
  readonly text: string;
  readonly search: InsightsQuery;
  readonly periodSeconds: number;
}

export type DataQuery = MetricQuery | ExpressionQuery | SearchQuery;

const isExpression = (query: DataQuery): query is ExpressionQuery => "expression" in query;

/** Whether a query names one metric and a statistic of it. */
export const isMetric = (query: DataQuery): query is MetricQuery => "metric" in query;

/** @throws Error saying what is wrong with the text; a search needs the period */
export const textQuery = (named: Named, text: string, periodSeconds: number | undefined): DataQuery => {
  if (!isInsightsQuery(text)) return { ...named, text, expression: compileMath(text) };
  if (periodSeconds === undefined) throw new MathError("a query of metrics needs a period.");
  return { ...named, text, search: parseInsightsQuery(text), periodSeconds };
};

/** Several metrics count as one. */
const pointsOf = (
  all: readonly MetricSeries[],
  statistic: Statistic,
  { start, periodSeconds, length }: Windows,
): Points => {
  const period = periodSeconds * 1_000;
  return Array.from({ length }, (_, index) => {
    const begin = start + index * period;
    const found = all.flatMap((series) =>
      begin > series.newest ? [] : (series.summary(begin, begin + period) ?? []),
    );
    const [first, ...others] = found;
    if (first === undefined) return undefined;
    return statistic(others.length === 0 ? first : merged(found));
  });
};

const merged = (summaries: readonly Summary[]): Summary => {
  const whole = new Summary();
  for (const summary of summaries) whole.merge(summary);
  return whole;
};

const metricPoints = (store: MetricStore, { metric, statistic }: MetricQuery, windows: Windows): Points => {
  const series = store.find(metric);
  return pointsOf(series === undefined ? [] : [series], statistic, windows);
};

const searchPoints = (store: MetricStore, { search }: SearchQuery, windows: Windows): Points => {
  const fits = ({ namespace, name, dimensions }: MetricSeries): boolean =>
    name === search.metricName &&
    namespace === search.namespace &&
    search.where.every(([dimension, value]) => dimensions[dimension] === value) &&
    hasSchema(search.schema, dimensions);
  return pointsOf(store.series.filter(fits), statisticNamed(search.statistic) as Statistic, windows);
};

const hasSchema = (schema: readonly string[] | undefined, dimensions: MetricName["dimensions"]): boolean => {
  if (schema === undefined) return true;
  const names = Object.keys(dimensions);
  return names.length === schema.length && schema.every((name) => names.includes(name));
};

/** The period of the metrics that a query is made of; undefined when it names none. */
export const periodOf = (
  query: DataQuery,
  queries: readonly DataQuery[],
  seen: readonly string[] = [],
): number | undefined => {
  if (!isExpression(query)) return query.periodSeconds;
  for (const other of queries) {
    if (seen.includes(other.id) || !names(query, other)) continue;
    const period = periodOf(other, queries, [...seen, query.id]);
    if (period !== undefined) return period;
  }
  return undefined;
};

const names = ({ expression, text }: ExpressionQuery, other: DataQuery): boolean =>
  expression.ids.includes(other.id) || (/METRICS\s*\(/i.test(text) && !isExpression(other));

/**
 * The points of one query among others that it may name.
 * @throws MathError for an expression that cannot be evaluated
 */
export const queryPoints = (
  store: MetricStore,
  query: DataQuery,
  queries: readonly DataQuery[],
  windows: Windows,
): Points => {
  const open = (wanted: DataQuery, above: readonly string[]): Points => {
    if (isMetric(wanted)) return metricPoints(store, wanted, windows);
    if (!isExpression(wanted)) return searchPoints(store, wanted, windows);
    if (above.includes(wanted.id)) throw new MathError(`"${wanted.id}" depends on itself.`);
    return wanted.expression.evaluate({
      points: (id) => {
        const named = queries.find((other) => other.id === id);
        return named && open(named, [...above, wanted.id]);
      },
      metrics: queries.filter((other) => !isExpression(other)).map(({ id }) => id),
      periodSeconds: windows.periodSeconds,
      length: windows.length,
    });
  };
  return open(query, []);
};

/** Windows that end with the last whole minute, as alarms are evaluated: they slide on with every minute. */
export const windowsUntil = (now: number, periodSeconds: number, length: number): Windows => {
  const end = Math.floor(now / MINUTE_MS) * MINUTE_MS;
  return { start: end - length * periodSeconds * 1_000, periodSeconds, length };
};
