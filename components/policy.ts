import * as pulumi from "@pulumi/pulumi";
import { derivePermissions, type GrantableResource, type Statement } from "./internal/permissions.ts";
import type { PreparedCallback } from "./packaging/package.ts";

/** One permission granted by hand or by a component. */
export interface PolicyStatement {
  /** Exact actions, e.g. `["s3:PutObject"]`; none may hold a `*`. */
  actions: string[];
  /** ARNs. */
  resources: pulumi.Input<string>[];
  /** Why the function needs it. */
  reason: string;
}

export interface DerivedPolicyArgs {
  /** The function's logical name, for errors. */
  name: string;
  code: PreparedCallback;
  /** See `FunctionSettings.access`. */
  access?: Record<string, string[]>;
  /** Statements that the code does not show. */
  own: PolicyStatement[];
}

/** X-Ray defines no resources for these: https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsx-ray.html */
const TRACING: Statement = {
  Effect: "Allow",
  Action: ["xray:PutTelemetryRecords", "xray:PutTraceSegments"],
  Resource: ["*"],
};

/**
 * The function's policy document as JSON: what its code's SDK commands need on the resources it captures, its
 * own statements, and tracing. A derivation that fails, fails in a preview too: it runs on placeholders, and
 * the ARNs are put in when they are known.
 */
export function derivedPolicy(args: DerivedPolicyArgs): pulumi.Output<string> {
  refuseWildcards(args.name, args.own);
  const own = pulumi.output(args.own.map(({ actions, resources }) => ({ actions, resources })));
  return pulumi.output(deriveOnPlaceholders(args)).apply(({ arns, statements }) =>
    pulumi.all([arns, own]).apply(([known, ownStatements]) => {
      const derived = statements.map((statement) => fillPlaceholders(statement, known));
      const added = ownStatements.map(({ actions, resources }) => allow(actions, resources));
      return JSON.stringify({ Version: "2012-10-17", Statement: [...derived, ...added, TRACING] });
    }),
  );
}

const allow = (actions: string[], resources: string[]): Statement => ({
  Effect: "Allow",
  Action: actions,
  Resource: resources,
});

interface Derived {
  arns: pulumi.Output<string>[];
  statements: Statement[];
}

async function deriveOnPlaceholders({ name, code, access }: DerivedPolicyArgs): Promise<Derived> {
  const [bundle, captured] = await Promise.all([code.bundle, capturedResources(code)]);
  const { statements } = derivePermissions({
    functionName: name,
    commands: bundle.commands,
    resources: captured.map(({ resource }) => resource),
    access,
  });
  return { arns: captured.map(({ arn }) => arn), statements };
}

const placeholder = (index: number): string => `{${index}}`;

const fillPlaceholders = (statement: Statement, arns: string[]): Statement => ({
  ...statement,
  Resource: statement.Resource.map((resource) =>
    resource.replace(/^\{(\d+)\}/, (_, index: string) => arns[Number(index)] ?? ""),
  ),
});

interface Captured {
  resource: GrantableResource;
  arn: pulumi.Output<string>;
}

/** The resources that the captured Outputs come from, each once per captured variable. */
async function capturedResources(code: PreparedCallback): Promise<Captured[]> {
  const sets = await Promise.all(code.captured.map(resourcesOf));
  const pairs = sets.flatMap((resources, position) => {
    const variable = (code.capturedNames[position] ?? "").split(".")[0] ?? "";
    return [...resources].map((resource) => ({ variable, ...describe(resource) }));
  });
  const found = new Map<string, Captured>();
  for (const { variable, arn, type, name } of pairs) {
    const key = `${variable} ${type} ${String(name)}`;
    if (!pulumi.Output.isInstance(arn) || typeof type !== "string" || found.has(key)) continue;
    const resource = { type, name: variable, arn: placeholder(found.size) };
    found.set(key, { resource, arn: arn as pulumi.Output<string> });
  }
  return [...found.values()];
}

const describe = (resource: pulumi.Resource): { arn: unknown; type: unknown; name: unknown } => ({
  arn: Reflect.get(resource, "arn"),
  type: Reflect.get(resource, "__pulumiType"),
  name: Reflect.get(resource, "__name"),
});

/** An Output knows the resources it came from; the method is public on the class but not in its type. */
async function resourcesOf(output: pulumi.Output<unknown>): Promise<Set<pulumi.Resource>> {
  const method: unknown = Reflect.get(output, "allResources");
  if (typeof method !== "function") return new Set();
  return (await method.call(output)) as Set<pulumi.Resource>;
}

function refuseWildcards(name: string, own: PolicyStatement[]): void {
  for (const { actions } of own) {
    const wide = actions.find((action) => action.includes("*"));
    if (wide) {
      throw new Error(`Function "${name}": permission "${wide}" holds a wildcard; list the exact actions.`);
    }
  }
}
