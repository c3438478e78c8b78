import { Ajv } from "ajv";
import { expect } from "chai";
import fc from "fast-check";
import { PRODUCT_IDS } from "../../../functions/shared/catalogue.ts";
import { fromItem, placedOrder, priceOrder, toItem } from "../../../functions/shared/order.ts";
import {
  eventOf,
  OrderFulfilledSchema,
  OrderPlacedSchema,
  readOrderPlaced,
} from "../../../functions/shared/order-events.ts";
import { OrderBodySchema } from "../../../functions/shared/order-schemas.ts";

const ajv = new Ajv({ allErrors: true });
const validPlaced = ajv.compile(OrderPlacedSchema);
const validFulfilled = ajv.compile(OrderFulfilledSchema);
const validBody = ajv.compile(OrderBodySchema);

const order = () => {
  const priced = priceOrder([{ productId: "mast", quantity: 2 }]);
  if ("problems" in priced) throw new Error("It cannot be priced.");
  const at = "2026-01-31T12:00:00.000Z";
  return placedOrder({ clientId: "c", idempotencyKey: "k", correlationId: "r", at, ...priced });
};

describe("orders' data", () => {
  it("survives the table", () => {
    expect(fromItem(toItem(order()))).to.deep.equal(order());
    const fulfilled = {
      ...order(),
      status: "fulfilled" as const,
      history: [...order().history, { status: "fulfilled" as const, at: "2026-01-31T12:00:01.000Z" }],
    };
    expect(fromItem(toItem(fulfilled))).to.deep.equal(fulfilled);
  });

  it("is told in events that are as their schemas say", () => {
    expect(validPlaced(eventOf(order()).detail), JSON.stringify(validPlaced.errors)).to.equal(true);
    const fulfilled = { ...order(), status: "fulfilled" as const };
    fulfilled.history = [...fulfilled.history, { status: "fulfilled", at: "2026-01-31T12:00:01.000Z" }];
    expect(validFulfilled(eventOf(fulfilled).detail), JSON.stringify(validFulfilled.errors)).to.equal(true);
  });

  it("is read by the consumer exactly when the schema allows it, whatever was changed about it", () => {
    const good = eventOf(order()).detail as unknown as Record<string, unknown>;
    const odd = fc.oneof(
      fc.anything(),
      fc.string(),
      fc.integer(),
      fc.constantFrom("x".repeat(256), "😀".repeat(256), "x".repeat(257), 1.5, -1, 100_000_001, "EUR", null),
      fc.array(
        fc.record({
          productId: fc.oneof(fc.constantFrom(...PRODUCT_IDS), fc.string()),
          quantity: fc.oneof(fc.integer({ min: -1, max: 1_002 }), fc.double()),
          unitCents: fc.oneof(fc.nat(), fc.anything()),
        }),
        { maxLength: 3 },
      ),
    );
    fc.assert(
      fc.property(
        fc.constantFrom(...Object.keys(good), "unknown"),
        fc.option(odd, { nil: undefined }),
        (key, value) => {
          const changed: unknown = JSON.parse(JSON.stringify({ ...good, [key]: value }));
          let read = true;
          try {
            readOrderPlaced(changed);
          } catch {
            read = false;
          }
          expect(read, JSON.stringify(changed)).to.equal(validPlaced(changed));
        },
      ),
      { numRuns: 500 },
    );
  });

  it("is refused as a request where it is none", () => {
    const bad: unknown[] = [
      null,
      [],
      {},
      { items: [] },
      { items: [{}] },
      { items: [{ productId: "mast" }] },
      { items: [{ productId: "mast", quantity: "1" }] },
      { items: [{ productId: "mast", quantity: 0 }] },
      { items: [{ productId: "mast", quantity: 1.5 }] },
      { items: [{ productId: "mast", quantity: 1e300 }] },
      { items: [{ productId: "x".repeat(65), quantity: 1 }] },
      { items: [{ productId: "mast", quantity: 1, price: 0 }] },
      { items: [{ productId: "mast", quantity: 1 }], totalCents: 1 },
      { items: Array.from({ length: 51 }, () => ({ productId: "mast", quantity: 1 })) },
    ];
    expect(bad.filter((body) => validBody(body))).to.deep.equal([]);
    expect(validBody({ items: [{ productId: "mast", quantity: 1_000 }] })).to.equal(true);
  });
});
