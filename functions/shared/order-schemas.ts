/** The orders API's data as JSON Schema: for request validation and OpenAPI, while the program is planned. */
import { PRODUCT_IDS } from "./catalogue.ts";
import { MAX_LINES, MAX_QUANTITY, MAX_TOTAL_CENTS } from "./order.ts";
import { Type } from "./type.ts";

const closed = { additionalProperties: false } as const;
const OrderId = Type.String({ description: "The order's id.", pattern: "^[0-9a-f]{32}$" });
const ProductId = Type.String({
  description: `The product: ${PRODUCT_IDS.join(", ")}.`,
  minLength: 1,
  maxLength: 64,
});
const Quantity = Type.Integer({ description: "Pieces.", minimum: 1, maximum: MAX_QUANTITY });
const Cents = (description: string) => Type.Integer({ description, minimum: 0, maximum: MAX_TOTAL_CENTS });
const Status = Type.Enum(["placed", "fulfilled"]);

export const OrderBodySchema = Type.Object(
  {
    items: Type.Array(Type.Object({ productId: ProductId, quantity: Quantity }, closed), {
      description: "What is ordered, each product once.",
      minItems: 1,
      maxItems: MAX_LINES,
    }),
  },
  closed,
);

export const OrderPathSchema = Type.Object({ orderId: OrderId }, closed);

export const OrderSchema = Type.Object({
  orderId: OrderId,
  status: Status,
  items: Type.Array(
    Type.Object({
      productId: ProductId,
      quantity: Quantity,
      unitCents: Cents("Price of a piece, when it was ordered, in US cents."),
    }),
  ),
  totalCents: Cents("What it comes to, in US cents."),
  currency: Type.Literal("USD"),
  history: Type.Array(Type.Object({ status: Status, at: Type.String({ description: "ISO-8601 UTC." }) }), {
    description: "When it came to each status, oldest first.",
  }),
  correlationId: Type.String({ description: "Of the request that placed it." }),
});
