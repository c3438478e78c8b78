/** What stands in for AWS and its events in the functions' tests. */
import {
  BatchGetItemCommand,
  ConditionalCheckFailedException,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  type PutItemCommandInput,
  QueryCommand,
} from "@aws-sdk/client-dynamodb";
import type { KinesisStreamEvent, KinesisStreamRecord } from "aws-lambda";
import type { Item } from "../../functions/shared/attributes.ts";
import type { RouteRequest } from "../../functions/shared/http.ts";
import { createLogger } from "../../functions/shared/logger.ts";

export const NOW = Date.UTC(2026, 0, 31, 12);
export const SHARD = "shardId-000000000000";

/** A sequence number as Kinesis gives them: 56 digits, growing. */
export function sequence(number: number): string {
  return `49${String(number).padStart(54, "0")}`;
}

interface RecordOptions {
  number?: number;
  shard?: string;
  arrivedAt?: number;
}

/** @param payload a text is taken as it is, anything else as JSON. */
export function record(payload: unknown, options: RecordOptions = {}): KinesisStreamRecord {
  const { number = 1, shard = SHARD, arrivedAt = NOW } = options;
  const sequenceNumber = sequence(number);
  const text = typeof payload === "string" ? payload : JSON.stringify(payload);
  return {
    awsRegion: "us-east-1",
    eventID: `${shard}:${sequenceNumber}`,
    eventName: "aws:kinesis:record",
    eventSource: "aws:kinesis",
    eventSourceARN: "arn:aws:kinesis:us-east-1:000000000000:stream/telemetry",
    eventVersion: "1.0",
    invokeIdentityArn: "arn:aws:iam::000000000000:role/aggregate",
    kinesis: {
      kinesisSchemaVersion: "1.0",
      partitionKey: "any",
      sequenceNumber,
      data: Buffer.from(text).toString("base64"),
      approximateArrivalTimestamp: arrivedAt / 1000,
    },
  };
}

/** Records numbered from 1 in one shard. */
export function event(...payloads: unknown[]): KinesisStreamEvent {
  return { Records: payloads.map((payload, index) => record(payload, { number: index + 1 })) };
}

export function reading(over: Record<string, unknown> = {}): Record<string, unknown> {
  return { deviceId: "d1", metric: "temperature", value: 21.5, at: "2026-01-31T11:59:30Z", ...over };
}

export function request<Query>(parts: {
  path?: Record<string, string>;
  query?: Query;
  body?: unknown;
  headers?: Record<string, string>;
}): RouteRequest<{ deviceId: string }, Query> {
  return {
    path: { deviceId: "d1", ...parts.path },
    query: (parts.query ?? {}) as Query,
    body: parts.body,
    headers: parts.headers ?? {},
    caller: { scopes: [] },
    correlationId: "request-1",
    requestId: "request-1",
    method: "GET",
    url: "/",
  };
}

function idOf(key: Item | undefined): string {
  return `${key?.pk?.S} ${key?.sk?.S}`;
}

function isOlder(stored: Item, values: Item): boolean {
  const at = Number(stored.at?.N) - Number(values[":at"]?.N);
  return at < 0 || (at === 0 && String(stored.sequence?.S) < String(values[":sequence"]?.S));
}

/** The conditions that the functions write, and no other. */
function holds(input: PutItemCommandInput, stored: Item | undefined): boolean {
  const values = (input.ExpressionAttributeValues ?? {}) as Item;
  switch (input.ConditionExpression) {
    case undefined:
      return true;
    case "attribute_not_exists(pk)":
      return stored === undefined;
    case "#count = :count":
      return stored?.count?.N === values[":count"]?.N;
    case "attribute_not_exists(pk) OR #at < :at OR (#at = :at AND #sequence < :sequence)":
      return stored === undefined || isOlder(stored, values);
    default:
      throw new Error(`unknown condition ${input.ConditionExpression}`);
  }
}

/** A table in memory that answers the commands which the functions send. */
export class FakeDynamoDb {
  readonly items = new Map<string, Item>();
  readonly sent: string[] = [];
  /** Runs around each command: may wait, throw before or after it, or change what it throws. */
  around: (run: () => unknown, name: string, input: unknown) => Promise<unknown> = async (run) => run();

  get client(): DynamoDBClient {
    const send = (command: { input: unknown }) => {
      this.sent.push(command.constructor.name);
      return this.around(() => this.#run(command), command.constructor.name, command.input);
    };
    return { send } as unknown as DynamoDBClient;
  }

  item(pk: string, sk: string): Item | undefined {
    return this.items.get(`${pk} ${sk}`);
  }

  #run(command: unknown): unknown {
    if (command instanceof PutItemCommand) return this.#put(command.input);
    if (command instanceof BatchGetItemCommand) return this.#batchGet(command);
    if (command instanceof GetItemCommand) return { Item: this.items.get(idOf(command.input.Key)) };
    if (command instanceof QueryCommand) return this.#query(command);
    throw new Error("unknown command");
  }

  #put(input: PutItemCommandInput): object {
    const stored = this.items.get(idOf(input.Item));
    if (!holds(input, stored)) {
      const Item = input.ReturnValuesOnConditionCheckFailure === "ALL_OLD" ? stored : undefined;
      throw new ConditionalCheckFailedException({
        message: "The conditional request failed",
        $metadata: {},
        Item,
      });
    }
    this.items.set(idOf(input.Item), input.Item as Item);
    return {};
  }

  #batchGet({ input }: BatchGetItemCommand): object {
    const [table = "", request] = Object.entries(input.RequestItems ?? {})[0] ?? [];
    const keys = request?.Keys ?? [];
    if (keys.length > 100) throw new Error("too many keys");
    return {
      Responses: {
        [table]: keys.map((key) => this.items.get(idOf(key))).filter((item) => item !== undefined),
      },
    };
  }

  #query({ input }: QueryCommand): object {
    const values = (input.ExpressionAttributeValues ?? {}) as Item;
    const [from, to] = [String(values[":from"]?.S), String(values[":to"]?.S)];
    const found = [...this.items.values()]
      .filter(({ pk, sk }) => pk?.S === values[":pk"]?.S && String(sk?.S) >= from && String(sk?.S) <= to)
      .sort((a, b) => (String(a.sk?.S) < String(b.sk?.S) ? -1 : 1));
    const Items = found.slice(0, input.Limit);
    return { Items, LastEvaluatedKey: found.length > Items.length ? {} : undefined };
  }
}

/** A logger whose lines are kept as they would be written. */
export function capturing() {
  const lines: Record<string, unknown>[] = [];
  const logger = createLogger({
    service: "s",
    now: () => NOW,
    write: (line) => lines.push(JSON.parse(line)),
  });
  return { lines, logger };
}

export const silent = { info: () => {}, warn: () => {}, error: () => {}, with: () => silent };
