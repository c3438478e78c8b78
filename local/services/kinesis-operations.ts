/** The Kinesis operations: each takes a request whose members are checked, and returns the response. */

import { ServiceError, validationError } from "./faults.ts";
import {
  describe,
  describeSummary,
  listShards,
  listStreams,
  listTags,
  readShardToken,
  recordView,
} from "./kinesis-describe.ts";
import { checkFresh, decodeIterator, encodeIterator } from "./kinesis-iterator.ts";
import { findShard, readStart, startPosition } from "./kinesis-position.ts";
import type { PutRecordResult, PutRecordsOutput } from "./kinesis-records.ts";
import type { ReadLimits, ShardRead } from "./kinesis-shard.ts";
import type { CreateStreamOptions, Stream, StreamMode } from "./kinesis-stream.ts";
import type { Input, Output, Place } from "./service.ts";

interface Context extends Place {
  readonly clock: { now(): number };
}

/** What the operations need of the data plane. */
interface Streams {
  readonly streams: readonly Stream[];
  stream(name: string): Stream;
  createStream(options: CreateStreamOptions): void;
  deleteStream(name: string): void;
  putRecord(streamName: string, record: unknown): PutRecordResult;
  putRecords(streamName: string, records: readonly unknown[]): PutRecordsOutput;
  read(streamName: string, shardId: string, position: number, limits?: Partial<ReadLimits>): ShardRead;
}

const RETENTION = { min: 24, max: 8_760 };
const MAX_TAGS = 50;
const SHARD_LIMIT = 500;
const ON_DEMAND_LIMIT = 50;
const MODES: readonly StreamMode[] = ["PROVISIONED", "ON_DEMAND"];

const bad = (message: string): ServiceError => new ServiceError("InvalidArgumentException", message);
/** The members were checked against their rules, so a present one has its declared type. */
const text = (input: Input, name: string): string | undefined =>
  (input[name] ?? undefined) as string | undefined;
const number = (input: Input, name: string): number | undefined =>
  (input[name] ?? undefined) as number | undefined;

/** The stream that a request is about, by name, by ARN, or by both. */
const streamNameOf = (input: Input): string | undefined => {
  const arn = typeof input.StreamARN === "string" ? input.StreamARN.split("/").at(-1) : undefined;
  const name = typeof input.StreamName === "string" ? input.StreamName : undefined;
  if (arn !== undefined && name !== undefined && arn !== name) {
    throw bad(`StreamName ${name} does not match the StreamARN's stream ${arn}.`);
  }
  return name ?? arn;
};

const streamOf = (kinesis: Streams, input: Input): Stream => {
  const name = streamNameOf(input);
  if (name === undefined) throw bad("Either StreamARN or StreamName must be provided.");
  return kinesis.stream(name);
};

const modeOf = (input: Input): StreamMode => {
  const mode = (input.StreamModeDetails as { StreamMode?: unknown } | undefined)?.StreamMode ?? "PROVISIONED";
  const known = MODES.find((name) => name === mode);
  if (known) return known;
  throw validationError(
    `1 validation error detected: Value '${mode}' at 'streamModeDetails.streamMode' failed to satisfy constraint: ` +
      `Member must satisfy enum value set: [${MODES.join(", ")}]`,
  );
};

const tagsOf = (input: Input): Record<string, string> => {
  const tags = (input.Tags ?? {}) as Record<string, unknown>;
  for (const [key, value] of Object.entries(tags)) {
    if (key.length < 1 || key.length > 128 || typeof value !== "string" || value.length > 256) {
      throw bad(
        `Tag ${JSON.stringify(key)} is not valid: a key has 1 to 128 characters, a value is text of at most 256.`,
      );
    }
  }
  return tags as Record<string, string>;
};

const createStream = (kinesis: Streams, input: Input): Output => {
  const mode = modeOf(input);
  const shardCount = number(input, "ShardCount");
  if (mode === "ON_DEMAND" && shardCount !== undefined) {
    throw validationError("ShardCount cannot be specified when the stream mode is ON_DEMAND.");
  }
  if (mode === "PROVISIONED" && shardCount === undefined) {
    throw validationError("ShardCount must be specified when the stream mode is PROVISIONED.");
  }
  if (shardCount !== undefined && shardCount > SHARD_LIMIT) {
    throw new ServiceError(
      "LimitExceededException",
      `This request would exceed the shard limit for the account. Limit: ${SHARD_LIMIT}. Requested: ${shardCount}.`,
    );
  }
  kinesis.createStream({
    name: text(input, "StreamName") ?? "",
    mode,
    shardCount,
    maxRecordSizeKiB: number(input, "MaxRecordSizeInKiB"),
    tags: tagsOf(input),
  });
  return {};
};

const setRetention = (stream: Stream, hours: number, direction: "Increase" | "Decrease"): Output => {
  const wanted = `Requested retention period (${hours} hours)`;
  if (hours < RETENTION.min) {
    throw bad(`Minimum allowed retention period is ${RETENTION.min} hours. ${wanted} is too short.`);
  }
  if (hours > RETENTION.max) {
    throw bad(`Maximum allowed retention period is ${RETENTION.max} hours. ${wanted} is too long.`);
  }
  const change = hours - stream.retentionHours;
  if (direction === "Increase" ? change < 0 : change > 0) {
    const [comparison, other] = change < 0 ? ["shorter", "Decrease"] : ["longer", "Increase"];
    throw bad(
      `${wanted} for stream ${stream.name} can not be ${comparison} than existing retention period ` +
        `(${stream.retentionHours} hours). Use ${other}RetentionPeriod API.`,
    );
  }
  stream.retentionHours = hours;
  return {};
};

const putRecord = (kinesis: Streams, input: Input): Output => {
  const stream = streamOf(kinesis, input);
  const result = kinesis.putRecord(stream.name, input);
  if ("ErrorCode" in result) throw new ServiceError(result.ErrorCode, result.ErrorMessage);
  return result;
};

const getShardIterator = (kinesis: Streams, input: Input, context: Context): Output => {
  const stream = streamOf(kinesis, input);
  const shard = findShard(stream, text(input, "ShardId") ?? "", context.account);
  const start = readStart(stream, shard, {
    ShardIteratorType: text(input, "ShardIteratorType") ?? "",
    StartingSequenceNumber: text(input, "StartingSequenceNumber"),
    Timestamp: number(input, "Timestamp"),
  });
  const position = startPosition(shard, start);
  const issuedAt = context.clock.now();
  return {
    ShardIterator: encodeIterator({ streamName: stream.name, shardIndex: shard.index, position, issuedAt }),
  };
};

const getRecords = (kinesis: Streams, input: Input, context: Context): Output => {
  const iterator = decodeIterator(text(input, "ShardIterator") ?? "");
  const now = context.clock.now();
  checkFresh(iterator, now);
  const limit = number(input, "Limit");
  const { records, next, millisBehindLatest } = kinesis.read(
    iterator.streamName,
    String(iterator.shardIndex),
    iterator.position,
    limit === undefined ? {} : { records: limit },
  );
  return {
    Records: records.map(recordView),
    NextShardIterator: encodeIterator({ ...iterator, position: next, issuedAt: now }),
    MillisBehindLatest: millisBehindLatest,
  };
};

const pageShards = (kinesis: Streams, input: Input): Output => {
  const token = text(input, "NextToken");
  const named = streamNameOf(input);
  if (token !== undefined && named !== undefined) {
    throw bad("NextToken and StreamName cannot be provided together.");
  }
  const limit = number(input, "MaxResults");
  if (token === undefined) {
    return listShards(streamOf(kinesis, input), text(input, "ExclusiveStartShardId"), limit);
  }
  const { streamName, shardId } = readShardToken(token);
  return listShards(kinesis.stream(streamName), shardId, limit);
};

const addTags = (stream: Stream, input: Input): Output => {
  const tags = Object.entries(tagsOf(input));
  const total = new Set([...stream.tags.keys(), ...tags.map(([key]) => key)]).size;
  if (total > MAX_TAGS) {
    throw bad(
      `Failed to add tags to stream ${stream.name}: it would have ${total} tags, and at most ${MAX_TAGS} fit.`,
    );
  }
  for (const [key, value] of tags) stream.tags.set(key, value);
  return {};
};

const removeTags = (stream: Stream, input: Input): Output => {
  for (const key of input.TagKeys as unknown[]) stream.tags.delete(String(key));
  return {};
};

const limits = (kinesis: Streams): Output => {
  const onDemand = kinesis.streams.filter((stream) => stream.mode === "ON_DEMAND");
  const provisioned = kinesis.streams.filter((stream) => stream.mode === "PROVISIONED");
  return {
    ShardLimit: SHARD_LIMIT,
    OpenShardCount: provisioned.reduce((sum, stream) => sum + stream.shards.length, 0),
    OnDemandStreamCount: onDemand.length,
    OnDemandStreamCountLimit: ON_DEMAND_LIMIT,
  };
};

const setMaxRecordSize = (stream: Stream, input: Input): Output => {
  stream.maxRecordSizeKiB = number(input, "MaxRecordSizeInKiB") ?? stream.maxRecordSizeKiB;
  return {};
};

/** Operation name -> what it does. The names are those of `OPERATIONS` in kinesis-validation.ts. */
export const kinesisOperations = (
  kinesis: Streams,
  context: Context,
): Readonly<Record<string, (input: Input) => Output>> => {
  const about = (run: (stream: Stream, input: Input) => Output) => (input: Input) =>
    run(streamOf(kinesis, input), input);
  const hours = (input: Input) => number(input, "RetentionPeriodHours") ?? 0;
  return {
    CreateStream: (input) => createStream(kinesis, input),
    DeleteStream: about((stream) => {
      kinesis.deleteStream(stream.name);
      return {};
    }),
    DescribeStream: about((stream, input) => describe(stream, input)),
    DescribeStreamSummary: about((stream) => describeSummary(stream)),
    DescribeLimits: () => limits(kinesis),
    ListStreams: (input) =>
      listStreams(
        kinesis.streams,
        text(input, "NextToken") ?? text(input, "ExclusiveStartStreamName"),
        number(input, "Limit"),
      ),
    ListShards: (input) => pageShards(kinesis, input),
    PutRecord: (input) => putRecord(kinesis, input),
    PutRecords: about((stream, input) => kinesis.putRecords(stream.name, input.Records as unknown[])),
    GetShardIterator: (input) => getShardIterator(kinesis, input, context),
    GetRecords: (input) => getRecords(kinesis, input, context),
    IncreaseStreamRetentionPeriod: about((stream, input) => setRetention(stream, hours(input), "Increase")),
    DecreaseStreamRetentionPeriod: about((stream, input) => setRetention(stream, hours(input), "Decrease")),
    UpdateMaxRecordSize: about(setMaxRecordSize),
    AddTagsToStream: about(addTags),
    RemoveTagsFromStream: about(removeTags),
    ListTagsForStream: about((stream, input) =>
      listTags(stream, text(input, "ExclusiveStartTagKey"), number(input, "Limit")),
    ),
  };
};
