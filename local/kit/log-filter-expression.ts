/** Conditions joined by `&&` and `||`, with parentheses, as JSON and space-delimited patterns have them. Pure. */
import {
  compileComparison,
  type Operand,
  type Operator,
  PatternError,
  type Value,
} from "./log-filter-values.ts";

/** What conditions are about: finds the values in an event that a name stands for. */
export interface Subject<Event> {
  /** All values of that name; none where it does not exist. @throws PatternError */
  select(name: string): (event: Event) => unknown[];
  /** Undefined for what cannot be compared: objects, lists, true, false and null. */
  valueOf(found: unknown): Value | undefined;
}

export type Condition<Event> = (event: Event) => boolean;

type Token =
  | { kind: "symbol"; text: string }
  | { kind: "word"; text: string }
  | { kind: "operand"; operand: Operand };

const SYMBOL = /\s*(&&|\|\||[()]|!=|<=|>=|=|<|>)/y;
const QUOTED = /\s*"((?:[^"\\]|\\.)*)"/y;
const REGEX = /\s*%([^%]+)%/y;
/** A name or an unquoted value; brackets hold a key with dots or an index. */
const WORD = /\s*((?:\['[^']*'\]|[^\s"%&|()=!<>])+)/y;

const OPERATORS = new Set(["=", "!=", "<", "<=", ">", ">="]);
const UNQUOTED = /^[\w.*+-]+$/;

const match = (pattern: RegExp, text: string, at: number): [found: string, end: number] | undefined => {
  const reader = new RegExp(pattern);
  reader.lastIndex = at;
  const found = reader.exec(text);
  return found ? [found[1] ?? "", reader.lastIndex] : undefined;
};

const READERS: [RegExp, (text: string) => Token][] = [
  [SYMBOL, (text) => ({ kind: "symbol", text })],
  [
    QUOTED,
    (text) => ({
      kind: "operand",
      operand: { kind: "text", text: text.replace(/\\(["\\])/g, "$1"), quoted: true },
    }),
  ],
  [REGEX, (source) => ({ kind: "operand", operand: { kind: "regex", source } })],
  [WORD, (text) => ({ kind: "word", text })],
];

const nextToken = (text: string, at: number): { token: Token; end: number } => {
  for (const [pattern, make] of READERS) {
    const found = match(pattern, text, at);
    if (found) return { token: make(found[0]), end: found[1] };
  }
  throw new PatternError(`it cannot be read from ${JSON.stringify(text.slice(at, at + 20))} on.`);
};

const tokenize = (text: string): Token[] => {
  const tokens: Token[] = [];
  const source = text.trimEnd();
  for (let at = 0; at < source.length; ) {
    const { token, end } = nextToken(source, at);
    tokens.push(token);
    at = end;
  }
  return tokens;
};

const shown = (token: Token | undefined): string => {
  if (token === undefined) return "the end";
  if (token.kind !== "operand") return token.text;
  return token.operand.kind === "regex" ? `%${token.operand.source}%` : `"${token.operand.text}"`;
};

/** Order of operations: parentheses, then `&&`, then `||`. */
class Parser<Event> {
  readonly #tokens: Token[];
  readonly #subject: Subject<Event>;
  #at = 0;

  constructor(text: string, subject: Subject<Event>) {
    this.#tokens = tokenize(text);
    this.#subject = subject;
  }

  parse(): Condition<Event> {
    const condition = this.#either();
    if (this.#at < this.#tokens.length)
      throw new PatternError(`${shown(this.#tokens[this.#at])} stands where &&, || or the end must be.`);
    return condition;
  }

  #either(): Condition<Event> {
    const parts = [this.#both()];
    while (this.#take("||")) parts.push(this.#both());
    return parts.length === 1 ? (parts[0] as Condition<Event>) : (event) => parts.some((part) => part(event));
  }

  #both(): Condition<Event> {
    const parts = [this.#one()];
    while (this.#take("&&")) parts.push(this.#one());
    return parts.length === 1
      ? (parts[0] as Condition<Event>)
      : (event) => parts.every((part) => part(event));
  }

  #one(): Condition<Event> {
    if (!this.#take("(")) return this.#comparison();
    const inner = this.#either();
    if (!this.#take(")")) throw new PatternError("a parenthesis is not closed.");
    return inner;
  }

  #comparison(): Condition<Event> {
    const select = this.#subject.select(this.#word("a name"));
    const token = this.#next();
    if (token?.kind === "word") return this.#keyword(select, token.text);
    if (token?.kind !== "symbol" || !OPERATORS.has(token.text))
      throw new PatternError(`${shown(token)} stands where a comparison (=, !=, <, <=, >, >=) must be.`);
    const test = compileComparison(token.text as Operator, this.#operand());
    return (event) =>
      select(event).some((found) => {
        const value = this.#subject.valueOf(found);
        return value !== undefined && test(value);
      });
  }

  /** `IS NULL`, `IS TRUE`, `IS FALSE`, `NOT EXISTS`. */
  #keyword(select: (event: Event) => unknown[], first: string): Condition<Event> {
    const keyword = `${first} ${this.#word("NULL, TRUE, FALSE or EXISTS")}`;
    const constants: Record<string, unknown> = { "IS NULL": null, "IS TRUE": true, "IS FALSE": false };
    if (keyword === "NOT EXISTS") return (event) => select(event).length === 0;
    if (!Object.hasOwn(constants, keyword))
      throw new PatternError(
        `"${keyword}" is not known; there are IS NULL, IS TRUE, IS FALSE and NOT EXISTS.`,
      );
    return (event) => select(event).includes(constants[keyword]);
  }

  #operand(): Operand {
    const token = this.#next();
    if (token?.kind === "operand") return token.operand;
    if (token?.kind !== "word") throw new PatternError(`${shown(token)} stands where a value must be.`);
    if (!UNQUOTED.test(token.text))
      throw new PatternError(`the value ${token.text} holds special characters. Put it in double quotes.`);
    return { kind: "text", text: token.text, quoted: false };
  }

  #word(what: string): string {
    const token = this.#next();
    if (token?.kind !== "word") throw new PatternError(`${shown(token)} stands where ${what} must be.`);
    return token.text;
  }

  #next(): Token | undefined {
    const token = this.#tokens[this.#at];
    this.#at += 1;
    return token;
  }

  #take(symbol: string): boolean {
    const token = this.#tokens[this.#at];
    if (token?.kind !== "symbol" || token.text !== symbol) return false;
    this.#at += 1;
    return true;
  }
}

/** @throws PatternError */
export const compileExpression = <Event>(text: string, subject: Subject<Event>): Condition<Event> =>
  new Parser(text, subject).parse();
