import { EventBus } from "../components/event-bus.ts";
import type { HttpApi } from "../components/http-api.ts";
import { Queue } from "../components/queue.ts";
import { Table } from "../components/table.ts";
import { fulfilOrders } from "../functions/fulfil-order/handler.ts";
import { getOrder } from "../functions/get-order/handler.ts";
import { placeOrder } from "../functions/place-order/handler.ts";
import { publishOrderEvents } from "../functions/publish-order-events/handler.ts";
import { ORDER_KEY } from "../functions/shared/order.ts";
import { ORDER_EVENT_SOURCE, type OrderEvents } from "../functions/shared/order-events.ts";
import { OrderBodySchema, OrderPathSchema, OrderSchema } from "../functions/shared/order-schemas.ts";
import type { Settings } from "./config.ts";
import { release } from "./releases.ts";
import type { Telemetry } from "./telemetry.ts";

/** What the orders service gives to the program's outputs. */
export interface Orders {
  /** `OrderPlaced` and `OrderFulfilled`. */
  bus: EventBus<OrderEvents>;
}

/** Orders: placed over HTTP; the table's changes -> bus -> queue -> fulfilled, which is a change again. */
export function createOrders(
  settings: Settings,
  { api, failures }: { api: HttpApi; failures: Telemetry["failures"] },
): Orders {
  const { logRetentionDays } = settings;

  const orders = new Table("orders", {
    partitionKey: ORDER_KEY,
    changes: true,
    failures,
    pointInTimeRecovery: settings.pointInTimeRecovery,
    deletionProtection: settings.protectData,
  });

  const bus = new EventBus<OrderEvents>("orders", { archiveDays: settings.orderArchiveDays });

  const queue = new Queue("orders");

  queue.subscribe("fulfil", {
    description: "Brings placed orders to fulfilled",
    maximumConcurrency: settings.orderConcurrency,
    logRetentionDays,
    callback: async (event) => fulfilOrders(event, { table: orders.name.get() }),
  });

  bus.forward("OrderPlaced", { to: queue, pattern: { source: [ORDER_EVENT_SOURCE] } });

  orders.onChange("publish", {
    description: "Tells the bus of orders placed and fulfilled",
    filters: [{ eventName: ["INSERT", "MODIFY"] }],
    logRetentionDays,
    callback: async (event) => publishOrderEvents(event, { bus: bus.name.get() }),
  });

  api.route("POST /orders", {
    summary: "Place an order; the Idempotency-Key header, which it needs, makes it safe to repeat",
    scopes: ["orders.write"],
    request: { body: OrderBodySchema },
    responses: { 201: OrderSchema },
    ...release(settings),
    callback: async (request) => placeOrder(request, { table: orders.name.get() }),
  });

  api.route("GET /orders/{orderId}", {
    summary: "An order of the caller's, with its status and history",
    scopes: ["orders.read"],
    request: { path: OrderPathSchema },
    responses: { 200: OrderSchema },
    cacheSeconds: 0,
    callback: async (request) => getOrder(request, { table: orders.name.get() }),
  });

  return { bus };
}
