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

const ACTIONS = new Set(["lambda:InvokeFunction", "lambda:*"]);

const allows = (permission: PropertyMap, functionName: string, invoker: Invoker): boolean => {
  const { action, function: target, principal, sourceArn, sourceAccount } = permission;
  if (!ACTIONS.has(text(action) ?? "") || functionNameOf(text(target) ?? "") !== functionName) return false;
  if (principal !== invoker.service && principal !== "*") return false;
  const account = invoker.sourceArn.split(":")[4];
  // A bucket's ARN names no account; the bucket is this account's.
  if (text(sourceAccount) && account && sourceAccount !== account) return false;
  return text(sourceArn) === undefined || wildcard(text(sourceArn) ?? "")(invoker.sourceArn);
};

/** Whether one of the graph's permissions lets the service invoke the function for its resource. */
export const mayInvoke = (graph: Graph, functionName: string, invoker: Invoker): boolean =>
  graph.resources
    .filter((node: ResourceNode) => node.type === PERMISSION)
    .some((node) => allows(plain(node.outputs) as PropertyMap, functionName, invoker));
