/**
 * Metrics in CloudWatch's embedded metric format: a log line from which CloudWatch makes metrics, without a call.
 *
 * Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 */
import { type Write, writeLine } from "./logger.ts";

const METRIC_NAMESPACE = "Telemetry";
/** CloudWatch takes at most 100 metrics in one document. */
const MAX_METRICS = 100;

export type Unit = "Count" | "Bytes" | "Milliseconds";

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

/**
 * The document of one moment's figures.
 *
 * @param service the only dimension: the function's name.
 * @param values name to figure; all in `unit` (default `Count`), at most 100.
 */
export function metricDocument(
  service: string,
  values: Record<string, number>,
  { now, unit = "Count" }: { now: number; unit?: Unit },
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
  { now = Date.now(), unit, write = writeLine }: { now?: number; unit?: Unit; write?: Write } = {},
): void {
  write(JSON.stringify(metricDocument(service, values, { now, unit })));
}
