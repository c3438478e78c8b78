/** Log groups, their streams and events in memory, bounded in bytes: the oldest events of all go first. */
import { ServiceError } from "./faults.ts";

export interface LogEvent {
  /** 56 digits, in the order of timestamp and arrival. */
  readonly id: string;
  readonly stream: string;
  /** Milliseconds since the epoch. */
  readonly timestamp: number;
  readonly ingestedAt: number;
  readonly message: string;
}

/** A line on its way into a stream. */
export interface LogEntry {
  /** Milliseconds since the epoch. */
  timestamp: number;
  message: string;
}

export interface LogStream {
  readonly name: string;
  readonly createdAt: number;
  firstEventAt: number | undefined;
  lastEventAt: number | undefined;
  lastIngestedAt: number | undefined;
}

export interface LogGroupSettings {
  name: string;
  /** Days that events are kept; undefined or 0 for ever. */
  retentionDays?: number;
  kmsKeyId?: string;
}

/** Counted per event by AWS. Source: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html */
export const EVENT_OVERHEAD = 26;
const DAY_MS = 86_400_000;
/** Streams of environments that are long gone; AWS keeps them without limit. */
const MOST_STREAMS = 10_000;
/** AWS's default quota is far above what a program declares. */
const MOST_GROUPS = 10_000;
/** AWS's ids begin with the time: shifted by this many bits. */
const TIME_BITS = 144n;
const ID_DIGITS = 56;

export class LogGroup {
  readonly createdAt: number;
  readonly streams = new Map<string, LogStream>();
  settings: LogGroupSettings;
  bytes = 0;
  #events: LogEvent[] = [];
  /** Events before it are gone. */
  #first = 0;

  constructor(settings: LogGroupSettings, createdAt: number) {
    this.settings = settings;
    this.createdAt = createdAt;
  }

  get name(): string {
    return this.settings.name;
  }

  /** What is kept, in the order of arrival. */
  *events(now: number): Generator<LogEvent> {
    const { retentionDays } = this.settings;
    const oldest = retentionDays ? now - retentionDays * DAY_MS : Number.NEGATIVE_INFINITY;
    for (let index = this.#first; index < this.#events.length; index += 1) {
      const event = this.#events[index];
      if (event && event.timestamp >= oldest) yield event;
    }
  }

  /** Made when it is not there. */
  stream(name: string, now: number): LogStream {
    const existing = this.streams.get(name);
    if (existing) return existing;
    if (this.streams.size >= MOST_STREAMS) this.streams.delete([...this.streams.keys()][0] ?? "");
    const made: LogStream = {
      name,
      createdAt: now,
      firstEventAt: undefined,
      lastEventAt: undefined,
      lastIngestedAt: undefined,
    };
    this.streams.set(name, made);
    return made;
  }

  add(event: LogEvent, bytes: number): void {
    this.#events.push(event);
    this.bytes += bytes;
    const stream = this.stream(event.stream, event.ingestedAt);
    stream.firstEventAt = Math.min(stream.firstEventAt ?? event.timestamp, event.timestamp);
    stream.lastEventAt = Math.max(stream.lastEventAt ?? event.timestamp, event.timestamp);
    stream.lastIngestedAt = event.ingestedAt;
  }

  /** Drops the oldest event. */
  drop(bytes: number): void {
    this.bytes -= bytes;
    this.#first += 1;
    if (this.#first < 1_024 || this.#first < this.#events.length / 2) return;
    this.#events = this.#events.slice(this.#first);
    this.#first = 0;
  }
}

/** Called inside the writer's request with the events of one stream: it must return at once and not throw. */
export type AppendListener = (stream: string, events: readonly LogEvent[]) => void;

export interface LogStoreOptions {
  clock: { now(): number };
  /** Heap for all events of all groups. */
  memoryBytes: number;
  /** Told of all events, inside the writer's request: it must return at once and not throw. */
  observe?: ((group: string, events: readonly LogEvent[]) => void) | undefined;
}

export class LogStore {
  readonly groups = new Map<string, LogGroup>();
  readonly #options: LogStoreOptions;
  readonly #listeners = new Map<string, Set<AppendListener>>();
  /** What is kept, oldest first: whose it is, and its bytes. */
  #order: { group: LogGroup; bytes: number }[] = [];
  #first = 0;
  #bytes = 0;
  #count = 0n;

  constructor(options: LogStoreOptions) {
    this.#options = options;
  }

  /** @throws ServiceError ResourceNotFoundException */
  group(name: string): LogGroup {
    const group = this.groups.get(name);
    if (group) return group;
    throw new ServiceError("ResourceNotFoundException", "The specified log group does not exist.");
  }

  /** One that exists takes the settings. @throws ServiceError LimitExceededException */
  create(settings: LogGroupSettings): LogGroup {
    const existing = this.groups.get(settings.name);
    if (existing) {
      existing.settings = settings;
      return existing;
    }
    if (this.groups.size >= MOST_GROUPS)
      throw new ServiceError("LimitExceededException", "Resource limit exceeded.");
    const group = new LogGroup(settings, this.#options.clock.now());
    this.groups.set(settings.name, group);
    return group;
  }

  /** Its events count as memory until they would have been dropped. */
  delete(name: string): void {
    this.groups.delete(name);
  }

  onAppend(group: string, listener: AppendListener): () => void {
    const listeners = this.#listeners.get(group) ?? new Set();
    this.#listeners.set(group, listeners.add(listener));
    return () => listeners.delete(listener);
  }

  append(groupName: string, stream: string, entries: readonly LogEntry[]): void {
    const group = this.groups.get(groupName) ?? this.create({ name: groupName });
    const ingestedAt = this.#options.clock.now();
    const events = entries.map(({ timestamp, message }): LogEvent => {
      this.#count += 1n;
      const id = ((BigInt(Math.max(0, Math.trunc(timestamp))) << TIME_BITS) | this.#count).toString();
      return { id: id.padStart(ID_DIGITS, "0"), stream, timestamp, ingestedAt, message };
    });
    for (const event of events) this.#keep(group, event);
    this.#options.observe?.(groupName, events);
    for (const listener of this.#listeners.get(groupName) ?? []) listener(stream, events);
  }

  #keep(group: LogGroup, event: LogEvent): void {
    const bytes = Buffer.byteLength(event.message) + EVENT_OVERHEAD;
    group.add(event, bytes);
    this.#order.push({ group, bytes });
    this.#bytes += bytes;
    while (this.#bytes > this.#options.memoryBytes && this.#first < this.#order.length - 1)
      this.#dropOldest();
  }

  #dropOldest(): void {
    const oldest = this.#order[this.#first];
    this.#first += 1;
    if (oldest) {
      oldest.group.drop(oldest.bytes);
      this.#bytes -= oldest.bytes;
    }
    if (this.#first < 1_024 || this.#first < this.#order.length / 2) return;
    this.#order = this.#order.slice(this.#first);
    this.#first = 0;
  }
}
