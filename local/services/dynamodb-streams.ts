/**
 * DynamoDB Streams: the changes of each table in order, one shard per stream, for 24 hours, the latest 100,000 of them.
 * Sources: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Operations_Amazon_DynamoDB_Streams.html,
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html
 */

import type { Dynalite } from "./dynalite.ts";
import type { Change } from "./dynalite-view.ts";
import {
  type ChangeStream,
  drop,
  eventName,
  imagesOf,
  type StreamRecord,
  startOf,
  VIEWS,
  type ViewType,
} from "./dynamodb-change.ts";
import { keyAttributes } from "./dynamodb-ttl.ts";
import { ServiceError, validationError } from "./faults.ts";
import type { ShardStart } from "./kinesis-position.ts";
import type { Input, Output, Place } from "./service.ts";

const KEPT_RECORDS = 100_000;
const KEPT_SECONDS = 86_400;
const MAX_PAGE = 1_000;
/** Of a sequence number: the first 13 say when the runtime was started, so that no later run gives a number again. */
const RUN_DIGITS = 13;
const COUNTER_DIGITS = 8;
const SEQUENCE_DIGITS = RUN_DIGITS + COUNTER_DIGITS;
/** The one shard of every table's stream. */
export const CHANGES_SHARD_ID = "shardId-00000000000000000001-00000001";
interface StreamOptions extends Place {
  readonly dynalite: Dynalite;
  readonly clock: { now(): number };
}

export class ChangeStreams {
  readonly #options: StreamOptions;
  readonly #byTable = new Map<string, ChangeStream>();
  readonly #listeners = new Map<string, Set<() => void>>();
  readonly #run: string;
  #sequence = 0;

  constructor(options: StreamOptions) {
    this.#options = options;
    this.#run = String(options.clock.now()).padStart(RUN_DIGITS, "0");
  }

  /** Turns a table's stream on or off, as `StreamSpecification` says. @throws ServiceError ValidationException */
  configure(tableName: string, specification: unknown): void {
    if (specification === undefined || specification === null) return;
    const { StreamEnabled, StreamViewType } = specification as Input;
    if (StreamEnabled !== true) {
      this.#byTable.delete(tableName);
      return;
    }
    const view = VIEWS.find((known) => known === StreamViewType);
    if (!view) {
      throw validationError(
        "One or more parameter values were invalid: StreamViewType must be one of " +
          `[${VIEWS.join(", ")}] when StreamEnabled is true`,
      );
    }
    const label = new Date(this.#options.clock.now()).toISOString().slice(0, 23);
    this.enable(tableName, { view, label });
  }

  /** Turns a table's stream on under a label of the caller's; one that is on already goes on, with its changes. */
  enable(tableName: string, { view, label }: { view: ViewType; label: string }): void {
    const { clock, region, account } = this.#options;
    const arn = `arn:aws:dynamodb:${region}:${account}:table/${tableName}/stream/${label}`;
    const known = this.#byTable.get(tableName);
    if (known?.arn === arn && known.view === view) return;
    const stream = { tableName, arn, label, view, createdAt: clock.now(), checkpoints: new Map() };
    this.#byTable.set(tableName, { ...stream, records: [], base: 0 });
  }

  remove(tableName: string): void {
    this.#byTable.delete(tableName);
  }

  /** Adds the stream's members to a table description. */
  decorate(description: unknown): void {
    const table = description as (Input & { TableName?: string }) | undefined;
    const stream = table?.TableName === undefined ? undefined : this.#byTable.get(table.TableName);
    if (!table || !stream) return;
    table.LatestStreamArn = stream.arn;
    table.LatestStreamLabel = stream.label;
    table.StreamSpecification = { StreamEnabled: true, StreamViewType: stream.view };
  }

  /** Records a write. One that changes nothing leaves no record. */
  capture(change: Change, byTimeToLive: boolean): void {
    const stream = this.#byTable.get(change.table.TableName);
    if (!stream || JSON.stringify(change.before) === JSON.stringify(change.after)) return;
    this.#sequence += 1;
    stream.records.push(this.#record(stream, change, byTimeToLive));
    if (stream.records.length > 2 * KEPT_RECORDS) drop(stream, KEPT_RECORDS);
    for (const listener of this.#listeners.get(stream.tableName) ?? []) listener();
  }

  /** Calls `listener` after every captured change of a table. It must return at once and not throw. */
  onChange(tableName: string, listener: () => void): () => void {
    const listeners = this.#listeners.get(tableName) ?? new Set();
    this.#listeners.set(tableName, listeners.add(listener));
    return () => listeners.delete(listener);
  }

  /** Records from a position on (0 is the first ever), the kept objects themselves. Empty without a stream. */
  read(
    tableName: string,
    position: number,
    limit = MAX_PAGE,
  ): { records: readonly StreamRecord[]; next: number } {
    const stream = this.#byTable.get(tableName);
    if (!stream) return { records: [], next: position };
    this.#expire(stream);
    const from = Math.max(0, position - stream.base);
    const records = stream.records.slice(from, from + limit);
    return { records, next: stream.base + from + records.length };
  }

  /** ARN of a table's stream; undefined when it has none. */
  arnOf(tableName: string): string | undefined {
    return this.#byTable.get(tableName)?.arn;
  }

  /** Where a reader starts, as a position for `read`. @throws ServiceError when the table has no stream */
  position(tableName: string, start: ShardStart): number {
    const stream = this.#stream(tableName);
    this.#expire(stream);
    const sequence = "sequenceNumber" in start ? start.sequenceNumber : undefined;
    return startOf(stream, { ShardIteratorType: start.type, SequenceNumber: sequence });
  }

  /** Every stream with its changes, to be kept for another run. */
  get all(): ChangeStream[] {
    return [...this.#byTable.values()];
  }

  /** Takes over a stream that an earlier run has kept. */
  adopt(stream: ChangeStream): void {
    this.#byTable.set(stream.tableName, stream);
  }

  /** How far each consumer has come; kept as long as the stream. @throws ServiceError when the table has no stream */
  checkpoints(tableName: string): Map<string, number> {
    return this.#stream(tableName).checkpoints;
  }

  /** The stream operations; undefined for any other. @throws ServiceError */
  handle(operation: string, input: Input): Output | undefined {
    switch (operation) {
      case "ListStreams":
        return this.#list(input);
      case "DescribeStream":
        return this.#describe(input);
      case "GetShardIterator":
        return this.#iterator(input);
      case "GetRecords":
        return this.#getRecords(input);
      default:
        return undefined;
    }
  }

  #record(stream: ChangeStream, change: Change, byTimeToLive: boolean): StreamRecord {
    const { view } = stream;
    const { before, after } = change;
    const Keys = keyAttributes(after ?? before ?? {}, change.table);
    const images = imagesOf(view, change);
    const sequence = this.#run + String(this.#sequence).padStart(COUNTER_DIGITS, "0");
    const sizes = [Keys, ...Object.values(images)].map((item) => this.#options.dynalite.sizeOf(item));
    return {
      eventID: sequence.padStart(32, "0"),
      eventName: eventName(change),
      eventVersion: "1.1",
      eventSource: "aws:dynamodb",
      awsRegion: this.#options.region,
      dynamodb: {
        ApproximateCreationDateTime: Math.floor(this.#options.clock.now() / 1000),
        Keys,
        ...images,
        SequenceNumber: sequence,
        SizeBytes: sizes.reduce((sum, size) => sum + size, 0),
        StreamViewType: view,
      },
      ...(byTimeToLive ? { userIdentity: { PrincipalId: "dynamodb.amazonaws.com", Type: "Service" } } : {}),
    };
  }

  #byArn(arn: unknown): ChangeStream {
    const stream = [...this.#byTable.values()].find((candidate) => candidate.arn === arn);
    if (!stream) throw notFound(arn);
    this.#expire(stream);
    return stream;
  }

  #stream(tableName: string): ChangeStream {
    const stream = this.#byTable.get(tableName);
    if (stream) return stream;
    throw notFound(tableName);
  }

  /** Drops what is older than 24 hours. */
  #expire(stream: ChangeStream): void {
    const oldest = this.#options.clock.now() / 1000 - KEPT_SECONDS;
    const isKept = ({ dynamodb }: StreamRecord) => dynamodb.ApproximateCreationDateTime >= oldest;
    const [first] = stream.records;
    if (first === undefined || isKept(first)) return;
    const kept = stream.records.findIndex(isKept);
    drop(stream, kept === -1 ? stream.records.length : kept);
  }

  #list(input: Input): Output {
    const wanted = (stream: ChangeStream) =>
      input.TableName === undefined || stream.tableName === input.TableName;
    const Streams = [...this.#byTable.values()].filter(wanted).map((stream) => ({
      StreamArn: stream.arn,
      StreamLabel: stream.label,
      TableName: stream.tableName,
    }));
    return { Streams };
  }

  async #describeTable(stream: ChangeStream): Promise<Output> {
    const { KeySchema } = await this.#options.dynalite.table(stream.tableName);
    return {
      StreamDescription: {
        StreamArn: stream.arn,
        StreamLabel: stream.label,
        StreamStatus: "ENABLED",
        StreamViewType: stream.view,
        TableName: stream.tableName,
        CreationRequestDateTime: stream.createdAt / 1000,
        KeySchema,
        Shards: [
          {
            ShardId: CHANGES_SHARD_ID,
            SequenceNumberRange: { StartingSequenceNumber: "0".repeat(SEQUENCE_DIGITS) },
          },
        ],
      },
    };
  }

  #describe(input: Input): Output {
    return this.#describeTable(this.#byArn(input.StreamArn));
  }

  #iterator(input: Input): Output {
    const stream = this.#byArn(input.StreamArn);
    return { ShardIterator: `${stream.arn}|${startOf(stream, input)}` };
  }

  #getRecords(input: Input): Output {
    const [arn, position] = String(input.ShardIterator).split("|");
    if (!/^\d{1,15}$/.test(position ?? "")) throw validationError("Invalid ShardIterator");
    const stream = this.#byArn(arn);
    const limit = typeof input.Limit === "number" ? Math.min(Math.max(1, input.Limit), MAX_PAGE) : MAX_PAGE;
    const { records, next } = this.read(stream.tableName, Number(position), limit);
    return { Records: records, NextShardIterator: `${stream.arn}|${next}` };
  }
}

const notFound = (what: unknown): ServiceError =>
  new ServiceError(
    "com.amazonaws.dynamodb.v20120810#ResourceNotFoundException",
    `Requested resource not found: Stream: ${what} not found`,
  );
