/**
 * Pulumi's resource names: `urn:pulumi:<stack>::<project>::<parent types>$<type>::<name>`.
 * Source: https://www.pulumi.com/docs/iac/concepts/resources/names/#urns
 */

const STACK_TYPE = "pulumi:pulumi:Stack";

export interface UrnParts {
  stack: string;
  project: string;
  /** Types from the outermost component to the resource itself, joined by `$`. The stack is left out. */
  qualifiedType: string;
  name: string;
}

/** Splits a URN. A name may itself hold `::`. Throws on text that is no URN. */
export const parseUrn = (urn: string): UrnParts => {
  const match = /^urn:pulumi:(?<stack>.+?)::(?<project>.+?)::(?<type>.+?)::(?<name>.*)$/s.exec(urn);
  if (!match?.groups) throw new Error(`"${urn}" is not a Pulumi URN.`);
  const { stack = "", project = "", type = "", name = "" } = match.groups;
  return { stack, project, qualifiedType: type, name };
};

/** The URN of a resource, with the types of all its ancestors. An empty parent means the stack. */
export const createUrn = (
  program: { stack: string; project: string },
  resource: { parent: string; type: string; name: string },
): string => {
  const ancestry = resource.parent === "" ? STACK_TYPE : parseUrn(resource.parent).qualifiedType;
  const prefix = ancestry === STACK_TYPE ? "" : `${ancestry}$`;
  return `urn:pulumi:${program.stack}::${program.project}::${prefix}${resource.type}::${resource.name}`;
};

export const isStackType = (type: string): boolean => type === STACK_TYPE;
