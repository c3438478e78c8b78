/**
 * The SQL of AWS IoT rules (version 2016-03-23): which messages a rule takes, and what becomes of them. Pure.
 * Sources: https://docs.aws.amazon.com/iot/latest/developerguide/iot-sql-reference.html,
 * https://docs.aws.amazon.com/iot/latest/developerguide/iot-substitution-templates.html
 *
 * Served: `SELECT` of `*`, paths (`a.b`), literals and functions, each with `AS`; `FROM` one topic filter; `WHERE` with
 * `= <> < <= > >= AND OR NOT` and brackets; `topic()`, `topic(n)`, `timestamp()`, `clientid()`, `newuuid()` and
 * `encode(x, 'base64')`. Anything else is refused when the rule is made, by name.
 *
 * Differs from AWS: values of different types are never equal and have no order; AWS turns texts into numbers first.
 */
import { type CompiledRule, Parser } from "./rule-sql-parser.ts";
import { type PublishedMessage, Reading, type Value } from "./rule-sql-values.ts";

export type { CompiledRule } from "./rule-sql-parser.ts";
export type { PublishedMessage } from "./rule-sql-values.ts";

/** @throws Error with what is wrong with it, as the end of a sentence that names the rule. */
export const compileRule = (sql: string): CompiledRule => new Parser(sql).rule();

const TEMPLATE = /\$\{([^}]*)\}/g;

/**
 * A text with `${expressions}` in it.
 * @returns its value for a message; throws when an expression has none
 */
export const compileTemplate = (template: string): ((message: PublishedMessage) => string) => {
  const parts: ((reading: Reading) => string)[] = [];
  let end = 0;
  for (const { index, 0: whole, 1: inside = "" } of template.matchAll(TEMPLATE)) {
    const before = template.slice(end, index);
    const evaluate = new Parser(inside).expression();
    parts.push(
      () => before,
      (reading) => textOf(evaluate(reading), whole),
    );
    end = index + whole.length;
  }
  const rest = template.slice(end);
  return (message) => {
    const reading = new Reading(message);
    return parts.map((part) => part(reading)).join("") + rest;
  };
};

const textOf = (value: Value, whole: string): string => {
  if (value === undefined) throw new Error(`The substitution template ${whole} has no value.`);
  return typeof value === "string" ? value : JSON.stringify(value);
};
