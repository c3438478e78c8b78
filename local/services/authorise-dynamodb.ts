/** The IAM actions and resources of a DynamoDB request. Pure. Source: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazondynamodb.html */

import type { Input, Permission, Place } from "./service.ts";

const ACCOUNT_WIDE = new Set(["ListTables", "DescribeLimits", "DescribeEndpoints", "ListStreams"]);
const STREAMS = new Set(["DescribeStream", "GetShardIterator", "GetRecords"]);
/** What each member of a transaction is checked as. */
const TRANSACTION_ACTIONS: Readonly<Record<string, string>> = {
  Put: "PutItem",
  Update: "UpdateItem",
  Delete: "DeleteItem",
  ConditionCheck: "ConditionCheckItem",
  Get: "GetItem",
};

/** A table may be named by its ARN. */
export const tableNameOf = (name: unknown): string => {
  const text = String(name ?? "");
  return text.startsWith("arn:") ? (text.split("/")[1] ?? "") : text;
};

const members = (value: unknown): Input =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Input) : {};

const transactionPermissions = (input: Input, arn: (name: unknown) => string): Permission[] => {
  const items = Array.isArray(input.TransactItems) ? input.TransactItems : [];
  return items.flatMap((item: unknown) =>
    Object.entries(members(item)).flatMap(([kind, request]) => {
      const action = Object.hasOwn(TRANSACTION_ACTIONS, kind) ? TRANSACTION_ACTIONS[kind] : undefined;
      return action === undefined
        ? []
        : [{ action: `dynamodb:${action}`, resources: [arn(members(request).TableName)] }];
    }),
  );
};

const streamArn = (input: Input): string => {
  if (typeof input.StreamArn === "string") return input.StreamArn;
  return String(input.ShardIterator ?? "").split("|")[0] ?? "";
};

/** What the caller of `operation` must be allowed to do. */
export const tablePermissions = (operation: string, input: Input, place: Place): readonly Permission[] => {
  const action = `dynamodb:${operation}`;
  const arn = (name: unknown) =>
    `arn:aws:dynamodb:${place.region}:${place.account}:table/${tableNameOf(name)}`;
  if (ACCOUNT_WIDE.has(operation)) return [{ action, resources: ["*"] }];
  if (STREAMS.has(operation)) return [{ action, resources: [streamArn(input)] }];
  if (operation.startsWith("Transact")) return transactionPermissions(input, arn);
  if (operation.startsWith("Batch")) {
    return [{ action, resources: Object.keys(members(input.RequestItems)).map(arn) }];
  }
  if (input.ResourceArn !== undefined) return [{ action, resources: [String(input.ResourceArn)] }];
  const index = typeof input.IndexName === "string" ? `/index/${input.IndexName}` : "";
  return [{ action, resources: [arn(input.TableName) + index] }];
};
