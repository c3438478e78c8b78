/** Rules against resources. Pure. */
import { createStack, isProduction, type PolicyResource, type PolicyStack, type Rule } from "./model.ts";
import type { Suppression } from "./suppressions.ts";

export interface Violation {
  rule: Rule;
  resource: PolicyResource;
  /** What is wrong, continuing "resource ...". */
  what: string;
  /** Set when it is broken on purpose. */
  suppressed?: Suppression;
}

/** What a rule finds in one resource; nothing when it does not apply. */
export const violationOf = (
  rule: Rule,
  resource: PolicyResource,
  stack: PolicyStack,
  suppressions: readonly Suppression[],
): Violation | undefined => {
  if (!rule.types.includes(resource.type)) return undefined;
  if (rule.productionOnly && !isProduction(resource.urn)) return undefined;
  const what = rule.check(resource, stack);
  if (what === undefined) return undefined;
  const suppressed = suppressions.find((each) => each.rule === rule.id && each.resource === resource.name);
  return { rule, resource, what, ...(suppressed && { suppressed }) };
};

export interface Resources {
  /** As the program gave them: for rules on one resource. */
  inputs: readonly PolicyResource[];
  /** With AWS's defaults and what came from where: for rules on the stack. */
  outputs: readonly PolicyResource[];
}

export interface Evaluation {
  /** By rule and then by resource, suppressed ones too. */
  violations: Violation[];
  /** Suppressions that suppress nothing: the resource is gone, or keeps the rule by now. */
  unused: Suppression[];
}

export const evaluate = (
  rules: readonly Rule[],
  { inputs, outputs }: Resources,
  suppressions: readonly Suppression[],
): Evaluation => {
  const stack = createStack(outputs);
  const violations = rules.flatMap((rule) =>
    (rule.needsStack ? outputs : inputs)
      .map((resource) => violationOf(rule, resource, stack, suppressions))
      .filter((violation) => violation !== undefined),
  );
  const production = outputs.some(({ urn }) => isProduction(urn));
  const applied = new Set(
    rules.filter(({ productionOnly }) => production || !productionOnly).map(({ id }) => id),
  );
  return {
    violations,
    unused: suppressions.filter(
      (each) => applied.has(each.rule) && !violations.some(({ suppressed }) => suppressed === each),
    ),
  };
};
