/**
 * What an order is: its id, its price, and its one item in the orders table.
 *
 * | attribute | |
 * |---|---|
 * | `orderId` | the table's key: a hash of the client and its idempotency key |
 * | `fingerprint` | hash of what was ordered, by which a repeated request is told from another one under the same key |
 * | `status`, `history` | where it stands, and when it came to each status |
 */
import { createHash } from "node:crypto";
import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import { type Item, numberValue, readNumber, readText } from "./attributes.ts";
import { CURRENCY, productOf } from "./catalogue.ts";
import type { ProblemItem } from "./http.ts";

/** The table's key attribute: what the stack declares and the functions use. */
export const ORDER_KEY = "orderId";
/** Products in one order. */
export const MAX_LINES = 50;
/** Pieces of one product. */
export const MAX_QUANTITY = 1_000;
/** Highest total, in cents: a million dollars. Far below what a double counts exactly, so a sum can be compared to it. */
export const MAX_TOTAL_CENTS = 100_000_000;
/** Digits of an order's id: 128 bits. */
const ID_DIGITS = 32;
const FINGERPRINT_DIGITS = 64;

export type OrderStatus = "placed" | "fulfilled";

export interface OrderRequestLine {
  productId: string;
  quantity: number;
}

interface OrderLine extends OrderRequestLine {
  unitCents: number;
}

export interface Order {
  orderId: string;
  clientId: string;
  fingerprint: string;
  lines: OrderLine[];
  totalCents: number;
  currency: string;
  status: OrderStatus;
  /** Oldest first; `at` is ISO-8601 UTC. */
  history: { status: OrderStatus; at: string }[];
  /** Of the request that placed it. */
  correlationId: string;
}

const digest = (value: unknown): string => createHash("sha256").update(JSON.stringify(value)).digest("hex");

/** The same client and key always give the same id, and no other pair does. */
export function orderIdOf(clientId: string, idempotencyKey: string): string {
  return digest([clientId, idempotencyKey]).slice(0, ID_DIGITS);
}

/** Equal for requests that order the same, whatever their JSON's white space and order of members. */
export function fingerprintOf(lines: readonly OrderRequestLine[]): string {
  return digest(lines.map(({ productId, quantity }) => [productId, quantity])).slice(0, FINGERPRINT_DIGITS);
}

export type Priced = { lines: OrderLine[]; totalCents: number } | { problems: ProblemItem[] };

const isQuantity = (quantity: number): boolean =>
  Number.isInteger(quantity) && quantity >= 1 && quantity <= MAX_QUANTITY;

function lineProblem(lines: readonly OrderRequestLine[], index: number): ProblemItem | undefined {
  const { productId = "", quantity = 0 } = lines[index] ?? {};
  const pointer = `#/items/${index}`;
  if (productOf(productId) === undefined) {
    return { pointer: `${pointer}/productId`, detail: `"${productId}" is not in the catalogue` };
  }
  if (!isQuantity(quantity)) {
    return {
      pointer: `${pointer}/quantity`,
      detail: `must be a whole number from 1 to ${MAX_QUANTITY}, not ${quantity}`,
    };
  }
  if (lines.findIndex((other) => other.productId === productId) === index) return undefined;
  return {
    pointer: `${pointer}/productId`,
    detail: `"${productId}" is in the order already; order it once, with the sum of the quantities`,
  };
}

/** Prices an order, in whole cents, or lists all that is wrong with it. */
export function priceOrder(items: readonly OrderRequestLine[]): Priced {
  const problems = items
    .map((_, index) => lineProblem(items, index))
    .filter((problem) => problem !== undefined);
  if (problems.length > 0) return { problems };
  const lines = items.map(({ productId, quantity }) => ({
    productId,
    quantity,
    unitCents: productOf(productId)?.unitCents ?? Number.NaN,
  }));
  const totalCents = lines.reduce((sum, { quantity, unitCents }) => sum + quantity * unitCents, 0);
  if (totalCents <= MAX_TOTAL_CENTS) return { lines, totalCents };
  const detail = `the total is ${totalCents} cents; an order may come to ${MAX_TOTAL_CENTS}. Split it`;
  return { problems: [{ pointer: "#/items", detail }] };
}

export interface Placement {
  clientId: string;
  idempotencyKey: string;
  lines: OrderLine[];
  totalCents: number;
  correlationId: string;
  /** ISO-8601 UTC. */
  at: string;
}

/** A new order. */
export function placedOrder({ clientId, idempotencyKey, at, ...rest }: Placement): Order {
  return {
    orderId: orderIdOf(clientId, idempotencyKey),
    clientId,
    fingerprint: fingerprintOf(rest.lines),
    currency: CURRENCY,
    status: "placed",
    history: [{ status: "placed", at }],
    ...rest,
  };
}

const lineValue = ({ productId, quantity, unitCents }: OrderLine): AttributeValue => ({
  M: { productId: { S: productId }, quantity: numberValue(quantity), unitCents: numberValue(unitCents) },
});

export const historyValue = ({ status, at }: Order["history"][number]): AttributeValue => ({
  M: { status: { S: status }, at: { S: at } },
});

/** The order as the table holds it. */
export function toItem(order: Order): Item {
  return {
    [ORDER_KEY]: { S: order.orderId },
    clientId: { S: order.clientId },
    fingerprint: { S: order.fingerprint },
    lines: { L: order.lines.map(lineValue) },
    totalCents: numberValue(order.totalCents),
    currency: { S: order.currency },
    status: { S: order.status },
    history: { L: order.history.map(historyValue) },
    correlationId: { S: order.correlationId },
  };
}

const membersOf = (item: Item, name: string): Item[] => (item[name]?.L ?? []).map(({ M = {} }) => M);

const isStatus = (text: string): text is OrderStatus => text === "placed" || text === "fulfilled";

/** The order that an item holds; undefined when it holds none. */
export function fromItem(item: Item): Order | undefined {
  const status = readText(item, "status");
  const orderId = readText(item, ORDER_KEY);
  const history = membersOf(item, "history").flatMap((entry) => {
    const reached = readText(entry, "status");
    return isStatus(reached) ? [{ status: reached, at: readText(entry, "at") }] : [];
  });
  if (!isStatus(status) || orderId === "" || history[0] === undefined) return undefined;
  return {
    orderId,
    clientId: readText(item, "clientId"),
    fingerprint: readText(item, "fingerprint"),
    lines: membersOf(item, "lines").map((line) => ({
      productId: readText(line, "productId"),
      quantity: readNumber(line, "quantity"),
      unitCents: readNumber(line, "unitCents"),
    })),
    totalCents: readNumber(item, "totalCents"),
    currency: readText(item, "currency"),
    status,
    history,
    correlationId: readText(item, "correlationId"),
  };
}

/** What the API tells of an order, member for member in one order, so that the same order is always the same text. */
export function toView({
  orderId,
  status,
  lines: items,
  totalCents,
  currency,
  history,
  correlationId,
}: Order) {
  return { orderId, status, items, totalCents, currency, history, correlationId };
}
