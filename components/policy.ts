import * as pulumi from "@pulumi/pulumi";
import { type CapturedResource, derivePermissions } from "./internal/permissions.ts";
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
const TRACING = { actions: ["xray:PutTelemetryRecords", "xray:PutTraceSegments"], resources: ["*"] };

/**
 * The function's policy document as JSON: what its code's SDK commands need on the resources it captures, its
 * own statements, and tracing. A derivation that fails, fails in a preview too: it runs on placeholders, and
 * the ARNs are put in when they are known.
 */
export function derivedPolicy(args: DerivedPolicyArgs): pulumi.Output<string> {
  const derived = deriveOnPlaceholders(args);
  return pulumi.output(derived).apply(({ arns, statements }) => {
    const own = args.own.map(({ actions, resources }) => ({ actions, resources }));
    return pulumi.all([arns, own]).apply(([known, ownStatements]) =>
      JSON.stringify({
        Version: "2012-10-17",
        Statement: [...statements, ...ownStatements, TRACING].map(({ actions, resources }) => ({
          Effect: "Allow",
          Action: actions,
          Resource: resources.map((resource) => fillPlaceholder(resource, known)),
        })),
      }),
    );
  });
}

interface Derived {
  arns: pulumi.Output<string>[];
  statements: { actions: string[]; resources: string[] }[];
}

async function deriveOnPlaceholders({ name, code, access, own }: DerivedPolicyArgs): Promise<Derived> {
  refuseWildcards(name, own);
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

const fillPlaceholder = (resource: string, arns: string[]): string =>
  resource.replace(/^\{(\d+)\}/, (_, index: string) => arns[Number(index)] ?? "");

interface Captured {
  resource: CapturedResource;
  arn: pulumi.Output<string>;
}

/** The resources that the captured Outputs come from, each once per captured variable. */
async function capturedResources(code: PreparedCallback): Promise<Captured[]> {
  const found = new Map<string, Captured>();
  for (const [position, output] of code.captured.entries()) {
    const variable = (code.capturedNames[position] ?? "").split(".")[0] ?? "";
    for (const resource of await resourcesOf(output)) {
      const { arn, type, name } = describe(resource);
      if (!pulumi.Output.isInstance(arn) || typeof type !== "string") continue;
      const key = `${variable} ${type} ${String(name)}`;
      if (found.has(key)) continue;
      found.set(key, {
        resource: { type, name: variable, arn: placeholder(found.size) },
        arn: arn as pulumi.Output<string>,
      });
    }
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
