/**
 * The events of many log groups as one stream, by time.
 * Source: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html
 */
import {
  type CloudWatchLogsClient,
  type FilteredLogEvent,
  FilterLogEventsCommand,
} from "@aws-sdk/client-cloudwatch-logs";
import type { LogSource } from "./groups.ts";

export interface LogEvent {
  /** Unique in its group. */
  id: string;
  /** Epoch milliseconds. */
  at: number;
  /** Who wrote it. */
  name: string;
  /** Its log stream: of a function, that of one execution environment. */
  stream: string;
  message: string;
}

export interface Search {
  /** Epoch milliseconds, the first that counts. */
  since: number;
  /** Epoch milliseconds, the first that does not count any more. */
  until?: number;
  /** A filter pattern of CloudWatch Logs; everything passes without one. */
  pattern?: string;
  /** Names of log streams; all of the group without it. */
  streams?: string[];
}

/** Of one group, page by page, in the order of time. Pages of a long search may be empty. */
export async function* eventsOf(
  client: CloudWatchLogsClient,
  { name, group }: LogSource,
  { since, until, pattern, streams }: Search,
): AsyncGenerator<LogEvent> {
  let nextToken: string | undefined;
  do {
    const page = await client.send(
      new FilterLogEventsCommand({
        logGroupName: group,
        startTime: since,
        endTime: until,
        filterPattern: pattern,
        logStreamNames: streams,
        nextToken,
      }),
    );
    const events = (page.events ?? []).map((event) => eventOf(event, name));
    yield* events.sort((a, b) => a.at - b.at);
    nextToken = page.nextToken;
  } while (nextToken !== undefined);
}

const eventOf = (
  { eventId = "", timestamp = 0, logStreamName = "", message = "" }: FilteredLogEvent,
  name: string,
): LogEvent => ({ id: eventId, at: timestamp, name, stream: logStreamName, message: message.trimEnd() });

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

/** Which events have been shown, of those that may be found again: the last minute's, however long the search. */
export class Shown {
  readonly #times = new Map<string, number>();
  /** Epoch milliseconds, the first that is asked for again. */
  #since = Number.NEGATIVE_INFINITY;

  /** How many are remembered. */
  get size(): number {
    return this.#times.size;
  }

  /** Begins a look after which nothing before `since` is asked for any more. */
  look(since: number): void {
    this.#since = since;
  }

  isNew({ name, id, at }: LogEvent): boolean {
    const key = `${name}/${id}`;
    const isNew = !this.#times.has(key);
    if (at >= this.#since) this.#times.set(key, at);
    return isNew;
  }

  /** Ends the look. */
  forget(): void {
    for (const [key, at] of this.#times) if (at < this.#since) this.#times.delete(key);
  }
}

/** What is there, and then what comes, each event once. One that arrives late is shown when it has arrived. */
export async function* followed({
  client,
  sources,
  search,
  now,
  pause,
}: FollowOptions): AsyncGenerator<LogEvent> {
  const shown = new Shown();
  let { since } = search;
  do {
    const next = Math.max(since, now() - LATENESS);
    shown.look(next);
    const streams = sources.map((source) => eventsOf(client, source, { ...search, since }));
    for await (const event of merged(streams)) if (shown.isNew(event)) yield event;
    shown.forget();
    since = next;
  } while (await pause());
}
