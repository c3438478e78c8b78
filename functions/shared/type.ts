/**
 * TypeBox's builders, as far as the API's schemas use them: the same JSON Schemas with TypeBox's own static types.
 *
 * TypeBox itself loads 370 modules, a tenth of every evaluation of the program; these few lines load none. A schema of
 * another kind is made with TypeBox's own `Type`; the two can stand in one another.
 */
import type { Type as TypeBox } from "typebox";

type Builders = Pick<
  typeof TypeBox,
  "Array" | "Enum" | "Integer" | "Literal" | "Number" | "Object" | "Optional" | "String" | "Union" | "Unsafe"
>;
type Schema = Record<string, unknown>;

/** Where TypeBox marks a schema whose property may be absent; no part of the JSON. */
const OPTIONAL = "~optional";

function objectSchema(properties: Record<string, Schema>, options: Schema): Schema {
  const required = Object.keys(properties).filter((name) => !Object.hasOwn(properties[name] ?? {}, OPTIONAL));
  return { type: "object", ...(required.length > 0 && { required }), properties, ...options };
}

/** Schemas by kind; options such as `description` come last. */
const builders = {
  Array: (items: Schema, options: Schema): Schema => ({ type: "array", items, ...options }),
  Enum: (values: string[], options: Schema): Schema => ({ enum: values, ...options }),
  Integer: (options: Schema): Schema => ({ type: "integer", ...options }),
  Literal: (value: unknown, options: Schema): Schema => ({ type: typeof value, const: value, ...options }),
  Number: (options: Schema): Schema => ({ type: "number", ...options }),
  Object: objectSchema,
  Optional: (schema: Schema): Schema => Object.defineProperty({ ...schema }, OPTIONAL, { value: true }),
  String: (options: Schema): Schema => ({ type: "string", ...options }),
  Union: (schemas: Schema[], options: Schema): Schema => ({ anyOf: schemas, ...options }),
  Unsafe: (schema: Schema): Schema => ({ ...schema }),
};

export const Type = builders as unknown as Builders;
