/** Figures from outside: PutMetricData. Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html */
import {
  invalid,
  listOf,
  mapsOf,
  metricOf,
  nameOf,
  numberOf,
  numbersOf,
  required,
  textOf,
  timeOf,
} from "./cloudwatch-input.ts";
import { ServiceError } from "./faults.ts";
import type { FigureOptions, MetricName, MetricStore } from "./metric-store.ts";
import type { Input } from "./service.ts";

const MOST_FIGURES = 1_000;
const MOST_VALUES = 150;
const DAY_MS = 86_400_000;
/** How far in the past and in the future a figure may lie. */
const OLDEST_MS = 14 * DAY_MS;
const NEWEST_MS = DAY_MS / 12;

/** A figure that was checked, ready to be kept. */
type Keep = (store: MetricStore) => void;

const checkNumber = (value: number, name: string): number => {
  if (Number.isFinite(value)) return value;
  throw invalid(`The value ${value} for parameter ${name} is invalid.`);
};

/** How often a value was seen need not be whole. */
const checkCount = (count: number): number => {
  if (checkNumber(count, "Counts") > 0) return count;
  throw invalid(`The value ${count} for parameter Counts is invalid. It must be above 0.`);
};

const keepSet = (metric: MetricName, set: Input, options: FigureOptions): Keep => {
  const read = (name: string): number => checkNumber(required(numberOf(set, name), name), name);
  const [count, sum, min, max] = [read("SampleCount"), read("Sum"), read("Minimum"), read("Maximum")];
  if (count <= 0 || min > max)
    throw invalid("StatisticValues must have a SampleCount above 0, and a Minimum of at most its Maximum.");
  return (store) => store.addSet(metric, { count, sum, min, max }, options);
};

const keepValues = (metric: MetricName, datum: Input, options: FigureOptions): Keep => {
  const values = numbersOf(datum, "Values").map((value) => checkNumber(value, "Values"));
  const counts = numbersOf(datum, "Counts").map(checkCount);
  if (values.length > MOST_VALUES)
    throw invalid(`The collection Values must not have a size greater than ${MOST_VALUES}.`);
  if (counts.length > 0 && counts.length !== values.length)
    throw invalid("The parameters Values and Counts must have the same size.");
  return (store) => {
    for (const [index, value] of values.entries())
      store.add(metric, value, { ...options, count: counts[index] ?? 1 });
  };
};

const timestampOf = (datum: Input, now: number): number => {
  const at = timeOf(datum, "Timestamp") ?? now;
  if (at >= now - OLDEST_MS && at <= now + NEWEST_MS) return at;
  throw invalid(
    "The parameter Timestamp must specify a time within the past two weeks and the next two hours.",
  );
};

const checked = (datum: Input, namespace: string, now: number): Keep => {
  const metric = metricOf(datum, namespace);
  const options = { at: timestampOf(datum, now), unit: textOf(datum, "Unit") };
  const value = numberOf(datum, "Value");
  const set = datum.StatisticValues ?? undefined;
  if (value !== undefined) {
    checkNumber(value, "Value");
    return (store) => store.add(metric, value, options);
  }
  if (typeof set === "object") return keepSet(metric, set as Input, options);
  if (listOf(datum, "Values").length > 0) return keepValues(metric, datum, options);
  throw new ServiceError(
    "MissingRequiredParameterException",
    "At least one of the parameters Value, Values and StatisticValues is required.",
  );
};

/** All of them, or none when one is wrong. @throws ServiceError */
export const putMetricData = (input: Input, store: MetricStore, now: number): object => {
  const namespace = nameOf(input, "Namespace");
  if (namespace.startsWith("AWS/")) throw invalid("The value AWS/ for parameter Namespace is invalid.");
  const figures = mapsOf(input, "MetricData");
  if (figures.length === 0)
    throw new ServiceError("MissingRequiredParameterException", "The parameter MetricData is required.");
  if (figures.length > MOST_FIGURES)
    throw invalid(`The collection MetricData must not have a size greater than ${MOST_FIGURES}.`);
  for (const keep of figures.map((datum) => checked(datum, namespace, now))) keep(store);
  return {};
};
