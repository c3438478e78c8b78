/**
 * Metrics in CloudWatch's embedded metric format: a log line from which CloudWatch makes metrics, without a call.
 *
 * The line is the document itself, on standard output past `console`: under Lambda's JSON log format `console` would
 * put it inside another object, where CloudWatch does not look for it.
 *
 * Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 */
import { type Write, writeLine } from "./logger.ts";

const METRIC_NAMESPACE = "Telemetry";
/** CloudWatch takes at most 100 metrics in one document. */
const MAX_METRICS = 100;
/** And at most 100 values of one metric. */
const MAX_VALUES = 100;

type Unit = "Count" | "Bytes" | "Milliseconds";

export interface MetricDocument {
  _aws: {
    Timestamp: number;
    CloudWatchMetrics: {
      Namespace: string;
      Dimensions: string[][];
      Metrics: { Name: string; Unit: Unit }[];
    }[];
  };
  [name: string]: unknown;
}

export interface MetricOptions {
  now: number;
  /** @default "Count" */
  unit?: Unit;
}

type EmitOptions = Partial<MetricOptions> & { write?: Write };

/**
 * The document of one moment's figures.
 *
 * @param service the only dimension: the function's name.
 * @param values name to figure, or to at most 100 values of it; all in `unit`, at most 100.
 */
export function metricDocument(
  service: string,
  values: Record<string, number | readonly number[]>,
  { now, unit = "Count" }: MetricOptions,
): MetricDocument {
  const names = Object.keys(values).slice(0, MAX_METRICS);
  const metrics = names.map((name) => ({ Name: name, Unit: unit }));
  return {
    _aws: {
      Timestamp: now,
      CloudWatchMetrics: [{ Namespace: METRIC_NAMESPACE, Dimensions: [["service"]], Metrics: metrics }],
    },
    service,
    ...Object.fromEntries(names.map((name) => [name, values[name]])),
  };
}

/** Writes the figures as one log line. */
export function emitMetrics(
  service: string,
  values: Record<string, number>,
  { now = Date.now(), unit, write = writeLine }: EmitOptions = {},
): void {
  write(JSON.stringify(metricDocument(service, values, { now, unit })));
}

/**
 * At most 100 values that stand for all: every value where there are no more, else those at equal steps through the
 * sorted ones, smallest and largest included. Percentiles stay within one percent of all values'.
 */
function representative(values: readonly number[]): readonly number[] {
  if (values.length <= MAX_VALUES) return values;
  const sorted = Float64Array.from(values).sort();
  const step = (sorted.length - 1) / (MAX_VALUES - 1);
  return Array.from({ length: MAX_VALUES }, (_, index) => sorted[Math.round(index * step)] as number);
}

/** Writes what was measured many times as one log line, so that CloudWatch knows percentiles; nothing of no values. */
export function emitValues(
  service: string,
  [name, values]: [name: string, values: readonly number[]],
  { now = Date.now(), unit, write = writeLine }: EmitOptions = {},
): void {
  if (values.length === 0) return;
  write(JSON.stringify(metricDocument(service, { [name]: representative(values) }, { now, unit })));
}
