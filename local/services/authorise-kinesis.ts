/** The IAM action and resource of a Kinesis request. Pure. Source: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonkinesisdatastreams.html */

import { readShardToken } from "./kinesis-describe.ts";
import { decodeIterator } from "./kinesis-iterator.ts";
import type { Input, Permission, Place } from "./service.ts";

const ACCOUNT_WIDE = new Set(["ListStreams", "DescribeLimits"]);

const nameFrom = (input: Input): string | undefined => {
  if (typeof input.StreamName === "string") return input.StreamName;
  if (typeof input.ShardIterator === "string") return decodeIterator(input.ShardIterator).streamName;
  if (typeof input.NextToken === "string") return readShardToken(input.NextToken).streamName;
  return undefined;
};

/** @throws ServiceError for an iterator or token that is none. */
export const streamPermissions = (operation: string, input: Input, place: Place): readonly Permission[] => {
  const action = `kinesis:${operation}`;
  if (ACCOUNT_WIDE.has(operation)) return [{ action, resources: ["*"] }];
  const arn = (name: string) => `arn:aws:kinesis:${place.region}:${place.account}:stream/${name}`;
  // Every stream that the request names, so that naming two of them gives access to neither by way of the other.
  const resources = new Set<string>();
  if (typeof input.StreamARN === "string") resources.add(arn(input.StreamARN.split("/").at(-1) ?? ""));
  const name = nameFrom(input);
  if (name !== undefined) resources.add(arn(name));
  return [{ action, resources: resources.size === 0 ? ["*"] : [...resources] }];
};
