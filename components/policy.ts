import * as pulumi from "@pulumi/pulumi";
import {
  derivePermissions,
  type GrantableResource,
  type Statement,
  withArns,
} from "./internal/permissions.ts";
import { checkStatements } from "./internal/wildcards.ts";
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

/** Active tracing; X-Ray defines no resources for these. */
const TRACING: PolicyStatement = {
  actions: ["xray:PutTelemetryRecords", "xray:PutTraceSegments"],
  resources: ["*"],
  reason: "active tracing",
};

/** Lambda makes a VPC function's network interfaces with its role: https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html */
export const NETWORK_INTERFACES: PolicyStatement = {
  actions: [
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
  ],
  resources: ["*"],
  reason: "Lambda connects the function to its network",
};

/**
 * The function's policy document as JSON: what its code's SDK commands need on the resources it captures, its
 * own statements, and tracing. The derivation works on placeholders, so that what it refuses is refused in a
 * preview too; the ARNs are put in when they are known.
 */
export function derivedPolicy(args: DerivedPolicyArgs): pulumi.Output<string> {
  return pulumi.output(derive(args)).apply(({ statements, arns }) =>
    pulumi.all(arns).apply((known) => {
      const Statement = withArns(
        statements,
        Object.fromEntries(known.map((arn, index) => [placeholder(index), arn])),
      );
      checkStatements(args.name, Statement);
      return JSON.stringify({ Version: "2012-10-17", Statement });
    }),
  );
}

const placeholder = (index: number): string => `{${index}}`;

interface Derived {
  statements: Statement[];
  /** By the index in their placeholder. */
  arns: pulumi.Input<string>[];
}

async function derive({ name, code, access, own }: DerivedPolicyArgs): Promise<Derived> {
  const [bundle, captured] = await Promise.all([code.bundle, capturedResources(code)]);
  const arns: pulumi.Input<string>[] = [];
  const placed = (arn: pulumi.Input<string>): string =>
    typeof arn === "string" ? arn : placeholder(arns.push(arn) - 1);
  const { statements } = derivePermissions({
    functionName: name,
    commands: bundle.commands,
    resources: captured.map(({ arn, ...resource }) => ({ ...resource, arn: placed(arn) })),
    access,
    extra: [...own, TRACING].map(({ actions, resources }) => ({ actions, resources: resources.map(placed) })),
  });
  return { statements, arns };
}

interface Captured extends Omit<GrantableResource, "arn"> {
  arn: pulumi.Output<string>;
}

/** The resources that the captured Outputs come from, each once, named as the first variable that captures it. */
async function capturedResources(code: PreparedCallback): Promise<Captured[]> {
  const sets = await Promise.all(code.captured.map(resourcesOf));
  const names = new Map<pulumi.Resource, string>();
  for (const [position, resources] of sets.entries()) {
    const variable = (code.capturedNames[position] ?? "").split(".")[0] ?? "";
    for (const resource of resources) if (!names.has(resource)) names.set(resource, variable);
  }
  const described = await Promise.all([...names].map(([resource, name]) => describe(resource, name)));
  return described.filter((captured) => captured !== undefined);
}

/** Undefined for what has no ARN: nothing can be granted on it. */
async function describe(resource: pulumi.Resource, name: string): Promise<Captured | undefined> {
  const arn: unknown = Reflect.get(resource, "arn");
  const type: unknown = Reflect.get(resource, "__pulumiType");
  if (!pulumi.Output.isInstance(arn) || typeof type !== "string") return undefined;
  return { type, name, arn: arn as pulumi.Output<string>, indexes: await hasIndexes(resource) };
}

/** Whether a table was declared with indexes: an input, so it is known in a preview where there are any. */
async function hasIndexes(resource: pulumi.Resource): Promise<boolean> {
  const indexes: unknown = Reflect.get(resource, "globalSecondaryIndexes");
  if (!pulumi.Output.isInstance(indexes)) return false;
  const output = indexes as unknown as { isKnown: Promise<boolean>; promise(): Promise<unknown> };
  const declared = (await output.isKnown) ? await output.promise() : undefined;
  return Array.isArray(declared) && declared.length > 0;
}

/** An Output knows the resources it came from; the method is public on the class but not in its type. */
async function resourcesOf(output: pulumi.Output<unknown>): Promise<Set<pulumi.Resource>> {
  const method: unknown = Reflect.get(output, "allResources");
  if (typeof method !== "function") return new Set();
  return (await method.call(output)) as Set<pulumi.Resource>;
}
