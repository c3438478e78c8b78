/** Streams and shards as the API shows them. Pure. */

import { ServiceError } from "./faults.ts";
import type { Shard, StoredRecord } from "./kinesis-shard.ts";
import type { Stream } from "./kinesis-stream.ts";
import type { Output } from "./service.ts";

const DEFAULT_PAGE = 100;
const DEFAULT_SHARD_PAGE = 1_000;

const summary = (stream: Stream): Output => ({
  StreamName: stream.name,
  StreamARN: stream.arn,
  StreamStatus: "ACTIVE",
  StreamModeDetails: { StreamMode: stream.mode },
  RetentionPeriodHours: stream.retentionHours,
  StreamCreationTimestamp: stream.createdAt / 1000,
  EnhancedMonitoring: [{ ShardLevelMetrics: [] }],
  EncryptionType: "NONE",
});

const shardView = (shard: Shard): Output => ({
  ShardId: shard.id,
  HashKeyRange: {
    StartingHashKey: String(shard.startingHashKey),
    EndingHashKey: String(shard.endingHashKey),
  },
  SequenceNumberRange: { StartingSequenceNumber: shard.startingSequenceNumber },
});

export const recordView = (record: StoredRecord): Output => ({
  SequenceNumber: record.sequenceNumber,
  ApproximateArrivalTimestamp: record.arrival / 1000,
  Data: record.data,
  PartitionKey: record.partitionKey,
});

export const describeSummary = (stream: Stream): Output => ({
  StreamDescriptionSummary: {
    ...summary(stream),
    OpenShardCount: stream.shards.length,
    ConsumerCount: 0,
    MaxRecordSizeInKiB: stream.maxRecordSizeKiB,
  },
});

const after = (shards: readonly Shard[], startId: string | undefined): readonly Shard[] =>
  startId === undefined ? shards : shards.filter((shard) => shard.id > startId);

export const describe = (
  stream: Stream,
  page: { Limit?: number | undefined; ExclusiveStartShardId?: string | undefined },
): Output => {
  const rest = after(stream.shards, page.ExclusiveStartShardId);
  const limit = page.Limit ?? DEFAULT_PAGE;
  return {
    StreamDescription: {
      ...summary(stream),
      Shards: rest.slice(0, limit).map(shardView),
      HasMoreShards: rest.length > limit,
    },
  };
};

/** `NextToken` of ListShards: the stream and the last shard shown. */
const shardToken = (stream: Stream, shardId: string): string =>
  Buffer.from(`${stream.name}\n${shardId}`).toString("base64url");

/** @throws ServiceError InvalidArgumentException for text that is no token. */
export const readShardToken = (token: string): { streamName: string; shardId: string } => {
  const [streamName, shardId] = Buffer.from(token, "base64url").toString().split("\n");
  if (!streamName || !shardId) throw new ServiceError("InvalidArgumentException", "Invalid NextToken.");
  return { streamName, shardId };
};

export const listShards = (
  stream: Stream,
  afterId: string | undefined,
  limit = DEFAULT_SHARD_PAGE,
): Output => {
  const rest = after(stream.shards, afterId);
  const shown = rest.slice(0, limit);
  const last = shown.at(-1);
  return {
    Shards: shown.map(shardView),
    ...(rest.length > limit && last ? { NextToken: shardToken(stream, last.id) } : {}),
  };
};

export const listStreams = (streams: Iterable<Stream>, afterName = "", limit = DEFAULT_PAGE): Output => {
  const rest = [...streams]
    .filter((stream) => stream.name > afterName)
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  const shown = rest.slice(0, limit);
  const more = rest.length > limit;
  return {
    StreamNames: shown.map((stream) => stream.name),
    StreamSummaries: shown.map((stream) => ({
      StreamName: stream.name,
      StreamARN: stream.arn,
      StreamStatus: "ACTIVE",
      StreamModeDetails: { StreamMode: stream.mode },
      StreamCreationTimestamp: stream.createdAt / 1000,
    })),
    HasMoreStreams: more,
    ...(more ? { NextToken: shown.at(-1)?.name } : {}),
  };
};

export const listTags = (stream: Stream, afterKey = "", limit = 50): Output => {
  const rest = [...stream.tags].filter(([key]) => key > afterKey).sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    Tags: rest.slice(0, limit).map(([Key, Value]) => ({ Key, Value })),
    HasMoreTags: rest.length > limit,
  };
};
