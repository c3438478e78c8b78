/**
 * DynamoDB Streams: the changes of each table in order, one shard per stream, the latest 100,000 of them.
 * Source: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Operations_Amazon_DynamoDB_Streams.html
 */

import type { Dynalite, Item } from "./dynalite.ts";
import type { Change } from "./dynalite-view.ts";
import { keyAttributes } from "./dynamodb-ttl.ts";
import { ServiceError, validationError } from "./faults.ts";
import type { Input, Output, Place } from "./service.ts";

const KEPT_RECORDS = 100_000;
const MAX_PAGE = 1_000;
const SEQUENCE_DIGITS = 21;
const SHARD_ID = "shardId-00000000000000000001-00000001";
const VIEWS = ["KEYS_ONLY", "NEW_IMAGE", "OLD_IMAGE", "NEW_AND_OLD_IMAGES"] as const;
type ViewType = (typeof VIEWS)[number];

/** As a Lambda function receives it. */
export interface StreamRecord {
  readonly eventID: string;
  readonly eventName: "INSERT" | "MODIFY" | "REMOVE";
  readonly eventVersion: "1.1";
  readonly eventSource: "aws:dynamodb";
  readonly awsRegion: string;
  readonly userIdentity?: { readonly PrincipalId: string; readonly Type: string };
  readonly dynamodb: {
    readonly ApproximateCreationDateTime: number;
    readonly Keys: Item;
    readonly NewImage?: Item;
    readonly OldImage?: Item;
    readonly SequenceNumber: string;
    readonly SizeBytes: number;
    readonly StreamViewType: ViewType;
  };
}

interface ChangeStream {
  readonly tableName: string;
  readonly arn: string;
  readonly label: string;
  readonly view: ViewType;
  readonly createdAt: number;
  records: StreamRecord[];
  /** Position of `records[0]`. */
  base: number;
}

interface StreamOptions extends Place {
  readonly dynalite: Dynalite;
  readonly clock: { now(): number };
}

export class ChangeStreams {
  readonly #options: StreamOptions;
  readonly #byTable = new Map<string, ChangeStream>();
  readonly #listeners = new Map<string, Set<() => void>>();
  #sequence = 0;

  constructor(options: StreamOptions) {
    this.#options = options;
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
    const createdAt = this.#options.clock.now();
    const label = new Date(createdAt).toISOString().slice(0, 23);
    const arn = `arn:aws:dynamodb:${this.#options.region}:${this.#options.account}:table/${tableName}/stream/${label}`;
    this.#byTable.set(tableName, { tableName, arn, label, view, createdAt, records: [], base: 0 });
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
    if (stream.records.length > 2 * KEPT_RECORDS) {
      stream.base += KEPT_RECORDS;
      stream.records = stream.records.slice(KEPT_RECORDS);
    }
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
    const from = Math.max(0, position - stream.base);
    const records = stream.records.slice(from, from + limit);
    return { records, next: stream.base + from + records.length };
  }

  /** ARN of a table's stream; undefined when it has none. */
  arnOf(tableName: string): string | undefined {
    return this.#byTable.get(tableName)?.arn;
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
    const sequence = String(this.#sequence);
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
        SequenceNumber: sequence.padStart(SEQUENCE_DIGITS, "0"),
        SizeBytes: sizes.reduce((sum, size) => sum + size, 0),
        StreamViewType: view,
      },
      ...(byTimeToLive ? { userIdentity: { PrincipalId: "dynamodb.amazonaws.com", Type: "Service" } } : {}),
    };
  }

  #byArn(arn: unknown): ChangeStream {
    const stream = [...this.#byTable.values()].find((candidate) => candidate.arn === arn);
    if (stream) return stream;
    throw new ServiceError(
      "com.amazonaws.dynamodb.v20120810#ResourceNotFoundException",
      `Requested resource not found: Stream: ${arn} not found`,
    );
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
            ShardId: SHARD_ID,
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

const eventName = ({ before, after }: Change): StreamRecord["eventName"] => {
  if (!before) return "INSERT";
  return after ? "MODIFY" : "REMOVE";
};

const imagesOf = (view: ViewType, { before, after }: Change): { NewImage?: Item; OldImage?: Item } => ({
  ...(after && view.startsWith("NEW_") ? { NewImage: after } : {}),
  ...(before && (view === "OLD_IMAGE" || view === "NEW_AND_OLD_IMAGES") ? { OldImage: before } : {}),
});

const startOf = (stream: ChangeStream, input: Input): number => {
  const end = stream.base + stream.records.length;
  const first = (reached: (sequence: string) => boolean): number => {
    const index = stream.records.findIndex((record) => reached(record.dynamodb.SequenceNumber));
    return index === -1 ? end : stream.base + index;
  };
  const sequence = String(input.SequenceNumber ?? "");
  switch (input.ShardIteratorType) {
    case "TRIM_HORIZON":
      return stream.base;
    case "LATEST":
      return end;
    case "AT_SEQUENCE_NUMBER":
      return first((candidate) => candidate >= sequence);
    case "AFTER_SEQUENCE_NUMBER":
      return first((candidate) => candidate > sequence);
    default:
      throw validationError(
        `1 validation error detected: Value '${input.ShardIteratorType}' at 'shardIteratorType' failed to satisfy ` +
          "constraint: Member must satisfy enum value set: [AFTER_SEQUENCE_NUMBER, LATEST, AT_SEQUENCE_NUMBER, " +
          "TRIM_HORIZON]",
      );
  }
};
