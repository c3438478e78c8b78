/**
 * Trigger: the queue of `OrderPlaced` events. Brings each order from placed to fulfilled; the table's changes then tell
 * the bus `OrderFulfilled`.
 *
 * Failure contract: a message that fails comes again, its neighbours are done. One that can never succeed (no event, of
 * an unknown version, of an order that does not exist) fails too, and after five deliveries waits among the dead
 * letters, where it can be looked at and sent back. Idempotency: the transition is a conditional write, so an order is
 * fulfilled once, with one time of fulfilment, however often and in whatever order its events come.
 */
import { ConditionalCheckFailedException, DynamoDBClient, UpdateItemCommand } from "@aws-sdk/client-dynamodb";
import type { SQSBatchResponse, SQSEvent, SQSRecord } from "aws-lambda";
import { readText } from "../shared/attributes.ts";
import { CLIENT_OPTIONS } from "../shared/clients.ts";
import { asCorrelationId, correlating } from "../shared/correlation.ts";
import { createLogger, type Logger } from "../shared/logger.ts";
import { eachMessage, logFailedMessage } from "../shared/messages.ts";
import { emitMetrics } from "../shared/metrics.ts";
import { historyValue, ORDER_KEY, type OrderStatus } from "../shared/order.ts";
import type { OrderPlaced } from "../shared/order-events.ts";
import { readMessage } from "./core.ts";

const SERVICE = "fulfil-order";
const FROM: OrderStatus = "placed";
const TO: OrderStatus = "fulfilled";

const dynamodb = new DynamoDBClient(CLIENT_OPTIONS);
const log = createLogger({ service: SERVICE });

export interface FulfilDeps {
  /** Name of the orders table. */
  table: string;
  /** Replaced in tests. */
  client?: DynamoDBClient;
  logger?: Logger;
  emit?: typeof emitMetrics;
  now?: () => number;
}

type Store = Required<Pick<FulfilDeps, "table" | "client">>;

/** @returns the status that the order has instead; undefined when it has been brought to fulfilled */
async function advance({ client, table }: Store, orderId: string, at: string): Promise<string | undefined> {
  const command = new UpdateItemCommand({
    TableName: table,
    Key: { [ORDER_KEY]: { S: orderId } },
    ConditionExpression: "#status = :from",
    UpdateExpression: "SET #status = :to, #history = list_append(#history, :entries)",
    ExpressionAttributeNames: { "#status": "status", "#history": "history" },
    ExpressionAttributeValues: {
      ":from": { S: FROM },
      ":to": { S: TO },
      ":entries": { L: [historyValue({ status: TO, at })] },
    },
    ReturnValuesOnConditionCheckFailure: "ALL_OLD",
  });
  try {
    await client.send(command);
    return undefined;
  } catch (error) {
    if (!(error instanceof ConditionalCheckFailedException)) throw error;
    return error.Item ? readText(error.Item, "status") : "unknown";
  }
}

/** Fulfils the orders of a batch of messages. */
export async function fulfilOrders(event: SQSEvent, deps: FulfilDeps): Promise<SQSBatchResponse> {
  const { client = dynamodb, table, logger = log, emit = emitMetrics, now = Date.now } = deps;
  const counts = { ordersFulfilled: 0, repeatedEvents: 0, failedMessages: 0 };
  const fulfil = async ({ orderId, eventId }: OrderPlaced, own: Logger): Promise<void> => {
    const found = await advance({ client, table }, orderId, new Date(now()).toISOString());
    if (found === undefined) {
      counts.ordersFulfilled += 1;
      own.info("order fulfilled", { orderId, eventId });
    } else if (found === TO) {
      counts.repeatedEvents += 1;
      own.info("order was fulfilled before", { orderId, eventId });
    } else {
      own.error("order cannot be fulfilled", { orderId, eventId, status: found });
      throw new Error(`Order "${orderId}" is ${found}, not ${FROM}.`);
    }
  };
  const handle = async (record: SQSRecord): Promise<void> => {
    const order = readMessage(record.body);
    // Whoever may write to the bus may have put anything there.
    const correlationId = asCorrelationId(order.correlationId) ?? record.messageId;
    await correlating(correlationId, () => fulfil(order, logger.with({ correlationId })));
  };
  const response = await eachMessage(event, handle, {
    onError: (record, error) => {
      counts.failedMessages += 1;
      logFailedMessage(logger, record, error);
    },
  });
  emit(SERVICE, counts);
  return response;
}
