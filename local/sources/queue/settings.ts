/**
 * A queue's event source mapping, read from its resource. Pure.
 * Source: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-parameters.html
 */
import { type PropertyMap, plain, type ResourceNode } from "../../engine/graph.ts";
import { functionNameOf } from "../../lambda/permission.ts";

export interface QueueMapping {
  /** The mapping's UUID. */
  id: string;
  /** The resource's logical name. */
  name: string;
  queueArn: string;
  queueName: string;
  fifo: boolean;
  functionName: string;
  /** As the mapping names it: by name, or by the ARN of the function or an alias. */
  functionReference: string;
  enabled: boolean;
  batchSize: number;
  windowMs: number;
  /** Most batches in work at once. */
  maximumConcurrency: number;
  /** Where concurrency begins; it grows from there. */
  initialConcurrency: number;
  partialResponses: boolean;
  filters: string[];
}

interface Range {
  key: string;
  value: unknown;
  fallback: number;
  minimum: number;
  maximum: number;
}

/** https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html */
const FIRST_POLLERS = 5;
const MOST_POLLERS = 1_250;
/** Of one provisioned poller. */
const BATCHES_PER_POLLER = 10;

const asMap = (value: unknown): PropertyMap =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as PropertyMap) : {};

type Fail = (what: string) => never;

const inRange = (fail: Fail, { key, value, fallback, minimum, maximum }: Range): number => {
  if (value === undefined || value === null) return fallback;
  if (Number.isInteger(value) && Number(value) >= minimum && Number(value) <= maximum) return Number(value);
  return fail(`${key} is ${value}; AWS takes ${minimum} to ${maximum}.`);
};

const readConcurrency = (
  fail: Fail,
  inputs: PropertyMap,
): Pick<QueueMapping, "initialConcurrency" | "maximumConcurrency"> => {
  const { maximumConcurrency: most } = asMap(inputs.scalingConfig);
  const provisioned = asMap(inputs.provisionedPollerConfig);
  if (Object.keys(provisioned).length === 0) {
    const maximumConcurrency = inRange(fail, {
      key: "scalingConfig.maximumConcurrency",
      value: most,
      fallback: MOST_POLLERS,
      minimum: 2,
      maximum: 1_000,
    });
    return { maximumConcurrency, initialConcurrency: Math.min(FIRST_POLLERS, maximumConcurrency) };
  }
  if (most !== undefined) {
    fail("provisionedPollerConfig and scalingConfig.maximumConcurrency exclude each other. Leave one out.");
  }
  const range = (key: "minimumPollers" | "maximumPollers", fallback: number, maximum: number): number =>
    inRange(fail, {
      key: `provisionedPollerConfig.${key}`,
      value: provisioned[key],
      fallback,
      minimum: 2,
      maximum,
    });
  return {
    initialConcurrency: range("minimumPollers", 2, 200) * BATCHES_PER_POLLER,
    maximumConcurrency: range("maximumPollers", 200, 10_000) * BATCHES_PER_POLLER,
  };
};

const readFilters = (inputs: PropertyMap): string[] => {
  const { filters } = asMap(inputs.filterCriteria);
  if (!Array.isArray(filters)) return [];
  return filters.flatMap((filter) => {
    const { pattern } = asMap(filter);
    return typeof pattern === "string" ? [pattern] : [];
  });
};

const readBatching = (
  fail: Fail,
  inputs: PropertyMap,
  fifo: boolean,
): Pick<QueueMapping, "batchSize" | "windowMs"> => {
  const { batchSize: size, maximumBatchingWindowInSeconds: seconds } = inputs;
  const batchSize = inRange(fail, {
    key: "batchSize",
    value: size,
    fallback: 10,
    minimum: 1,
    maximum: fifo ? 10 : 10_000,
  });
  const window = inRange(fail, {
    key: "maximumBatchingWindowInSeconds",
    value: seconds,
    fallback: 0,
    minimum: 0,
    maximum: fifo ? 0 : 300,
  });
  if (batchSize > 10 && window === 0) {
    fail(`batchSize is ${batchSize}; above 10, maximumBatchingWindowInSeconds must be at least 1.`);
  }
  return { batchSize, windowMs: window * 1_000 };
};

/** Whether the resource is a queue's mapping, and not a stream's. */
export const isOfQueue = (node: ResourceNode): boolean => {
  const arn = plain(node.inputs.eventSourceArn ?? null);
  return typeof arn === "string" && arn.split(":")[2] === "sqs";
};

/** @throws when a value is missing or outside AWS's range; the message names the mapping, the value and the range */
export const readMapping = (node: ResourceNode): QueueMapping => {
  const fail: Fail = (what) => {
    throw new Error(`Event source mapping "${node.name}": ${what}`);
  };
  const inputs = plain(node.inputs) as PropertyMap;
  const queueArn = String(inputs.eventSourceArn);
  const fifo = queueArn.endsWith(".fifo");
  const uuid = plain(node.outputs.uuid ?? null);
  const { functionResponseTypes: types } = inputs;
  if (Object.keys(asMap(inputs.destinationConfig)).length > 0) {
    fail(
      "destinationConfig is for streams; what a queue's function fails on goes to the queue's dead letters.",
    );
  }
  return {
    id: typeof uuid === "string" && uuid !== "" ? uuid : node.id,
    name: node.name,
    queueArn,
    queueName: queueArn.split(":")[5] ?? "",
    fifo,
    functionName: functionNameOf(String(inputs.functionName ?? "")),
    functionReference: String(inputs.functionName ?? ""),
    enabled: inputs.enabled !== false,
    ...readBatching(fail, inputs, fifo),
    ...readConcurrency(fail, inputs),
    partialResponses: Array.isArray(types) && types.includes("ReportBatchItemFailures"),
    filters: readFilters(inputs),
  };
};
