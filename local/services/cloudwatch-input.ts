/** Reading the members of a CloudWatch request. Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/Welcome.html */
import { ServiceError, serializationError } from "./faults.ts";
import { type DataQuery, textQuery } from "./metric-query.ts";
import type { Dimensions, MetricName } from "./metric-store.ts";
import { type Statistic, statisticNamed } from "./metric-summary.ts";
import type { Input } from "./service.ts";

export const invalid = (message: string): ServiceError =>
  new ServiceError("InvalidParameterValueException", message);

const missing = (name: string): ServiceError =>
  new ServiceError("MissingRequiredParameterException", `The parameter ${name} is required.`);

const MOST_DIMENSIONS = 30;
const LONGEST_NAME = 255;
const MOST_QUERIES = 500;

export const textOf = (input: Input, key: string): string | undefined => {
  const value = input[key] ?? undefined;
  if (value === undefined || typeof value === "string") return value;
  throw serializationError(`${key} must be a string.`);
};

export const numberOf = (input: Input, key: string): number | undefined => {
  const value = input[key] ?? undefined;
  if (value === undefined || typeof value === "number") return value;
  throw serializationError(`${key} must be a number.`);
};

export const listOf = (input: Input, key: string): unknown[] => {
  const value = input[key] ?? [];
  if (Array.isArray(value)) return value;
  throw serializationError(`${key} must be a list.`);
};

export const mapsOf = (input: Input, key: string): Input[] =>
  listOf(input, key).map((value) => {
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Input;
    throw serializationError(`${key} must hold structures.`);
  });

export const textsOf = (input: Input, key: string): string[] => {
  const values = listOf(input, key);
  if (values.every((value) => typeof value === "string")) return values;
  throw serializationError(`${key} must hold strings.`);
};

export const numbersOf = (input: Input, key: string): number[] => {
  const values = listOf(input, key);
  if (values.every((value) => typeof value === "number")) return values;
  throw serializationError(`${key} must hold numbers.`);
};

export const required = <T>(value: T | undefined, name: string): T => {
  if (value === undefined || value === "") throw missing(name);
  return value;
};

/** A time, in milliseconds since the epoch. */
export const timeOf = (input: Input, key: string): number | undefined => {
  const seconds = numberOf(input, key);
  return seconds === undefined ? undefined : seconds * 1_000;
};

/** @throws ServiceError for a name that CloudWatch would not take */
export const nameOf = (input: Input, key: string): string => {
  const name = required(textOf(input, key), key);
  if (name.length <= LONGEST_NAME) return name;
  throw invalid(`The parameter ${key} must be shorter than ${LONGEST_NAME + 1} characters.`);
};

const dimensionsOf = (input: Input): Dimensions => {
  const pairs = mapsOf(input, "Dimensions");
  if (pairs.length > MOST_DIMENSIONS)
    throw invalid(`The collection Dimensions must not have a size greater than ${MOST_DIMENSIONS}.`);
  return Object.fromEntries(
    pairs.map((pair) => [nameOf(pair, "Name"), required(textOf(pair, "Value"), "Value")]),
  );
};

export const metricOf = (input: Input, namespace = nameOf(input, "Namespace")): MetricName => ({
  namespace,
  name: nameOf(input, "MetricName"),
  dimensions: dimensionsOf(input),
});

/** @throws ServiceError for a period that is none, or shorter than what is kept here */
export const periodOf = (input: Input): number => {
  const period = required(numberOf(input, "Period"), "Period");
  if (Number.isInteger(period) && period > 0 && period % 60 === 0) return period;
  throw invalid(
    `The parameter Period must be a multiple of 60: figures are kept by the minute here. It is ${period}.`,
  );
};

export const statisticOf = (name: string): Statistic => {
  const statistic = statisticNamed(name);
  if (statistic) return statistic;
  throw invalid(`The value ${name} for parameter Stat is not supported.`);
};

const queryOf = (input: Input): DataQuery => {
  const id = required(textOf(input, "Id"), "Id");
  if (!/^[a-z][A-Za-z0-9_]{0,254}$/.test(id))
    throw invalid(
      `The value ${id} for parameter Id must begin with a lower-case letter and hold only letters, digits and underscores.`,
    );
  const named = { id, returnData: input.ReturnData !== false };
  const text = textOf(input, "Expression");
  if (text !== undefined) return compiled({ ...named, label: textOf(input, "Label") ?? id }, text, input);
  const stat = required(input.MetricStat ?? undefined, "MetricStat") as Input;
  const metric = metricOf(required(stat.Metric ?? undefined, "Metric") as Input);
  const statisticName = required(textOf(stat, "Stat"), "Stat");
  return {
    ...named,
    label: textOf(input, "Label") ?? metric.name,
    metric,
    statisticName,
    statistic: statisticOf(statisticName),
    periodSeconds: periodOf(stat),
  };
};

/** @throws ServiceError naming the expression */
const compiled = (
  named: { id: string; label: string; returnData: boolean },
  text: string,
  input: Input,
): DataQuery => {
  const period = input.Period === undefined ? undefined : periodOf(input);
  try {
    return textQuery(named, text, period);
  } catch (error) {
    throw invalid(`Error in expression '${named.id}' "${text}": ${(error as Error).message}`);
  }
};

export const queriesOf = (input: Input): DataQuery[] => {
  const queries = mapsOf(input, "MetricDataQueries");
  if (queries.length === 0) throw missing("MetricDataQueries");
  if (queries.length > MOST_QUERIES)
    throw invalid(`The collection MetricDataQueries must not have a size greater than ${MOST_QUERIES}.`);
  return queries.map(queryOf);
};
