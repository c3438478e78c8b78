/**
 * A Metrics Insights query over all metrics of a name: one figure for all together. Pure.
 * Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-metrics-insights-querylanguage.html
 *
 * Differs from AWS: GROUP BY, ORDER BY, LIMIT, OR and != are refused, since an alarm watches one figure.
 */

export interface InsightsQuery {
  readonly statistic: "Average" | "SampleCount" | "Maximum" | "Minimum" | "Sum";
  readonly metricName: string;
  readonly namespace: string;
  /** Exactly the dimensions that a metric must have, where the query names a schema. */
  readonly schema: readonly string[] | undefined;
  /** Values that dimensions must have. */
  readonly where: readonly (readonly [dimension: string, value: string])[];
}

const FUNCTIONS: Readonly<Record<string, InsightsQuery["statistic"]>> = {
  AVG: "Average",
  COUNT: "SampleCount",
  MAX: "Maximum",
  MIN: "Minimum",
  SUM: "Sum",
};

/** A name as it is, or anything in double quotes. */
const NAME = String.raw`(?:"(?:[^"]+)"|[A-Za-z_][\w./-]*)`;
const QUERY = new RegExp(
  String.raw`^\s*SELECT\s+(\w+)\s*\(\s*(${NAME})\s*\)\s+FROM\s+(?:SCHEMA\s*\(\s*(${NAME})((?:\s*,\s*${NAME})*)\s*\)|(${NAME}))(?:\s+WHERE\s+(.+?))?\s*$`,
  "is",
);
const CONDITION = new RegExp(String.raw`^\s*(${NAME})\s*=\s*'([^']*)'\s*$`);

const bare = (name: string): string => name.replace(/^"(.*)"$/, "$1");

/** Whether a text is such a query, and not an expression. */
export const isInsightsQuery = (text: string): boolean => /^\s*SELECT\s/i.test(text);

const conditionOf = (text: string): readonly [string, string] => {
  const [, dimension, value = ""] = CONDITION.exec(text) ?? [];
  if (dimension === undefined)
    throw new Error(`its condition "${text.trim()}" is not of the form name = 'value'.`);
  return [bare(dimension), value];
};

/** @throws Error saying what of it is not served */
export const parseInsightsQuery = (text: string): InsightsQuery => {
  const [, name = "", metric = "", schema, rest = "", plain, where] = QUERY.exec(text) ?? [];
  const statistic = Object.hasOwn(FUNCTIONS, name.toUpperCase()) ? FUNCTIONS[name.toUpperCase()] : undefined;
  if (statistic === undefined || /\s(?:GROUP|ORDER)\s+BY\s|\sLIMIT\s/i.test(text))
    throw new Error(
      `it is not of the form SELECT SUM(name) FROM "namespace" WHERE dimension = 'value', the only one served.`,
    );
  return {
    statistic,
    metricName: bare(metric),
    namespace: bare(schema ?? plain ?? ""),
    schema: schema === undefined ? undefined : (rest.match(new RegExp(NAME, "g")) ?? []).map(bare),
    where: where === undefined ? [] : where.split(/\s+AND\s+/i).map(conditionOf),
  };
};
