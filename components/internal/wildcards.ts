/**
 * No statement grants more than what it names: where a resource may hold a wildcard.
 * Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
 */
import { WITHOUT_RESOURCE } from "./aws-actions.ts";

/** @throws {Error} when a statement grants more than what it names. For ARNs that only a deployment knows. */
export function checkStatements(
  functionName: string,
  statements: { Action: string[]; Resource: string[] }[],
): void {
  for (const { Action, Resource } of statements) {
    for (const action of Action)
      for (const resource of Resource) checkResource(functionName, action, resource);
  }
}

/** A wildcard may only follow a name: `bucket/*`, `table/name/index/*`, `log-group:name:*`. */
function isTooWide(resource: string): boolean {
  if (!/[*?]/.test(resource)) return resource === "";
  if (!/^arn:[^*?]*[^*?:/][:/]\*$/.test(resource)) return true;
  const [, , service, , account, ...rest] = resource.split(":");
  // `table/*` names no table; a bucket and an API have no type in front of their name.
  return account !== "" && service !== "execute-api" && /^[^/:]+[/:]\*$/.test(rest.join(":"));
}

export function checkResource(functionName: string, action: string, resource: string): void {
  if (resource === "*" && Object.hasOwn(WITHOUT_RESOURCE, action)) return;
  if (isTooWide(resource)) {
    throw new Error(
      `Function "${functionName}": permissions grants '${action}' on '${resource}'. Name the resource's ARN; a wildcard may only end one, after its name, and '*' alone is only for actions that have no resource.`,
    );
  }
}
