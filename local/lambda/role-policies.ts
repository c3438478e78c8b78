/** The policies of a role, from the graph. Pure. */
import { type Graph, type PropertyMap, plain } from "../engine/graph.ts";

const map = (value: unknown): PropertyMap =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as PropertyMap) : {};

/** The policy documents of a role: the JSON text of every inline policy that the graph attaches to it. */
export function rolePolicies(graph: Graph, roleArn: string): string[] {
  const roles = graph.resources.filter(
    (node) => node.type === "aws:iam/role:Role" && plain(node.outputs.arn ?? null) === roleArn,
  );
  const names = new Set(roles.flatMap((role) => [role.id, String(plain(role.outputs.name ?? null))]));
  return graph.resources
    .filter((node) => node.type === "aws:iam/rolePolicy:RolePolicy")
    .map((node) => map(plain(node.inputs)))
    .filter(({ role }) => names.has(String(role)))
    .map(({ policy }) => String(policy));
}
