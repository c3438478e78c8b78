/** The grammar of an IoT rule's SQL. Pure. */
import { type Token, tokensOf } from "./rule-sql-tokens.ts";
import {
  type Arguments,
  COMPARISONS,
  type Evaluate,
  FUNCTIONS,
  isObject,
  memberOf,
  type PublishedMessage,
  Reading,
  type Value,
} from "./rule-sql-values.ts";

export interface CompiledRule {
  /** MQTT topic filter. */
  filter: string;
  /** Bytes for the actions; undefined for a message that `WHERE` leaves out. */
  select(message: PublishedMessage): Buffer | undefined;
}

const MOST_BYTES = 256 * 1024;
const MOST_DEPTH = 20;

export class Parser {
  readonly #tokens: Token[];
  #next = 0;
  #depth = 0;

  constructor(text: string) {
    if (Buffer.byteLength(text) > MOST_BYTES) throw new Error(`its SQL is over ${MOST_BYTES} bytes long.`);
    this.#tokens = tokensOf(text);
  }

  rule(): CompiledRule {
    this.#expect("SELECT");
    const select = this.#selection();
    this.#expect("FROM");
    const filter = this.#text("a topic filter in single quotes");
    const where = this.#take("WHERE") ? this.#condition() : () => true;
    this.#end();
    return {
      filter,
      select: (message) => {
        const reading = new Reading(message);
        return where(reading) === true ? select(reading) : undefined;
      },
    };
  }

  /** One expression and nothing after it. */
  expression(): Evaluate {
    const value = this.#condition();
    this.#end();
    return value;
  }

  /** `*` alone hands the bytes on as they came, JSON or not. */
  #selection(): (reading: Reading) => Buffer {
    const items: ((reading: Reading, into: Record<string, Value>) => void)[] = [];
    let onlyAll = true;
    do {
      if (this.#take("*")) {
        items.push((reading, into) => Object.assign(into, isObject(reading.json) ? reading.json : {}));
        continue;
      }
      onlyAll = false;
      const start = this.#next;
      const value = this.#operand();
      const name = this.#take("AS") ? this.#name() : this.#implicitName(start);
      items.push((reading, into) => {
        const found = value(reading);
        if (found !== undefined) define(into, name, found);
      });
    } while (this.#take(","));
    if (onlyAll) return ({ message }) => message.payload;
    return (reading) => {
      const into: Record<string, Value> = {};
      for (const item of items) item(reading, into);
      return Buffer.from(JSON.stringify(into));
    };
  }

  /** A path goes by its last part; anything else needs `AS`. */
  #implicitName(start: number): string {
    const path = this.#tokens.slice(start, this.#next);
    const last = path.at(-1);
    if (last?.kind === "name" && path.every(({ kind, text }) => kind === "name" || text === "."))
      return last.text;
    throw new Error(
      `its SQL needs AS after ${quote(path.map(({ text }) => text).join(""))}, to name what it gives.`,
    );
  }

  #condition(): Evaluate {
    let left = this.#conjunction();
    while (this.#take("OR")) {
      const [one, other] = [left, this.#conjunction()];
      left = (reading) => one(reading) === true || other(reading) === true;
    }
    return left;
  }

  #conjunction(): Evaluate {
    let left = this.#negation();
    while (this.#take("AND")) {
      const [one, other] = [left, this.#negation()];
      left = (reading) => one(reading) === true && other(reading) === true;
    }
    return left;
  }

  #negation(): Evaluate {
    if (!this.#take("NOT")) return this.#comparison();
    const value = this.#deeper(() => this.#negation());
    return (reading) => {
      const found = value(reading);
      return typeof found === "boolean" ? !found : undefined;
    };
  }

  /** What is missing compares to nothing, not even as different. */
  #comparison(): Evaluate {
    const left = this.#operand();
    const operator = this.#peek();
    const compare =
      operator && Object.hasOwn(COMPARISONS, operator.text) ? COMPARISONS[operator.text] : undefined;
    if (operator?.kind !== "sign" || compare === undefined) return left;
    this.#next += 1;
    const right = this.#operand();
    return (reading) => {
      const [one, other] = [left(reading), right(reading)];
      return one === undefined || other === undefined ? undefined : compare(one, other);
    };
  }

  #operand(): Evaluate {
    if (this.#take("(")) {
      const inner = this.#deeper(() => this.#condition());
      this.#expect(")");
      return inner;
    }
    const token = this.#peek();
    if (token?.kind === "number" || token?.kind === "text") {
      this.#next += 1;
      const value = token.kind === "number" ? Number(token.text) : token.text;
      return () => value;
    }
    const name = this.#name();
    return this.#take("(") ? this.#call(name) : this.#path(name);
  }

  #path(first: string): Evaluate {
    if (first === "true" || first === "false") return () => first === "true";
    const keys = [first];
    while (this.#take(".")) keys.push(this.#name());
    return (reading) => keys.reduce(memberOf, reading.json);
  }

  #call(name: string): Evaluate {
    const known = functionNamed(name);
    const args: Arguments = [];
    const start = this.#next;
    while (!this.#take(")")) {
      if (args.length > 0) this.#expect(",");
      args.push(this.#take("*") ? "*" : this.#deeper(() => this.#condition()));
    }
    if (!known.takes.includes(args.length))
      throw new Error(`its SQL calls ${quote(name)} with ${args.length} arguments.`);
    const encoding = this.#tokens.slice(start, this.#next).at(-2)?.text;
    if (name.toLowerCase() === "encode" && encoding !== "base64")
      throw new Error(`its SQL encodes as ${quote(encoding ?? "")}; only 'base64' is there.`);
    return known.call(args);
  }

  /** Brackets in brackets end somewhere. */
  #deeper<T>(inside: () => T): T {
    this.#depth += 1;
    if (this.#depth > MOST_DEPTH) throw new Error(`its SQL is nested more than ${MOST_DEPTH} deep.`);
    const result = inside();
    this.#depth -= 1;
    return result;
  }

  #peek(): Token | undefined {
    return this.#tokens[this.#next];
  }

  #take(word: string): boolean {
    const token = this.#peek();
    if (token === undefined || token.kind === "text" || token.text.toUpperCase() !== word) return false;
    this.#next += 1;
    return true;
  }

  #expect(word: string): void {
    if (!this.#take(word)) throw new Error(`its SQL needs ${word} where it has ${this.#found()}.`);
  }

  #name(): string {
    const token = this.#peek();
    if (token?.kind !== "name") throw new Error(`its SQL needs a name where it has ${this.#found()}.`);
    this.#next += 1;
    return token.text;
  }

  #text(what: string): string {
    const token = this.#peek();
    if (token?.kind !== "text") throw new Error(`its SQL needs ${what} where it has ${this.#found()}.`);
    this.#next += 1;
    return token.text;
  }

  #end(): void {
    if (this.#peek() !== undefined)
      throw new Error(`its SQL goes on with ${this.#found()}, which is not served here.`);
  }

  #found(): string {
    const token = this.#peek();
    return token === undefined ? "its end" : quote(token.text);
  }
}

/** A property of the object itself, whatever its name. */
const define = (into: Record<string, Value>, key: string, value: Value): void => {
  Object.defineProperty(into, key, { value, enumerable: true, configurable: true, writable: true });
};

const functionNamed = (name: string): { takes: number[]; call: (args: Arguments) => Evaluate } => {
  const own = name.toLowerCase();
  const known = Object.hasOwn(FUNCTIONS, own) ? FUNCTIONS[own] : undefined;
  if (known === undefined) throw new Error(`its SQL calls ${quote(name)}, which is not served here.`);
  return known;
};

const LONGEST_QUOTE = 60;
const quote = (text: string): string =>
  JSON.stringify(text.length > LONGEST_QUOTE ? `${text.slice(0, LONGEST_QUOTE)}...` : text);
