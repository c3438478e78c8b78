/**
 * Text patterns and conditions of IAM policies. Pure.
 * Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
 */

/** Values of condition keys, e.g. `{ "aws:SourceArn": "arn:..." }`. Key names are compared without case. */
export type RequestContext = Readonly<Record<string, string>>;

export type Matcher = (value: string) => boolean;
export type ConditionCheck = (context: RequestContext) => boolean;

export const toList = <T>(value: T | T[]): T[] => (Array.isArray(value) ? value : [value]);

/** `*` stands for any text, `?` for any one character. */
export const wildcard = (pattern: string, flags = ""): Matcher => {
  if (pattern === "*") return () => true;
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  const expression = new RegExp(`^${source}$`, `s${flags}`);
  return (value) => expression.test(value);
};

export const anyOf = (matchers: Matcher[]): Matcher => {
  const [first, ...others] = matchers;
  if (first === undefined) return () => false;
  return others.length === 0 ? first : (value) => matchers.some((matches) => matches(value));
};

/** An operator makes a test of one policy value; the negated ones also hold when the key is absent. */
interface Operator {
  test(expected: string): Matcher;
  negated: boolean;
}

const equal =
  (expected: string): Matcher =>
  (value) =>
    value === expected;
const equalIgnoringCase = (expected: string): Matcher => {
  const lower = expected.toLowerCase();
  return (value) => value.toLowerCase() === lower;
};
const like = (expected: string): Matcher => wildcard(expected);

/** Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html */
const OPERATORS: Readonly<Record<string, Operator>> = {
  StringEquals: { test: equal, negated: false },
  StringNotEquals: { test: equal, negated: true },
  StringEqualsIgnoreCase: { test: equalIgnoringCase, negated: false },
  StringNotEqualsIgnoreCase: { test: equalIgnoringCase, negated: true },
  StringLike: { test: like, negated: false },
  StringNotLike: { test: like, negated: true },
  ArnEquals: { test: like, negated: false },
  ArnLike: { test: like, negated: false },
  ArnNotEquals: { test: like, negated: true },
  ArnNotLike: { test: like, negated: true },
  Bool: { test: equalIgnoringCase, negated: false },
};

const contextValue = (context: RequestContext, key: string): string | undefined => {
  const wanted = key.toLowerCase();
  return Object.entries(context).find(([name]) => name.toLowerCase() === wanted)?.[1];
};

export const refuseVariables = (text: string): string => {
  if (!text.includes("${")) return text;
  throw new Error(
    `The policy variable in "${text}" is not supported locally. Write the value itself, or test this policy on AWS.`,
  );
};

export const compileCondition = (name: string, key: string, expected: unknown): ConditionCheck => {
  const ifExists = name.endsWith("IfExists");
  const operatorName = ifExists ? name.slice(0, -"IfExists".length) : name;
  const operator = Object.hasOwn(OPERATORS, operatorName) ? OPERATORS[operatorName] : undefined;
  if (operator === undefined) {
    throw new Error(
      `The condition operator "${name}" is not supported locally. Supported, also with IfExists: ${Object.keys(OPERATORS).join(", ")}.`,
    );
  }
  const matches = anyOf(toList(expected).map((value) => operator.test(refuseVariables(String(value)))));
  return (context) => {
    const value = contextValue(context, key);
    if (value === undefined) return ifExists || operator.negated;
    return matches(value) !== operator.negated;
  };
};
