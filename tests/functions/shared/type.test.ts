import { expect } from "chai";
import { Type as TypeBox } from "typebox";
import { Type } from "../../../functions/shared/type.ts";

/** One of everything, inside one another. */
const everything = (T: typeof Type) => {
  const note = T.String({ description: "A note.", pattern: "^[a-z]+$" });
  return T.Object(
    {
      id: T.Literal("one"),
      count: T.Integer({ minimum: 0 }),
      note: T.Optional(note),
      size: T.Optional(T.Enum(["small", "large"], { default: "small" })),
      values: T.Array(T.Union([T.Number(), note], { description: "Either." }), { minItems: 1 }),
      nothing: T.Object({}),
      anything: T.Unsafe<unknown>({ description: "Whatever." }),
      loose: T.Object({ only: T.Optional(T.Number()) }),
    },
    { additionalProperties: false },
  );
};

describe("schema builders", () => {
  it("give TypeBox's own schemas", () => {
    expect(JSON.stringify(everything(Type))).to.equal(JSON.stringify(everything(TypeBox)));
  });

  it("may stand in a schema of TypeBox's, and the other way round", () => {
    const inOurs = Type.Object({ a: TypeBox.Optional(TypeBox.String()), b: TypeBox.Null() });
    const inTypeBox = TypeBox.Object({ a: Type.Optional(Type.String()), b: TypeBox.Null() });

    expect(JSON.stringify(inOurs)).to.equal(JSON.stringify(inTypeBox));
    expect(inOurs).to.have.property("required").that.deep.equals(["b"]);
  });
});
