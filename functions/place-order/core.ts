/** Decides what becomes of an order request. Pure. */
import { badRequest, type ProblemItem, type RouteResponse } from "../shared/http.ts";
import { fingerprintOf, type Order, type OrderRequestLine, toView } from "../shared/order.ts";

/** UUIDs, ULIDs, hashes and readable names; a list of two keys is none. */
const KEY = /^[A-Za-z0-9._:~+/=-]{1,128}$/;

/** The caller's idempotency key, or what is wrong with it. */
export function readKey(value: string | undefined): { key: string } | { problem: ProblemItem } {
  if (value !== undefined && KEY.test(value)) return { key: value };
  const what = value === undefined ? "is required" : "is not valid";
  const detail = `Idempotency-Key ${what}: 1 to 128 of A-Z a-z 0-9 . _ : ~ + / = -, new for every order`;
  return { problem: { parameter: "idempotency-key", detail } };
}

export function missingClient(): RouteResponse {
  const detail = "Orders belong to a client, and this token names none.";
  return { status: 403, problem: { title: "No client", detail } };
}

export function invalidKey(problem: ProblemItem): RouteResponse {
  return badRequest([problem]);
}

export function unacceptable(problems: ProblemItem[]): RouteResponse {
  const detail = problems.map((problem) => problem.detail).join("; ");
  return { status: 422, problem: { title: "The order cannot be taken", detail, errors: problems } };
}

/** The answer to whoever placed the order, for ever the same: as it was when it was placed. */
export function answerOf(order: Order): RouteResponse {
  const placed = { ...order, status: "placed" as const, history: order.history.slice(0, 1) };
  return { status: 201, headers: { location: `/orders/${order.orderId}` }, body: toView(placed) };
}

/** The answer to a request whose key was used before. */
export function repeatedAnswer(earlier: Order, items: readonly OrderRequestLine[]): RouteResponse {
  if (earlier.fingerprint === fingerprintOf(items)) return answerOf(earlier);
  const detail = "This Idempotency-Key has placed another order. Use a new key for a new order.";
  return { status: 422, problem: { title: "Idempotency key reused", detail } };
}
