/** A finished graph with the questions that rules ask of it. */
import {
  type Graph,
  isUnknown,
  type PropertyMap,
  type PropertyValue,
  plain,
  type ResourceNode,
} from "../graph.ts";

export const FUNCTION = "aws:lambda/function:Function";
export const ALIAS = "aws:lambda/alias:Alias";
export const MAPPING = "aws:lambda/eventSourceMapping:EventSourceMapping";
export const PERMISSION = "aws:lambda/permission:Permission";
export const INVOKE_CONFIG = "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig";
export const ROLE = "aws:iam/role:Role";
const ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy";
export const ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment";
export const POLICY = "aws:iam/policy:Policy";
export const LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup";
export const QUEUE = "aws:sqs/queue:Queue";
export const QUEUE_POLICY = "aws:sqs/queuePolicy:QueuePolicy";
export const TOPIC = "aws:sns/topic:Topic";
export const TOPIC_POLICY = "aws:sns/topicPolicy:TopicPolicy";
export const BUCKET = "aws:s3/bucket:Bucket";
export const NOTIFICATION = "aws:s3/bucketNotification:BucketNotification";
export const INTEGRATION = "aws:apigatewayv2/integration:Integration";
export const STREAM = "aws:kinesis/stream:Stream";
export const TABLE = "aws:dynamodb/table:Table";

/** Something that `up` or AWS would refuse, after half of the rest exists already. */
export interface Problem {
  urn: string;
  /** Name of the rule, for filtering. */
  rule: string;
  /** Who and what, with the values. */
  message: string;
  cure: string;
}

export interface View {
  graph: Graph;
  ofType(...types: string[]): ResourceNode[];
  /** The resources of the given types that a property's value came from. */
  origins(node: ResourceNode, property: string, ...types: string[]): ResourceNode[];
  /** Whether `node` comes after `other` in every deployment. */
  dependsOn(node: ResourceNode, other: ResourceNode): boolean;
  /** The functions that a property names, through aliases too. */
  functions(node: ResourceNode, property: string): ResourceNode[];
  /** The policies of a function's role that are resources of their own. */
  rolePolicies(lambda: ResourceNode): ResourceNode[];
}

export const label = (node: ResourceNode): string => `${node.type} "${node.name}"`;

/** An output as a number; nothing when it is unset or not known yet. */
export const numberOf = (node: ResourceNode, property: string): number | undefined => {
  const value = plain(node.outputs[property] ?? null);
  return typeof value === "number" ? value : undefined;
};

/** A value as a map; empty when it is none. */
export const mapOf = (value: PropertyValue | undefined): PropertyMap => {
  const opened = plain(value ?? null);
  return typeof opened === "object" && opened !== null && !Array.isArray(opened) ? opened : {};
};

export const listOf = (value: PropertyValue | undefined): PropertyValue[] => {
  const opened = plain(value ?? null);
  return Array.isArray(opened) ? opened : [];
};

export const knownText = (value: PropertyValue | undefined): string | undefined => {
  const opened = plain(value ?? null);
  return typeof opened === "string" && !isUnknown(opened) ? opened : undefined;
};

export const createView = (graph: Graph): View => {
  const byUrn = new Map(graph.resources.map((node) => [node.urn, node]));
  const byType = Map.groupBy(graph.resources, (node) => node.type);
  const closures = new Map<string, Set<string>>();

  const ofType = (...types: string[]) => types.flatMap((type) => byType.get(type) ?? []);

  const closure = (urn: string): Set<string> => {
    const known = closures.get(urn);
    if (known) return known;
    const reached = new Set<string>();
    closures.set(urn, reached);
    const waiting = [...(byUrn.get(urn)?.dependencies ?? [])];
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      if (reached.has(next)) continue;
      reached.add(next);
      waiting.push(...(byUrn.get(next)?.dependencies ?? []));
    }
    return reached;
  };

  const origins = (node: ResourceNode, property: string, ...types: string[]) =>
    (node.propertyDependencies[property] ?? [])
      .map((urn) => byUrn.get(urn))
      .filter((origin): origin is ResourceNode => origin !== undefined && types.includes(origin.type));

  const functions = (node: ResourceNode, property: string) => [
    ...new Set([
      ...origins(node, property, FUNCTION),
      ...origins(node, property, ALIAS).flatMap((alias) => origins(alias, "functionName", FUNCTION)),
    ]),
  ];

  const rolePolicies = (lambda: ResourceNode) => {
    const roles = new Set(origins(lambda, "role", ROLE));
    return ofType(ROLE_POLICY, ATTACHMENT).filter((policy) =>
      origins(policy, "role", ROLE).some((role) => roles.has(role)),
    );
  };

  return {
    graph,
    ofType,
    origins,
    dependsOn: (node, other) => closure(node.urn).has(other.urn),
    functions,
    rolePolicies,
  };
};
