/** Values that filter patterns compare with: text with wildcards, numbers, regular expressions. Pure. */

/** What is wrong with a pattern, to be completed with the pattern. */
export class PatternError extends Error {
  override name = "PatternError";
}

/** A value of a log event as comparisons see it. */
export interface Value {
  text: string;
  /** Undefined for what is no number. */
  number: number | undefined;
}

export type Operator = "=" | "!=" | "<" | "<=" | ">" | ">=";

/** The right side of a comparison. */
export type Operand =
  | { kind: "regex"; source: string }
  /** As written, quotes taken off. */
  | { kind: "text"; text: string; quoted: boolean };

type Test = (value: Value) => boolean;

const NUMBER = /^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$/;

export const numberFrom = (text: string): number | undefined =>
  NUMBER.test(text) ? Number(text) : undefined;

/** What a pattern's regular expressions may hold: no groups, no look-around, no spaces. */
const REGEX_CHARACTERS = /^[A-Za-z0-9:_#=@/;,\-^$?[\]{}|\\*+.]+$/;

/** @throws PatternError */
export const compileRegex = (source: string): RegExp => {
  if (!REGEX_CHARACTERS.test(source))
    throw new PatternError(
      `the regular expression %${source}% holds a character that AWS does not take. It takes letters, digits, :_#=@/;,- and ^$?[]{}|\\*+. only.`,
    );
  try {
    return new RegExp(source);
  } catch {
    throw new PatternError(`%${source}% is no regular expression.`);
  }
};

/** `*` is any text at the beginning and at the end; in the middle it is itself. */
const wildcardTest = (pattern: string): ((text: string) => boolean) => {
  if (/^\*+$/.test(pattern)) return () => true;
  const [before, after] = [pattern.startsWith("*"), pattern.endsWith("*")];
  const core = pattern.slice(before ? 1 : 0, after ? -1 : undefined);
  if (before && after) return (text) => text.includes(core);
  if (before) return (text) => text.endsWith(core);
  if (after) return (text) => text.startsWith(core);
  return (text) => text === core;
};

const equals = (operand: Operand): Test => {
  if (operand.kind === "regex") {
    const expression = compileRegex(operand.source);
    return ({ text }) => expression.test(text);
  }
  const wanted = operand.quoted ? undefined : numberFrom(operand.text);
  const matches = wildcardTest(operand.text);
  return ({ text, number }) =>
    wanted !== undefined && number !== undefined ? number === wanted : matches(text);
};

const ORDER: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  "<": (a, b) => a < b,
  "<=": (a, b) => a <= b,
  ">": (a, b) => a > b,
  ">=": (a, b) => a >= b,
};

/** @throws PatternError */
export const compileComparison = (operator: Operator, operand: Operand): Test => {
  if (operator === "=") return equals(operand);
  if (operator === "!=") {
    const equal = equals(operand);
    return (value) => !equal(value);
  }
  const bound = operand.kind === "text" && !operand.quoted ? numberFrom(operand.text) : undefined;
  const compare = ORDER[operator];
  if (bound === undefined || compare === undefined) {
    const shown = operand.kind === "regex" ? `%${operand.source}%` : operand.text;
    throw new PatternError(`${operator} compares with a number without quotes, and ${shown} is none.`);
  }
  return ({ number }) => number !== undefined && compare(number, bound);
};
