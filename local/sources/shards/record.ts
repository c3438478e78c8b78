/** What the mechanics of a shard need to know of its records: enough for a stream's and for a table's changes alike. */
import type { FilterDocument } from "../../kit/filter.ts";
import type { ShardStart } from "../../services/kinesis-position.ts";

export interface ShardRecord {
  /** Fixed width: the order of the texts is the order of the numbers. */
  readonly sequenceNumber: string;
  /** Milliseconds since the epoch. */
  readonly arrival: number;
}

/** What all records of a shard have in common. */
export interface ShardPlace {
  region: string;
  streamArn: string;
  shardId: string;
  /** ARN of the function's role. */
  roleArn: string;
}

/** How one kind of record looks to functions, filters and destinations. Pure. */
export interface RecordForm<R extends ShardRecord> {
  toEventRecord(record: R, place: ShardPlace): object;
  /** At most this many bytes of event JSON; exact enough for the payload limit, and never too low. */
  eventBytes(record: R, place: ShardPlace): number;
  /** As filters see it. */
  toDocument(record: R): FilterDocument;
  /** The document's member with the producer's own text; absent where filters see everything as it is. */
  bodyKey?: string;
  /** Records with the same key stay in order, also with a parallelization factor. */
  orderKey(record: R): string;
  /** The member that tells a destination where the records came from. */
  batchInfo: "KinesisBatchInfo" | "DDBStreamBatchInfo";
}

export const toEvent = <R extends ShardRecord>(
  records: readonly R[],
  place: ShardPlace,
  form: RecordForm<R>,
): { Records: object[] } => ({ Records: records.map((record) => form.toEventRecord(record, place)) });

/** A stream with shards, as far as a mapping needs it. */
export interface ShardStream<R extends ShardRecord> {
  form: RecordForm<R>;
  /** False once it has been deleted. */
  exists(): boolean;
  shardIds(): string[];
  /** Records from a position on; `next` is where to go on. @throws when the stream is gone */
  read(shardId: string, position: number): { records: readonly R[]; next: number };
  /** Where a reader starts. */
  position(shardId: string, start: ShardStart): number;
  /** Calls `listener` after records were added. @returns a function that ends it */
  onAppend(listener: (shardId: string) => void): () => void;
  /** How far each mapping has worked off each shard; kept with the stream. */
  checkpoints(): Map<string, number>;
}
