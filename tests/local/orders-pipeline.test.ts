import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EventBridgeClient, PutEventsCommand } from "@aws-sdk/client-eventbridge";
import { expect } from "chai";
import type { TraceEvent } from "../../local/kit/trace.ts";
import type { Runtime } from "../../local/runtime.ts";
import { writeState } from "../../local/state.ts";
import { serveTraces } from "../../local/traces.ts";
import type { Target } from "../../ops/shared/target.ts";
import type { Answer, ApiClient } from "../../ops/smoke/api.ts";
import { clientOptions } from "../../ops/smoke/context.ts";
import { checkOrders } from "../../ops/smoke/orders.ts";
import { runCommand } from "../helpers/command.ts";
import { systemForSuite } from "../helpers/system.ts";

const ITEMS = [{ productId: "barometer", quantity: 2 }];

interface OrderView {
  orderId: string;
  status: string;
  history: unknown[];
}

describe("the orders service on this machine", function () {
  this.timeout(120_000);
  const system = systemForSuite();
  let runtime: Runtime;
  let target: Target;
  let api: ApiClient;
  let token: string;

  before(async () => {
    ({ runtime, target, api } = system());
    token = await api.token("orders.write", "orders.read");
  });

  const place = (key: string, items: unknown = ITEMS): Promise<Answer> =>
    api.post("/orders", { items }, token, { "idempotency-key": key, "x-correlation-id": `trace-${key}` });
  const get = async (orderId: string): Promise<OrderView> =>
    (await api.get(`/orders/${orderId}`, token)).body as OrderView;

  const entryOf = (event: TraceEvent): Record<string, unknown> => {
    if (event.kind !== "log") return {};
    try {
      return JSON.parse(String(event.line)) as Record<string, unknown>;
    } catch {
      return {};
    }
  };
  /** Resolves with the log line of this message about the order. */
  const told = async (
    orderId: string,
    message: string,
    onlyNew = false,
  ): Promise<Record<string, unknown>> => {
    const isIt = (event: TraceEvent): boolean => {
      const entry = entryOf(event);
      return entry.message === message && entry.orderId === orderId;
    };
    return entryOf(await runtime.trace.waitFor(isIt, { onlyNew }));
  };

  it("passes its part of the smoke test, figure by figure", async () => {
    const checks = await checkOrders(system().smoke("pipeline"));
    expect(checks.filter(({ ok }) => !ok)).to.deep.equal([]);
    expect(checks.length).to.be.greaterThan(15);
  });

  it("carries the request's correlation id to the logs of every function on the way", async () => {
    const { body } = await place("correlated");
    const { orderId } = body as OrderView;
    const messages = ["order placed", "event published", "order fulfilled"];
    const lines = await Promise.all(messages.map((message) => told(orderId, message)));
    expect(lines.map(({ service, correlationId }) => [service, correlationId])).to.deep.equal([
      ["place-order", "trace-correlated"],
      ["publish-order-events", "trace-correlated"],
      ["fulfil-order", "trace-correlated"],
    ]);
  });

  it("shows the order's way to the command of another terminal, hop by hop", async () => {
    const { body } = await place("shown");
    await told((body as OrderView).orderId, "order fulfilled");
    const traces = await serveTraces(runtime.trace);
    const directory = await mkdtemp(join(tmpdir(), "trace-"));
    await writeState(directory, "dev", {
      pid: process.pid,
      endpoint: runtime.aws.endpoint.url,
      hosts: runtime.hosts.entries(),
      outputs: runtime.outputs,
      traces: traces.url,
    });
    const shown = await runCommand("ops/trace/main.ts", ["trace-shown"], directory);
    const unknown = await runCommand("ops/trace/main.ts", ["trace-nobody"], directory);
    await Promise.all([traces.close(), rm(directory, { recursive: true })]);
    const [heading, ...hops] = shown.stdout.trimEnd().split("\n");
    expect(heading, shown.stderr).to.match(/^Trace of trace-shown: [45] hops in \d+\.\d ms$/);
    const way = hops.map((hop) => hop.replace(/(\S) {2,}.*$/, "$1"));
    expect(way.slice(0, 8)).to.deep.equal([
      "POST /orders",
      "└─ api-post-orders",
      "   └─ table orders-table",
      "      └─ orders-publish",
      "         └─ bus orders-bus",
      "            └─ rule orders-order-placed-rule",
      "               └─ queue orders-queue",
      "                  └─ orders-fulfil",
    ]);
    expect(hops[0]).to.match(/ 201 +\d+\.\d ms$/);
    expect(unknown.code).to.equal(1);
    expect(unknown.stderr).to.match(/^No function of stack "dev" has written about "trace-nobody"[^\n]+\n$/);
  });

  it("fulfils an order once, although its events come again, late and out of order", async () => {
    const { body } = await place("again");
    const { orderId } = body as OrderView;
    const isOf = (type: string) => (event: TraceEvent) => {
      const entry = entryOf(event);
      return entry.message === "event published" && entry.orderId === orderId && entry.type === type;
    };
    await runtime.trace.waitFor(isOf("OrderFulfilled"));
    const fulfilled = await get(orderId);
    const again = told(orderId, "order was fulfilled before", true);
    const detail = {
      schemaVersion: 1,
      eventId: `${orderId}.placed`,
      orderId,
      clientId: "whoever",
      at: "2026-01-31T12:00:00.000Z",
      correlationId: "again",
      items: [{ productId: "barometer", quantity: 2, unitCents: 7_450 }],
      totalCents: 14_900,
      currency: "USD",
    };
    const entry = (DetailType: string) => ({
      EventBusName: target.outputs.orderBusName,
      Source: "orders",
      DetailType,
      Detail: JSON.stringify(detail),
    });
    const bus = new EventBridgeClient(clientOptions(target));
    await bus.send(
      new PutEventsCommand({
        Entries: [entry("OrderFulfilled"), entry("OrderPlaced"), entry("OrderPlaced")],
      }),
    );
    bus.destroy();
    await again;
    expect(await get(orderId)).to.deep.equal(fulfilled);
    expect(fulfilled.history).to.have.length(2);
  });

  it("makes one order of fifty concurrent requests, and gives each the same answer", async () => {
    const answers = await Promise.all(Array.from({ length: 50 }, () => place("at-once")));
    expect(new Set(answers.map(({ status }) => status))).to.deep.equal(new Set([201]));
    expect(new Set(answers.map(({ body }) => JSON.stringify(body))).size).to.equal(1);
  });

  it("answers bad requests with what is wrong, and never a 5xx", async () => {
    const post = async (body: unknown, headers: Record<string, string> = { "idempotency-key": "bad" }) => {
      const answer = await api.post("/orders", body, token, headers);
      return answer.status;
    };
    expect(await post("{")).to.equal(400);
    expect(await post("null")).to.equal(400);
    expect(await post('{"items":[{"productId":"mast","quantity":1}],"__proto__":{}}')).to.equal(400);
    expect(await post({ items: [{ productId: "mast", quantity: 1e308 }] })).to.equal(400);
    expect(
      await post({ items: [{ productId: "__proto__", quantity: 1 }] }, { "idempotency-key": "p" }),
    ).to.equal(422);
    expect(await post({ items: ITEMS }, { "idempotency-key": "a b" })).to.equal(400);
    expect(await post(`"${"x".repeat(1_100_000)}"`)).to.equal(413);
    expect((await api.get("/orders/%2e%2e", token)).status).to.be.oneOf([400, 404]);
    expect((await api.get(`/orders/${"A".repeat(32)}`, token)).status).to.equal(400);
  });

  // Not proven here: what a dead letter waits for (tests/sources/queue.test.ts).
});
