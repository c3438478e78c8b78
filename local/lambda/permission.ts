/**
 * A function's resource-based policy: which AWS services may invoke it, and for which resource of theirs. Pure.
 * Source: https://docs.aws.amazon.com/lambda/latest/dg/access-control-resource-based.html
 */
import { type Graph, type PropertyMap, plain, type ResourceNode } from "../engine/graph.ts";
import { wildcard } from "./conditions.ts";

const PERMISSION = "aws:lambda/permission:Permission";

/** Who invokes. */
export interface Invoker {
  /** E.g. `events.amazonaws.com`. */
  service: string;
  /** ARN of the rule, bucket, log group, ... that it invokes for. */
  sourceArn: string;
}

const text = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined);

/** A function's name from its name or any of its ARNs. */
export const functionNameOf = (nameOrArn: string): string =>
  nameOrArn.startsWith("arn:") ? (nameOrArn.split(":")[6] ?? "") : (nameOrArn.split(":")[0] ?? "");

/** The version or alias at the end of an ARN; nothing when it names the function alone. */
const qualifierOf = (nameOrArn: string): string => {
  const parts = nameOrArn.split(":");
  return (nameOrArn.startsWith("arn:") ? parts[7] : parts[1]) ?? "";
};

/** The alias in an ARN; nothing for the function alone or one of its versions. */
export const aliasOf = (nameOrArn: string): string | undefined => {
  const qualifier = qualifierOf(nameOrArn);
  return /^(?:|\d+|\$LATEST)$/.test(qualifier) ? undefined : qualifier;
};

/** What an invocation says of how it was called: the ARN, where it was called by one. */
export const invokedAs = (nameOrArn: string): { invokedFunctionArn?: string } =>
  nameOrArn.startsWith("arn:") ? { invokedFunctionArn: nameOrArn } : {};

const ACTIONS = new Set(["lambda:InvokeFunction", "lambda:*"]);

/** A permission is for one qualifier: who invokes an alias needs one that names the alias. */
const isFor = ({ function: target, qualifier }: PropertyMap, nameOrArn: string): boolean =>
  functionNameOf(text(target) ?? "") === functionNameOf(nameOrArn) &&
  (text(qualifier) ?? qualifierOf(text(target) ?? "")) === qualifierOf(nameOrArn);

const allows = (permission: PropertyMap, nameOrArn: string, invoker: Invoker): boolean => {
  const { action, principal, sourceArn, sourceAccount } = permission;
  if (!ACTIONS.has(text(action) ?? "") || !isFor(permission, nameOrArn)) return false;
  if (principal !== invoker.service && principal !== "*") return false;
  const account = invoker.sourceArn.split(":")[4];
  // A bucket's ARN names no account; the bucket is this account's.
  if (text(sourceAccount) && account && sourceAccount !== account) return false;
  return text(sourceArn) === undefined || wildcard(text(sourceArn) ?? "")(invoker.sourceArn);
};

/**
 * Whether one of the graph's permissions lets the service invoke the function for its resource.
 *
 * @param nameOrArn as it is invoked: by its name or ARN, or by an alias's or version's ARN
 */
export const mayInvoke = (graph: Graph, nameOrArn: string, invoker: Invoker): boolean =>
  graph.resources
    .filter((node: ResourceNode) => node.type === PERMISSION)
    .some((node) => allows(plain(node.outputs) as PropertyMap, nameOrArn, invoker));
