/**
 * What a function gets for a batch of stream records. Pure.
 * Source: https://docs.aws.amazon.com/lambda/latest/dg/with-kinesis.html
 */
import type { StoredRecord } from "../../services/kinesis-shard.ts";
import type { RecordForm, ShardPlace } from "../shards/record.ts";

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

const toEventRecord = (record: StoredRecord, place: ShardPlace): KinesisEventRecord => ({
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

export const KINESIS_FORM: RecordForm<StoredRecord> = {
  toEventRecord,
  eventBytes: (record, place) =>
    record.data.length +
    // An escaped character takes up to six bytes.
    record.partitionKey.length * 6 +
    place.streamArn.length +
    place.roleArn.length +
    RECORD_FRAME_BYTES,
  toDocument: (record) => ({
    kinesisSchemaVersion: "1.0",
    partitionKey: record.partitionKey,
    sequenceNumber: record.sequenceNumber,
    approximateArrivalTimestamp: record.arrival / 1000,
    data: Buffer.from(record.data, "base64").toString("utf8"),
    eventSource: "aws:kinesis",
    eventName: "aws:kinesis:record",
    eventVersion: "1.0",
  }),
  bodyKey: "data",
  orderKey: ({ partitionKey }) => partitionKey,
  batchInfo: "KinesisBatchInfo",
};
