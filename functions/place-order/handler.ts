/**
 * Route: `POST /orders`, with an `Idempotency-Key` header. Prices the order and puts it into the orders table; all that
 * follows starts from the table's changes.
 *
 * Answers 201 with the order; 400 without a usable key; 422 for what is not in the catalogue, comes to too much, or
 * comes under a key that placed another order. Idempotency: the order's id is a hash of client and key, and the write
 * is conditional: the same request gets the same answer however often and however much at once it comes, also when the
 * catalogue has changed since, and there is one order. Failure contract: any other failure is answered 500, and the same
 * request can be sent again.
 *
 * Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.ConditionExpressions.html
 */
import {
  ConditionalCheckFailedException,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
} from "@aws-sdk/client-dynamodb";
import { ROUTE_CLIENT_OPTIONS } from "../shared/clients.ts";
import type { RouteRequest, RouteResponse } from "../shared/http.ts";
import { createLogger, type Logger, requestLogger } from "../shared/logger.ts";
import { emitMetrics } from "../shared/metrics.ts";
import {
  fromItem,
  ORDER_KEY,
  type Order,
  type OrderRequestLine,
  orderIdOf,
  placedOrder,
  priceOrder,
  toItem,
} from "../shared/order.ts";
import { answerOf, invalidKey, missingClient, readKey, repeatedAnswer, unacceptable } from "./core.ts";

const SERVICE = "place-order";

const dynamodb = new DynamoDBClient(ROUTE_CLIENT_OPTIONS);
const log = createLogger({ service: SERVICE });

export interface PlaceOrderDeps {
  /** Name of the orders table. */
  table: string;
  /** Replaced in tests. */
  client?: DynamoDBClient;
  logger?: Logger;
  emit?: typeof emitMetrics;
  now?: () => number;
}

type PlaceOrderRequest = RouteRequest<
  unknown,
  unknown,
  {
    /** As the route's schema lets it through. */
    items: OrderRequestLine[];
  }
>;

type Store = Required<Pick<PlaceOrderDeps, "table" | "client">>;

/** Writes a new order. @returns the order that has the id already, if there is one */
async function write({ client, table }: Store, order: Order): Promise<Order | undefined> {
  const command = new PutItemCommand({
    TableName: table,
    Item: toItem(order),
    ConditionExpression: `attribute_not_exists(${ORDER_KEY})`,
    ReturnValuesOnConditionCheckFailure: "ALL_OLD",
  });
  try {
    await client.send(command);
    return undefined;
  } catch (error) {
    const earlier = error instanceof ConditionalCheckFailedException && error.Item && fromItem(error.Item);
    if (earlier) return earlier;
    throw error;
  }
}

async function read({ client, table }: Store, orderId: string): Promise<Order | undefined> {
  const Key = { [ORDER_KEY]: { S: orderId } };
  const { Item } = await client.send(new GetItemCommand({ TableName: table, Key, ConsistentRead: true }));
  return Item && fromItem(Item);
}

/** Places an order. */
export async function placeOrder(request: PlaceOrderRequest, deps: PlaceOrderDeps): Promise<RouteResponse> {
  const { client = dynamodb, table, logger = log, emit = emitMetrics, now = Date.now } = deps;
  const { correlationId } = request;
  const { clientId } = request.caller;
  const { items } = request.body;
  if (clientId === undefined) return missingClient();
  const idempotency = readKey(request.headers["idempotency-key"]);
  if ("problem" in idempotency) return invalidKey(idempotency.problem);
  const priced = priceOrder(items);
  if ("problems" in priced) {
    // It may have been a good order when it was first sent: what was answered once is answered again.
    const earlier = await read({ client, table }, orderIdOf(clientId, idempotency.key));
    return earlier ? repeatedAnswer(earlier, items) : unacceptable(priced.problems);
  }
  const at = new Date(now()).toISOString();
  const order = placedOrder({ clientId, idempotencyKey: idempotency.key, correlationId, at, ...priced });
  const earlier = await write({ client, table }, order);
  const { orderId, totalCents } = order;
  const message = earlier ? "order key seen before" : "order placed";
  requestLogger(logger, request).info(message, { orderId, totalCents });
  // Whoever repeats a request is told the same; the order was counted when it was written.
  if (!earlier) emit(SERVICE, { ordersPlaced: 1 });
  return earlier ? repeatedAnswer(earlier, items) : answerOf(order);
}
