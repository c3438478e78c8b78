/**
 * What a function gets for a batch of a table's changes. Pure.
 * Sources: https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html,
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/time-to-live-ttl-streams.html
 */
import type { FilterDocument } from "../../kit/filter.ts";
import type { StreamRecord } from "../../services/dynamodb-change.ts";
import type { RecordForm, ShardPlace, ShardRecord } from "../shards/record.ts";

/** One change, as the mechanics of shards handle it. */
export interface TableChange extends ShardRecord {
  readonly change: StreamRecord;
}

export type DynamoDbEventRecord = Omit<StreamRecord, "userIdentity"> & {
  readonly userIdentity?: { readonly type: string; readonly principalId: string };
  readonly eventSourceARN: string;
};

/** JSON around the change itself, in bytes; the ARN comes on top. */
const RECORD_FRAME_BYTES = 64;

/** @param change as the stream's own API tells it; that API spells the identity's members in capitals */
export const toTableChange = (change: StreamRecord): TableChange => ({
  sequenceNumber: change.dynamodb.SequenceNumber,
  arrival: change.dynamodb.ApproximateCreationDateTime * 1_000,
  change,
});

const withIdentity = ({
  userIdentity,
  ...record
}: StreamRecord): Omit<StreamRecord, "userIdentity"> & {
  userIdentity?: { type: string; principalId: string };
} =>
  userIdentity === undefined
    ? record
    : { ...record, userIdentity: { type: userIdentity.Type, principalId: userIdentity.PrincipalId } };

const toEventRecord = ({ change }: TableChange, place: ShardPlace): DynamoDbEventRecord => ({
  ...withIdentity(change),
  eventSourceARN: place.streamArn,
});

export const DYNAMODB_FORM: RecordForm<TableChange> = {
  toEventRecord,
  eventBytes: ({ change }, place) =>
    Buffer.byteLength(JSON.stringify(change)) + place.streamArn.length + RECORD_FRAME_BYTES,
  toDocument: ({ change }) => withIdentity(change) as unknown as FilterDocument,
  orderKey: ({ change }) => JSON.stringify(change.dynamodb.Keys),
  batchInfo: "DDBStreamBatchInfo",
};
