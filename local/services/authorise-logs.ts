/** Permissions of a CloudWatch Logs request. Pure. Source: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatchlogs.html */
import { groupArn } from "./logs-operations.ts";
import type { Input, Permission, Place } from "./service.ts";

const text = (value: unknown): string => (typeof value === "string" ? value : "");

const OF_A_STREAM = new Set(["CreateLogStream", "GetLogEvents", "PutLogEvents"]);

/** What one stream's events are, as AWS names it in its refusals; an empty stream stands for the group as a whole. */
export const streamArn = (place: Place, group: string, stream = ""): string =>
  `${groupArn(place, group)}:log-stream:${stream}`;

export const logPermissions = (operation: string, input: Input, place: Place): readonly Permission[] => {
  const group =
    text(input.logGroupName) || text(input.logGroupIdentifier).replace(/^arn:.*:log-group:([^:]+).*$/, "$1");
  const stream = OF_A_STREAM.has(operation) ? text(input.logStreamName) : "";
  return [{ action: `logs:${operation}`, resources: [streamArn(place, group, stream)] }];
};
