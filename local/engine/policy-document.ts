/**
 * `aws.iam.getPolicyDocument`, rendered as the AWS provider renders it: key order, single values bare, lists in
 * reverse order, `&{...}` for policy variables.
 * Source: https://registry.terraform.io/providers/hashicorp/aws/latest/docs/data-sources/iam_policy_document and
 * https://github.com/hashicorp/terraform-provider-aws/blob/main/internal/service/iam/policy_model.go
 */
import { crc32 } from "node:zlib";
import type { PropertyMap, PropertyValue } from "./graph.ts";

interface Statement {
  Sid?: string;
  [key: string]: unknown;
}

const maps = (value: PropertyValue | undefined): PropertyMap[] =>
  Array.isArray(value)
    ? value.filter((item): item is PropertyMap => typeof item === "object" && item !== null)
    : [];

const strings = (value: PropertyValue | undefined): string[] =>
  Array.isArray(value) ? value.map(String) : [];

const oneOrMany = (values: string[]): string | string[] | undefined => {
  if (values.length === 0) return undefined;
  return values.length === 1 ? values[0] : [...values].sort().reverse();
};

const withVariables = (values: string[]): string[] => values.map((value) => value.replaceAll("&{", "${"));

const renderPrincipals = (value: PropertyValue | undefined): unknown => {
  const principals = maps(value);
  if (principals.length === 0) return undefined;
  const everyone = principals.find((one) => one.type === "*" && strings(one.identifiers).join() === "*");
  if (everyone) return "*";
  return sortedObject(
    principals.map((one) => [String(one.type), oneOrMany(withVariables(strings(one.identifiers)))]),
  );
};

const sortedObject = (entries: [string, unknown][]): Record<string, unknown> =>
  Object.fromEntries([...entries].sort(([left], [right]) => (left < right ? -1 : 1)));

const renderConditions = (value: PropertyValue | undefined): unknown => {
  const conditions = maps(value);
  if (conditions.length === 0) return undefined;
  const byTest = Map.groupBy(conditions, (condition) => String(condition.test));
  return sortedObject(
    [...byTest].map(([test, group]) => [
      test,
      sortedObject(group.map((one) => [String(one.variable), oneOrMany(withVariables(strings(one.values)))])),
    ]),
  );
};

const renderStatement = (statement: PropertyMap): Statement => ({
  Sid: statement.sid ? String(statement.sid) : undefined,
  Effect: statement.effect ? String(statement.effect) : "Allow",
  Action: oneOrMany(strings(statement.actions)),
  NotAction: oneOrMany(strings(statement.notActions)),
  Resource: oneOrMany(withVariables(strings(statement.resources))),
  NotResource: oneOrMany(withVariables(strings(statement.notResources))),
  Principal: renderPrincipals(statement.principals),
  NotPrincipal: renderPrincipals(statement.notPrincipals),
  Condition: renderConditions(statement.conditions),
});

const parseStatements = (document: string): Statement[] => {
  const { Statement: statements } = JSON.parse(document) as { Statement?: Statement | Statement[] };
  if (statements === undefined) return [];
  return Array.isArray(statements) ? statements : [statements];
};

/** Later statements replace earlier ones of the same Sid. */
const merge = (statements: Statement[]): Statement[] => {
  const result: Statement[] = [];
  for (const statement of statements) {
    const index = statement.Sid ? result.findIndex((one) => one.Sid === statement.Sid) : -1;
    if (index < 0) result.push(statement);
    else result[index] = statement;
  }
  return result;
};

/** The result of the invoke for its arguments. */
export const renderPolicyDocument = (args: PropertyMap): PropertyMap => {
  const document = {
    Version: args.version ? String(args.version) : "2012-10-17",
    Id: args.policyId ? String(args.policyId) : undefined,
    Statement: merge([
      ...strings(args.sourcePolicyDocuments).flatMap(parseStatements),
      ...maps(args.statements).map(renderStatement),
      ...strings(args.overridePolicyDocuments).flatMap(parseStatements),
    ]),
  };
  const json = JSON.stringify(document, null, 2);
  return {
    ...args,
    id: String(crc32(json)),
    json,
    minifiedJson: JSON.stringify(document),
    version: document.Version,
  };
};
