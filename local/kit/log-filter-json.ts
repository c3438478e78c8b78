/** `{ $.status = 500 && $.path = "/x" }`: conditions on a JSON log event. Pure. */
import { compileExpression } from "./log-filter-expression.ts";
import { PatternError, type Value } from "./log-filter-values.ts";

type Step = { key: string } | { index: number } | "any";

/** `.name`, `.*`, `['name']`, `.['name']`, `[0]`, `[*]` */
const STEP = /\.?\['([^']+)'\]|\.([A-Za-z0-9_-]+)|(\.\*)|\[(\d{1,9})\]|(\[\*\])/y;
const MOST_WILDCARDS = 3;

const stepOf = ([, quoted, name, anyKey, index, anyItem]: RegExpExecArray): Step => {
  if (index !== undefined) return { index: Number(index) };
  return anyKey !== undefined || anyItem !== undefined ? "any" : { key: quoted ?? name ?? "" };
};

const parseSelector = (text: string): Step[] => {
  const steps: Step[] = [];
  const reader = new RegExp(STEP);
  reader.lastIndex = 1;
  while (reader.lastIndex < text.length) {
    const found = reader.exec(text);
    if (!found)
      throw new PatternError(`"${text}" is no property selector; write $.name, $.list[0] or $.['a.b'].`);
    steps.push(stepOf(found));
  }
  if (!text.startsWith("$") || steps.length === 0)
    throw new PatternError(`"${text}" is no property selector; it must start with "$.".`);
  if (steps.filter((step) => step === "any").length > 1)
    throw new PatternError(`"${text}" holds several wildcards; AWS takes one.`);
  return steps;
};

const children = (value: unknown, step: Step): unknown[] => {
  if (typeof value !== "object" || value === null) return [];
  if (step === "any") return Object.values(value);
  if ("index" in step) return Array.isArray(value) && step.index < value.length ? [value[step.index]] : [];
  return !Array.isArray(value) && Object.hasOwn(value, step.key) ? [Reflect.get(value, step.key)] : [];
};

const scalarOf = (found: unknown): Value | undefined => {
  if (typeof found === "string") return { text: found, number: undefined };
  return typeof found === "number" ? { text: String(found), number: found } : undefined;
};

const parse = (message: string): unknown => {
  try {
    return JSON.parse(message);
  } catch {
    return undefined;
  }
};

/** @param text what is between the braces. @throws PatternError */
export const compileJson = (text: string): ((message: string) => boolean) => {
  let wildcards = 0;
  const condition = compileExpression<unknown>(text, {
    select: (name) => {
      const steps = parseSelector(name);
      wildcards += steps.filter((step) => step === "any").length;
      return (event) =>
        steps.reduce<unknown[]>((values, step) => values.flatMap((value) => children(value, step)), [event]);
    },
    valueOf: scalarOf,
  });
  if (wildcards > MOST_WILDCARDS)
    throw new PatternError(`it holds ${wildcards} wildcard selectors; AWS takes ${MOST_WILDCARDS}.`);
  return (message) => {
    const event = message.trimStart().startsWith("{") ? parse(message) : undefined;
    return typeof event === "object" && event !== null && condition(event);
  };
};
