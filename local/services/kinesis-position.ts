/** Where a reader of a shard starts. Source: https://docs.aws.amazon.com/kinesis/latest/APIReference/API_GetShardIterator.html */

import { ServiceError } from "./faults.ts";
import type { Shard } from "./kinesis-shard.ts";
import type { Stream } from "./kinesis-stream.ts";

export type ShardStart =
  | { readonly type: "TRIM_HORIZON" | "LATEST" }
  | { readonly type: "AT_SEQUENCE_NUMBER" | "AFTER_SEQUENCE_NUMBER"; readonly sequenceNumber: string }
  /** `timestamp` in milliseconds since the epoch. */
  | { readonly type: "AT_TIMESTAMP"; readonly timestamp: number };

/** Any text that ends in the shard's number names it, as at AWS: `shardId-000000000003`, `shardId-3`, `3`. */
const SHARD_NUMBER = /^(?:[^-]*-)?0*(\d{1,10})$/;
const MAX_SHARD_NUMBER = 2_147_483_647;

/** @throws ServiceError ResourceNotFoundException */
export const findShard = (stream: Stream, shardId: string, account: string): Shard => {
  const digits = SHARD_NUMBER.exec(shardId)?.[1];
  const index = digits === undefined ? Number.NaN : Number(digits);
  if (!(index <= MAX_SHARD_NUMBER)) {
    throw new ServiceError(
      "ResourceNotFoundException",
      `Could not find shard ${shardId} in stream ${stream.name} under account ${account}.`,
    );
  }
  const shard = stream.shards[index];
  if (shard) return shard;
  const id = `shardId-${String(index).padStart(12, "0")}`;
  throw new ServiceError(
    "ResourceNotFoundException",
    `Shard ${id} in stream ${stream.name} under account ${account} does not exist`,
  );
};

/** The absolute position in the shard. */
export const startPosition = (shard: Shard, start: ShardStart): number => {
  switch (start.type) {
    case "TRIM_HORIZON":
      return shard.trimHorizon;
    case "LATEST":
      return shard.latest;
    case "AT_SEQUENCE_NUMBER":
      return shard.positionOfSequence(start.sequenceNumber);
    case "AFTER_SEQUENCE_NUMBER":
      return shard.positionAfterSequence(start.sequenceNumber);
    case "AT_TIMESTAMP":
      return shard.positionOfTime(start.timestamp);
  }
};

const bad = (message: string): ServiceError => new ServiceError("InvalidArgumentException", message);

const sequenceStart = (
  shard: Shard,
  stream: Stream,
  type: "AT_SEQUENCE_NUMBER" | "AFTER_SEQUENCE_NUMBER",
  sequenceNumber: string,
): ShardStart => {
  if (!shard.owns(sequenceNumber)) {
    throw bad(
      `StartingSequenceNumber ${sequenceNumber} used in GetShardIterator on shard ${shard.id} in stream ` +
        `${stream.name} under account ${stream.arn.split(":")[4]} is invalid because it did not come from this stream.`,
    );
  }
  return { type, sequenceNumber };
};

export interface StartInput {
  readonly ShardIteratorType: string;
  readonly StartingSequenceNumber?: string | undefined;
  /** Seconds since the epoch. */
  readonly Timestamp?: number | undefined;
}

/** What GetShardIterator's members ask for. @throws ServiceError InvalidArgumentException when they contradict. */
export const readStart = (stream: Stream, shard: Shard, input: StartInput): ShardStart => {
  const { ShardIteratorType: type, StartingSequenceNumber: sequenceNumber, Timestamp } = input;
  if (type === "AT_TIMESTAMP") {
    if (Timestamp === undefined) {
      throw bad("Must specify timestampInMillis parameter for iterator of type AT_TIMESTAMP.");
    }
    return { type, timestamp: Timestamp * 1000 };
  }
  const needs = type === "AT_SEQUENCE_NUMBER" || type === "AFTER_SEQUENCE_NUMBER";
  if (needs !== (sequenceNumber !== undefined)) {
    throw bad(
      "Must either specify (1) AT_SEQUENCE_NUMBER or AFTER_SEQUENCE_NUMBER and StartingSequenceNumber or (2) " +
        `TRIM_HORIZON or LATEST and no StartingSequenceNumber. Request specified ${type} and ` +
        `${needs ? "no" : "also a"} StartingSequenceNumber.`,
    );
  }
  if (needs && sequenceNumber !== undefined) return sequenceStart(shard, stream, type, sequenceNumber);
  return { type: type === "LATEST" ? "LATEST" : "TRIM_HORIZON" };
};
