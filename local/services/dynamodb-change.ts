/**
 * What a stream tells of one change to a table, and how it keeps them. Pure.
 * Source: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_Record.html
 */
import type { Item } from "./dynalite.ts";
import type { Change } from "./dynalite-view.ts";
import { validationError } from "./faults.ts";
import type { Input } from "./service.ts";

export const VIEWS = ["KEYS_ONLY", "NEW_IMAGE", "OLD_IMAGE", "NEW_AND_OLD_IMAGES"] as const;
export type ViewType = (typeof VIEWS)[number];

/** As GetRecords answers it. */
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

/** A table's stream: what it is, and the changes it keeps. */
export interface ChangeStream {
  readonly tableName: string;
  readonly arn: string;
  readonly label: string;
  readonly view: ViewType;
  readonly createdAt: number;
  /** How far each consumer has come, by its own name for itself. */
  readonly checkpoints: Map<string, number>;
  records: StreamRecord[];
  /** Position of `records[0]`. */
  base: number;
}

export const eventName = ({ before, after }: Change): StreamRecord["eventName"] => {
  if (!before) return "INSERT";
  return after ? "MODIFY" : "REMOVE";
};

export const imagesOf = (
  view: ViewType,
  { before, after }: Change,
): { NewImage?: Item; OldImage?: Item } => ({
  ...(after && view.startsWith("NEW_") ? { NewImage: after } : {}),
  ...(before && (view === "OLD_IMAGE" || view === "NEW_AND_OLD_IMAGES") ? { OldImage: before } : {}),
});

/** Forgets the oldest changes. */
export const drop = (stream: ChangeStream, count: number): void => {
  stream.base += count;
  stream.records = stream.records.slice(count);
};

/** Where a reader starts. @throws ServiceError for a type that is none */
export const startOf = (stream: ChangeStream, input: Input): number => {
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
