import { PRODUCT_IDS, productOf } from "../../functions/shared/catalogue.ts";
import type { Answer } from "./api.ts";
import { type Check, check } from "./checks.ts";
import type { SmokeContext } from "./context.ts";

/** An order to be placed, and what it must come to. */
interface Planned {
  key: string;
  items: { productId: string; quantity: number }[];
  totalCents: number;
}

interface PlacedOrder {
  orderId: string;
  status: string;
  totalCents: number;
  history: { status: string; at: string }[];
  correlationId: string;
}

const ORDERS = 12;
/** How often each is sent, at once. */
const DUPLICATES = 4;

/**
 * Orders: each sent several times at once makes one order; each comes through the table's changes, the bus and the queue
 * to fulfilled; totals are exact; what is none is refused.
 */
export async function checkOrders(context: SmokeContext): Promise<Check[]> {
  const token = await context.api.token("orders.write", "orders.read");
  const plan = Array.from({ length: ORDERS }, (_, index) => planned(`${context.mark}-order-${index}`, index));
  context.step(`placing ${ORDERS} orders, each ${DUPLICATES} times at once`);
  const answers = await Promise.all(
    plan.flatMap((order) =>
      Array.from({ length: DUPLICATES }, (_, sent) => place(context, token, order, `${order.key}-${sent}`)),
    ),
  );
  const placed = distinctOrders(answers);
  context.step("waiting until every order is fulfilled");
  const found = await context.until(
    () => Promise.all(placed.map(({ orderId }) => read(context, token, orderId))),
    (orders) => orders.every((order) => order?.status === "fulfilled"),
  );
  return [
    ...placementChecks(plan, answers, placed),
    ...fulfilmentChecks(placed, found),
    ...(await repetitionChecks(context, token, { plan, answers })),
    ...(await refusalChecks(context, token)),
  ];
}

/** One or two products, of growing quantity; the total by exact arithmetic of its own. */
function planned(key: string, index: number): Planned {
  const productIds = [0, 1 + (index % 2)].map(
    (step) => PRODUCT_IDS[(index + step) % PRODUCT_IDS.length] ?? "",
  );
  const items = productIds.map((productId, position) => ({ productId, quantity: 1 + index * 3 + position }));
  const total = items.reduce(
    (sum, { productId, quantity }) => sum + BigInt(productOf(productId)?.unitCents ?? 0) * BigInt(quantity),
    0n,
  );
  return { key, items, totalCents: Number(total) };
}

const place = (
  { api }: SmokeContext,
  token: string,
  { key, items }: Omit<Planned, "totalCents">,
  correlationId = key,
): Promise<Answer> =>
  api.post("/orders", { items }, token, { "idempotency-key": key, "x-correlation-id": correlationId });

async function read({ api }: SmokeContext, token: string, orderId: string): Promise<PlacedOrder | undefined> {
  const { status, body } = await api.get(`/orders/${orderId}`, token);
  return status === 200 ? (body as PlacedOrder) : undefined;
}

const taken = (answers: Answer[]): Answer[] => answers.filter(({ status }) => status === 201);

const distinctOrders = (answers: Answer[]): PlacedOrder[] => [
  ...new Map(taken(answers).map(({ body }) => [(body as PlacedOrder).orderId, body as PlacedOrder])).values(),
];

function placementChecks(plan: Planned[], answers: Answer[], placed: PlacedOrder[]): Check[] {
  const sum = (orders: { totalCents: number }[]) =>
    orders.reduce((total, order) => total + order.totalCents, 0);
  return [
    check("orders: requests answered 201", ORDERS * DUPLICATES, taken(answers).length),
    check("orders: distinct orders made of them", ORDERS, placed.length),
    check("orders: total of all, in cents", sum(plan), sum(placed)),
  ];
}

const isInOrder = ({ history }: PlacedOrder): boolean =>
  history.map(({ status }) => status).join() === "placed,fulfilled";

function fulfilmentChecks(placed: PlacedOrder[], found: (PlacedOrder | undefined)[]): Check[] {
  const fulfilled = found.filter((order) => order?.status === "fulfilled");
  const correlated = found.filter((order, index) => order?.correlationId === placed[index]?.correlationId);
  return [
    check("orders: fulfilled through changes, bus and queue", ORDERS, fulfilled.length),
    check(
      "orders: of them placed and fulfilled once",
      ORDERS,
      fulfilled.filter((order) => order && isInOrder(order)).length,
    ),
    check("orders: of them with their request's correlation id", ORDERS, correlated.length),
  ];
}

async function repetitionChecks(
  context: SmokeContext,
  token: string,
  { plan, answers }: { plan: Planned[]; answers: Answer[] },
): Promise<Check[]> {
  const repeated = await Promise.all(plan.map((order) => place(context, token, order)));
  const same = repeated.filter(
    ({ status, body }, index) =>
      status === 201 && JSON.stringify(body) === JSON.stringify(answers[index * DUPLICATES]?.body),
  );
  return [check("orders: repeated later, with the same answer", ORDERS, same.length)];
}

/** What is no order. */
async function refusalChecks(context: SmokeContext, token: string): Promise<Check[]> {
  const { api, mark } = context;
  const good = [{ productId: PRODUCT_IDS[0] ?? "", quantity: 1 }];
  const bad = (items: unknown, key = `${mark}-bad`) =>
    place(context, token, { key, items: items as Planned["items"] });
  const cases: [string, number, Promise<Answer>][] = [
    ["a reused key with another order", 422, bad(good, `${mark}-order-0`)],
    ["an unknown product", 422, bad([{ productId: "unicorn", quantity: 1 }])],
    ["more than a million dollars", 422, bad([{ productId: "mast", quantity: 1_000 }])],
    ["a product twice", 422, bad([...good, ...good])],
    ["no pieces", 400, bad([{ ...good[0], quantity: 0 }])],
    ["half a piece", 400, bad([{ ...good[0], quantity: 0.5 }])],
    ["an empty order", 400, bad([])],
    ["a key of 129 characters", 400, bad(good, "k".repeat(129))],
    ["no key", 400, api.post("/orders", { items: good }, token)],
    ["an order that does not exist", 404, api.get(`/orders/${"0".repeat(32)}`, token)],
    ["an id that is none", 400, api.get("/orders/x", token)],
    [
      "a token for reading, on an order",
      403,
      place(context, await api.token("orders.read"), { key: mark, items: good }),
    ],
  ];
  return Promise.all(
    cases.map(async ([name, status, answer]) =>
      check(`orders: ${name} gets ${status}`, status, (await answer).status),
    ),
  );
}
