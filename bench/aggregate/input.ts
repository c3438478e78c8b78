/** The input that every contestant gets: batches of Kinesis records as Lambda delivers them. */
import type { KinesisStreamRecord } from "aws-lambda";

export const BATCHES = 20;
export const BATCH_SIZE = 500;
const DEVICES = 50;
const METRICS = ["temperature", "pressure", "wind"];
/** One record in a thousand is no JSON. */
const BROKEN_EVERY = 1000;
const START = Date.UTC(2026, 0, 31, 12);

function payload(index: number): string {
  if (index % BROKEN_EVERY === BROKEN_EVERY / 2) return '{"deviceId":"station-1","metric":';
  return JSON.stringify({
    deviceId: `station-${index % DEVICES}`,
    metric: METRICS[Math.floor(index / DEVICES) % METRICS.length],
    value: ((index * 7919) % 10_000) / 10,
    at: new Date(START + index * 5).toISOString(),
    eventId: `event-${index}`,
  });
}

function toRecord(index: number): KinesisStreamRecord {
  const sequenceNumber = `49${String(index).padStart(54, "0")}`;
  return {
    awsRegion: "us-east-1",
    eventID: `shardId-000000000000:${sequenceNumber}`,
    eventName: "aws:kinesis:record",
    eventSource: "aws:kinesis",
    eventSourceARN: "arn:aws:kinesis:us-east-1:000000000000:stream/telemetry",
    eventVersion: "1.0",
    invokeIdentityArn: "arn:aws:iam::000000000000:role/aggregate",
    kinesis: {
      kinesisSchemaVersion: "1.0",
      partitionKey: `station-${index % DEVICES}`,
      sequenceNumber,
      data: Buffer.from(payload(index)).toString("base64"),
      approximateArrivalTimestamp: (START + index * 5) / 1000,
    },
  };
}

/** 20 batches of 500 records, 0.1 % of them broken. */
export function createBatches(): KinesisStreamRecord[][] {
  return Array.from({ length: BATCHES }, (_, batch) =>
    Array.from({ length: BATCH_SIZE }, (_, index) => toRecord(batch * BATCH_SIZE + index)),
  );
}
