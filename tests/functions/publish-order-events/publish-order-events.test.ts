import { expect } from "chai";
import { orderIdOf } from "../../../functions/shared/order.ts";
import { CLIENT, change, ITEMS, KEY, Orders, TOTAL } from "../orders.ts";

describe("publish-order-events", () => {
  let orders: Orders;

  beforeEach(() => {
    orders = new Orders();
  });

  const placeMany = async (count: number): Promise<void> => {
    for (let index = 0; index < count; index += 1) await orders.place(ITEMS, { key: `key-${index}` });
  };

  it("tells of an order that was placed, and of one that was fulfilled", async () => {
    await orders.place(ITEMS);
    await orders.publish();
    orders.now += 1_000;
    await orders.fulfil(orders.forwarded);
    expect(await orders.publish(orders.changes.slice(1))).to.deep.equal({ batchItemFailures: [] });
    const orderId = orderIdOf(CLIENT, KEY);
    const common = { schemaVersion: 1, orderId, clientId: CLIENT, correlationId: "request-1" };
    expect(orders.published).to.deep.equal([
      {
        type: "OrderPlaced",
        source: "orders",
        bus: "bus",
        detail: {
          ...common,
          eventId: `${orderId}.placed`,
          at: "2026-01-31T12:00:00.000Z",
          items: [
            { productId: "barometer", quantity: 2, unitCents: 7_450 },
            { productId: "thermometer", quantity: 1, unitCents: 1_995 },
          ],
          totalCents: TOTAL,
          currency: "USD",
        },
      },
      {
        type: "OrderFulfilled",
        source: "orders",
        bus: "bus",
        detail: { ...common, eventId: `${orderId}.fulfilled`, at: "2026-01-31T12:00:01.000Z" },
      },
    ]);
  });

  it("publishes the same event, id and all, when a change is delivered twice and out of order", async () => {
    await orders.place(ITEMS);
    await orders.publish();
    await orders.fulfil(orders.forwarded);
    orders.published.length = 0;
    await orders.publish([...orders.changes].reverse());
    await orders.publish(orders.changes);
    const texts = orders.published.map((event) => JSON.stringify(event));
    expect(texts).to.have.length(4);
    expect(new Set(texts).size).to.equal(2);
  });

  it("sends ten at most in one call", async () => {
    await placeMany(25);
    const calls = new Map<number, number>();
    orders.refuse = (_, call) => {
      calls.set(call, (calls.get(call) ?? 0) + 1);
      return undefined;
    };
    await orders.publish();
    expect([...calls.values()]).to.deep.equal([10, 10, 5]);
  });

  it("asks to be given the first change again whose event was not taken", async () => {
    await placeMany(15);
    const bad = orderIdOf(CLIENT, "key-11");
    orders.refuse = ({ detail }) => (detail.orderId === bad ? "ThrottlingException" : undefined);
    expect(await orders.publish()).to.deep.equal({ batchItemFailures: [{ itemIdentifier: "12" }] });
    orders.refuse = () => undefined;
    await orders.publish(orders.changes.slice(11));
    expect(new Set(orders.published.map(({ detail }) => detail.orderId)).size).to.equal(15);
  });

  it("fails as a whole when the bus cannot be reached", async () => {
    await orders.place(ITEMS);
    orders.before = () => {
      throw new Error("no bus");
    };
    expect(await orders.publish().catch((error: Error) => error.message)).to.equal("no bus");
  });

  it("leaves out a change that it cannot read, and goes on with the others", async () => {
    await orders.place(ITEMS);
    const unreadable = [
      change(90, { after: { orderId: { S: "x" } } }),
      change(91, { after: { orderId: { S: "x" }, status: { S: "lost" }, history: { L: [{ M: {} }] } } }),
      { eventID: "92", eventName: "INSERT" as const },
      { eventID: "93" },
    ];
    expect(await orders.publish([...unreadable, ...orders.changes])).to.deep.equal({ batchItemFailures: [] });
    expect(orders.published.map(({ type }) => type)).to.deep.equal(["OrderPlaced"]);
  });

  it("tells nothing of a deletion, or of a change that leaves the status alone", async () => {
    await orders.place(ITEMS);
    const [item] = [...orders.items.values()];
    await orders.publish([
      change(2, { before: item, after: { ...item, note: { S: "n" } } }),
      change(3, { before: item }),
    ]);
    expect(orders.published).to.deep.equal([]);
  });
});
