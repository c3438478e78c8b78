/** The orders table, the bus and the queue's messages, in memory. */
import {
  ConditionalCheckFailedException,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  UpdateItemCommand,
} from "@aws-sdk/client-dynamodb";
import type { EventBridgeClient, PutEventsCommandInput } from "@aws-sdk/client-eventbridge";
import type { DynamoDBRecord, SQSEvent, SQSRecord } from "aws-lambda";
import { fulfilOrders } from "../../functions/fulfil-order/handler.ts";
import { getOrder } from "../../functions/get-order/handler.ts";
import { placeOrder } from "../../functions/place-order/handler.ts";
import { publishOrderEvents } from "../../functions/publish-order-events/handler.ts";
import type { Item } from "../../functions/shared/attributes.ts";
import { NOW, request, silent } from "./fakes.ts";

export const CLIENT = "shop";
export const KEY = "8e03978e-40d5-43dd-bc93-6894a57f9324";
/** 2 x 7,450 + 1 x 1,995 cents. */
export const ITEMS = [
  { productId: "barometer", quantity: 2 },
  { productId: "thermometer", quantity: 1 },
];
export const TOTAL = 16_895;

const refused = (stored: Item | undefined) =>
  new ConditionalCheckFailedException({ message: "no", $metadata: {}, ...(stored && { Item: stored }) });

interface Published {
  type: string;
  source: string;
  bus: string;
  detail: Record<string, unknown>;
}

export class Orders {
  readonly items = new Map<string, Item>();
  /** Of the table, oldest first. */
  readonly changes: DynamoDBRecord[] = [];
  readonly published: Published[] = [];
  /** Runs before a command; may throw. */
  before: (name: string) => void = () => {};
  /** Says which entries of a PutEvents the bus does not take, and why. */
  refuse: (entry: Published, call: number) => string | undefined = () => undefined;
  now = NOW;
  #calls = 0;

  readonly #dynamodb = {
    send: async (command: { input: unknown }) => {
      this.before(command.constructor.name);
      if (command instanceof PutItemCommand) return this.#put(command.input.Item as Item);
      if (command instanceof GetItemCommand)
        return { Item: this.items.get(String(command.input.Key?.orderId?.S)) };
      if (command instanceof UpdateItemCommand) return this.#fulfil(command);
      throw new Error("unknown command");
    },
  } as unknown as DynamoDBClient;

  readonly #events = {
    send: async ({ input }: { input: PutEventsCommandInput }) => {
      this.before("PutEventsCommand");
      this.#calls += 1;
      const Entries = (input.Entries ?? []).map((entry) => this.#take(entry));
      return { Entries, FailedEntryCount: Entries.filter(({ ErrorCode }) => ErrorCode).length };
    },
  } as unknown as EventBridgeClient;

  readonly deps = {
    table: "orders",
    client: this.#dynamodb,
    logger: silent,
    emit: () => {},
    now: () => this.now,
  };

  place(
    items: unknown,
    { key, clientId = CLIENT }: { key?: string | undefined; clientId?: string | undefined } = { key: KEY },
  ) {
    const plain = request({ body: { items }, headers: key === undefined ? {} : { "idempotency-key": key } });
    return placeOrder(
      { ...plain, caller: { ...(clientId !== undefined && { clientId }), scopes: [] } } as never,
      this.deps,
    );
  }

  get(orderId: string, clientId: string | undefined = CLIENT) {
    const caller = { ...(clientId !== undefined && { clientId }), scopes: [] };
    return getOrder({ ...request({}), path: { orderId }, caller }, this.deps);
  }

  publish(records: DynamoDBRecord[] = this.changes) {
    const { logger, emit } = this.deps;
    return publishOrderEvents({ Records: records }, { bus: "bus", client: this.#events, logger, emit });
  }

  fulfil(bodies: unknown[]) {
    return fulfilOrders(queued(bodies), this.deps);
  }

  /** What the rule would put into the queue. */
  get forwarded(): object[] {
    return this.published
      .filter(({ type }) => type === "OrderPlaced")
      .map(({ type, source, detail }) => ({ version: "0", source, "detail-type": type, detail }));
  }

  #take(entry: NonNullable<PutEventsCommandInput["Entries"]>[number]): {
    ErrorCode?: string;
    EventId?: string;
  } {
    const published = {
      type: String(entry.DetailType),
      source: String(entry.Source),
      bus: String(entry.EventBusName),
      detail: JSON.parse(String(entry.Detail)),
    };
    const ErrorCode = this.refuse(published, this.#calls);
    if (ErrorCode) return { ErrorCode };
    this.published.push(published);
    return { EventId: String(this.published.length) };
  }

  #put(item: Item): object {
    const stored = this.items.get(String(item.orderId?.S));
    if (stored) throw refused(stored);
    this.#write(item);
    return {};
  }

  #fulfil({ input }: UpdateItemCommand): object {
    const stored = this.items.get(String(input.Key?.orderId?.S));
    const values = input.ExpressionAttributeValues ?? {};
    if (stored?.status?.S !== values[":from"]?.S || !stored) throw refused(stored);
    const history = { L: [...(stored.history?.L ?? []), ...(values[":entries"]?.L ?? [])] };
    this.#write({ ...stored, status: values[":to"] as Item[string], history });
    return {};
  }

  #write(item: Item): void {
    const id = String(item.orderId?.S);
    const before = this.items.get(id);
    this.items.set(id, item);
    this.changes.push(change(this.changes.length + 1, { before, after: item }));
  }
}

/** A change of the table. */
export function change(
  number: number,
  { before, after }: { before?: Item | undefined; after?: Item | undefined },
): DynamoDBRecord {
  return {
    eventID: String(number),
    eventName: before === undefined ? "INSERT" : after === undefined ? "REMOVE" : "MODIFY",
    dynamodb: {
      SequenceNumber: String(number),
      ...(before && { OldImage: before as never }),
      ...(after && { NewImage: after as never }),
    },
  };
}

/** Messages with these bodies; a text is taken as it is. */
export function queued(bodies: unknown[]): SQSEvent {
  const Records = bodies.map((body, index) => ({
    messageId: `message-${index}`,
    body: typeof body === "string" ? body : JSON.stringify(body),
    attributes: {},
    eventSourceARN: "arn:aws:sqs:us-east-1:000000000000:orders",
  }));
  return { Records: Records as SQSRecord[] };
}
