/**
 * The client of the orders benchmark, a process of its own: it places orders at a steady pace over HTTP. An order was
 * sent when it was due: a client that falls behind makes the figure worse, not better.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";

/** What the benchmark tells the client, as JSON in `--settings`. */
export interface ClientSettings {
  /** Loopback address of the API. */
  apiUrl: string;
  token: string;
  /** Milliseconds between two orders. */
  everyMs: number;
  orders: number;
  /** What its idempotency keys begin with. */
  mark: string;
}

export interface SentOrder {
  orderId: string;
  /** Milliseconds since the epoch. */
  dueAt: number;
  /** Milliseconds until the answer to the POST. */
  answeredAfter: number;
}

/** What the client prints, as JSON. */
export interface ClientResult {
  sent: SentOrder[];
  /** Most milliseconds that an order went out late. */
  latestStart: number;
}

const items = [
  { productId: "barometer", quantity: 2 },
  { productId: "thermometer", quantity: 1 },
];

async function place(
  { apiUrl, token, mark }: ClientSettings,
  index: number,
  dueAt: number,
): Promise<SentOrder> {
  const response = await fetch(`${apiUrl}/orders`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${token}`,
      "content-type": "application/json",
      "idempotency-key": `${mark}-${index}`,
    },
    body: JSON.stringify({ items }),
  });
  const text = await response.text();
  if (response.status !== 201) throw new Error(`The API answered ${response.status}: ${text}`);
  const { orderId } = JSON.parse(text) as { orderId: string };
  return { orderId, dueAt, answeredAfter: performance.timeOrigin + performance.now() - dueAt };
}

async function run(settings: ClientSettings): Promise<ClientResult> {
  const start = performance.timeOrigin + performance.now();
  const placing: Promise<SentOrder>[] = [];
  let latestStart = 0;
  for (let index = 0; index < settings.orders; index++) {
    const dueAt = start + index * settings.everyMs;
    const wait = dueAt - (performance.timeOrigin + performance.now());
    if (wait > 0) await sleep(wait);
    latestStart = Math.max(latestStart, performance.timeOrigin + performance.now() - dueAt);
    placing.push(place(settings, index, dueAt));
  }
  return { sent: await Promise.all(placing), latestStart };
}

const { values } = parseArgs({ options: { settings: { type: "string", default: "{}" } } });
console.log(JSON.stringify(await run(JSON.parse(values.settings))));
