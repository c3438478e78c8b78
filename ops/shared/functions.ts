/** What every Lambda function of a program is made of, and what it may do. Pure. */
import {
  type Graph,
  type PropertyMap,
  type PropertyValue,
  plain,
  type ResourceNode,
} from "../../local/engine/graph.ts";
import {
  createView,
  FUNCTION,
  LOG_GROUP,
  mapOf,
  numberOf,
  ROLE,
  type View,
} from "../../local/engine/rules/view.ts";

/** What the packager leaves beside a zip: see components/packaging. */
export interface CodeReport {
  size: number;
  modules: { path: string; bytes: number }[];
  commands: { command: string; client: string; importer: string }[];
}

export interface Permission {
  actions: string[];
  /** Resources of the program by name (`readings-table/index/*`), others as their ARN. */
  resources: string[];
  condition?: PropertyMap;
  /** Those of `resources` that the function's code captured; it has the others for its trigger or its failures. */
  captured: string[];
  /** The imports that made the packager derive it: `PutItemCommand in functions/aggregate-readings/handler.ts`. */
  because: string[];
}

export interface FunctionPlan {
  name: string;
  urn: string;
  role?: string;
  logGroup?: string;
  runtime?: string;
  memorySize?: number;
  timeout?: number;
  zipPath?: string;
  zipBytes?: number;
  modules?: number;
  /** From bench/baseline.json, where it has the function. */
  measured?: { date: string; initMs: number; durationMs: { p50: number; p99: number } };
  environment: string[];
  permissions: Permission[];
}

/** Actions that are not named after the command that needs them. */
const OTHER_ACTIONS: Record<string, string> = {
  "s3:HeadObject": "s3:GetObject",
  "s3:HeadBucket": "s3:ListBucket",
  "s3:ListObjects": "s3:ListBucket",
  "s3:ListObjectsV2": "s3:ListBucket",
  "s3:CreateMultipartUpload": "s3:PutObject",
  "s3:UploadPart": "s3:PutObject",
  "s3:CompleteMultipartUpload": "s3:PutObject",
  "s3:DeleteObjects": "s3:DeleteObject",
  "sqs:SendMessageBatch": "sqs:SendMessage",
  "sqs:DeleteMessageBatch": "sqs:DeleteMessage",
  "sns:PublishBatch": "sns:Publish",
  "dynamodb:TransactWriteItems": "dynamodb:PutItem",
  "dynamodb:TransactGetItems": "dynamodb:GetItem",
};

/** Services whose actions do not begin with their client's name. */
const OTHER_PREFIXES: Record<string, string> = { eventbridge: "events" };

const actionOf = ({ client, command }: CodeReport["commands"][number]): string => {
  const name = client.replace("@aws-sdk/client-", "");
  const service = OTHER_PREFIXES[name] ?? name;
  const action = `${service}:${command.replace(/Command$/, "")}`;
  return OTHER_ACTIONS[action] ?? action;
};

const reasons = (actions: string[], report: CodeReport | undefined): string[] => {
  const causes = (report?.commands ?? []).filter((use) => actions.includes(actionOf(use)));
  return [...new Set(causes.map((use) => `${use.command} in ${use.importer}`))].sort();
};

/** The resource that an ARN names or lies in. */
const ownerOf = (arn: string, graph: Graph): { node: ResourceNode; arn: string } | undefined =>
  graph.resources
    .filter((node) => node.custom)
    .map((node) => ({ node, arn: plain(node.outputs.arn ?? null) }))
    .filter((owner): owner is { node: ResourceNode; arn: string } => {
      if (typeof owner.arn !== "string" || owner.arn === "") return false;
      return arn === owner.arn || (arn.startsWith(owner.arn) && /^[/:*]/.test(arn.slice(owner.arn.length)));
    })
    .sort((left, right) => right.arn.length - left.arn.length)
    .at(0);

const resourceName = (arn: string, graph: Graph): string => {
  const owner = ownerOf(arn, graph);
  return owner ? `${owner.node.name}${arn.slice(owner.arn.length)}` : arn;
};

const texts = (value: PropertyValue | undefined): string[] =>
  (Array.isArray(value) ? value : [value]).filter((item): item is string => typeof item === "string");

const readPolicy = (policy: ResourceNode): PropertyMap[] => {
  const document = plain(policy.outputs.policy ?? null);
  const parsed = (typeof document === "string" ? JSON.parse(document) : document) as PropertyMap | null;
  const statements = parsed?.Statement;
  return (Array.isArray(statements) ? statements : [statements]).filter(
    (statement): statement is PropertyMap => typeof statement === "object" && statement !== null,
  );
};

const permissionOf = (
  statement: PropertyMap,
  lambda: ResourceNode,
  { graph }: View,
  report: CodeReport | undefined,
): Permission => {
  const actions = texts(statement.Action);
  const arns = texts(statement.Resource);
  const environment = lambda.propertyDependencies.environment ?? [];
  // Code can use only what it has captured: a like action on anything else has another cause.
  const captured = arns.filter((arn) => environment.includes(ownerOf(arn, graph)?.node.urn ?? ""));
  return {
    actions,
    resources: arns.map((arn) => resourceName(arn, graph)),
    ...(statement.Condition !== undefined && { condition: mapOf(statement.Condition) }),
    captured: captured.map((arn) => resourceName(arn, graph)),
    because: captured.length > 0 ? reasons(actions, report) : [],
  };
};

const permissionsOf = (view: View, lambda: ResourceNode, report: CodeReport | undefined): Permission[] =>
  view
    .rolePolicies(lambda)
    .filter((policy) => policy.outputs.policy !== undefined)
    .flatMap(readPolicy)
    .map((statement) => permissionOf(statement, lambda, view, report));

/** The path of a function's zip, relative to the project. */
export const zipPathOf = (lambda: ResourceNode): string | undefined => {
  const path = mapOf(lambda.inputs.code).path;
  return typeof path === "string" ? path : undefined;
};

export const lambdasOf = (graph: Graph): ResourceNode[] =>
  graph.resources.filter((node) => node.type === FUNCTION);

/**
 * @param preview the dry run: what the functions are
 * @param real the same program with outputs, since a preview does not know a policy that holds an ARN
 * @param reports by zip path
 */
export const planFunctions = (
  preview: Graph,
  real: Graph,
  reports: ReadonlyMap<string, CodeReport>,
): FunctionPlan[] => {
  const view = createView(preview);
  const realView = createView(real);
  const realByUrn = new Map(lambdasOf(real).map((lambda) => [lambda.urn, lambda]));
  return lambdasOf(preview)
    .map((lambda) => {
      const deployed = realByUrn.get(lambda.urn) ?? lambda;
      const report = reports.get(zipPathOf(lambda) ?? "");
      return { ...describeFunction(view, lambda, report), ...describeRights(realView, deployed, report) };
    })
    .sort((left, right) => (left.name < right.name ? -1 : 1));
};

const describeFunction = (view: View, lambda: ResourceNode, report: CodeReport | undefined) => ({
  name: lambda.name,
  urn: lambda.urn,
  role: view.origins(lambda, "role", ROLE)[0]?.name,
  logGroup: view.origins(lambda, "loggingConfig", LOG_GROUP)[0]?.name,
  runtime: String(lambda.inputs.runtime ?? ""),
  memorySize: numberOf(lambda, "memorySize"),
  timeout: numberOf(lambda, "timeout"),
  zipPath: zipPathOf(lambda),
  zipBytes: report?.size,
  modules: report?.modules.length,
});

const describeRights = (view: View, lambda: ResourceNode, report: CodeReport | undefined) => ({
  environment: Object.keys(mapOf(mapOf(lambda.inputs.environment).variables)).sort(),
  permissions: permissionsOf(view, lambda, report),
});
