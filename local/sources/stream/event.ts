/**
 * What a function gets for a batch of stream records. Pure.
 * Sources: https://docs.aws.amazon.com/lambda/latest/dg/with-kinesis.html,
 * https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-windows.html
 */
import type { StoredRecord } from "../../services/kinesis-shard.ts";

/** What all records of a shard have in common. */
export interface ShardPlace {
  region: string;
  streamArn: string;
  shardId: string;
  /** ARN of the function's role. */
  roleArn: string;
}

/** A tumbling window in progress. */
export interface WindowFrame {
  /** Milliseconds since the epoch, a multiple of the window's length. */
  start: number;
  end: number;
  state: Readonly<Record<string, unknown>>;
}

export interface KinesisEventRecord {
  kinesis: {
    kinesisSchemaVersion: string;
    partitionKey: string;
    sequenceNumber: string;
    data: string;
    approximateArrivalTimestamp: number;
  };
  eventSource: string;
  eventVersion: string;
  eventID: string;
  eventName: string;
  invokeIdentityArn: string;
  awsRegion: string;
  eventSourceARN: string;
}

/** JSON around a record's own data and partition key, in bytes; ARNs come on top. */
const RECORD_FRAME_BYTES = 420;

const toRecord = (record: StoredRecord, place: ShardPlace): KinesisEventRecord => ({
  kinesis: {
    kinesisSchemaVersion: "1.0",
    partitionKey: record.partitionKey,
    sequenceNumber: record.sequenceNumber,
    data: record.data,
    approximateArrivalTimestamp: record.arrival / 1000,
  },
  eventSource: "aws:kinesis",
  eventVersion: "1.0",
  eventID: `${place.shardId}:${record.sequenceNumber}`,
  eventName: "aws:kinesis:record",
  invokeIdentityArn: place.roleArn,
  awsRegion: place.region,
  eventSourceARN: place.streamArn,
});

export const toEvent = (
  records: readonly StoredRecord[],
  place: ShardPlace,
): { Records: KinesisEventRecord[] } => ({ Records: records.map((record) => toRecord(record, place)) });

/** At most this many bytes of event JSON; exact enough for the payload limit, and never too low. */
export const eventBytes = (record: StoredRecord, place: ShardPlace): number =>
  record.data.length +
  // An escaped character takes up to six bytes.
  record.partitionKey.length * 6 +
  place.streamArn.length +
  place.roleArn.length +
  RECORD_FRAME_BYTES;

const isoSeconds = (time: number): string => `${new Date(time).toISOString().slice(0, 19)}Z`;

export const toWindowEvent = (
  records: readonly StoredRecord[],
  place: ShardPlace,
  frame: WindowFrame,
  end: { final: boolean; early: boolean },
): object => ({
  ...toEvent(records, place),
  window: { start: isoSeconds(frame.start), end: isoSeconds(frame.end) },
  state: frame.state,
  shardId: place.shardId,
  eventSourceARN: place.streamArn,
  isFinalInvokeForWindow: end.final,
  isWindowTerminatedEarly: end.early,
});

/** The window that a record belongs to: boundaries are multiples of the length since the epoch. */
export const windowOf = (arrival: number, seconds: number): { start: number; end: number } => {
  const length = seconds * 1_000;
  const start = Math.floor(arrival / length) * length;
  return { start, end: start + length };
};
