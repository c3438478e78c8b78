/**
 * JSON Schemas as standalone code: Lambda runs plain functions, with no schema compiler and no `eval`.
 *
 * Every problem is reported, defaults are filled in, unknown formats and keywords are refused now. Text is
 * coerced to the schema's type everywhere but in `body`, which has JSON's own types.
 * Source: https://ajv.js.org/standalone.html
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import type { Ajv as AjvClass, Options } from "ajv";
import { CACHE_FOLDER, readJson, writeAtomically } from "./storage.ts";

/** A JSON Schema (draft-07 vocabulary; TypeBox schemas are that), as plain data. */
export type JsonSchema = Record<string, unknown>;

const require = createRequire(import.meta.url);

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

interface CompiledRecord {
  code: string;
  /** Of `code`. */
  hash: string;
}

/** Compiles schemas; one that was compiled before, by any run, is read instead, and Ajv is not even loaded. */
export class Validators {
  readonly #folder: string;
  #compiler: SchemaCompiler | undefined;
  #fingerprint: string | undefined;

  /** @param storage the folder that the cache is in. */
  constructor(storage: string) {
    this.#folder = join(storage, CACHE_FOLDER, "validators");
  }

  /**
   * One module per schema: schemas of different coercion cannot share one.
   * @param key names the modules; unique in the program.
   * @throws Error naming a schema that cannot be compiled.
   */
  modules(key: string, schemas: Record<string, JsonSchema>): Map<string, ValidatorModule> {
    return new Map(
      Object.entries(schemas).map(([name, schema]) => [
        name,
        { id: `validators:${key}/${name}`, code: this.#codeOf(name, plainSchema(schema)) },
      ]),
    );
  }

  #codeOf(name: string, schema: JsonSchema): string {
    const coerces = name !== UNCOERCED;
    const path = this.#pathOf(schema, coerces);
    const { code, hash } = readJson<CompiledRecord>(path) ?? {};
    if (code !== undefined && sha256(code) === hash) return code;
    this.#compiler ??= new SchemaCompiler();
    const compiled = this.#compiler.compile(name, schema, coerces);
    try {
      writeAtomically(
        path,
        JSON.stringify({ code: compiled, hash: sha256(compiled) } satisfies CompiledRecord),
      );
    } catch {
      // The archive writes to the same folder, and says so with the function's name.
    }
    return compiled;
  }

  /** Compiled code depends on the schema, on Ajv and on this file. */
  #pathOf(schema: JsonSchema, coerces: boolean): string {
    this.#fingerprint ??= `${require("ajv/package.json").version} ${readFileSync(import.meta.filename, "utf8")}`;
    return join(this.#folder, `${sha256(JSON.stringify([this.#fingerprint, coerces, schema]))}.json`);
  }
}

/** Ajv. Each schema has an instance of its own, or its code would depend on the schemas before it. */
class SchemaCompiler {
  readonly #Ajv: typeof AjvClass = require("ajv").Ajv;
  readonly #standalone: (ajv: AjvClass, validate: unknown) => string = require("ajv/dist/standalone").default;
  /** Knows the schema of schemas, which takes longer to compile than all that are checked against it. */
  readonly #judge = new this.#Ajv({ strict: false });

  compile(name: string, schema: JsonSchema, coerces: boolean): string {
    const ajv = new this.#Ajv({
      ...OPTIONS,
      coerceTypes: coerces ? "array" : false,
      formats: FORMATS,
      meta: false,
      validateSchema: false,
    });
    try {
      this.#judge.validateSchema(schema, true);
      return this.#standalone(ajv, ajv.compile(schema));
    } catch (error) {
      throw new Error(`the schema '${name}' cannot be compiled: ${(error as Error).message}. ${CURE}`);
    }
  }
}

const CURE = `Formats are ${Object.keys(FORMATS).join(", ")}; for others use pattern.`;

/** Schema builders mark their schemas with `~kind` and the like, which mean nothing here. */
function plainSchema(schema: JsonSchema): JsonSchema {
  return JSON.parse(
    JSON.stringify(schema, (key, value: unknown) => (key.startsWith("~") ? undefined : value)),
  );
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
