/**
 * CloudWatch Logs in memory: what functions print and APIs log, and the operations to write, list and search it, so
 * that `aws logs tail` and `filter-log-events` work.
 *
 * Differs from AWS: events can be found at once; they are in memory only, the oldest go when it is full; queries,
 * metric filters, exports and live tail are not served.
 * Source: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/Welcome.html
 */
import { logPermissions } from "./authorise-logs.ts";
import { notServed } from "./faults.ts";
import { LOG_OPERATIONS, type LogsContext } from "./logs-operations.ts";
import {
  type AppendListener,
  type LogEntry,
  type LogGroupSettings,
  LogStore,
  type LogStoreOptions,
} from "./logs-store.ts";
import type { Input, JsonService, Output, Permission, Place } from "./service.ts";

const MIB = 1024 * 1024;
const DEFAULT_MEMORY = 64 * MIB;

export interface CloudWatchLogsOptions extends Place {
  readonly clock: { now(): number };
  /** Heap for all events of all groups, in bytes; the oldest go first. @default 64 MiB */
  readonly memoryBytes?: number;
  /** Told of all events, whatever their group: it must return at once and not throw. */
  readonly observe?: LogStoreOptions["observe"];
}

export class CloudWatchLogs implements JsonService {
  readonly name = "logs";
  readonly targets = ["Logs_20140328"];
  readonly contentType = "application/x-amz-json-1.1";
  /** 1 MiB of events in JSON, escaped. */
  readonly maxBodyBytes = 8 * MIB;
  readonly #store: LogStore;
  readonly #context: LogsContext;

  constructor({ region, account, clock, memoryBytes = DEFAULT_MEMORY, observe }: CloudWatchLogsOptions) {
    this.#store = new LogStore({ clock, memoryBytes, observe });
    this.#context = { store: this.#store, place: { region, account }, now: () => clock.now() };
  }

  serves(operation: string): boolean {
    return Object.hasOwn(LOG_OPERATIONS, operation);
  }

  permissions(operation: string, input: Input): readonly Permission[] {
    return logPermissions(operation, input, this.#context.place);
  }

  /** @throws ServiceError as AWS would. */
  handle(operation: string, input: Input): Output {
    const run = this.serves(operation) ? LOG_OPERATIONS[operation] : undefined;
    if (!run) throw notServed(this.name, operation);
    return run(input, this.#context);
  }

  /** One that exists keeps its events and takes the settings. */
  createGroup(settings: LogGroupSettings): void {
    this.#store.create(settings);
  }

  deleteGroup(name: string): void {
    this.#store.delete(name);
  }

  hasGroup(name: string): boolean {
    return this.#store.groups.has(name);
  }

  /** Writes lines in their order; group and stream are made when they are not there, as Lambda does. */
  append(group: string, stream: string, entries: readonly LogEntry[]): void {
    if (entries.length > 0) this.#store.append(group, stream, entries);
  }

  /**
   * Calls `listener` with what is written to the group from now on, inside the writer's request: it must return at
   * once and not throw. @returns a function that ends it.
   */
  onAppend(group: string, listener: AppendListener): () => void {
    return this.#store.onAppend(group, listener);
  }
}
