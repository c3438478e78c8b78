/**
 * AWS's own checks of a Kinesis request: types first (SerializationException), then all violated constraints in one
 * ValidationException, worded as the service words them.
 * Source: https://docs.aws.amazon.com/kinesis/latest/APIReference/Welcome.html
 */

import { serializationError, validationError } from "./faults.ts";
import type { Input } from "./service.ts";

interface Rule {
  readonly type: "string" | "integer" | "number" | "boolean" | "list" | "map";
  readonly required?: true;
  /** Shortest text or list, or least number. */
  readonly min?: number;
  /** Longest text or list, or greatest number. */
  readonly max?: number;
  readonly pattern?: string;
  readonly values?: readonly string[];
}

export type Rules = Readonly<Record<string, Rule>>;

const kindOf = (value: unknown): string => {
  if (Array.isArray(value)) return "list";
  if (typeof value === "number") return Number.isInteger(value) ? "integer" : "number";
  return typeof value === "object" ? "map" : typeof value;
};

const TYPE_NAMES: Readonly<Record<Rule["type"], string>> = {
  string: "String",
  integer: "Integer",
  number: "Double",
  boolean: "Boolean",
  list: "List",
  map: "Map",
};

const hasType = (value: unknown, type: Rule["type"]): boolean => {
  const kind = kindOf(value);
  return kind === type || (type === "number" && kind === "integer");
};

const shown = (value: unknown): string => {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.length > 200 ? `${text.slice(0, 200)}...` : text;
};

const memberName = (name: string): string => name.charAt(0).toLowerCase() + name.slice(1);

const sizeMessages = (value: unknown, rule: Rule): string[] => {
  const isNumber = typeof value === "number";
  const size = isNumber ? value : ((value as { length?: number }).length ?? 0);
  const noun = isNumber ? "value" : "length";
  const messages: string[] = [];
  if (rule.min !== undefined && size < rule.min) {
    messages.push(`Member must have ${noun} greater than or equal to ${rule.min}`);
  }
  if (rule.max !== undefined && size > rule.max) {
    messages.push(`Member must have ${noun} less than or equal to ${rule.max}`);
  }
  return messages;
};

const violations = (value: unknown, rule: Rule): string[] => {
  const messages = sizeMessages(value, rule);
  if (rule.pattern !== undefined && !new RegExp(`^(?:${rule.pattern})$`).test(String(value))) {
    messages.push(`Member must satisfy regular expression pattern: ${rule.pattern}`);
  }
  if (rule.values && !rule.values.includes(String(value))) {
    messages.push(`Member must satisfy enum value set: [${rule.values.join(", ")}]`);
  }
  return messages;
};

/** One violated constraint, as it stands inside a ValidationException. */
export const constraint = (member: string, value: unknown, message: string): string =>
  value === undefined || value === null
    ? `Value null at '${member}' failed to satisfy constraint: ${message}`
    : `Value '${shown(value)}' at '${member}' failed to satisfy constraint: ${message}`;

/** @throws ServiceError ValidationException listing them, when there are any. */
export const refuse = (problems: readonly string[]): void => {
  if (problems.length === 0) return;
  const count = `${problems.length} validation error${problems.length > 1 ? "s" : ""} detected`;
  throw validationError(`${count}: ${problems.join("; ")}`);
};

const checkType = (name: string, value: unknown, rule: Rule): void => {
  if (hasType(value, rule.type)) return;
  throw serializationError(
    `${kindOf(value).toUpperCase()}_VALUE can not be converted to ${TYPE_NAMES[rule.type]} at '${memberName(name)}'`,
  );
};

const problemsOf = (name: string, value: unknown, rule: Rule): string[] => {
  if (value === undefined || value === null) {
    return rule.required ? [constraint(memberName(name), null, "Member must not be null")] : [];
  }
  checkType(name, value, rule);
  return violations(value, rule).map((message) => constraint(memberName(name), value, message));
};

/** @throws ServiceError SerializationException for a wrong type, ValidationException for violated constraints. */
export const check = (input: Input, rules: Rules): void => {
  const member = (name: string) => (Object.hasOwn(input, name) ? input[name] : undefined);
  refuse(Object.entries(rules).flatMap(([name, rule]) => problemsOf(name, member(name), rule)));
};

const STREAM: Rules = {
  StreamARN: { type: "string", min: 1, max: 2048, pattern: "arn:aws.*:kinesis:.*:\\d{12}:stream/\\S+" },
  StreamName: { type: "string", min: 1, max: 128, pattern: "[a-zA-Z0-9_.-]+" },
};
const SHARD_ID: Rule = { type: "string", min: 1, max: 128, pattern: "[a-zA-Z0-9_.-]+" };
const SEQUENCE: Rule = { type: "string", pattern: "0|([1-9]\\d{0,128})" };
const TAG_KEYS: Rule = { type: "list", required: true, min: 1, max: 50 };
const HASH_KEY: Rule = { type: "string", pattern: "0|([1-9]\\d{0,38})" };

/** The members of each operation. Being listed here is what makes an operation served. */
export const OPERATIONS: Readonly<Record<string, Rules>> = {
  CreateStream: {
    StreamName: { type: "string", required: true, min: 1, max: 128, pattern: "[a-zA-Z0-9_.-]+" },
    ShardCount: { type: "integer", min: 1 },
    StreamModeDetails: { type: "map" },
    Tags: { type: "map" },
    MaxRecordSizeInKiB: { type: "integer", min: 1024, max: 10240 },
  },
  DeleteStream: { ...STREAM, EnforceConsumerDeletion: { type: "boolean" } },
  DescribeStream: {
    ...STREAM,
    Limit: { type: "integer", min: 1, max: 10000 },
    ExclusiveStartShardId: SHARD_ID,
  },
  DescribeStreamSummary: STREAM,
  DescribeLimits: {},
  ListStreams: {
    Limit: { type: "integer", min: 1, max: 10000 },
    ExclusiveStartStreamName: { type: "string", min: 1, max: 128, pattern: "[a-zA-Z0-9_.-]+" },
    NextToken: { type: "string", min: 1, max: 1048576 },
  },
  ListShards: {
    ...STREAM,
    NextToken: { type: "string", min: 1, max: 1048576 },
    ExclusiveStartShardId: SHARD_ID,
    MaxResults: { type: "integer", min: 1, max: 10000 },
  },
  PutRecord: {
    ...STREAM,
    PartitionKey: { type: "string", required: true, min: 1, max: 256 },
    ExplicitHashKey: HASH_KEY,
    SequenceNumberForOrdering: SEQUENCE,
    Data: { type: "string", required: true },
  },
  PutRecords: { ...STREAM, Records: { type: "list", required: true, min: 1, max: 500 } },
  GetShardIterator: {
    ...STREAM,
    ShardId: { ...SHARD_ID, required: true },
    ShardIteratorType: {
      type: "string",
      required: true,
      values: ["AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER", "TRIM_HORIZON", "LATEST", "AT_TIMESTAMP"],
    },
    StartingSequenceNumber: SEQUENCE,
    Timestamp: { type: "number" },
  },
  GetRecords: {
    ShardIterator: { type: "string", required: true, min: 1, max: 512 },
    Limit: { type: "integer", min: 1, max: 10000 },
    StreamARN: STREAM.StreamARN as Rule,
  },
  IncreaseStreamRetentionPeriod: { ...STREAM, RetentionPeriodHours: { type: "integer", required: true } },
  DecreaseStreamRetentionPeriod: { ...STREAM, RetentionPeriodHours: { type: "integer", required: true } },
  UpdateMaxRecordSize: {
    ...STREAM,
    MaxRecordSizeInKiB: { type: "integer", required: true, min: 1024, max: 10240 },
  },
  AddTagsToStream: { ...STREAM, Tags: { type: "map", required: true } },
  RemoveTagsFromStream: { ...STREAM, TagKeys: TAG_KEYS },
  ListTagsForStream: {
    ...STREAM,
    ExclusiveStartTagKey: { type: "string", min: 1, max: 128 },
    Limit: { type: "integer", min: 1, max: 50 },
  },
};
