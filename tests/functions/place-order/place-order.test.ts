import { expect } from "chai";
import fc from "fast-check";
import { PRODUCT_IDS, productOf } from "../../../functions/shared/catalogue.ts";
import { MAX_TOTAL_CENTS, orderIdOf, priceOrder } from "../../../functions/shared/order.ts";
import { NOW } from "../fakes.ts";
import { CLIENT, ITEMS, KEY, Orders, TOTAL } from "../orders.ts";

describe("place-order", () => {
  let orders: Orders;

  beforeEach(() => {
    orders = new Orders();
  });

  it("answers 201 with the priced order and where it is", async () => {
    const orderId = orderIdOf(CLIENT, KEY);
    expect(await orders.place(ITEMS)).to.deep.equal({
      status: 201,
      headers: { location: `/orders/${orderId}` },
      body: {
        orderId,
        status: "placed",
        items: [
          { productId: "barometer", quantity: 2, unitCents: 7_450 },
          { productId: "thermometer", quantity: 1, unitCents: 1_995 },
        ],
        totalCents: TOTAL,
        currency: "USD",
        history: [{ status: "placed", at: new Date(NOW).toISOString() }],
        correlationId: "request-1",
      },
    });
    expect(orders.items.get(orderId)?.totalCents).to.deep.equal({ N: String(TOTAL) });
  });

  it("gives the same answer to the same key and body, later and after it was fulfilled", async () => {
    const first = await orders.place(ITEMS);
    orders.now += 60_000;
    const second = await orders.place([...ITEMS].map(({ productId, quantity }) => ({ quantity, productId })));
    await orders.publish();
    await orders.fulfil(orders.forwarded);
    const third = await orders.place(ITEMS);
    expect(second).to.deep.equal(first);
    expect(third).to.deep.equal(first);
    expect(orders.items.size).to.equal(1);
  });

  it("makes one order of a hundred concurrent duplicates", async () => {
    const answers = await Promise.all(Array.from({ length: 100 }, () => orders.place(ITEMS)));
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).to.equal(1);
    expect(orders.changes).to.have.length(1);
  });

  it("answers 422 to a key that placed another order, and leaves that one alone", async () => {
    const { status: first } = await orders.place(ITEMS);
    const before = structuredClone([...orders.items]);
    const { status, problem } = await orders.place([{ productId: "barometer", quantity: 3 }]);
    expect([first, status, problem?.title]).to.deep.equal([201, 422, "Idempotency key reused"]);
    expect([...orders.items]).to.deep.equal(before);
  });

  it("takes the same key of another client for another order", async () => {
    await orders.place(ITEMS);
    const { status } = await orders.place(ITEMS, { key: KEY, clientId: "other" });
    expect([status, orders.items.size]).to.deep.equal([201, 2]);
  });

  it("answers again what it answered once, although the catalogue has lost the product since", async () => {
    const [item] = ITEMS;
    await orders.place([item]);
    const [id, stored] = [...orders.items][0] as [string, Record<string, unknown>];
    const lost = [{ productId: "discontinued", quantity: 1 }];
    const other = new Orders();
    // What an earlier catalogue would have let through.
    const { fingerprintOf } = await import("../../../functions/shared/order.ts");
    const lines = {
      L: [{ M: { productId: { S: "discontinued" }, quantity: { N: "1" }, unitCents: { N: "5" } } }],
    };
    other.items.set(id, { ...stored, lines, fingerprint: { S: fingerprintOf(lost) } } as never);
    expect((await other.place(lost)).status).to.equal(201);
    expect((await other.place([{ productId: "never", quantity: 1 }])).problem?.title).to.equal(
      "Idempotency key reused",
    );
  });

  for (const [what, key] of [
    ["no key", undefined],
    ["an empty key", ""],
    ["129 characters", "k".repeat(129)],
    ["two keys in one", "a,b"],
    ["a blank", "a b"],
    ["a line break", "a\nb"],
    ["letters beyond ASCII", "schlüssel"],
    ["quotes", '"a"'],
  ] as const) {
    it(`answers 400 to ${what}, naming the header`, async () => {
      const { status, problem } = await orders.place(ITEMS, { key });
      expect(status).to.equal(400);
      expect(problem?.errors?.[0]).to.include({ parameter: "idempotency-key" });
      expect(orders.items.size).to.equal(0);
    });
  }

  it("takes a key of 128 characters", async () => {
    expect((await orders.place(ITEMS, { key: "k".repeat(128) })).status).to.equal(201);
  });

  for (const [what, items, pointer] of [
    ["an unknown product", [{ productId: "unicorn", quantity: 1 }], "#/items/0/productId"],
    ["an inherited name", [{ productId: "constructor", quantity: 1 }], "#/items/0/productId"],
    ["a prototype", [{ productId: "__proto__", quantity: 1 }], "#/items/0/productId"],
    ["quantity 0", [{ productId: "mast", quantity: 0 }], "#/items/0/quantity"],
    ["a negative quantity", [{ productId: "mast", quantity: -1 }], "#/items/0/quantity"],
    ["a fractional quantity", [{ productId: "mast", quantity: 1.5 }], "#/items/0/quantity"],
    ["a huge quantity", [{ productId: "mast", quantity: 2 ** 53 }], "#/items/0/quantity"],
    ["1,001 pieces", [{ productId: "thermometer", quantity: 1_001 }], "#/items/0/quantity"],
    ["a product twice", [ITEMS[0], ITEMS[1], ITEMS[0]], "#/items/2/productId"],
    ["too high a total", [{ productId: "mast", quantity: 1_000 }], "#/items"],
  ] as const) {
    it(`answers 422 to ${what}, saying where, and places nothing`, async () => {
      const { status, problem } = await orders.place(items);
      expect(status).to.equal(422);
      expect(problem?.errors?.map((error) => error.pointer)).to.deep.equal([pointer]);
      expect(orders.items.size).to.equal(0);
    });
  }

  it("lists everything that is wrong at once", async () => {
    const { problem } = await orders.place([
      { productId: "unicorn", quantity: 0 },
      { productId: "mast", quantity: 0 },
    ]);
    expect(problem?.errors).to.have.length(2);
  });

  it("refuses a token that names no client", async () => {
    expect((await orders.place(ITEMS, { key: KEY, clientId: undefined })).status).to.equal(201);
    const { placeOrder } = await import("../../../functions/place-order/handler.ts");
    const { request } = await import("../fakes.ts");
    const anonymous = { ...request({ body: { items: ITEMS } }), caller: { scopes: [] } };
    expect((await placeOrder(anonymous as never, orders.deps)).status).to.equal(403);
  });

  it("fails as a whole when the table does, so that the request can be sent again", async () => {
    orders.before = () => {
      throw new Error("no table");
    };
    expect(await orders.place(ITEMS).catch((error: Error) => error.message)).to.equal("no table");
    orders.before = () => {};
    expect((await orders.place(ITEMS)).status).to.equal(201);
  });

  it("prices in whole cents, exactly, up to its bound and never beyond", () => {
    const line = fc.record({
      productId: fc.constantFrom(...PRODUCT_IDS),
      quantity: fc.integer({ min: 1, max: 1_000 }),
    });
    const items = fc.uniqueArray(line, { minLength: 1, selector: ({ productId }) => productId });
    fc.assert(
      fc.property(items, (lines) => {
        const exact = lines.reduce(
          (sum, { productId, quantity }) =>
            sum + BigInt(productOf(productId)?.unitCents ?? 0) * BigInt(quantity),
          0n,
        );
        const priced = priceOrder(lines);
        if ("problems" in priced) expect(exact > BigInt(MAX_TOTAL_CENTS)).to.equal(true);
        else expect(BigInt(priced.totalCents)).to.equal(exact);
      }),
    );
  });

  it("gives different ids to clients and keys that read alike when joined", () => {
    expect(orderIdOf("ab", "c")).not.to.equal(orderIdOf("a", "bc"));
    expect(orderIdOf("a", "b")).to.match(/^[0-9a-f]{32}$/);
  });
});

// Not proven here: what the route's schema refuses before (tests/functions/shared/order.test.ts), and DynamoDB's own
// conditions (tests/local/orders-pipeline.test.ts).
