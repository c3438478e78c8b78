/** A table's changes as events of the bus. Pure. */
import type { DynamoDBRecord } from "aws-lambda";
import type { Item } from "../shared/attributes.ts";
import { asCorrelationId } from "../shared/correlation.ts";
import { fromItem, type Order } from "../shared/order.ts";
import { eventOf, ORDER_EVENT_SOURCE, type OrderEvent } from "../shared/order-events.ts";

/** Entries in one PutEvents: https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html */
export const MAX_ENTRIES = 10;

/** What becomes of a change. */
export type Publication =
  /** Nothing that anyone is told of. */
  | { kind: "none" }
  | { kind: "unreadable"; reason: string; correlationId?: string }
  | { kind: "event"; event: OrderEvent };

const NONE: Publication = { kind: "none" };

const orderIn = (image: object | undefined): Order | undefined =>
  image === undefined ? undefined : fromItem(image as Item);

/** An order that has come to a status is told of; what leaves the status alone, and a deletion, are not. */
export function publicationOf({ eventName, dynamodb }: DynamoDBRecord): Publication {
  if (eventName === "REMOVE") return NONE;
  const after = orderIn(dynamodb?.NewImage);
  if (after === undefined) {
    const correlationId = asCorrelationId(dynamodb?.NewImage?.correlationId?.S);
    return { kind: "unreadable", reason: "the new image holds no order", correlationId };
  }
  if (orderIn(dynamodb?.OldImage)?.status === after.status) return NONE;
  return { kind: "event", event: eventOf(after) };
}

/** A PutEvents entry. */
export function toEntry(bus: string, { type, detail }: OrderEvent) {
  return {
    EventBusName: bus,
    Source: ORDER_EVENT_SOURCE,
    DetailType: type,
    Detail: JSON.stringify(detail),
    Time: new Date(detail.at),
  };
}

/** At most `size` at a time, in order. */
export function chunks<T>(items: readonly T[], size: number): T[][] {
  const count = Math.ceil(items.length / size);
  return Array.from({ length: count }, (_, index) => items.slice(index * size, (index + 1) * size));
}
