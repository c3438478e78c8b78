/** Reading the members of a CloudWatch Logs request. Source: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/Welcome.html */
import { ServiceError, serializationError } from "./faults.ts";
import type { Input } from "./service.ts";

export const invalid = (message: string): ServiceError =>
  new ServiceError("InvalidParameterException", message);

const GROUP_NAME = /^[.\-_/#A-Za-z0-9]{1,512}$/;
const STREAM_NAME = /^[^:*]{1,512}$/;

export const textOf = (input: Input, key: string): string | undefined => {
  const value = input[key] ?? undefined;
  if (value === undefined || typeof value === "string") return value;
  throw serializationError(`${key} must be a string.`);
};

export const numberOf = (input: Input, key: string): number | undefined => {
  const value = input[key] ?? undefined;
  if (value === undefined || (typeof value === "number" && Number.isFinite(value))) return value;
  throw serializationError(`${key} must be a number.`);
};

/** A number of results, within AWS's bounds. */
export const limitOf = (input: Input, most: number): number => {
  const limit = numberOf(input, "limit") ?? most;
  if (Number.isInteger(limit) && limit >= 1 && limit <= most) return limit;
  throw invalid(
    `1 validation error detected: Value '${limit}' at 'limit' failed to satisfy constraint: Member must have value between 1 and ${most}`,
  );
};

export const textsOf = (input: Input, key: string): string[] | undefined => {
  const value = input[key] ?? undefined;
  if (value === undefined) return undefined;
  if (Array.isArray(value) && value.every((item) => typeof item === "string")) return value;
  throw serializationError(`${key} must be a list of strings.`);
};

/** By its name, or by an identifier that is its name or its ARN. */
export const groupNameOf = (input: Input): string => {
  const identifier = textOf(input, "logGroupIdentifier");
  const name =
    textOf(input, "logGroupName") ?? identifier?.replace(/^arn:.*:log-group:([^:]+).*$/, "$1") ?? "";
  if (GROUP_NAME.test(name)) return name;
  throw invalid(
    `1 validation error detected: Value '${name.slice(0, 200)}' at 'logGroupName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\.\\-_/#A-Za-z0-9]+`,
  );
};

export const streamNameOf = (input: Input): string => {
  const name = textOf(input, "logStreamName") ?? "";
  if (STREAM_NAME.test(name)) return name;
  throw invalid(
    `1 validation error detected: Value '${name.slice(0, 200)}' at 'logStreamName' failed to satisfy constraint: Member must satisfy regular expression pattern: [^:*]*`,
  );
};
