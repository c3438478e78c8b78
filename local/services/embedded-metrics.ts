/**
 * The embedded metric format: figures inside a line of a log. Pure.
 * Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 *
 * A line that is not in the format is a line like any other. Of one that is, a directive or metric that breaks its
 * rules is left out, as on AWS, where it shows in the metrics EMFParsingErrors and EMFValidationErrors.
 */
import type { Dimensions, MetricName } from "./metric-store.ts";

interface EmbeddedFigure {
  readonly metric: MetricName;
  readonly values: readonly number[];
  readonly unit: string | undefined;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** What a line holds; undefined when it holds no figures at all. */
export interface EmbeddedMetrics {
  readonly figures: readonly EmbeddedFigure[];
  /** Directives and metrics that were left out. */
  readonly invalid: number;
}

type Fields = Record<string, unknown>;

const MOST_DIMENSIONS = 30;
const MOST_METRICS = 100;
const MOST_VALUES = 100;
const LONGEST_NAMESPACE = 1_024;
const LONGEST_DIMENSION = 1_024;
const LONGEST_METRIC = 1_024;

const isObject = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isText = (value: unknown, longest: number): value is string =>
  typeof value === "string" && value.length > 0 && value.length <= longest;

/** A dimension's value is a text at the line's top. */
const dimensionsOf = (keys: unknown, fields: Fields): Dimensions | undefined => {
  if (!Array.isArray(keys) || keys.length > MOST_DIMENSIONS) return undefined;
  const pairs = keys.map((key): [string, unknown] => [String(key), fields[String(key)]]);
  const fit =
    keys.every((key) => isText(key, LONGEST_METRIC)) &&
    pairs.every(([, value]) => isText(value, LONGEST_DIMENSION));
  return fit ? (Object.fromEntries(pairs) as Dimensions) : undefined;
};

const valuesOf = (value: unknown): number[] | undefined => {
  const values = Array.isArray(value) ? value : [value];
  const fit = values.length > 0 && values.length <= MOST_VALUES && values.every(Number.isFinite);
  return fit ? values : undefined;
};

interface Frame {
  readonly namespace: string;
  readonly sets: readonly Dimensions[];
  readonly fields: Fields;
  readonly at: number;
}

/** One metric under each set of dimensions; undefined when it breaks the rules. */
const metricFigures = (
  definition: unknown,
  { namespace, sets, fields, at }: Frame,
): EmbeddedFigure[] | undefined => {
  if (!isObject(definition) || !isText(definition.Name, LONGEST_METRIC)) return undefined;
  const values = valuesOf(fields[definition.Name]);
  if (values === undefined) return undefined;
  const name = definition.Name;
  const unit = typeof definition.Unit === "string" ? definition.Unit : undefined;
  return sets.map((dimensions) => ({ metric: { namespace, name, dimensions }, values, unit, at }));
};

const directiveFigures = (
  directive: unknown,
  fields: Fields,
  at: number,
): (EmbeddedFigure[] | undefined)[] => {
  if (!isObject(directive)) return [undefined];
  const { Namespace, Dimensions: keys = [[]], Metrics } = directive;
  if (!isText(Namespace, LONGEST_NAMESPACE) || !Array.isArray(keys)) return [undefined];
  if (!Array.isArray(Metrics) || Metrics.length > MOST_METRICS) return [undefined];
  const sets = keys.map((set) => dimensionsOf(set, fields));
  const whole = sets.filter((set) => set !== undefined);
  if (whole.length < sets.length || whole.length === 0) return [undefined];
  return Metrics.map((metric) => metricFigures(metric, { namespace: Namespace, sets: whole, fields, at }));
};

/** Cheap for lines without figures: they are not parsed. */
export const embeddedMetrics = (line: string): EmbeddedMetrics | undefined => {
  if (!line.startsWith("{") || !line.includes('"_aws"')) return undefined;
  const fields = parse(line);
  if (fields === undefined) return { figures: [], invalid: 1 };
  const { _aws: meta } = fields;
  if (!isObject(meta)) return undefined;
  const { Timestamp: at, CloudWatchMetrics: directives } = meta;
  if (typeof at !== "number" || !Number.isFinite(at) || !Array.isArray(directives))
    return { figures: [], invalid: 1 };
  const found = directives.flatMap((directive) => directiveFigures(directive, fields, at));
  return {
    figures: found.flatMap((figures) => figures ?? []),
    invalid: found.filter((figures) => figures === undefined).length,
  };
};

const parse = (line: string): Fields | undefined => {
  try {
    const value: unknown = JSON.parse(line);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
};
