/**
 * Event filter patterns: which records of a stream or queue a function gets. Pure.
 * Sources: https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html,
 * https://docs.aws.amazon.com/lambda/latest/dg/with-kinesis-filtering.html
 */

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

const OPERATORS: Readonly<Record<string, (operand: Json) => Test>> = {
  exists: (operand) => (value) => (value !== undefined) === operand,
  prefix: (operand) => text("prefix", operand, (value, start) => value.startsWith(start)),
  suffix: (operand) => text("suffix", operand, (value, end) => value.endsWith(end)),
  "equals-ignore-case": (operand) =>
    text("equals-ignore-case", operand, (value, other) => value.toLowerCase() === other.toLowerCase()),
  "anything-but": anythingBut,
  numeric,
};

const compileRule = (rule: Json): Test => {
  if (!isObject(rule)) return (value) => value === rule;
  const [[name, operand] = ["", null], ...others] = Object.entries(rule);
  const operator = Object.hasOwn(OPERATORS, name) ? OPERATORS[name] : undefined;
  if (operator === undefined || others.length > 0) {
    return fail(rule, `expected one of ${Object.keys(OPERATORS).join(", ")}`);
  }
  return operator(operand);
};

/** A list of values matches when one of them does; an absent one is undefined. */
const compileLeaf = (rules: Json[]): Test => {
  if (rules.length === 0) fail(rules, "a list of values must not be empty");
  const tests = rules.map(compileRule);
  return (value) => {
    const values = Array.isArray(value) ? value : [value];
    return values.some((each) => tests.some((test) => test(each)));
  };
};

const compileAlternatives = (alternatives: Json | undefined): Test => {
  if (!Array.isArray(alternatives))
    return fail({ $or: alternatives ?? null }, "$or takes a list of patterns");
  const tests = alternatives.map(compileObject);
  return (value) => tests.some((test) => test(value));
};

const compileField = (key: string, pattern: Json | undefined): Test => {
  if (key === "$or") return compileAlternatives(pattern);
  const test = Array.isArray(pattern) ? compileLeaf(pattern) : compileObject(pattern ?? null);
  return (value) => test(isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined);
};

function compileObject(pattern: Json): Test {
  if (!isObject(pattern)) return fail(pattern, "expected an object, or a list of values");
  const tests = Object.entries(pattern).map(([key, inner]) => compileField(key, inner));
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
  if (bodyKey === undefined) return compileObject(pattern);
  const { [bodyKey]: body, ...rest } = pattern;
  const matchesRest = compileObject(rest);
  if (body === undefined) return matchesRest;
  const matchesBody = Array.isArray(body) ? compileLeaf(body) : compileObject(body);
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
