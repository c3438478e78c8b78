/**
 * Route: `GET /orders/{orderId}`. The order with its status and history, for the client that placed it; 404 for anyone
 * else's, as for one that does not exist. Read consistently: whoever was told of an order finds it. Idempotency: it
 * only reads.
 */
import { DynamoDBClient, GetItemCommand } from "@aws-sdk/client-dynamodb";
import { ROUTE_CLIENT_OPTIONS } from "../shared/clients.ts";
import { notFound, type RouteRequest, type RouteResponse } from "../shared/http.ts";
import { fromItem, ORDER_KEY, toView } from "../shared/order.ts";

const dynamodb = new DynamoDBClient(ROUTE_CLIENT_OPTIONS);

export interface GetOrderDeps {
  /** Name of the orders table. */
  table: string;
  /** Replaced in tests. */
  client?: DynamoDBClient;
}

/** Answers with an order. */
export async function getOrder(
  request: RouteRequest<{ orderId: string }, unknown>,
  deps: GetOrderDeps,
): Promise<RouteResponse> {
  const { client = dynamodb, table } = deps;
  const { orderId } = request.path;
  const Key = { [ORDER_KEY]: { S: orderId } };
  const { Item } = await client.send(new GetItemCommand({ TableName: table, Key, ConsistentRead: true }));
  const order = Item && fromItem(Item);
  if (!order || order.clientId !== request.caller.clientId)
    return notFound(`There is no order "${orderId}".`);
  return { body: toView(order) };
}
