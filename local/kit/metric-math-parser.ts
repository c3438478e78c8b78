/**
 * Metric math, read. Pure.
 * Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
 */

export type MathNode =
  | { readonly kind: "number"; readonly value: number }
  /** A metric or another expression. */
  | { readonly kind: "id"; readonly id: string }
  | { readonly kind: "list"; readonly items: readonly MathNode[] }
  | { readonly kind: "call"; readonly name: string; readonly items: readonly MathNode[] }
  | { readonly kind: "negative"; readonly item: MathNode }
  | { readonly kind: "binary"; readonly operator: string; readonly left: MathNode; readonly right: MathNode };

/** What is wrong with an expression; the message goes after its text. */
export class MathError extends Error {
  override readonly name = "MathError";
}

const TOKEN = /\s*(?:(\d+(?:\.\d+)?|\.\d+)|([A-Za-z_]\w*)|(\|\||&&|[<>=!]=|[-+*/^()[\],<>]))/y;

interface Token {
  readonly kind: "number" | "word" | "sign";
  readonly text: string;
}

const tokenise = (text: string): Token[] => {
  const tokens: Token[] = [];
  const pattern = new RegExp(TOKEN);
  const end = text.trimEnd().length;
  while (pattern.lastIndex < end) {
    const at = pattern.lastIndex;
    const match = pattern.exec(text);
    if (match === null) throw new MathError(`it cannot be read from "${text.slice(at).trim()}" on.`);
    const [, number, word, sign = ""] = match;
    if (number !== undefined) tokens.push({ kind: "number", text: number });
    else if (word !== undefined) tokens.push({ kind: "word", text: word });
    else tokens.push({ kind: "sign", text: sign });
  }
  return tokens;
};

/** Weakest first; operators of one row go from left to right. */
const LEVELS: readonly (readonly string[])[] = [
  ["OR", "||"],
  ["AND", "&&"],
  ["==", "!=", "<", ">", "<=", ">="],
  ["+", "-"],
  ["*", "/"],
];
const DEEPEST = 32;

class Parser {
  readonly #tokens: readonly Token[];
  #next = 0;
  #depth = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  whole(): MathNode {
    const node = this.#level(0);
    if (this.#next < this.#tokens.length) throw new MathError(`"${this.#text}" is too much.`);
    return node;
  }

  get #text(): string | undefined {
    return this.#tokens[this.#next]?.text;
  }

  #take(text: string): boolean {
    if (this.#text?.toUpperCase() !== text) return false;
    this.#next += 1;
    return true;
  }

  #expect(text: string): void {
    if (!this.#take(text)) throw new MathError(`"${text}" is missing before ${this.#text ?? "its end"}.`);
  }

  #level(index: number): MathNode {
    const operators = LEVELS[index];
    if (operators === undefined) return this.#unary();
    let left = this.#level(index + 1);
    for (;;) {
      const operator = operators.find((each) => this.#take(each));
      if (operator === undefined) return left;
      left = { kind: "binary", operator, left, right: this.#level(index + 1) };
    }
  }

  #unary(): MathNode {
    if (this.#take("-")) return { kind: "negative", item: this.#nested(() => this.#unary()) };
    const base = this.#primary();
    if (!this.#take("^")) return base;
    return { kind: "binary", operator: "^", left: base, right: this.#nested(() => this.#unary()) };
  }

  #primary(): MathNode {
    const token = this.#tokens[this.#next];
    if (token === undefined) throw new MathError("it ends too early.");
    this.#next += 1;
    if (token.kind === "number") return { kind: "number", value: Number(token.text) };
    if (token.kind === "word") return this.#word(token.text);
    if (token.text === "[") return { kind: "list", items: this.#items("]") };
    if (token.text !== "(") throw new MathError(`"${token.text}" is no value.`);
    const node = this.#nested(() => this.#level(0));
    this.#expect(")");
    return node;
  }

  #word(text: string): MathNode {
    if (!this.#take("(")) return { kind: "id", id: text };
    return { kind: "call", name: text.toUpperCase(), items: this.#items(")") };
  }

  #items(end: string): MathNode[] {
    const items: MathNode[] = [];
    if (this.#take(end)) return items;
    do items.push(this.#nested(() => this.#level(0)));
    while (this.#take(","));
    this.#expect(end);
    return items;
  }

  #nested(parse: () => MathNode): MathNode {
    this.#depth += 1;
    if (this.#depth > DEEPEST) throw new MathError(`it nests deeper than ${DEEPEST} levels.`);
    const node = parse();
    this.#depth -= 1;
    return node;
  }
}

/** @throws MathError */
export const parseMath = (text: string): MathNode => new Parser(tokenise(text)).whole();

/** The metrics and expressions that a node names. */
export const idsIn = (node: MathNode): string[] => {
  if (node.kind === "id") return [node.id];
  if (node.kind === "binary") return [...idsIn(node.left), ...idsIn(node.right)];
  if (node.kind === "negative") return idsIn(node.item);
  return node.kind === "number" ? [] : node.items.flatMap(idsIn);
};
