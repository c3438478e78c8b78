/** How many invocations a rate of events makes. Pure. */
import type { ResourceNode } from "../../local/engine/graph.ts";
import { mapOf, numberOf, TABLE } from "../../local/engine/rules/view.ts";

/** An invocation's payload, and what base64 makes of a record's bytes: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html */
const PAYLOAD_BYTES = 6 * 1024 * 1024;
const BASE64 = 4 / 3;
/** Lambda reads a shard once a second: https://docs.aws.amazon.com/lambda/latest/dg/with-kinesis.html */
const SHARD_POLL_SECONDS = 1;
/** Batches that Lambda collects at once for a queue: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html */
const QUEUE_POLLERS = 5;
/** A shard of a stream takes this: https://docs.aws.amazon.com/streams/latest/dev/service-sizes-and-limits.html */
const SHARD_RECORDS = 1_000;
const SHARD_BYTES = 1024 * 1024;
/** An on-demand stream starts with 4 shards and keeps room for twice its peak: https://docs.aws.amazon.com/streams/latest/dev/how-do-i-size-a-stream.html */
const LEAST_ON_DEMAND_SHARDS = 4;
const ON_DEMAND_HEADROOM = 2;
/** A partition of a table takes so many writes a second, and its change stream has a shard per partition: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html */
const PARTITION_WRITES = 1_000;
/** CloudWatch Logs sends a subscription's lines in batches; how large is not documented. Assumed. */
const LOG_BATCH = { lines: 100, seconds: 5 };

/** Events a second, and the bytes of one. */
export interface Arrival {
  perSecond: number;
  bytes: number;
}

/**
 * Batches a second of one source that is read in `lanes` (shards) at once: at low rates every look finds one event and
 * makes one invocation, at high rates batches are full. Never falls when the rate rises.
 */
const batchesPerSecond = (perSecond: number, size: number, lanes: number, seconds: number): number =>
  Math.max(perSecond / Math.max(1, size), Math.min(perSecond, lanes / seconds));

const fits = (batchSize: number, bytes: number): number =>
  Math.min(batchSize, Math.max(1, PAYLOAD_BYTES / BASE64 / Math.max(1, bytes)));

export interface StreamBatching {
  batchSize: number;
  windowSeconds: number;
  /** Shards times the parallelization factor. */
  lanes: number;
}

export const streamBatches = (
  { perSecond, bytes }: Arrival,
  { batchSize, windowSeconds, lanes }: StreamBatching,
): number =>
  batchesPerSecond(perSecond, fits(batchSize, bytes), lanes, Math.max(windowSeconds, SHARD_POLL_SECONDS));

/** Without a window a batch holds one message, as polls find them when they come: the dearer end. */
export const queueBatches = (
  { perSecond, bytes }: Arrival,
  { batchSize, windowSeconds }: Omit<StreamBatching, "lanes">,
): number =>
  windowSeconds > 0
    ? batchesPerSecond(perSecond, fits(batchSize, bytes), QUEUE_POLLERS, windowSeconds)
    : perSecond;

export const logBatches = ({ perSecond }: Arrival): number =>
  batchesPerSecond(perSecond, LOG_BATCH.lines, 1, LOG_BATCH.seconds);

/** Shards that a rate fills, by records or by bytes: a part of one, too. */
export const shardsFilled = ({ perSecond, bytes }: Arrival): number =>
  Math.max(perSecond / SHARD_RECORDS, (perSecond * bytes) / SHARD_BYTES);

/** Shards that a rate needs at least. */
export const shardsNeeded = (arrival: Arrival): number => Math.max(1, Math.ceil(shardsFilled(arrival)));

/** Shards that an on-demand stream has come to under a steady rate: not whole, since it follows the rate. */
const onDemandShards = (arrival: Arrival): number =>
  Math.max(LEAST_ON_DEMAND_SHARDS, shardsFilled(arrival) * ON_DEMAND_HEADROOM);

export const isOnDemand = (stream: ResourceNode): boolean =>
  mapOf(stream.inputs.streamModeDetails).streamMode === "ON_DEMAND";

/** Shards of a stream, or partitions of a table, under what arrives there. */
export const shardsOf = (node: ResourceNode, arrival: Arrival): number => {
  if (node.type === TABLE) return Math.max(1, arrival.perSecond / PARTITION_WRITES);
  return isOnDemand(node) ? onDemandShards(arrival) : (numberOf(node, "shardCount") ?? 1);
};
