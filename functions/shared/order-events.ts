/**
 * What is told about orders on the event bus: the one place that publisher, consumers and the bus's types share.
 *
 * Every event says the version of its schema. A change that an old consumer would misread gets a new version beside
 * the old one, never in its place; a consumer refuses a version that it does not know, so that the event waits among
 * the dead letters for one that does.
 */
import type { Static } from "typebox";
import { MAX_LINES, MAX_QUANTITY, MAX_TOTAL_CENTS, type Order } from "./order.ts";
import { Type } from "./type.ts";

/** Who publishes; rules match it. */
export const ORDER_EVENT_SOURCE = "orders";
const SCHEMA_VERSION = 1;
const ORDER_ID = "^[0-9a-f]{32}$";
const EVENT_ID = "^[0-9a-f]{32}\\.(?:placed|fulfilled)$";
/** As `Date.toISOString` writes it. */
const INSTANT = "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z$";
const LONGEST_TEXT = 256;

const Text = (description: string) => Type.String({ description, minLength: 1, maxLength: LONGEST_TEXT });

const COMMON = {
  schemaVersion: Type.Literal(SCHEMA_VERSION),
  eventId: Type.String({ description: "The same for every publication of this event.", pattern: EVENT_ID }),
  orderId: Type.String({ pattern: ORDER_ID }),
  clientId: Text("Who placed the order."),
  at: Type.String({ description: "When it happened, ISO-8601 UTC.", pattern: INSTANT }),
  correlationId: Text("Of the request that placed the order."),
};

export const OrderPlacedSchema = Type.Object({
  ...COMMON,
  items: Type.Array(
    Type.Object({
      productId: Text("The product."),
      quantity: Type.Integer({ minimum: 1, maximum: MAX_QUANTITY }),
      unitCents: Type.Integer({ minimum: 0, maximum: MAX_TOTAL_CENTS }),
    }),
    { minItems: 1, maxItems: MAX_LINES },
  ),
  totalCents: Type.Integer({ minimum: 0, maximum: MAX_TOTAL_CENTS }),
  currency: Type.Literal("USD"),
});

export const OrderFulfilledSchema = Type.Object(COMMON);

export type OrderPlaced = Static<typeof OrderPlacedSchema>;
type OrderFulfilled = Static<typeof OrderFulfilledSchema>;

/** Event type -> detail: what the bus carries. */
export interface OrderEvents {
  OrderPlaced: OrderPlaced;
  OrderFulfilled: OrderFulfilled;
}

/** One event, by its type. */
export type OrderEvent = {
  [Type in keyof OrderEvents]: { type: Type; detail: OrderEvents[Type] };
}[keyof OrderEvents];

function common(order: Order, status: Order["status"]) {
  const { orderId, clientId, correlationId, history } = order;
  const at = history.find((entry) => entry.status === status)?.at ?? "";
  const version = { schemaVersion: SCHEMA_VERSION } as const;
  return { ...version, eventId: `${orderId}.${status}`, orderId, clientId, at, correlationId };
}

/** What is told when an order has come to its status: always the same for the same order and status. */
export function eventOf(order: Order): OrderEvent {
  if (order.status === "fulfilled") return { type: "OrderFulfilled", detail: common(order, "fulfilled") };
  const { lines: items, totalCents } = order;
  const detail: OrderPlaced = { ...common(order, "placed"), items, totalCents, currency: "USD" };
  return { type: "OrderPlaced", detail };
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

type Test = (value: unknown) => boolean;

const matches =
  (pattern: string): Test =>
  (value) =>
    typeof value === "string" && new RegExp(pattern).test(value);
const within =
  (minimum: number, maximum: number): Test =>
  (value) =>
    Number.isInteger(value) && Number(value) >= minimum && Number(value) <= maximum;
const isText: Test = (value) => {
  // JSON Schema counts characters, not UTF-16 units.
  const length = typeof value === "string" ? [...value].length : 0;
  return length >= 1 && length <= LONGEST_TEXT;
};
const isCents = within(0, MAX_TOTAL_CENTS);

const LINE_TESTS: Record<string, Test> = {
  productId: isText,
  quantity: within(1, MAX_QUANTITY),
  unitCents: isCents,
};

const COMMON_TESTS: Record<string, Test> = {
  schemaVersion: (value) => value === SCHEMA_VERSION,
  eventId: matches(EVENT_ID),
  orderId: matches(ORDER_ID),
  clientId: isText,
  at: matches(INSTANT),
  correlationId: isText,
};

const wrongMember = (value: Record<string, unknown>, tests: Record<string, Test>): string | undefined =>
  Object.keys(tests).find((name) => !(Object.hasOwn(value, name) && tests[name]?.(value[name])));

const isLine: Test = (value) => isObject(value) && wrongMember(value, LINE_TESTS) === undefined;

const PLACED_TESTS: Record<string, Test> = {
  ...COMMON_TESTS,
  items: (value) =>
    Array.isArray(value) && value.length >= 1 && value.length <= MAX_LINES && value.every(isLine),
  totalCents: isCents,
  currency: (value) => value === "USD",
};

/**
 * The detail of an OrderPlaced as its consumer may rely on it; members that it does not know are left alone.
 * @throws an Error that names the first member which is not as the schema says
 */
export function readOrderPlaced(detail: unknown): OrderPlaced {
  if (!isObject(detail)) throw new Error("The detail is no object.");
  const wrong = wrongMember(detail, PLACED_TESTS);
  if (wrong === undefined) return detail as unknown as OrderPlaced;
  throw new Error(
    `"${wrong}" of the event is not as version ${SCHEMA_VERSION} of OrderPlaced says: ${JSON.stringify(detail[wrong])?.slice(0, 80)}.`,
  );
}
