/**
 * Who may do what: IAM's evaluation of a role's identity-based policies, and the access keys of the functions.
 * Sources: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html,
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
 *
 * An explicit deny wins over any allow; without an allow the answer is an implicit deny. Conditions are evaluated
 * for the operators below against what the caller passes in; any other operator is an error that names it, because
 * guessing would either grant too much or hide a missing permission. Policy variables are refused likewise.
 */

export interface PolicyStatement {
  Sid?: string;
  Effect: string;
  Action?: string | string[];
  NotAction?: string | string[];
  Resource?: string | string[];
  NotResource?: string | string[];
  Condition?: Record<string, Record<string, string | boolean | number | (string | boolean | number)[]>>;
}

export interface PolicyDocument {
  Version?: string;
  Statement: PolicyStatement | PolicyStatement[];
}

/** Values of condition keys, e.g. `{ "aws:SourceArn": "arn:..." }`. Key names are compared without case. */
export type RequestContext = Readonly<Record<string, string>>;

export type Effect = "allow" | "deny" | "implicitDeny";
export type Decision = { readonly allowed: true } | { readonly allowed: false; readonly message: string };

/** Documents made ready: evaluating them only matches text. */
interface Policy {
  denials: readonly Statement[];
  allowances: readonly Statement[];
}

type Matcher = (value: string) => boolean;
type ConditionCheck = (context: RequestContext) => boolean;

interface Statement {
  deny: boolean;
  action: Matcher;
  resource: Matcher;
  conditions: readonly ConditionCheck[];
}

const toList = <T>(value: T | T[]): T[] => (Array.isArray(value) ? value : [value]);

/** `*` stands for any text, `?` for any one character. */
const wildcard = (pattern: string, flags = ""): Matcher => {
  if (pattern === "*") return () => true;
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  const expression = new RegExp(`^${source}$`, `s${flags}`);
  return (value) => expression.test(value);
};

const anyOf = (matchers: Matcher[]): Matcher => {
  const [first, ...others] = matchers;
  if (first === undefined) return () => false;
  return others.length === 0 ? first : (value) => matchers.some((matches) => matches(value));
};

const not =
  (matches: Matcher): Matcher =>
  (value) =>
    !matches(value);

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

const refuseVariables = (text: string): string => {
  if (!text.includes("${")) return text;
  throw new Error(
    `The policy variable in "${text}" is not supported locally. Write the value itself, or test this policy on AWS.`,
  );
};

const compileCondition = (name: string, key: string, expected: unknown): ConditionCheck => {
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

const compileConditions = (condition: PolicyStatement["Condition"]): ConditionCheck[] =>
  Object.entries(condition ?? {}).flatMap(([operator, keys]) =>
    Object.entries(keys).map(([key, expected]) => compileCondition(operator, key, expected)),
  );

const compilePatterns = (
  positive: string | string[] | undefined,
  negative: string | string[] | undefined,
  flags: string,
): Matcher => {
  const patterns = toList(positive ?? negative ?? []).map((text) => wildcard(refuseVariables(text), flags));
  return positive === undefined ? not(anyOf(patterns)) : anyOf(patterns);
};

const checkStatement = (statement: PolicyStatement): void => {
  if (statement.Effect !== "Allow" && statement.Effect !== "Deny") {
    throw new Error(
      `A policy statement's Effect must be "Allow" or "Deny", not ${JSON.stringify(statement.Effect)}.`,
    );
  }
  if ((statement.Action === undefined) === (statement.NotAction === undefined)) {
    throw new Error("A policy statement needs exactly one of Action and NotAction.");
  }
  if ((statement.Resource === undefined) === (statement.NotResource === undefined)) {
    throw new Error("A policy statement needs exactly one of Resource and NotResource.");
  }
};

const compileStatement = (statement: PolicyStatement): Statement => {
  checkStatement(statement);
  return {
    deny: statement.Effect === "Deny",
    action: compilePatterns(statement.Action, statement.NotAction, "i"),
    resource: compilePatterns(statement.Resource, statement.NotResource, ""),
    conditions: compileConditions(statement.Condition),
  };
};

/** @throws when a document is malformed or uses something that is not supported; the message names it */
const compilePolicies = (documents: readonly PolicyDocument[]): Policy => {
  const statements = documents.flatMap((document) => toList(document.Statement)).map(compileStatement);
  return {
    denials: statements.filter((statement) => statement.deny),
    allowances: statements.filter((statement) => !statement.deny),
  };
};

/** @param text a policy document as JSON, as `aws:iam/rolePolicy:RolePolicy` holds it */
export const parsePolicy = (text: string): PolicyDocument => {
  const document: unknown = JSON.parse(text);
  if (typeof document !== "object" || document === null || !("Statement" in document)) {
    throw new Error("A policy document must be an object with a Statement.");
  }
  return document as PolicyDocument;
};

const applies = (statement: Statement, action: string, resource: string, context: RequestContext): boolean =>
  statement.action(action) &&
  statement.resource(resource) &&
  statement.conditions.every((holds) => holds(context));

const evaluate = (policy: Policy, action: string, resource: string, context: RequestContext): Effect => {
  const covers = (statement: Statement) => applies(statement, action, resource, context);
  if (policy.denials.some(covers)) return "deny";
  return policy.allowances.some(covers) ? "allow" : "implicitDeny";
};

/** What the documents together say about an action on a resource. */
export const evaluatePolicies = (
  documents: readonly PolicyDocument[],
  action: string,
  resource: string,
  context: RequestContext = {},
): Effect => evaluate(compilePolicies(documents), action, resource, context);

export interface Caller {
  functionName: string;
  roleArn: string;
  policies: readonly PolicyDocument[];
}

interface Registered {
  functionName: string;
  roleArn: string;
  policy: Policy;
  decisions: Map<string, Decision>;
}

/** Decisions kept per caller; keys of objects differ without end. */
const MAX_DECISIONS = 10_000;
const ALLOWED: Decision = { allowed: true };

/** `arn:aws:iam::<account>:role/<path><name>` as the session that a function's credentials belong to. */
const sessionArn = ({ roleArn, functionName }: Registered): string => {
  const [, partition = "aws", , , account = "", resource = ""] = roleArn.split(":");
  return `arn:${partition}:sts::${account}:assumed-role/${resource.split("/").at(-1)}/${functionName}`;
};

/** In AWS's words. Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html */
const refusal = (caller: Registered, effect: Effect, action: string, resource: string): Decision => {
  const why =
    effect === "deny"
      ? "with an explicit deny in an identity-based policy"
      : `because no identity-based policy allows the ${action} action`;
  const message = `User: ${sessionArn(caller)} is not authorized to perform: ${action} on resource: ${resource} ${why}`;
  return { allowed: false, message };
};

/** The functions' access keys and what their roles may do. Any other key is the account's owner. */
export class Callers {
  readonly #byKey = new Map<string, Registered>();
  readonly #byFunction = new Map<string, Registered>();

  /** @throws when a policy is malformed or uses something unsupported; the message names the function */
  register(accessKeyId: string, caller: Caller): void {
    const registered: Registered = {
      functionName: caller.functionName,
      roleArn: caller.roleArn,
      policy: this.#compile(caller),
      decisions: new Map(),
    };
    this.#byKey.set(accessKeyId, registered);
    this.#byFunction.set(caller.functionName, registered);
  }

  /** Whether the owner of an access key may do this. Bound, so that it can be passed on its own. */
  readonly authorise = (
    accessKeyId: string,
    action: string,
    resource: string,
    context?: RequestContext,
  ): Decision => this.#decide(this.#byKey.get(accessKeyId), action, resource, context);

  /** The same for what AWS does in a function's name, e.g. write to its on-failure destination. */
  authoriseFunction(functionName: string, action: string, resource: string): Decision {
    return this.#decide(this.#byFunction.get(functionName), action, resource);
  }

  /** The function that an access key belongs to. */
  functionOf(accessKeyId: string): string | undefined {
    return this.#byKey.get(accessKeyId)?.functionName;
  }

  #compile({ functionName, policies }: Caller): Policy {
    try {
      return compilePolicies(policies);
    } catch (error) {
      throw new Error(`Policy of function "${functionName}": ${(error as Error).message}`, { cause: error });
    }
  }

  #decide(
    caller: Registered | undefined,
    action: string,
    resource: string,
    context?: RequestContext,
  ): Decision {
    if (caller === undefined) return ALLOWED;
    if (context !== undefined) return this.#evaluate(caller, action, resource, context);
    const key = `${action} ${resource}`;
    const known = caller.decisions.get(key);
    if (known !== undefined) return known;
    const decision = this.#evaluate(caller, action, resource, {});
    if (caller.decisions.size >= MAX_DECISIONS) caller.decisions.clear();
    caller.decisions.set(key, decision);
    return decision;
  }

  #evaluate(caller: Registered, action: string, resource: string, context: RequestContext): Decision {
    const effect = evaluate(caller.policy, action, resource, context);
    return effect === "allow" ? ALLOWED : refusal(caller, effect, action, resource);
  }
}
