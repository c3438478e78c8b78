/**
 * Event buses in memory: PutEvents with its checks, and who listens.
 * Source: https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html
 *
 * Differs from AWS: nothing is kept, so archives hold no events and nothing can be replayed; rules come from the
 * program's graph, not over the wire; global endpoints are not served.
 */
import { randomUUID } from "node:crypto";
import { notServed, ServiceError, validationError } from "./faults.ts";
import type { Input, JsonService, Output, Permission, Place } from "./service.ts";

const MIB = 1024 * 1024;
const MAX_ENTRIES = 10;
/** All entries of one call: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html */
const MAX_BYTES = MIB;
const DEFAULT_BUS = "default";

/** Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-events-structure.html */
export interface BusEvent {
  version: "0";
  id: string;
  "detail-type": string;
  source: string;
  account: string;
  /** ISO-8601, whole seconds. */
  time: string;
  region: string;
  resources: string[];
  detail: Record<string, unknown>;
}

export type EventListener = (event: BusEvent) => void;

interface EventEntry {
  /** Name or ARN. @default the account's default bus */
  EventBusName?: string;
  Source: string;
  DetailType: string;
  /** A JSON object, as text. */
  Detail: string;
  Resources?: string[];
  /** Epoch seconds. @default now */
  Time?: number;
}

interface EntryFailure {
  ErrorCode: string;
  ErrorMessage: string;
}

export interface EventBridgeOptions extends Place {
  readonly clock: { now(): number };
}

const isText = (value: unknown): value is string => typeof value === "string" && value !== "";

const busNameOf = (nameOrArn: unknown): string => {
  if (!isText(nameOrArn)) return DEFAULT_BUS;
  return nameOrArn.startsWith("arn:") ? (nameOrArn.split("event-bus/")[1] ?? "") : nameOrArn;
};

const invalid = (name: string): EntryFailure => ({
  ErrorCode: "InvalidArgument",
  ErrorMessage: `Parameter ${name} is not valid. Reason: ${name} is a required argument.`,
});

const parseDetail = (text: string): Record<string, unknown> | undefined => {
  try {
    const detail: unknown = JSON.parse(text);
    const isObject = typeof detail === "object" && detail !== null && !Array.isArray(detail);
    return isObject ? (detail as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
};

/** Bytes of an entry as AWS counts them: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html */
const sizeOf = (entry: Input): number => {
  const resources = Array.isArray(entry.Resources) ? entry.Resources : [];
  const texts = [entry.Source, entry.DetailType, entry.Detail, ...resources].filter(isText);
  const bytes = texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  return bytes + (entry.Time === undefined ? 0 : 14);
};

export class EventBridge implements JsonService {
  readonly name = "events";
  readonly targets = ["AWSEvents"];
  readonly contentType = "application/x-amz-json-1.1";
  /** 1 MiB of details, escaped in JSON. */
  readonly maxBodyBytes = 4 * MIB;
  readonly #options: EventBridgeOptions;
  readonly #buses = new Map<string, Set<EventListener>>([[DEFAULT_BUS, new Set()]]);

  constructor(options: EventBridgeOptions) {
    this.#options = options;
  }

  /** One that exists stays as it is. */
  createBus(name: string): void {
    if (!this.#buses.has(name)) this.#buses.set(name, new Set());
  }

  deleteBus(name: string): void {
    if (name !== DEFAULT_BUS) this.#buses.delete(name);
  }

  hasBus(name: string): boolean {
    return this.#buses.has(name);
  }

  /**
   * Calls `listener` with every event of the bus from now on, inside the sender's request: it must return at once and
   * not throw. @returns how to end that. @throws Error when there is no such bus
   */
  onEvent(busName: string, listener: EventListener): () => void {
    const listeners = this.#buses.get(busName);
    if (!listeners) throw new Error(`Event bus ${busName} does not exist.`);
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  /** For services of AWS itself, which may use any source. @throws Error when there is no such bus */
  put(busName: string, event: BusEvent): void {
    const listeners = this.#buses.get(busName);
    if (!listeners) throw new Error(`Event bus ${busName} does not exist.`);
    for (const listener of listeners) listener(event);
  }

  serves(operation: string): boolean {
    return operation === "PutEvents";
  }

  permissions(operation: string, input: Input): readonly Permission[] {
    const entries = Array.isArray(input.Entries) ? (input.Entries as Input[]) : [];
    const buses = new Set(entries.map((entry) => busNameOf(entry?.EventBusName)));
    const resources = [...buses].map((bus) => this.#busArn(bus));
    return [{ action: `events:${operation}`, resources: resources.length > 0 ? resources : ["*"] }];
  }

  /** @throws ServiceError as AWS would; what is wrong with one entry is said in its own result */
  handle(operation: string, input: Input): Output {
    if (!this.serves(operation)) throw notServed(this.name, operation);
    const entries = checkedEntries(input.Entries);
    const results = entries.map((entry) => this.#putEntry(entry));
    return { FailedEntryCount: results.filter((result) => "ErrorCode" in result).length, Entries: results };
  }

  #putEntry(entry: Input): { EventId: string } | EntryFailure {
    const failure = this.#problemOf(entry);
    if (failure) return failure;
    const { EventBusName, Source, DetailType, Detail, Resources = [], Time } = entry as unknown as EventEntry;
    const { region, account, clock } = this.#options;
    const now = Time === undefined ? clock.now() : Time * 1_000;
    const event: BusEvent = {
      version: "0",
      id: randomUUID(),
      "detail-type": DetailType,
      source: Source,
      account,
      time: `${new Date(now).toISOString().slice(0, 19)}Z`,
      region,
      resources: Resources,
      detail: parseDetail(Detail) ?? {},
    };
    this.put(busNameOf(EventBusName), event);
    return { EventId: event.id };
  }

  /**
   * Unsettled: what AWS says of a bus that does not exist; here the entry fails, so that nothing is lost silently.
   */
  #problemOf({ Source, DetailType, Detail, EventBusName, Time }: Input): EntryFailure | undefined {
    if (!isText(Source)) return invalid("Source");
    if (!isText(DetailType)) return invalid("DetailType");
    if (!isText(Detail)) return invalid("Detail");
    if (Source.startsWith("aws.")) {
      return {
        ErrorCode: "NotAuthorizedForSourceException",
        ErrorMessage: "Not authorized for the source.",
      };
    }
    if (!parseDetail(Detail)) return { ErrorCode: "MalformedDetail", ErrorMessage: "Detail is malformed." };
    if (Time !== undefined && !Number.isFinite(new Date(Number(Time) * 1_000).getTime())) {
      return { ErrorCode: "InvalidArgument", ErrorMessage: "Parameter Time is not valid." };
    }
    const bus = busNameOf(EventBusName);
    if (this.#buses.has(bus)) return undefined;
    return { ErrorCode: "InvalidArgument", ErrorMessage: `Event bus ${bus} does not exist.` };
  }

  #busArn(name: string): string {
    const { region, account } = this.#options;
    return `arn:aws:events:${region}:${account}:event-bus/${name}`;
  }
}

/** What makes the whole call fail. */
const checkedEntries = (entries: unknown): Input[] => {
  if (!Array.isArray(entries) || entries.length === 0 || entries.length > MAX_ENTRIES) {
    const length = Array.isArray(entries) ? entries.length : 0;
    throw validationError(
      `1 validation error detected: Value at 'entries' failed to satisfy constraint: Member must have length less than or equal to ${MAX_ENTRIES} and greater than or equal to 1; it has ${length}.`,
    );
  }
  if (entries.some((entry) => typeof entry !== "object" || entry === null)) {
    throw validationError("1 validation error detected: Value at 'entries' must hold objects.");
  }
  const bytes = entries.reduce((sum: number, entry: Input) => sum + sizeOf(entry), 0);
  if (bytes < MAX_BYTES) return entries;
  throw new ServiceError(
    "ValidationException",
    `Total size of the entries in the request is over the limit.`,
    {
      status: 413,
    },
  );
};
