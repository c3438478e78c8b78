/**
 * The events of many log groups as one stream, by time.
 * Source: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html
 */
import { type CloudWatchLogsClient, FilterLogEventsCommand } from "@aws-sdk/client-cloudwatch-logs";
import type { LogSource } from "./groups.ts";

export interface LogEvent {
  /** Unique in its group. */
  id: string;
  /** Epoch milliseconds. */
  at: number;
  /** Who wrote it. */
  name: string;
  message: string;
}

export interface Search {
  /** Epoch milliseconds, the first that counts. */
  since: number;
  /** Epoch milliseconds, the first that does not count any more. */
  until?: number;
  /** A filter pattern of CloudWatch Logs; everything passes without one. */
  pattern?: string;
}

/** Of one group, page by page, in the order of time. Pages of a long search may be empty. */
export async function* eventsOf(
  client: CloudWatchLogsClient,
  { name, group }: LogSource,
  { since, until, pattern }: Search,
): AsyncGenerator<LogEvent> {
  let nextToken: string | undefined;
  do {
    const page = await client.send(
      new FilterLogEventsCommand({
        logGroupName: group,
        startTime: since,
        endTime: until,
        filterPattern: pattern,
        nextToken,
      }),
    );
    const events = (page.events ?? []).map(({ eventId = "", timestamp = 0, message = "" }) => ({
      id: eventId,
      at: timestamp,
      name,
      message: message.trimEnd(),
    }));
    yield* events.sort((a, b) => a.at - b.at);
    nextToken = page.nextToken;
  } while (nextToken !== undefined);
}

interface Head {
  source: AsyncIterator<LogEvent>;
  event: LogEvent;
}

/** Several ordered streams as one: the earliest first, and of two at once the one whose stream came first. */
export async function* merged(streams: readonly AsyncIterable<LogEvent>[]): AsyncGenerator<LogEvent> {
  const first = await Promise.all(
    streams.map(async (stream): Promise<Head | undefined> => {
      const source = stream[Symbol.asyncIterator]();
      const { done, value } = await source.next();
      return done ? undefined : { source, event: value };
    }),
  );
  const heads = first.filter((head) => head !== undefined);
  while (heads.length > 0) {
    const head = heads.reduce((earliest, each) => (each.event.at < earliest.event.at ? each : earliest));
    yield head.event;
    const { done, value } = await head.source.next();
    if (done) heads.splice(heads.indexOf(head), 1);
    else head.event = value;
  }
}

/**
 * How long after its time an event may still arrive, in milliseconds: it is asked for again for so long, and shown
 * once. CloudWatch Logs takes in most within seconds.
 */
const LATENESS = 60_000;

export interface FollowOptions {
  client: CloudWatchLogsClient;
  sources: readonly LogSource[];
  search: Search;
  /** Epoch milliseconds. */
  now: () => number;
  /** Waits until the next look; ends the stream by answering false. */
  pause: () => Promise<boolean>;
}

/** Which events have been shown, of those that may be found again. */
function shownOnce(): { isNew(event: LogEvent): boolean; forget(before: number): void } {
  const times = new Map<string, number>();
  return {
    isNew({ name, id, at }) {
      const key = `${name}/${id}`;
      const isNew = !times.has(key);
      times.set(key, at);
      return isNew;
    },
    forget(before) {
      for (const [key, at] of times) if (at < before) times.delete(key);
    },
  };
}

/** What is there, and then what comes, each event once. One that arrives late is shown when it has arrived. */
export async function* followed({
  client,
  sources,
  search,
  now,
  pause,
}: FollowOptions): AsyncGenerator<LogEvent> {
  const shown = shownOnce();
  let { since } = search;
  do {
    const looked = now();
    const streams = sources.map((source) => eventsOf(client, source, { ...search, since }));
    for await (const event of merged(streams)) if (shown.isNew(event)) yield event;
    since = Math.max(since, looked - LATENESS);
    shown.forget(since);
  } while (await pause());
}
