import { expect } from "chai";
import fc from "fast-check";
import { fulfilOrders } from "../../../functions/fulfil-order/handler.ts";
import { orderIdOf } from "../../../functions/shared/order.ts";
import { CLIENT, ITEMS, KEY, Orders, queued } from "../orders.ts";

describe("fulfil-order", () => {
  let orders: Orders;

  beforeEach(() => {
    orders = new Orders();
  });

  const placed = async (): Promise<object> => {
    await orders.place(ITEMS);
    await orders.publish();
    return orders.forwarded[0] as object;
  };

  it("brings a placed order to fulfilled", async () => {
    const message = await placed();
    expect(await orders.fulfil([message])).to.deep.equal({ batchItemFailures: [] });
    expect(orders.items.get(orderIdOf(CLIENT, KEY))?.status).to.deep.equal({ S: "fulfilled" });
  });

  it("fulfils once what it is told twice, keeping the first time of fulfilment", async () => {
    const message = await placed();
    await orders.fulfil([message, message]);
    orders.now += 60_000;
    expect(await orders.fulfil([message])).to.deep.equal({ batchItemFailures: [] });
    expect(orders.changes).to.have.length(2);
    expect(orders.items.get(orderIdOf(CLIENT, KEY))?.history?.L).to.have.length(2);
  });

  it("carries the correlation id of the request to its logs", async () => {
    const message = await placed();
    const lines: object[] = [];
    const logger = (bound: object): never =>
      ({
        info: (text: string, fields?: object) => lines.push({ ...bound, ...fields, text }),
        error: () => {},
        warn: () => {},
        with: (fields: object) => logger({ ...bound, ...fields }),
      }) as never;
    await fulfilOrders(queued([message]), { ...orders.deps, logger: logger({}) });
    expect(lines[0]).to.deep.include({ text: "order fulfilled", correlationId: "request-1" });
  });

  it("fails what it cannot take, and that alone", async () => {
    const message = (await placed()) as { detail: Record<string, unknown> };
    const with_ = (over: object) => ({ ...message, detail: { ...message.detail, ...over } });
    const bad = [
      "{",
      "null",
      "5",
      {},
      { ...message, "detail-type": "OrderFulfilled" },
      { ...message, source: "elsewhere" },
      { ...message, detail: null },
      with_({ schemaVersion: 2 }),
      with_({ orderId: "../x" }),
      with_({ totalCents: 1.5 }),
      with_({ items: [] }),
      with_({ items: [{ productId: "mast", quantity: 0, unitCents: 1 }] }),
      with_({ orderId: "0".repeat(32), eventId: `${"0".repeat(32)}.placed` }),
    ];
    const { batchItemFailures } = await orders.fulfil([...bad, message]);
    expect(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier)).to.deep.equal(
      bad.map((_, index) => `message-${index}`),
    );
    expect(orders.items.get(orderIdOf(CLIENT, KEY))?.status).to.deep.equal({ S: "fulfilled" });
  });

  it("fails a message whose write fails, so that it comes again", async () => {
    const message = await placed();
    orders.before = (name) => {
      if (name === "UpdateItemCommand") throw new Error("throttled");
    };
    expect((await orders.fulfil([message])).batchItemFailures).to.have.length(1);
    orders.before = () => {};
    expect((await orders.fulfil([message])).batchItemFailures).to.have.length(0);
  });

  it("ends the same however often and in whatever order changes and messages come", async () => {
    const counts = fc.integer({ min: 1, max: 8 });
    const seeds = fc.array(fc.integer(), { minLength: 8, maxLength: 16 });
    await fc.assert(
      fc.asyncProperty(counts, seeds, async (count, seed) => {
        const run = await deliverTwice(count, seed);
        const ids = (type: string) =>
          new Set(run.published.filter((event) => event.type === type).map(({ detail }) => detail.eventId));
        expect(run.changes).to.have.length(2 * count);
        expect([ids("OrderPlaced").size, ids("OrderFulfilled").size]).to.deep.equal([count, count]);
        const items = [...run.items.values()];
        expect(items.filter(({ status }) => status?.S === "fulfilled")).to.have.length(count);
        expect(items.filter(({ history }) => history?.L?.length === 2)).to.have.length(count);
      }),
      { numRuns: 30 },
    );
  });
});

const shuffled = <T>(items: T[], seed: number[]): T[] =>
  items
    .map((item, index) => ({ item, at: seed[index % seed.length] ?? 0 }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item);

/** Orders placed and taken through the whole pipeline, everything delivered twice and in an order of the seed's. */
async function deliverTwice(count: number, seed: number[]): Promise<Orders> {
  const run = new Orders();
  const publish = () => run.publish(shuffled([...run.changes, ...run.changes], seed));
  for (let index = 0; index < count; index += 1) await run.place(ITEMS, { key: `k${index}` });
  await publish();
  for (const message of shuffled([...run.forwarded, ...run.forwarded], seed)) await run.fulfil([message]);
  await publish();
  for (const message of run.forwarded) await run.fulfil([message]);
  return run;
}
