/**
 * What subscriptions to records in shards have in common, be it a stream's records or a table's changes: their
 * settings, what AWS refuses of them, and the arguments of the event source mapping.
 * Sources: https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-parameters.html,
 * https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-params.html
 */
import type * as aws from "@pulumi/aws";
import type * as pulumi from "@pulumi/pulumi";
import { argumentError, type Culprit, type Keys, requireRange } from "./arguments.ts";
import type { Transform } from "./transform.ts";

export interface ShardSettings {
  /**
   * Most records in one batch. 1-10,000; also cut at 6 MB.
   * @default 100
   */
  batchSize?: number;
  /**
   * Seconds to wait for a batch to fill. 0-300.
   * @default 0
   */
  maximumBatchingWindowInSeconds?: number;
  /**
   * Batches of one shard in work at once, ordered per partition key. 1-10.
   * @default 1
   */
  parallelizationFactor?: number;
  /**
   * Whether a failed batch is halved before it is tried again, to isolate a record that crashes the function.
   * @default true
   */
  bisectBatchOnFunctionError?: boolean;
  /**
   * Retries of a failed batch; -1 for until it expires. Few attempts give good records up in an outage (they
   * wait in the failures bucket); many let one crashing record hold its shard.
   * @default 10
   */
  maximumRetryAttempts?: number;
  /**
   * Seconds after which a record is given up. 60-604,800, at most 0.8 of how long records are kept; or -1 for never:
   * then what expires while it waits is lost without a trace.
   * @default three quarters of how long records are kept
   */
  maximumRecordAgeInSeconds?: number;
  /**
   * Where a new subscription starts.
   * @default "TRIM_HORIZON" (the oldest record kept)
   */
  startingPosition?: "TRIM_HORIZON" | "LATEST";
  /**
   * Up to 5 event patterns, ORed. A stream's are on the record's `data`, e.g. `[{ data: { metric: ["temperature"] } }]`
   * (a record that is no JSON matches none; AWS does not say what becomes of one that holds an array; locally it matches
   * none); a table's are on `eventName`, `dynamodb` and `userIdentity`, e.g.
   * `[{ eventName: ["INSERT"], dynamodb: { NewImage: { status: { S: ["placed"] } } } }]`.
   */
  filters?: Record<string, unknown>[];
  /** Length of a tumbling window in seconds. 1-900; needs parallelizationFactor 1. */
  tumblingWindowInSeconds?: number;
  /** The last word on the event source mapping. */
  transform?: { mapping?: Transform<aws.lambda.EventSourceMappingArgs> };
}

export const SHARD_KEYS: Keys<ShardSettings> = {
  batchSize: true,
  maximumBatchingWindowInSeconds: true,
  parallelizationFactor: true,
  bisectBatchOnFunctionError: true,
  maximumRetryAttempts: true,
  maximumRecordAgeInSeconds: true,
  startingPosition: true,
  filters: true,
  tumblingWindowInSeconds: true,
  transform: true,
};

const DEFAULTS = {
  batchSize: 100,
  parallelizationFactor: 1,
  bisectBatchOnFunctionError: true,
  maximumRetryAttempts: 10,
  startingPosition: "TRIM_HORIZON",
  recordAgeShare: 0.75,
} as const;

/** A record older than this share of the retention may vanish from the stream while it is being retried. */
const LARGEST_RECORD_AGE_SHARE = 0.8;
const LONGEST_RECORD_AGE = 604_800;
const MOST_FILTERS = 5;

/** How long records are kept where they wait, and how an error speaks of it. */
interface Retention {
  seconds: number;
  /** e.g. "the stream's retention". */
  says: string;
  /** What to do for longer ages, e.g. ", or keep records longer with retentionHours"; empty when nothing can be done. */
  cure: string;
}

export interface ShardRules {
  retention: Retention;
  /** What filters may look at. */
  filterKeys: string[];
  /** What is wrong with another key, as the rest of a sentence. */
  filterRule: string;
}

/** Refuses what AWS would, and what would lose records. @throws an error with the culprit and the cure */
export function checkShardSettings(who: Culprit, args: ShardSettings, rules: ShardRules): void {
  requireRange(who, "batchSize", args.batchSize, { minimum: 1, maximum: 10_000, unit: "records" });
  requireRange(who, "maximumBatchingWindowInSeconds", args.maximumBatchingWindowInSeconds, {
    minimum: 0,
    maximum: 300,
    unit: "seconds",
  });
  requireRange(who, "parallelizationFactor", args.parallelizationFactor, { minimum: 1, maximum: 10 });
  requireRange(who, "maximumRetryAttempts", args.maximumRetryAttempts, { minimum: -1, maximum: 10_000 });
  requireRange(who, "maximumRecordAgeInSeconds", args.maximumRecordAgeInSeconds, {
    minimum: 60,
    maximum: LONGEST_RECORD_AGE,
    unit: "seconds",
    also: [-1],
  });
  requireRange(who, "tumblingWindowInSeconds", args.tumblingWindowInSeconds, {
    minimum: 1,
    maximum: 900,
    unit: "seconds",
  });
  if (args.tumblingWindowInSeconds && (args.parallelizationFactor ?? 1) > 1) {
    throw argumentError(
      who,
      `parallelizationFactor is ${args.parallelizationFactor} with a tumbling window; AWS allows 1. Leave one of them out.`,
    );
  }
  checkRecordAge(who, args.maximumRecordAgeInSeconds, rules.retention);
  checkFilters(who, args.filters ?? [], rules);
}

function checkRecordAge(who: Culprit, age: number | undefined, { seconds, says, cure }: Retention): void {
  const most = Math.floor(seconds * LARGEST_RECORD_AGE_SHARE);
  if ((age ?? 0) <= most) return;
  throw argumentError(
    who,
    `maximumRecordAgeInSeconds ${age} is above 0.8 of ${says} (${seconds} s): records could vanish while they wait. Set it to at most ${most}${cure}.`,
  );
}

/** https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html */
function checkFilters(
  who: Culprit,
  filters: Record<string, unknown>[],
  { filterKeys, filterRule }: ShardRules,
): void {
  if (filters.length > MOST_FILTERS) {
    throw argumentError(
      who,
      `it has ${filters.length} filters; AWS allows ${MOST_FILTERS}. Join some of them.`,
    );
  }
  const other = filters.flatMap((pattern) => Object.keys(pattern)).find((key) => !filterKeys.includes(key));
  if (other !== undefined) throw argumentError(who, `a filter is on "${other}"; ${filterRule}`);
}

export interface ShardMapping {
  sourceArn: pulumi.Input<string>;
  functionArn: pulumi.Input<string>;
  failuresArn: pulumi.Input<string>;
  retention: Retention;
  tags: Record<string, pulumi.Input<string>>;
}

/** The mapping's arguments: the defaults, and the settings over them. */
export function shardMappingArgs(
  settings: ShardSettings,
  { sourceArn, functionArn, failuresArn, retention, tags }: ShardMapping,
): aws.lambda.EventSourceMappingArgs {
  return {
    eventSourceArn: sourceArn,
    functionName: functionArn,
    startingPosition: settings.startingPosition ?? DEFAULTS.startingPosition,
    batchSize: settings.batchSize ?? DEFAULTS.batchSize,
    maximumBatchingWindowInSeconds: settings.maximumBatchingWindowInSeconds,
    parallelizationFactor: settings.parallelizationFactor ?? DEFAULTS.parallelizationFactor,
    bisectBatchOnFunctionError: settings.bisectBatchOnFunctionError ?? DEFAULTS.bisectBatchOnFunctionError,
    functionResponseTypes: ["ReportBatchItemFailures"],
    maximumRetryAttempts: settings.maximumRetryAttempts ?? DEFAULTS.maximumRetryAttempts,
    maximumRecordAgeInSeconds: settings.maximumRecordAgeInSeconds ?? defaultRecordAge(retention),
    destinationConfig: { onFailure: { destinationArn: failuresArn } },
    filterCriteria: settings.filters && {
      filters: settings.filters.map((pattern) => ({ pattern: JSON.stringify(pattern) })),
    },
    tumblingWindowInSeconds: settings.tumblingWindowInSeconds,
    tags,
  };
}

const defaultRecordAge = ({ seconds }: Retention): number =>
  Math.min(Math.floor(seconds * DEFAULTS.recordAgeShare), LONGEST_RECORD_AGE);
