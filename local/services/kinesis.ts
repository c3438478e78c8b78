/**
 * Kinesis Data Streams in memory: JSON 1.1 operations for clients, and an in-process side for the stream source.
 *
 * Differs from AWS: a stream is active at once; shards cannot be split or merged and an on-demand stream keeps its
 * 4 shards; reads are not throttled; records are also dropped when memory runs out (`memoryBytes`).
 * Source: https://docs.aws.amazon.com/kinesis/latest/APIReference/Welcome.html
 */

import { streamPermissions } from "./authorise-kinesis.ts";
import type { StreamWrite } from "./aws-figures.ts";
import { notServed, ServiceError } from "./faults.ts";
import { kinesisOperations } from "./kinesis-operations.ts";
import { findShard, type ShardStart, startPosition } from "./kinesis-position.ts";
import {
  checkRecord,
  MAX_REQUEST_BYTES,
  type PutRecordResult,
  type PutRecordsOutput,
  type RecordInput,
} from "./kinesis-records.ts";
import type { ReadLimits, Shard, ShardRead } from "./kinesis-shard.ts";
import { type CreateStreamOptions, Stream } from "./kinesis-stream.ts";
import { check, OPERATIONS } from "./kinesis-validation.ts";
import type { Input, JsonService, Output, Permission, Place } from "./service.ts";

const MIB = 1024 * 1024;
/** GetRecords returns at most this. Source: https://docs.aws.amazon.com/streams/latest/dev/service-sizes-and-limits.html */
const READ_LIMITS: ReadLimits = { records: 10_000, bytes: 10 * MIB };
const DEFAULT_RETENTION_HOURS = 24;
const ON_DEMAND_SHARDS = 4;
const DEFAULT_MEMORY = 512 * MIB;

export interface KinesisOptions extends Place {
  readonly clock: { now(): number };
  /** Enforces each shard's 1 MiB and 1,000 records a second. @default false */
  readonly throttle?: boolean;
  /** Heap for all records of all streams, shared evenly by the shards, in bytes. @default 512 MiB */
  readonly memoryBytes?: number;
  /** Told of what each request wrote to a stream. */
  readonly onWrite?: (streamName: string, written: StreamWrite) => void;
  /** Gets a line when a shard had to drop records before their retention ended (once per shard). */
  readonly log?: (line: string) => void;
}

type AppendListener = (shardId: string) => void;

export class Kinesis implements JsonService {
  readonly name = "kinesis";
  readonly targets = ["Kinesis_20131202"];
  readonly contentType = "application/x-amz-json-1.1";
  /** 10 MiB of data in base64, and room for 500 partition keys. */
  readonly maxBodyBytes = 15 * MIB;
  readonly #options: KinesisOptions;
  readonly #streams = new Map<string, Stream>();
  readonly #listeners = new Map<string, Set<AppendListener>>();
  readonly #warned = new Set<Shard>();
  readonly #operations: Readonly<Record<string, (input: Input) => Output>>;
  #shardMemory: number;

  constructor(options: KinesisOptions) {
    this.#options = options;
    this.#shardMemory = options.memoryBytes ?? DEFAULT_MEMORY;
    this.#operations = kinesisOperations(this, options);
  }

  serves(operation: string): boolean {
    return Object.hasOwn(OPERATIONS, operation);
  }

  permissions(operation: string, input: Input): readonly Permission[] {
    return streamPermissions(operation, input, this.#options);
  }

  /** @throws ServiceError as AWS would. */
  handle(operation: string, input: Input): Output {
    const rules = this.serves(operation) ? OPERATIONS[operation] : undefined;
    const run = this.#operations[operation];
    if (!rules || !run) throw notServed(this.name, operation);
    check(input, rules);
    return run(input);
  }

  /** @throws ServiceError ResourceInUseException when the name is taken. */
  createStream(options: CreateStreamOptions): void {
    const { name, mode = "PROVISIONED" } = options;
    if (this.#streams.has(name)) {
      throw new ServiceError(
        "ResourceInUseException",
        `Stream ${name} under account ${this.#account} already exists.`,
      );
    }
    const stream = new Stream({
      name,
      arn: `arn:aws:kinesis:${this.#options.region}:${this.#account}:stream/${name}`,
      mode,
      shardCount: mode === "ON_DEMAND" ? ON_DEMAND_SHARDS : (options.shardCount ?? 1),
      createdAt: this.#now(),
      retentionHours: options.retentionHours ?? DEFAULT_RETENTION_HOURS,
      maxRecordSizeKiB: options.maxRecordSizeKiB ?? 1024,
      tags: new Map(Object.entries(options.tags ?? {})),
    });
    this.#streams.set(name, stream);
    this.#shareMemory();
  }

  /** @throws ServiceError ResourceNotFoundException */
  deleteStream(name: string): void {
    this.#streams.delete(this.stream(name).name);
    this.#shareMemory();
  }

  /** Puts an existing stream object into service: what a snapshot restored. */
  adopt(stream: Stream): void {
    for (const shard of stream.shards) shard.resume(this.#now());
    this.#streams.set(stream.name, stream);
    this.#shareMemory();
  }

  get streams(): readonly Stream[] {
    return [...this.#streams.values()];
  }

  /** @throws ServiceError ResourceNotFoundException */
  stream(name: string): Stream {
    const stream = this.#streams.get(name);
    if (stream) return stream;
    throw new ServiceError(
      "ResourceNotFoundException",
      `Stream ${name} under account ${this.#account} not found.`,
    );
  }

  hasStream(name: string): boolean {
    return this.#streams.has(name);
  }

  /** Ids of the stream's shards, in order. */
  shardIds(streamName: string): string[] {
    return this.stream(streamName).shards.map((shard) => shard.id);
  }

  /** Where a reader starts, as a position for `read`. */
  position(streamName: string, shardId: string, start: ShardStart): number {
    return startPosition(this.#shard(streamName, shardId), start);
  }

  /** Records from a position on; the kept objects themselves, so that reading costs nothing. Never change them. */
  read(streamName: string, shardId: string, position: number, limits: Partial<ReadLimits> = {}): ShardRead {
    const shard = this.#shard(streamName, shardId);
    return shard.read(position, { ...READ_LIMITS, ...limits }, this.#now());
  }

  /**
   * Calls `listener` with the shard's id, once per request and shard, after records were added. It runs inside the
   * producer's request: it must return at once and not throw. @returns a function that ends it.
   */
  onAppend(streamName: string, listener: AppendListener): () => void {
    const listeners = this.#listeners.get(streamName) ?? new Set();
    this.#listeners.set(streamName, listeners.add(listener));
    return () => listeners.delete(listener);
  }

  /**
   * Writes up to 500 records, 10 MiB in all. A record that a shard's write limit refuses fails alone.
   * @throws ServiceError when the request as a whole is wrong; then nothing was written.
   */
  putRecords(streamName: string, records: readonly unknown[]): PutRecordsOutput {
    const stream = this.stream(streamName);
    const sizes = checkRecords(stream, records);
    const touched = new Set<Shard>();
    let [failed, bytes] = [0, 0];
    const now = this.#now();
    const results = records.map((record, index): PutRecordResult => {
      const size = sizes[index] ?? 0;
      const result = this.#write(stream, record as RecordInput, { size, now }, touched);
      if ("ErrorCode" in result) failed += 1;
      else bytes += size;
      return result;
    });
    this.#options.onWrite?.(stream.name, { records: records.length - failed, bytes, refused: failed });
    this.#notify(stream, touched);
    return { FailedRecordCount: failed, Records: results };
  }

  /** Writes one record. @throws ServiceError when it is wrong; a write limit is told in the result. */
  putRecord(streamName: string, record: unknown): PutRecordResult {
    const stream = this.stream(streamName);
    const size = checkRecord(record, undefined, stream.maxRecordBytes);
    const touched = new Set<Shard>();
    const result = this.#write(stream, record as RecordInput, { size, now: this.#now() }, touched);
    const refused = "ErrorCode" in result ? 1 : 0;
    this.#options.onWrite?.(stream.name, { records: 1 - refused, bytes: refused ? 0 : size, refused });
    this.#notify(stream, touched);
    return result;
  }

  /** With nothing in it that is past its retention. @throws ServiceError ResourceNotFoundException */
  #shard(streamName: string, shardId: string): Shard {
    const stream = this.stream(streamName);
    const shard = findShard(stream, shardId, this.#account);
    stream.expire(shard, this.#now());
    return shard;
  }

  get #account(): string {
    return this.#options.account;
  }

  #now(): number {
    return this.#options.clock.now();
  }

  #shareMemory(): void {
    const shards = this.streams.reduce((sum, stream) => sum + stream.shards.length, 0);
    this.#shardMemory = (this.#options.memoryBytes ?? DEFAULT_MEMORY) / Math.max(1, shards);
  }

  #write(
    stream: Stream,
    record: RecordInput,
    { size, now }: { size: number; now: number },
    touched: Set<Shard>,
  ): PutRecordResult {
    const limits = { throttle: this.#options.throttle ?? false, shardMemory: this.#shardMemory };
    const { shard, sequenceNumber, lost } = stream.write(record, size, now, limits);
    if (sequenceNumber === undefined) {
      const where = `shard ${shard.id} in stream ${stream.name} under account ${this.#account}`;
      return {
        ErrorCode: "ProvisionedThroughputExceededException",
        ErrorMessage: `Rate exceeded for ${where}.`,
      };
    }
    touched.add(shard);
    if (lost > 0) this.#warnLost(stream, shard);
    return { SequenceNumber: sequenceNumber, ShardId: shard.id };
  }

  #warnLost(stream: Stream, shard: Shard): void {
    if (this.#warned.has(shard)) return;
    this.#warned.add(shard);
    this.#options.log?.(
      `Stream "${stream.name}", ${shard.id}: its ${Math.floor(this.#shardMemory / MIB)} MiB of memory are full, so ` +
        "its oldest records are dropped before their retention ends.",
    );
  }

  #notify(stream: Stream, shards: ReadonlySet<Shard>): void {
    const listeners = this.#listeners.get(stream.name);
    if (!listeners) return;
    for (const shard of shards) for (const listener of listeners) listener(shard.id);
  }
}

/** The size of each record. @throws ServiceError for the first that is wrong, or when they are too much together. */
const checkRecords = (stream: Stream, records: readonly unknown[]): number[] => {
  const limit = stream.maxRecordBytes;
  const sizes = records.map((record, index) => checkRecord(record, index, limit));
  const total = sizes.reduce((sum, size) => sum + size, 0);
  if (total <= MAX_REQUEST_BYTES) return sizes;
  throw new ServiceError("InvalidArgumentException", "Records size exceeds 10 MB limit");
};
