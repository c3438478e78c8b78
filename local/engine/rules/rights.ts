/** What a function's role must be allowed before AWS lets a source or a destination be attached to it. */
import type { PropertyValue, ResourceNode } from "../graph.ts";
import { plain } from "../graph.ts";
import {
  ATTACHMENT,
  BUCKET,
  FUNCTION,
  INVOKE_CONFIG,
  knownText,
  label,
  MAPPING,
  mapOf,
  POLICY,
  type Problem,
  QUEUE,
  ROLE,
  STREAM,
  TABLE,
  TOPIC,
  type View,
} from "./view.ts";

interface Statement {
  Effect?: string;
  Action?: string | string[];
}

/** https://docs.aws.amazon.com/lambda/latest/dg/lambda-intro-execution-role.html#permissions-executionrole-features */
const SOURCE_ACTIONS: Record<string, string[]> = {
  [STREAM]: ["kinesis:GetRecords", "kinesis:GetShardIterator", "kinesis:ListShards"],
  [TABLE]: ["dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:DescribeStream"],
  [QUEUE]: ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"],
};

/** https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html */
const DESTINATION_ACTIONS: Record<string, string[]> = {
  [QUEUE]: ["sqs:SendMessage"],
  [TOPIC]: ["sns:Publish"],
  [BUCKET]: ["s3:PutObject", "s3:ListBucket"],
};

/** The statements of a policy document; nothing when it is not known yet. */
const statementsOf = (document: PropertyValue | undefined): Statement[] | undefined => {
  const text = knownText(document);
  const value = text === undefined ? plain(document ?? null) : parse(text);
  if (typeof value !== "object" || value === null) return undefined;
  const { Statement: statements } = value as { Statement?: Statement | Statement[] };
  return Array.isArray(statements) ? statements : [statements ?? {}];
};

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

/** Every statement that a function's role holds; nothing when one of its policies is not known here. */
const roleStatements = (view: View, lambda: ResourceNode): Statement[] | undefined => {
  const [role] = view.origins(lambda, "role", ROLE);
  if (!role || Array.isArray(role.inputs.managedPolicyArns) || Array.isArray(role.inputs.inlinePolicies)) {
    return undefined;
  }
  const documents = view.rolePolicies(lambda).map((policy) => {
    if (policy.type !== ATTACHMENT) return statementsOf(policy.outputs.policy);
    return statementsOf(view.origins(policy, "policyArn", POLICY)[0]?.outputs.policy);
  });
  return documents.every((statements) => statements !== undefined) ? documents.flat() : undefined;
};

const matches = (pattern: string, action: string): boolean => {
  const expression = pattern
    .replace(/[.+^${}()|[\]\\]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  return new RegExp(`^${expression}$`, "i").test(action);
};

const isAllowed = (statements: Statement[], action: string): boolean =>
  statements
    .filter((statement) => statement.Effect === "Allow")
    .flatMap((statement) => statement.Action ?? [])
    .some((pattern) => matches(pattern, action));

const missingActions = (view: View, lambda: ResourceNode, actions: string[]): string[] => {
  const statements = roleStatements(view, lambda);
  return statements ? actions.filter((action) => !isAllowed(statements, action)) : [];
};

interface Attachment {
  node: ResourceNode;
  lambda: ResourceNode;
  other: ResourceNode;
  actions: string[];
  verb: string;
}

const problemOf = (
  view: View,
  rule: string,
  { node, lambda, other, actions, verb }: Attachment,
): Problem[] => {
  const missing = missingActions(view, lambda, actions);
  if (missing.length === 0) return [];
  return [
    {
      urn: node.urn,
      rule,
      message: `${label(node)}: the role of "${lambda.name}" may not ${verb} ${label(other)}: it lacks ${missing.join(", ")}.`,
      cure: `Allow ${missing.join(", ")} on "${other.name}" in a policy of that role.`,
    },
  ];
};

/** The role must be able to read the source of a mapping. */
export const mappingMayRead = (view: View): Problem[] =>
  view.ofType(MAPPING).flatMap((node) =>
    view.functions(node, "functionName").flatMap((lambda) =>
      view.origins(node, "eventSourceArn", ...Object.keys(SOURCE_ACTIONS)).flatMap((other) =>
        problemOf(view, "mapping-may-read", {
          node,
          lambda,
          other,
          actions: SOURCE_ACTIONS[other.type] ?? [],
          verb: "read from",
        }),
      ),
    ),
  );

const destinations = (view: View, node: ResourceNode, lambdas: ResourceNode[], property: string): Problem[] =>
  lambdas.flatMap((lambda) =>
    view.origins(node, property, ...Object.keys(DESTINATION_ACTIONS)).flatMap((other) =>
      problemOf(view, "destination-may-be-sent-to", {
        node,
        lambda,
        other,
        actions: DESTINATION_ACTIONS[other.type] ?? [],
        verb: "send to",
      }),
    ),
  );

/** The role must be able to send to every destination and dead-letter target. */
export const destinationsMayBeSentTo = (view: View): Problem[] => [
  ...view
    .ofType(MAPPING, INVOKE_CONFIG)
    .filter((node) => Object.keys(mapOf(node.outputs.destinationConfig)).length > 0)
    .flatMap((node) => destinations(view, node, view.functions(node, "functionName"), "destinationConfig")),
  ...view.ofType(FUNCTION).flatMap((lambda) => destinations(view, lambda, [lambda], "deadLetterConfig")),
];
