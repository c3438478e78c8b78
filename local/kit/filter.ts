/**
 * Event patterns: which records of a stream or queue a function gets, and which events a rule of a bus matches. Pure.
 * A rule's pattern knows every operator, a mapping's filter those that Lambda documents.
 * Sources: https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html,
 * https://docs.aws.amazon.com/lambda/latest/dg/with-kinesis-filtering.html,
 * https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
 */
import { BlockList } from "node:net";

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
type Test = (value: Json | undefined) => boolean;

/** A record as filters see it; the body is text. */
export type FilterDocument = Readonly<Record<string, Json>>;

/** Filters of one mapping. Source: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html */
const MAX_FILTERS = 10;

const isObject = (value: unknown): value is { [key: string]: Json } =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const fail = (pattern: unknown, why: string): never => {
  throw new Error(`The filter pattern ${JSON.stringify(pattern)} is not valid: ${why}.`);
};

const text = (operator: string, operand: Json, test: (value: string, operand: string) => boolean): Test => {
  if (typeof operand !== "string") return fail({ [operator]: operand }, `${operator} takes a string`);
  return (value) => typeof value === "string" && test(value, operand);
};

const COMPARISONS: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  "=": (a, b) => a === b,
  "<": (a, b) => a < b,
  "<=": (a, b) => a <= b,
  ">": (a, b) => a > b,
  ">=": (a, b) => a >= b,
};

const numeric = (operand: Json): Test => {
  if (!Array.isArray(operand) || operand.length === 0 || operand.length % 2 !== 0) {
    return fail({ numeric: operand }, "numeric takes a list of comparisons and numbers");
  }
  const checks = Array.from({ length: operand.length / 2 }, (_, index) => {
    const [name, bound] = [operand[index * 2], operand[index * 2 + 1]];
    const compare =
      typeof name === "string" && Object.hasOwn(COMPARISONS, name) ? COMPARISONS[name] : undefined;
    if (compare === undefined || typeof bound !== "number") {
      return fail({ numeric: operand }, "it compares with =, <, <=, > and >= to numbers");
    }
    return (value: number) => compare(value, bound);
  });
  return (value) => typeof value === "number" && checks.every((check) => check(value));
};

const anythingBut = (operand: Json): Test => {
  const excluded = Array.isArray(operand) ? operand : [operand];
  if (excluded.some((each) => typeof each !== "string" && typeof each !== "number")) {
    return fail({ "anything-but": operand }, "anything-but takes strings or numbers");
  }
  return (value) => value !== undefined && !excluded.includes(value);
};

type Operators = Readonly<Record<string, (operand: Json) => Test>>;

const equalsIgnoreCase = (operand: Json): Test =>
  text("equals-ignore-case", operand, (value, other) => value.toLowerCase() === other.toLowerCase());

/** What Lambda's mappings know. */
const FILTER_OPERATORS: Operators = {
  exists: (operand) => (value) => (value !== undefined) === operand,
  prefix: (operand) => text("prefix", operand, (value, start) => value.startsWith(start)),
  suffix: (operand) => text("suffix", operand, (value, end) => value.endsWith(end)),
  "equals-ignore-case": equalsIgnoreCase,
  "anything-but": anythingBut,
  numeric,
};

type Ends = (value: string, part: string) => boolean;

/** `prefix` and `suffix`, also as `{ prefix: { "equals-ignore-case": "..." } }`. */
const affix =
  (operator: "prefix" | "suffix", ends: Ends) =>
  (operand: Json): Test => {
    if (!isObject(operand)) return text(operator, operand, ends);
    return text(operator, operand["equals-ignore-case"] ?? null, (value, part) =>
      ends(value.toLowerCase(), part.toLowerCase()),
    );
  };

/** `*` stands for any text; `\\*` and `\\\\` for themselves; two stars in a row are refused. */
const wildcardMatch = (operand: Json): Test => {
  if (typeof operand !== "string" || /(?<!\\)\*\*/.test(operand)) {
    return fail({ wildcard: operand }, "wildcard takes a string without two * in a row");
  }
  const parts = operand.match(/\\.|[^\\]/g) ?? [];
  const source = parts.map((part) => (part === "*" ? ".*" : escapeText(part.replace(/^\\/, "")))).join("");
  const expression = new RegExp(`^${source}$`, "s");
  return (value) => typeof value === "string" && expression.test(value);
};

const escapeText = (part: string): string => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

const cidr = (operand: Json): Test => {
  const [, address = "", bits = ""] = /^([0-9a-fA-F.:]+)\/(\d{1,3})$/.exec(String(operand)) ?? [];
  const family = address.includes(":") ? "ipv6" : "ipv4";
  const range = new BlockList();
  try {
    range.addSubnet(address, Number(bits), family);
  } catch {
    return fail({ cidr: operand }, "cidr takes an address range such as 10.0.0.0/24");
  }
  return (value) => typeof value === "string" && range.check(value, family);
};

const EVENT_AFFIXES: Operators = {
  prefix: affix("prefix", (value, start) => value.startsWith(start)),
  suffix: affix("suffix", (value, end) => value.endsWith(end)),
  "equals-ignore-case": equalsIgnoreCase,
  wildcard: wildcardMatch,
};

/** `anything-but` of one operator, or of a list of its operands: `{ "anything-but": { prefix: ["a", "b"] } }`. */
const anythingButEvent = (operand: Json): Test => {
  if (!isObject(operand)) return anythingBut(operand);
  const [[name, inner] = ["", null], ...others] = Object.entries(operand);
  const operator = Object.hasOwn(EVENT_AFFIXES, name) ? EVENT_AFFIXES[name] : undefined;
  if (operator === undefined || others.length > 0) {
    return fail(
      { "anything-but": operand },
      `anything-but takes one of ${Object.keys(EVENT_AFFIXES).join(", ")}`,
    );
  }
  const tests = (Array.isArray(inner) ? inner : [inner]).map(operator);
  return (value) => value !== undefined && !tests.some((test) => test(value));
};

/** What rules of an event bus know. */
const EVENT_OPERATORS: Operators = {
  ...FILTER_OPERATORS,
  ...EVENT_AFFIXES,
  "anything-but": anythingButEvent,
  cidr,
};

const compileRule = (rule: Json, operators: Operators): Test => {
  if (!isObject(rule)) return (value) => value === rule;
  const [[name, operand] = ["", null], ...others] = Object.entries(rule);
  const operator = Object.hasOwn(operators, name) ? operators[name] : undefined;
  if (operator === undefined || others.length > 0) {
    return fail(rule, `expected one of ${Object.keys(operators).join(", ")}`);
  }
  return operator(operand);
};

/** A list of values matches when one of them does; an absent one is undefined. */
const compileLeaf = (rules: Json[], operators: Operators): Test => {
  if (rules.length === 0) fail(rules, "a list of values must not be empty");
  const tests = rules.map((rule) => compileRule(rule, operators));
  return (value) => {
    const values = Array.isArray(value) ? value : [value];
    return values.some((each) => tests.some((test) => test(each)));
  };
};

const compileAlternatives = (alternatives: Json | undefined, operators: Operators): Test => {
  if (!Array.isArray(alternatives))
    return fail({ $or: alternatives ?? null }, "$or takes a list of patterns");
  const tests = alternatives.map((each) => compileObject(each, operators));
  return (value) => tests.some((test) => test(value));
};

const compileField = (key: string, pattern: Json | undefined, operators: Operators): Test => {
  if (key === "$or") return compileAlternatives(pattern, operators);
  const test = Array.isArray(pattern)
    ? compileLeaf(pattern, operators)
    : compileObject(pattern ?? null, operators);
  return (value) => test(isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined);
};

function compileObject(pattern: Json, operators: Operators): Test {
  if (!isObject(pattern)) return fail(pattern, "expected an object, or a list of values");
  const tests = Object.entries(pattern).map(([key, inner]) => compileField(key, inner, operators));
  return (value) => tests.every((test) => test(value));
}

const parseJson = (body: Json | undefined): Json | undefined => {
  try {
    return typeof body === "string" ? (JSON.parse(body) as Json) : undefined;
  } catch {
    return undefined;
  }
};

/** A pattern of one mapping: fields beside the body as they are, the body as JSON or as text, as the pattern asks. */
const compilePattern = (
  source: string,
  bodyKey: string | undefined,
): ((document: FilterDocument) => boolean) => {
  const pattern = parseJson(source);
  if (!isObject(pattern)) return fail(source, "it is not a JSON object");
  if (bodyKey === undefined) return compileObject(pattern, FILTER_OPERATORS);
  const { [bodyKey]: body, ...rest } = pattern;
  const matchesRest = compileObject(rest, FILTER_OPERATORS);
  if (body === undefined) return matchesRest;
  const matchesBody = Array.isArray(body)
    ? compileLeaf(body, FILTER_OPERATORS)
    : compileObject(body, FILTER_OPERATORS);
  if (Array.isArray(body)) return (document) => matchesRest(document) && matchesBody(document[bodyKey]);
  return (document) => {
    if (!matchesRest(document)) return false;
    const value = parseJson(document[bodyKey]);
    return isObject(value) && matchesBody(value);
  };
};

/**
 * One test for all patterns of a mapping: a record passes when any of them matches.
 *
 * @param patterns JSON texts; none lets every record pass
 * @param bodyKey the field with the producer's own content: `data` (Kinesis) or `body` (SQS); undefined where there is
 * none (DynamoDB): then every field is matched as it is
 * @throws when a pattern is malformed; the message shows it
 */
export const compileFilters = (
  patterns: readonly string[],
  bodyKey: string | undefined,
): ((document: FilterDocument) => boolean) => {
  if (patterns.length > MAX_FILTERS) {
    throw new Error(
      `A mapping may have ${MAX_FILTERS} filters (5 without a quota increase), not ${patterns.length}.`,
    );
  }
  const tests = patterns.map((pattern) => compilePattern(pattern, bodyKey));
  return tests.length === 0 ? () => true : (document) => tests.some((test) => test(document));
};

/**
 * The pattern of an event bus's rule.
 *
 * @param pattern JSON text of an object
 * @throws when it is malformed; the message shows it
 */
export const compileEventPattern = (pattern: string): ((event: FilterDocument) => boolean) => {
  const parsed = parseJson(pattern);
  if (!isObject(parsed)) return fail(pattern, "it is not a JSON object");
  return compileObject(parsed, EVENT_OPERATORS);
};
