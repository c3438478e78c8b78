/**
 * Streams and their records in one file of JSON lines: a line per stream, and after it a line per shard and up to
 * 1,000 records or 8 MiB. Saved when the runtime stops, read when it starts; what a killed runtime had not saved is lost.
 */

import { createReadStream, createWriteStream } from "node:fs";
import { rename } from "node:fs/promises";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Kinesis } from "./kinesis.ts";
import { sizeOf } from "./kinesis-records.ts";
import type { Shard, StoredRecord } from "./kinesis-shard.ts";
import { Stream, type StreamOptions } from "./kinesis-stream.ts";

/** A line is one string, and V8's longest is 512 MiB. */
const LINE_LIMITS = { records: 1_000, bytes: 8 * 1024 * 1024 };

type RecordLine = readonly [sequenceNumber: string, arrival: number, data: string, partitionKey: string];
interface ShardLine {
  readonly shard: number;
  /** Position of the first record. */
  readonly position: number;
  readonly records: readonly RecordLine[];
}
interface StreamLine {
  readonly stream: Omit<StreamOptions, "tags" | "checkpoints"> & {
    readonly tags: readonly (readonly [string, string])[];
    /** Absent from files of earlier versions. */
    readonly checkpoints?: readonly (readonly [string, number])[];
  };
}

const streamLine = (stream: Stream): StreamLine => ({
  stream: {
    name: stream.name,
    arn: stream.arn,
    mode: stream.mode,
    shardCount: stream.shards.length,
    createdAt: stream.createdAt,
    retentionHours: stream.retentionHours,
    maxRecordSizeKiB: stream.maxRecordSizeKiB,
    tags: [...stream.tags],
    checkpoints: [...stream.checkpoints],
  },
});

function* shardLines(shard: Shard): Generator<ShardLine> {
  let position = shard.trimHorizon;
  do {
    const { records, next } = shard.read(position, LINE_LIMITS, 0);
    const lines = records.map((r): RecordLine => [r.sequenceNumber, r.arrival, r.data, r.partitionKey]);
    yield { shard: shard.index, position, records: lines };
    position = next;
  } while (position < shard.latest);
}

function* lines(kinesis: Kinesis): Generator<string> {
  for (const stream of kinesis.streams) {
    yield `${JSON.stringify(streamLine(stream))}\n`;
    for (const shard of stream.shards) {
      for (const line of shardLines(shard)) yield `${JSON.stringify(line)}\n`;
    }
  }
}

/** Writes everything that is kept; the file is either the old or the new one, never half of it. */
export const saveStreams = async (kinesis: Kinesis, file: string): Promise<void> => {
  await pipeline(Readable.from(lines(kinesis)), createWriteStream(`${file}.new`));
  await rename(`${file}.new`, file);
};

const stored = ([sequenceNumber, arrival, data, partitionKey]: RecordLine): StoredRecord => ({
  sequenceNumber,
  arrival,
  data,
  partitionKey,
  size: sizeOf({ Data: data, PartitionKey: partitionKey }),
});

const restoreShard = (stream: Stream | undefined, line: ShardLine): void => {
  const shard = stream?.shards[line.shard];
  if (!shard) throw new Error(`it names shard ${line.shard} of a stream that has none`);
  const records = line.records.map(stored);
  if (shard.latest === 0) shard.restore(line.position, records);
  else shard.extend(records);
};

/**
 * Puts the saved streams into service; a file that does not exist holds none.
 * @throws Error naming the file, the line and the cure when it cannot be read.
 */
export const loadStreams = async (kinesis: Kinesis, file: string): Promise<void> => {
  let stream: Stream | undefined;
  let number = 0;
  try {
    for await (const text of createInterface({
      input: createReadStream(file),
      crlfDelay: Number.POSITIVE_INFINITY,
    })) {
      number += 1;
      const line = JSON.parse(text) as StreamLine | ShardLine;
      if ("stream" in line) {
        const { tags, checkpoints } = line.stream;
        stream = new Stream({ ...line.stream, tags: new Map(tags), checkpoints: new Map(checkpoints) });
        kinesis.adopt(stream);
      } else {
        restoreShard(stream, line);
      }
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(
      `${file}, line ${number}, is not a saved stream: ${why}. Delete the file to start empty.`,
      {
        cause: error,
      },
    );
  }
};
