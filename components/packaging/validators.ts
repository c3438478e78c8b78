/**
 * JSON Schemas as standalone code: Lambda runs plain functions, with no schema compiler and no `eval`.
 *
 * Every problem is reported, defaults are filled in, unknown formats and keywords are refused now. Text is
 * coerced to the schema's type everywhere but in `body`, which has JSON's own types.
 * Source: https://ajv.js.org/standalone.html
 */
import { createRequire } from "node:module";
import type { Ajv as AjvClass, Options } from "ajv";
import type { JsonSchema } from "./package.ts";

/** The one validator whose data is JSON already. */
const UNCOERCED = "body";

const DAY =
  "(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\\d|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\\d|30)|02-(?:0[1-9]|1\\d|2\\d))";
const TIME =
  "(?:[01]\\d|2[0-3]):[0-5]\\d:(?:[0-5]\\d|60)(?:\\.\\d{1,9})?(?:[zZ]|[+-](?:[01]\\d|2[0-3]):[0-5]\\d)";

/** As regular expressions, which standalone code holds inline. 29 February passes in every year. */
const FORMATS: Record<string, RegExp> = {
  date: new RegExp(`^\\d{4}-${DAY}$`),
  "date-time": new RegExp(`^\\d{4}-${DAY}[tT]${TIME}$`),
  time: new RegExp(`^${TIME}$`),
  uuid: /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i,
  email: /^[^\s@]{1,64}@[^\s@]{1,255}$/,
  uri: /^[a-z][a-z0-9+.-]*:[^\s]+$/i,
};

const OPTIONS: Options = {
  allErrors: true,
  useDefaults: true,
  ownProperties: true,
  strictTypes: false,
  strictRequired: false,
  allowUnionTypes: true,
  code: { source: true, esm: true, lines: false },
};

export interface ValidatorModule {
  /** Virtual module id. */
  id: string;
  /** ESM that exports one validator under the schema's name. */
  code: string;
}

/** One module per schema: schemas of different coercion cannot share one. */
export function validatorModules(
  key: string,
  schemas: Record<string, JsonSchema>,
): Map<string, ValidatorModule> {
  const require = createRequire(import.meta.url);
  const { Ajv } = require("ajv") as { Ajv: typeof AjvClass };
  const standalone = require("ajv/dist/standalone").default as (ajv: AjvClass, validate: unknown) => string;
  const compile = (name: string, schema: JsonSchema): ValidatorModule => {
    const ajv = new Ajv({ ...OPTIONS, coerceTypes: name === UNCOERCED ? false : "array", formats: FORMATS });
    try {
      return { id: `validators:${key}/${name}`, code: standalone(ajv, ajv.compile(plainSchema(schema))) };
    } catch (error) {
      throw new Error(`the schema '${name}' cannot be compiled: ${(error as Error).message}. ${CURE}`);
    }
  };
  return new Map(Object.entries(schemas).map(([name, schema]) => [name, compile(name, schema)]));
}

const CURE = `Formats are ${Object.keys(FORMATS).join(", ")}; for others use pattern.`;

/** Schema builders mark their schemas with `~kind` and the like, which mean nothing here. */
function plainSchema(schema: JsonSchema): JsonSchema {
  return JSON.parse(
    JSON.stringify(schema, (key, value: unknown) => (key.startsWith("~") ? undefined : value)),
  );
}
