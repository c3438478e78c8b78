/** A queue's message as the order that is to be fulfilled. Pure. */
import { ORDER_EVENT_SOURCE, type OrderPlaced, readOrderPlaced } from "../shared/order-events.ts";

/** @throws an Error that says what is wrong: the message is none of the bus's OrderPlaced */
export function readMessage(body: string): OrderPlaced {
  const event: unknown = parse(body);
  if (typeof event !== "object" || event === null) throw new Error("The message is no event.");
  const { source, "detail-type": type, detail } = event as Record<string, unknown>;
  if (source === ORDER_EVENT_SOURCE && type === "OrderPlaced") return readOrderPlaced(detail);
  throw new Error(
    `The message is ${JSON.stringify(type)} of ${JSON.stringify(source)}, no OrderPlaced of orders.`,
  );
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    throw new Error("The message is not JSON.");
  }
}
