/**
 * Who may do what: IAM's evaluation of a role's identity-based policies, and the access keys of the functions.
 * Sources: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html,
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
 *
 * An explicit deny wins over any allow; without an allow the answer is an implicit deny. Conditions are evaluated
 * for the operators below against what the caller passes in; any other operator is an error that names it, because
 * guessing would either grant too much or hide a missing permission. Policy variables are refused likewise.
 */
import {
  anyOf,
  type ConditionCheck,
  compileCondition,
  type Matcher,
  type RequestContext,
  refuseVariables,
  toList,
  wildcard,
} from "./conditions.ts";

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

export type Effect = "allow" | "deny" | "implicitDeny";
export type Decision = { readonly allowed: true } | { readonly allowed: false; readonly message: string };

/** Documents made ready: evaluating them only matches text. */
interface Policy {
  denials: readonly Statement[];
  allowances: readonly Statement[];
}

interface Statement {
  deny: boolean;
  action: Matcher;
  resource: Matcher;
  conditions: readonly ConditionCheck[];
}

const not =
  (matches: Matcher): Matcher =>
  (value) =>
    !matches(value);

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
  /** What its requests are signed with. */
  secretAccessKey?: string;
}

interface Registered {
  functionName: string;
  roleArn: string;
  secretAccessKey: string | undefined;
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
      secretAccessKey: caller.secretAccessKey,
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

  /** What a function's requests are signed with; undefined for keys from outside. Bound, as `authorise` is. */
  readonly secretOf = (accessKeyId: string): string | undefined =>
    this.#byKey.get(accessKeyId)?.secretAccessKey;

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
