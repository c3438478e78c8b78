/**
 * Metrics in CloudWatch's embedded metric format, by Powertools for AWS Lambda: a log line from which CloudWatch makes
 * metrics, without a call. The line is the document itself, as functions/shared/logger.ts writes.
 *
 * Sources: https://docs.aws.amazon.com/powertools/typescript/latest/features/metrics/,
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 */
import { Metrics } from "@aws-lambda-powertools/metrics";
import { type Write, writeLine } from "./logger.ts";

const METRIC_NAMESPACE = "Telemetry";
/** CloudWatch takes at most 100 values of one metric in one document. */
const MAX_VALUES = 100;

interface EmitOptions {
  /** @default "Count" */
  unit?: "Count" | "Bytes" | "Milliseconds";
  /** Epoch milliseconds. @default now */
  now?: number;
  write?: Write;
}

/** Publishes by itself what fills a document; publishing forgets the time, so that each is given it. */
class Documents extends Metrics {
  now = 0;
  write: Write = writeLine;

  override publishStoredMetrics(): this {
    if (this.hasStoredMetrics()) this.write(JSON.stringify(this.setTimestamp(this.now).serializeMetrics()));
    this.clearMetrics();
    return this;
  }
}

/** One for all, since making one takes longer than writing a document. */
const documents = new Documents({ namespace: METRIC_NAMESPACE });

/** One dimension: `service`, the function's name. */
function emit(
  service: string,
  values: Iterable<readonly [name: string, value: number]>,
  { now = Date.now(), unit = "Count", write = writeLine }: EmitOptions,
): void {
  documents.now = now;
  documents.write = write;
  // What the call before left, also one that threw.
  documents.clearMetrics();
  documents.clearDefaultDimensions();
  documents.setDefaultDimensions({ service });
  for (const [name, value] of values) documents.addMetric(name, unit, value);
  documents.publishStoredMetrics();
}

/** Writes the figures as one log line, or one for every 100. */
export function emitMetrics(
  service: string,
  values: Record<string, number>,
  options: EmitOptions = {},
): void {
  emit(service, Object.entries(values), options);
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
  options: EmitOptions = {},
): void {
  emit(
    service,
    representative(values).map((value) => [name, value] as const),
    options,
  );
}
