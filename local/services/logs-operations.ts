/** CloudWatch Logs' operations over the store. Source: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_Operations.html */
import { compileLogFilter } from "../kit/log-filter.ts";
import { ServiceError } from "./faults.ts";
import { groupNameOf, invalid, limitOf, numberOf, streamNameOf, textOf, textsOf } from "./logs-input.ts";
import { MOST_EVENTS, pageLength, readToken, sorted, streamPage } from "./logs-read.ts";
import type { LogEvent, LogGroup, LogStore, LogStream } from "./logs-store.ts";
import { judgeEntries } from "./logs-write.ts";
import type { Input, Output, Place } from "./service.ts";

export interface LogsContext {
  store: LogStore;
  place: Place;
  now(): number;
}

type Operation = (input: Input, context: LogsContext) => Output;

const MOST_DESCRIBED = 50;

export const groupArn = ({ region, account }: Place, name: string): string =>
  `arn:aws:logs:${region}:${account}:log-group:${name}`;

const exists = (what: string): ServiceError =>
  new ServiceError("ResourceAlreadyExistsException", `The specified log ${what} already exists`);

/** A page of named things, after the one that the token names. */
const pageOf = <T extends { name: string }>(
  items: T[],
  limit: number,
  token: string | undefined,
): { page: T[]; nextToken?: string } => {
  const start = token === undefined ? 0 : items.findIndex(({ name }) => name === token) + 1;
  if (token !== undefined && start === 0) throw invalid("The specified nextToken is invalid.");
  const page = items.slice(start, start + limit);
  const last = page.at(-1)?.name;
  return start + limit < items.length && last !== undefined ? { page, nextToken: last } : { page };
};

const createLogGroup: Operation = (input, { store }) => {
  const name = groupNameOf(input);
  if (store.groups.has(name)) throw exists("group");
  store.create({ name, kmsKeyId: textOf(input, "kmsKeyId") });
  return {};
};

const createLogStream: Operation = (input, { store, now }) => {
  const group = store.group(groupNameOf(input));
  const name = streamNameOf(input);
  if (group.streams.has(name)) throw exists("stream");
  group.stream(name, now());
  return {};
};

const describedGroup = (group: LogGroup, place: Place): object => ({
  logGroupName: group.name,
  creationTime: group.createdAt,
  ...(group.settings.retentionDays ? { retentionInDays: group.settings.retentionDays } : {}),
  ...(group.settings.kmsKeyId ? { kmsKeyId: group.settings.kmsKeyId } : {}),
  metricFilterCount: 0,
  arn: `${groupArn(place, group.name)}:*`,
  logGroupArn: groupArn(place, group.name),
  storedBytes: group.bytes,
  logGroupClass: "STANDARD",
});

const describeLogGroups: Operation = (input, { store, place }) => {
  const prefix = textOf(input, "logGroupNamePrefix") ?? "";
  const pattern = (textOf(input, "logGroupNamePattern") ?? "").toLowerCase();
  const groups = [...store.groups.values()]
    .filter(({ name }) => name.startsWith(prefix) && name.toLowerCase().includes(pattern))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  const { page, ...next } = pageOf(groups, limitOf(input, MOST_DESCRIBED), textOf(input, "nextToken"));
  return { logGroups: page.map((group) => describedGroup(group, place)), ...next };
};

const describedStream = (stream: LogStream, arn: string): object => ({
  logStreamName: stream.name,
  creationTime: stream.createdAt,
  firstEventTimestamp: stream.firstEventAt,
  lastEventTimestamp: stream.lastEventAt,
  lastIngestionTime: stream.lastIngestedAt,
  uploadSequenceToken: "local",
  arn: `${arn}:log-stream:${stream.name}`,
  storedBytes: 0,
});

const describeLogStreams: Operation = (input, { store, place }) => {
  const name = groupNameOf(input);
  const prefix = textOf(input, "logStreamNamePrefix") ?? "";
  const byTime = textOf(input, "orderBy") === "LastEventTime";
  if (byTime && prefix !== "") throw invalid("Cannot order by LastEventTime with a logStreamNamePrefix.");
  const streams = [...store.group(name).streams.values()]
    .filter((stream) => stream.name.startsWith(prefix))
    .sort((a, b) => (byTime ? (a.lastEventAt ?? 0) - (b.lastEventAt ?? 0) : a.name < b.name ? -1 : 1));
  if (input.descending === true) streams.reverse();
  const { page, ...next } = pageOf(streams, limitOf(input, MOST_DESCRIBED), textOf(input, "nextToken"));
  return { logStreams: page.map((stream) => describedStream(stream, groupArn(place, name))), ...next };
};

const putLogEvents: Operation = (input, { store, now }) => {
  const group = store.group(groupNameOf(input));
  const stream = group.streams.get(streamNameOf(input))?.name;
  if (stream === undefined)
    throw new ServiceError("ResourceNotFoundException", "The specified log stream does not exist.");
  const { entries, rejected } = judgeEntries(input.logEvents, now(), group.settings.retentionDays);
  store.append(group.name, stream, entries);
  return { nextSequenceToken: "local", ...(rejected ? { rejectedLogEventsInfo: rejected } : {}) };
};

/** Whether an event is in the time asked for; the end is left out. */
const inTime = (input: Input): ((event: LogEvent) => boolean) => {
  const start = numberOf(input, "startTime") ?? Number.NEGATIVE_INFINITY;
  const end = numberOf(input, "endTime") ?? Number.POSITIVE_INFINITY;
  return ({ timestamp }) => timestamp >= start && timestamp < end;
};

const getLogEvents: Operation = (input, { store, now }) => {
  const group = store.group(groupNameOf(input));
  const stream = streamNameOf(input);
  if (!group.streams.has(stream))
    throw new ServiceError("ResourceNotFoundException", "The specified log stream does not exist.");
  const token = textOf(input, "nextToken");
  const from = token === undefined ? undefined : readToken(token);
  if (token !== undefined && from === undefined) throw invalid("The specified nextToken is invalid.");
  const fits = inTime(input);
  const events = sorted(group.events(now())).filter((event) => event.stream === stream && fits(event));
  const page = streamPage(events, {
    limit: limitOf(input, MOST_EVENTS),
    head: input.startFromHead === true,
    from,
  });
  return {
    ...page,
    events: page.events.map(({ timestamp, message, ingestedAt }) => ({
      timestamp,
      message,
      ingestionTime: ingestedAt,
    })),
  };
};

/** @throws ServiceError InvalidParameterException for a pattern that is none */
const filterOf = (pattern: string | undefined): ((message: string) => boolean) => {
  try {
    return compileLogFilter(pattern ?? "");
  } catch (error) {
    throw invalid((error as Error).message);
  }
};

/** Which streams a search is in: the named ones, those with a prefix, or all. */
const streamsOf = (input: Input): ((stream: string) => boolean) => {
  const names = textsOf(input, "logStreamNames");
  const prefix = textOf(input, "logStreamNamePrefix");
  if (names && prefix !== undefined)
    throw invalid("Either logStreamNames or logStreamNamePrefix can be given, not both.");
  if (names) return (stream) => names.includes(stream);
  return (stream) => stream.startsWith(prefix ?? "");
};

const filterLogEvents: Operation = (input, { store, now }) => {
  const group = store.group(groupNameOf(input));
  const [passes, fits, inStream] = [
    filterOf(textOf(input, "filterPattern")),
    inTime(input),
    streamsOf(input),
  ];
  const after = textOf(input, "nextToken") ?? "";
  const found = sorted(group.events(now())).filter(
    (event) => event.id > after && inStream(event.stream) && fits(event) && passes(event.message),
  );
  const page = found.slice(0, pageLength(found, limitOf(input, MOST_EVENTS)));
  return {
    events: page.map((event) => ({
      logStreamName: event.stream,
      timestamp: event.timestamp,
      message: event.message,
      ingestionTime: event.ingestedAt,
      eventId: event.id,
    })),
    searchedLogStreams: [],
    ...(page.length < found.length ? { nextToken: page.at(-1)?.id } : {}),
  };
};

export const LOG_OPERATIONS: Readonly<Record<string, Operation>> = {
  CreateLogGroup: createLogGroup,
  CreateLogStream: createLogStream,
  DescribeLogGroups: describeLogGroups,
  DescribeLogStreams: describeLogStreams,
  FilterLogEvents: filterLogEvents,
  GetLogEvents: getLogEvents,
  PutLogEvents: putLogEvents,
};
