/**
 * The event source mapping of a stream or of a table's changes, read from its resource. Pure.
 * Sources: https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-parameters.html,
 * https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-params.html
 */
import { type PropertyMap, type PropertyValue, plain, type ResourceNode } from "../../engine/graph.ts";
import type { RetryPolicy } from "../../kit/retry.ts";
import { functionNameOf } from "../../lambda/permission.ts";
import type { ShardStart } from "../../services/kinesis-position.ts";

export interface MappingSettings extends RetryPolicy {
  /** The mapping's UUID. */
  id: string;
  /** The resource's logical name. */
  name: string;
  streamArn: string;
  /** Of the stream, or of the table whose changes these are. */
  streamName: string;
  functionName: string;
  /** As the mapping names it: by name, or by the ARN of the function or an alias. */
  functionReference: string;
  enabled: boolean;
  batchSize: number;
  windowMs: number;
  parallelizationFactor: number;
  start: ShardStart;
  /** Milliseconds; undefined for no limit. */
  maximumRecordAgeMs: number | undefined;
  partialResponses: boolean;
  filters: string[];
  /** Seconds; 0 for none. */
  tumblingWindowSeconds: number;
  /** ARN. */
  onFailure: string | undefined;
}

interface Range {
  fallback: number;
  minimum: number;
  maximum: number;
  /** Also allowed. */
  or?: number;
}

const RANGES = {
  batchSize: { fallback: 100, minimum: 1, maximum: 10_000 },
  maximumBatchingWindowInSeconds: { fallback: 0, minimum: 0, maximum: 300 },
  parallelizationFactor: { fallback: 1, minimum: 1, maximum: 10 },
  maximumRetryAttempts: { fallback: -1, minimum: -1, maximum: 10_000 },
  maximumRecordAgeInSeconds: { fallback: -1, minimum: 60, maximum: 604_800, or: -1 },
  tumblingWindowInSeconds: { fallback: 0, minimum: 0, maximum: 900 },
} satisfies Record<string, Range>;

const isMap = (value: PropertyValue | undefined): value is PropertyMap =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The mapping's inputs as plain values, each read with its own complaint. */
class Inputs {
  readonly #node: ResourceNode;
  readonly #values: PropertyMap;

  constructor(node: ResourceNode) {
    this.#node = node;
    const values = plain(node.inputs);
    this.#values = isMap(values) ? values : {};
  }

  fail(what: string): never {
    throw new Error(`Event source mapping "${this.#node.name}": ${what}`);
  }

  text(key: string): string {
    const value = this.#values[key];
    if (typeof value === "string" && value !== "") return value;
    return this.fail(`${key} is missing.`);
  }

  number(key: keyof typeof RANGES): number {
    const { fallback, minimum, maximum, or }: Range = RANGES[key];
    const value = this.#values[key] ?? fallback;
    if (value === or || value === fallback) return value;
    if (Number.isInteger(value) && Number(value) >= minimum && Number(value) <= maximum) return Number(value);
    const alternative = or === undefined ? "" : `${or} or `;
    return this.fail(`${key} is ${value}; AWS takes ${alternative}${minimum} to ${maximum}.`);
  }

  flag(key: string, fallback: boolean): boolean {
    const value = this.#values[key];
    return typeof value === "boolean" ? value : fallback;
  }

  value(...path: string[]): PropertyValue | undefined {
    let value: PropertyValue | undefined = this.#values;
    for (const key of path) value = isMap(value) ? value[key] : undefined;
    return value;
  }
}

/** `kinesis` or `dynamodb`. */
export const serviceOf = (arn: string): string => arn.split(":")[2] ?? "";

/** `.../stream/<stream>` of Kinesis, `.../table/<table>/stream/<label>` of DynamoDB. */
const streamNameOf = (arn: string): string =>
  /:table\/([^/]+)\/stream\//.exec(arn)?.[1] ?? arn.split(":stream/")[1] ?? arn;

const readStart = (inputs: Inputs): ShardStart => {
  const type = inputs.text("startingPosition");
  if (type === "TRIM_HORIZON" || type === "LATEST") return { type };
  if (type === "AT_TIMESTAMP" && serviceOf(inputs.text("eventSourceArn")) === "dynamodb") {
    return inputs.fail(
      'startingPosition is "AT_TIMESTAMP"; AWS takes TRIM_HORIZON or LATEST for a table\'s changes.',
    );
  }
  if (type !== "AT_TIMESTAMP") {
    return inputs.fail(`startingPosition is "${type}"; AWS takes TRIM_HORIZON, LATEST or AT_TIMESTAMP.`);
  }
  const timestamp = Date.parse(String(inputs.value("startingPositionTimestamp")));
  if (Number.isNaN(timestamp)) {
    return inputs.fail(
      "startingPositionTimestamp must be an RFC 3339 time when startingPosition is AT_TIMESTAMP.",
    );
  }
  return { type, timestamp };
};

const readFilters = (inputs: Inputs): string[] => {
  const filters = inputs.value("filterCriteria", "filters");
  if (!Array.isArray(filters)) return [];
  return filters.flatMap((filter) =>
    isMap(filter) && typeof filter.pattern === "string" ? [filter.pattern] : [],
  );
};

/** @throws when a value is missing or outside AWS's range; the message names the mapping, the value and the range */
export const readMapping = (node: ResourceNode): MappingSettings => {
  const inputs = new Inputs(node);
  const streamArn = inputs.text("eventSourceArn");
  const age = inputs.number("maximumRecordAgeInSeconds");
  const tumblingWindowSeconds = inputs.number("tumblingWindowInSeconds");
  const parallelizationFactor = inputs.number("parallelizationFactor");
  if (tumblingWindowSeconds > 0 && parallelizationFactor > 1) {
    inputs.fail(`parallelizationFactor is ${parallelizationFactor}; a tumbling window needs 1.`);
  }
  const responseTypes = inputs.value("functionResponseTypes");
  const onFailure = inputs.value("destinationConfig", "onFailure", "destinationArn");
  const uuid = plain(node.outputs.uuid ?? null);
  return {
    id: typeof uuid === "string" && uuid !== "" ? uuid : node.id,
    name: node.name,
    streamArn,
    streamName: streamNameOf(streamArn),
    functionName: functionNameOf(inputs.text("functionName")),
    functionReference: inputs.text("functionName"),
    enabled: inputs.flag("enabled", true),
    batchSize: inputs.number("batchSize"),
    windowMs: inputs.number("maximumBatchingWindowInSeconds") * 1_000,
    parallelizationFactor,
    start: readStart(inputs),
    bisect: inputs.flag("bisectBatchOnFunctionError", false),
    maximumRetryAttempts: inputs.number("maximumRetryAttempts"),
    maximumRecordAgeMs: age === -1 ? undefined : age * 1_000,
    partialResponses: Array.isArray(responseTypes) && responseTypes.includes("ReportBatchItemFailures"),
    filters: readFilters(inputs),
    tumblingWindowSeconds,
    onFailure: typeof onFailure === "string" && onFailure !== "" ? onFailure : undefined,
  };
};
