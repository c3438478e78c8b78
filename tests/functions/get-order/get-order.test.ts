import { expect } from "chai";
import { orderIdOf } from "../../../functions/shared/order.ts";
import { CLIENT, ITEMS, KEY, Orders, TOTAL } from "../orders.ts";

describe("get-order", () => {
  const orderId = orderIdOf(CLIENT, KEY);
  let orders: Orders;

  beforeEach(async () => {
    orders = new Orders();
    await orders.place(ITEMS);
  });

  it("answers with the order's status and history to whoever placed it", async () => {
    orders.now += 1_500;
    await orders.publish();
    await orders.fulfil(orders.forwarded);
    const { body } = await orders.get(orderId);
    expect(body).to.deep.include({
      orderId,
      status: "fulfilled",
      totalCents: TOTAL,
      correlationId: "request-1",
    });
    expect((body as { history: object }).history).to.deep.equal([
      { status: "placed", at: "2026-01-31T12:00:00.000Z" },
      { status: "fulfilled", at: "2026-01-31T12:00:01.500Z" },
    ]);
    expect(body).not.to.have.any.keys("clientId", "fingerprint");
  });

  it("answers 404 to another client, word for word as for an order that does not exist", async () => {
    const foreign = await orders.get(orderId, "other");
    const unknown = await orders.get("0".repeat(32));
    expect([foreign.status, unknown.status]).to.deep.equal([404, 404]);
    expect(foreign.problem?.detail?.replace(orderId, "")).to.equal(
      unknown.problem?.detail?.replace("0".repeat(32), ""),
    );
  });

  it("answers 404 for an item that holds no order", async () => {
    orders.items.set(orderId, { orderId: { S: orderId }, clientId: { S: CLIENT } });
    expect((await orders.get(orderId)).status).to.equal(404);
  });
});
