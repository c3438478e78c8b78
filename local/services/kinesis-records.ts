/** What a record to be written must satisfy, and which shard it belongs to. Pure. */

import { hash } from "node:crypto";
import { ServiceError, serializationError } from "./faults.ts";
import { constraint, refuse } from "./kinesis-validation.ts";

export interface PutRecordsOutput {
  readonly FailedRecordCount: number;
  readonly Records: readonly PutRecordResult[];
}
export type PutRecordResult =
  | { readonly SequenceNumber: string; readonly ShardId: string }
  | { readonly ErrorCode: string; readonly ErrorMessage: string };

/** One record as a producer sends it. `Data` is base64. */
export interface RecordInput {
  readonly Data: string;
  readonly PartitionKey: string;
  readonly ExplicitHashKey?: string;
}

/** Hash keys are 128 bits wide. */
const HASH_KEYS = 1n << 128n;
/** All records of one request together, partition keys included, in bytes. Source: PutRecords, Kinesis API Reference. */
export const MAX_REQUEST_BYTES = 10 * 1024 * 1024;
const MAX_PARTITION_KEY = 256;
const HASH_KEY = /^(?:0|[1-9]\d{0,38})$/;

/** Decoded length of base64 text, in bytes, without decoding it. */
const decodedLength = (base64: string): number => {
  const padding = base64.endsWith("==") ? 2 : base64.endsWith("=") ? 1 : 0;
  return (base64.length >> 2) * 3 - padding;
};

/**
 * Decoding and measuring is twice as fast as a regular expression: the decoder skips what is not base64, so that the
 * result is too short. Only the URL-safe alphabet, which it reads as well, must be looked for.
 */
const isBase64 = (text: string): boolean =>
  (text.length & 3) === 0 &&
  Buffer.from(text, "base64").length === decodedLength(text) &&
  !text.includes("-") &&
  !text.includes("_");

const wrongType = (member: string, expected: string): ServiceError =>
  serializationError(`Unexpected value type at '${member}': expected ${expected}`);

const checkShape: (record: unknown, at: string) => asserts record is RecordInput = (record, at) => {
  if (typeof record !== "object" || record === null || Array.isArray(record))
    throw wrongType(at, "a structure");
  const { Data, PartitionKey, ExplicitHashKey } = record as Record<string, unknown>;
  if (Data !== undefined && Data !== null && typeof Data !== "string")
    throw wrongType(`${at}.data`, "base64 text");
  if (PartitionKey !== undefined && PartitionKey !== null && typeof PartitionKey !== "string") {
    throw wrongType(`${at}.partitionKey`, "text");
  }
  if (ExplicitHashKey !== undefined && ExplicitHashKey !== null && typeof ExplicitHashKey !== "string") {
    throw wrongType(`${at}.explicitHashKey`, "text");
  }
};

const keyProblems = (key: string | null | undefined, at: string): string[] => {
  if (key === undefined || key === null) return [constraint(at, null, "Member must not be null")];
  if (key.length < 1) return [constraint(at, key, "Member must have length greater than or equal to 1")];
  if (key.length > MAX_PARTITION_KEY) {
    return [constraint(at, key, `Member must have length less than or equal to ${MAX_PARTITION_KEY}`)];
  }
  return [];
};

const dataProblems = (record: RecordInput, at: string, limit: number): string[] => {
  if (record.Data === undefined || record.Data === null) {
    return [constraint(`${at}data`, null, "Member must not be null")];
  }
  if (!isBase64(record.Data)) {
    throw serializationError(`Value at '${at}data' is not valid base64`);
  }
  // AWS counts the partition key towards the record's size.
  if (sizeOf(record) <= limit) return [];
  return [constraint(`${at}data`, "<bytes>", `Member must have length less than or equal to ${limit}`)];
};

/** Bytes that AWS's limits count: the data, decoded, and the partition key in UTF-8. */
export const sizeOf = (record: RecordInput): number =>
  decodedLength(record.Data) + Buffer.byteLength(record.PartitionKey ?? "");

/** Size of a record that is right at first sight, as almost all are; undefined when it needs a closer look. */
const plainSize = (record: RecordInput | null, limit: number): number | undefined => {
  if (typeof record?.Data !== "string" || typeof record.PartitionKey !== "string") return undefined;
  if (record.PartitionKey.length < 1 || record.PartitionKey.length > MAX_PARTITION_KEY) return undefined;
  const hasHashKey = record.ExplicitHashKey !== undefined && record.ExplicitHashKey !== null;
  if (hasHashKey || !isBase64(record.Data)) return undefined;
  const size = sizeOf(record);
  return size <= limit ? size : undefined;
};

/**
 * @param index Zero-based place in the request, for the message; undefined for PutRecord.
 * @param limit Largest record of the stream, in bytes.
 * @returns the record's size as AWS's limits count it, in bytes.
 * @throws ServiceError SerializationException (wrong type, not base64), ValidationException, InvalidArgumentException.
 */
export const checkRecord = (record: unknown, index: number | undefined, limit: number): number => {
  const size = plainSize(record as RecordInput | null, limit);
  if (size !== undefined) return size;
  const at = index === undefined ? "" : `records.${index + 1}.member`;
  checkShape(record, at);
  const prefix = at === "" ? "" : `${at}.`;
  const keys = keyProblems(record.PartitionKey, `${prefix}partitionKey`);
  refuse([...dataProblems(record, prefix, limit), ...keys]);
  if (record.ExplicitHashKey !== undefined && record.ExplicitHashKey !== null) {
    checkHashKey(record.ExplicitHashKey, `${prefix}explicitHashKey`);
  }
  return sizeOf(record);
};

const checkHashKey = (key: string, at: string): void => {
  if (!HASH_KEY.test(key)) {
    refuse([constraint(at, key, "Member must satisfy regular expression pattern: 0|([1-9]\\d{0,38})")]);
  }
  if (BigInt(key) >= HASH_KEYS) {
    throw new ServiceError(
      "InvalidArgumentException",
      `Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, 2^128-1]. Specified value was ${key}`,
    );
  }
};

/** First hash key of each of `count` even shards, in order; the last ends at 2^128 - 1. */
export const evenRanges = (count: number): { start: bigint; end: bigint }[] =>
  Array.from({ length: count }, (_, index) => ({
    start: (HASH_KEYS * BigInt(index)) / BigInt(count),
    end: (HASH_KEYS * BigInt(index + 1)) / BigInt(count) - 1n,
  }));

const hex = (key: bigint): string => key.toString(16).padStart(32, "0");

/** Remembered partition keys per stream. Devices repeat, and looking one up costs less than its MD5. */
const REMEMBERED_KEYS = 10_000;

/** Which shard a record goes to: MD5 of the partition key, or the explicit hash key, within the shards' ranges. */
export class HashRouter {
  readonly #starts: readonly string[];
  readonly #remembered = new Map<string, number>();

  /** @param starts First hash key of each shard, ascending, from 0. */
  constructor(starts: readonly bigint[]) {
    this.#starts = starts.map(hex);
  }

  /** Index of the shard. */
  route(record: RecordInput): number {
    if (this.#starts.length === 1) return 0;
    if (record.ExplicitHashKey !== undefined && record.ExplicitHashKey !== null) {
      return this.#find(hex(BigInt(record.ExplicitHashKey)));
    }
    const known = this.#remembered.get(record.PartitionKey);
    if (known !== undefined) return known;
    const index = this.#find(hash("md5", record.PartitionKey, "hex"));
    if (this.#remembered.size >= REMEMBERED_KEYS) this.#remembered.clear();
    this.#remembered.set(record.PartitionKey, index);
    return index;
  }

  #find(key: string): number {
    let low = 0;
    let high = this.#starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#starts[middle] ?? "") <= key) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}
