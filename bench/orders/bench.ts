/**
 * From placed to fulfilled at 50 orders a second: POST /orders -> table -> its changes -> bus -> queue -> fulfilled.
 *
 * A client process (client.ts) places the orders. The time of an order runs from the moment its request was due to the
 * moment that the fulfilling function says it has written the new status. At the end every order is asked for over the
 * API: one that is not fulfilled fails the benchmark.
 *
 * What comes before the measurement is long enough for every environment that the first seconds ask for: on two cores
 * some twenty processes start then, and orders wait seconds for them.
 */
import type { TraceEvent } from "../../local/kit/trace.ts";
import { ApiClient } from "../../ops/smoke/api.ts";
import { runClient } from "../shared/client-process.ts";
import { type Bench, type BenchReport, type Harness, median, percentile } from "../shared/harness.ts";
import { type System, withSystem } from "../shared/system.ts";
import type { ClientResult } from "./client.ts";

const RATE = 50;
const WARM_UP_SECONDS = 10;
const SECONDS = 20;
const PATIENCE_MS = 10_000;
const TARGET_MS = 500;
const FULFILLED = "order fulfilled";

/** The order that a log line says was fulfilled. */
function fulfilledIn(event: TraceEvent): string | undefined {
  if (event.kind !== "log" || !String(event.line).includes(FULFILLED)) return undefined;
  const { message, orderId } = JSON.parse(String(event.line)) as { message?: string; orderId?: string };
  return message === FULFILLED ? orderId : undefined;
}

/** When each order was fulfilled, from now on, in milliseconds since the epoch. */
class Fulfilments {
  readonly at = new Map<string, number>();
  readonly #off: () => void;
  #wanted = Number.POSITIVE_INFINITY;
  #reached = () => {};

  constructor({ trace }: System["runtime"]) {
    this.#off = trace.on((event) => {
      const orderId = fulfilledIn(event);
      if (orderId === undefined) return;
      this.at.set(orderId, performance.timeOrigin + performance.now());
      if (this.at.size >= this.#wanted) this.#reached();
    });
  }

  /** Resolves when so many orders are fulfilled, or when patience ends. */
  async until(count: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#wanted = count;
      this.#reached = resolve;
      timer = setTimeout(resolve, PATIENCE_MS);
      if (this.at.size >= count) resolve();
    });
    clearTimeout(timer);
    this.#off();
  }
}

interface Measured extends ClientResult {
  fulfilledAt: Map<string, number>;
}

async function measure(system: System): Promise<Measured> {
  const { target, runtime } = system;
  const api = new ApiClient(target);
  const token = await api.token("orders.write", "orders.read");
  const fulfilments = new Fulfilments(runtime);
  const result = await runClient<ClientResult>(new URL("client.ts", import.meta.url), {
    apiUrl: target.resolve(target.outputs.apiUrl),
    token,
    everyMs: 1_000 / RATE,
    orders: (WARM_UP_SECONDS + SECONDS) * RATE,
    mark: "bench",
  });
  await fulfilments.until(result.sent.length);
  for (const { orderId } of result.sent) {
    const { body } = await api.get(`/orders/${orderId}`, token);
    const { status } = body as { status?: string };
    if (status !== "fulfilled") throw new Error(`Order ${orderId} is ${status}, not fulfilled.`);
  }
  return { ...result, fulfilledAt: fulfilments.at };
}

async function run(harness: Harness): Promise<BenchReport> {
  harness.progress(`  ${RATE} orders a second for ${SECONDS} s`);
  const { sent, latestStart, fulfilledAt } = await withSystem(measure);
  const measured = sent.slice(WARM_UP_SECONDS * RATE);
  const times = measured.map(({ orderId, dueAt }) => (fulfilledAt.get(orderId) ?? Number.NaN) - dueAt);
  const answers = measured.map(({ answeredAfter }) => answeredAfter);
  return {
    figures: [
      { name: "placed -> fulfilled, p50", value: median(times), unit: "ms" },
      {
        name: "placed -> fulfilled, p99",
        value: percentile(times, 99),
        unit: "ms",
        target: { at: "most", value: TARGET_MS },
        note: `${measured.length} orders; an answer of POST /orders took ${median(answers).toFixed(0)} ms (p99 ${percentile(answers, 99).toFixed(0)} ms), a request started up to ${latestStart.toFixed(0)} ms late`,
      },
    ],
  };
}

export const bench: Bench = { name: "orders", run };
