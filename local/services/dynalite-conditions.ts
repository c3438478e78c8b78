/**
 * Parsed condition expressions, kept: parsing one takes dynalite longer than the rest of a conditional write, and a
 * program sends the same few texts over and over, with other values.
 *
 * What a text parses to depends on its names and on the types of its values, and on the values themselves only for
 * `BETWEEN` and `attribute_type`, which are left alone. A parsed expression refers to the value objects of its own
 * request; for the next request those are replaced by its own.
 */
import type { Input } from "./service.ts";

/** A request's condition, its types checked. */
interface Conditional {
  text: string;
  names: unknown;
  /** By name, e.g. `:count`. */
  values: Record<string, object> | undefined;
}

/** What dynalite makes of the expression, and which value objects are in it. */
interface Parsed {
  condition: unknown;
  /** Value object of the parsed request -> name, e.g. `:count`. */
  names: Map<unknown, string>;
}

const DEPENDS_ON_VALUES = /between|attribute_type/i;
/** Most texts that are kept; a program has a few dozen. */
const MAX_KEPT = 500;
const MAX_KEY = 10_000;

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null;

/** The request's condition; undefined when it has none, mixes it with the older form, or its values are none. */
const conditionOf = (input: Input): Conditional | undefined => {
  const {
    ConditionExpression: text,
    ExpressionAttributeNames: names,
    ExpressionAttributeValues: values,
  } = input;
  const isAlone = input.Expected === undefined && input.ConditionalOperator === undefined;
  if (typeof text !== "string" || !isAlone || DEPENDS_ON_VALUES.test(text)) return undefined;
  if (values !== undefined && !(isObject(values) && Object.values(values).every(isObject))) return undefined;
  return { text, names, values: values as Conditional["values"] };
};

const keyOf = ({ text, names, values }: Conditional): string => {
  const types = values && Object.entries(values).map(([name, value]) => [name, Object.keys(value)]);
  return JSON.stringify([text, names, types]);
};

/** A copy of a parsed expression with other value objects. */
const bind = (part: unknown, names: Parsed["names"], values: Record<string, object>): unknown => {
  if (typeof part !== "object" || part === null) return part;
  const name = names.get(part);
  if (name !== undefined) return values[name];
  if (Array.isArray(part)) return part.map((each) => bind(each, names, values));
  const copy = Object.create(null) as Record<string, unknown>;
  for (const [key, value] of Object.entries(part)) copy[key] = bind(value, names, values);
  return copy;
};

export class ConditionCache {
  readonly #parsed = new Map<string, Parsed>();

  /** What dynalite would parse the request's condition to; undefined when it has to. */
  recall(input: Input): unknown {
    const condition = conditionOf(input);
    const parsed = condition && this.#parsed.get(keyOf(condition));
    return parsed && bind(parsed.condition, parsed.names, condition.values ?? {});
  }

  /** Keeps what dynalite has parsed a valid request's condition to. */
  remember(input: Input, parsed: unknown): void {
    const condition = conditionOf(input);
    if (condition === undefined || parsed === undefined) return;
    const key = keyOf(condition);
    if (key.length > MAX_KEY) return;
    if (this.#parsed.size >= MAX_KEPT) this.#parsed.clear();
    const values = Object.entries(condition.values ?? {});
    this.#parsed.set(key, {
      condition: parsed,
      names: new Map(values.map(([name, value]) => [value, name])),
    });
  }
}
