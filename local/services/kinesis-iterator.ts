/** Shard iterators: opaque text that holds the stream, the shard, the position and the time of issue. Pure. */

import { ServiceError } from "./faults.ts";

export interface Iterator {
  readonly streamName: string;
  readonly shardIndex: number;
  /** Absolute position in the shard. */
  readonly position: number;
  /** Milliseconds since the epoch. */
  readonly issuedAt: number;
}

/** Five minutes. Source: https://docs.aws.amazon.com/kinesis/latest/APIReference/API_GetShardIterator.html */
const LIFETIME_MS = 300_000;
const FIELDS = /^([a-zA-Z0-9_.-]{1,128})\n(\d{1,6})\n(\d{1,15})\n(\d{1,15})$/;

export const encodeIterator = (iterator: Iterator): string =>
  Buffer.from(
    `${iterator.streamName}\n${iterator.shardIndex}\n${iterator.position}\n${Math.floor(iterator.issuedAt)}`,
  ).toString("base64url");

const invalid = (): ServiceError => new ServiceError("InvalidArgumentException", "Invalid ShardIterator.");

/** @throws ServiceError InvalidArgumentException for text that is no iterator. */
export const decodeIterator = (text: string): Iterator => {
  const fields = FIELDS.exec(Buffer.from(text, "base64url").toString("latin1"));
  if (!fields?.[1]) throw invalid();
  return {
    streamName: fields[1],
    shardIndex: Number(fields[2]),
    position: Number(fields[3]),
    issuedAt: Number(fields[4]),
  };
};

/** `Thu Jan 22 01:22:02 UTC 2015` */
const awsTime = (ms: number): string => {
  const [day = "", date, month, year, time] = new Date(ms).toUTCString().split(" ");
  return `${day.slice(0, 3)} ${month} ${date} ${time} UTC ${year}`;
};

/** @throws ServiceError ExpiredIteratorException five minutes after its issue. */
export const checkFresh = (iterator: Iterator, now: number): void => {
  if (now - iterator.issuedAt <= LIFETIME_MS) return;
  throw new ServiceError(
    "ExpiredIteratorException",
    `Iterator expired. The iterator was created at time ${awsTime(iterator.issuedAt)} while right now it is ` +
      `${awsTime(now)} which is further in the future than the tolerated delay of ${LIFETIME_MS} milliseconds.`,
  );
};
