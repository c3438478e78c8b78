/** The rules as a pack of Pulumi's policy engine: `pulumi preview --policy-pack policy`. */
import {
  PolicyPack,
  type PolicyResource as PulumiResource,
  type ResourceValidationPolicy,
  type StackValidationPolicy,
} from "@pulumi/policy";
import { violationOf } from "./evaluate.ts";
import { createStack, type PolicyResource, type Rule, UNKNOWN } from "./model.ts";
import { RULES } from "./rules.ts";
import { SUPPRESSIONS } from "./suppressions.ts";

const NAME = "serverless-first";

/**
 * What stands for a value that is not known yet, by its type.
 * Source: https://github.com/pulumi/pulumi-policy/blob/main/sdk/nodejs/policy/proxy.ts
 */
const UNKNOWNS = new Set([
  "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
  "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
  "04da6b54-80e4-46f7-96ec-b56ff0331ba9",
  "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
  "030794c1-ac77-496b-92df-f27374a8bd58",
  "e48ece36-62e2-4504-bad9-02848725956a",
  "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
]);

const known = (value: unknown): unknown => {
  if (typeof value === "string") return UNKNOWNS.has(value) ? UNKNOWN : value;
  if (Array.isArray(value)) return value.map(known);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, known(inner)]));
};

/**
 * Pulumi's policy server throws at the first look at an unknown value, and the whole rule is then left out. A property
 * descriptor is no look: with it, unknown values stay values, and a rule is left out only where it depends on one.
 */
const propsOf = (props: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(Object.getOwnPropertyDescriptors(props)).map(([key, { value }]) => [key, known(value)]),
  );

const resourceOf = (resource: PulumiResource): PolicyResource => ({
  urn: resource.urn,
  type: resource.type,
  name: resource.name,
  props: propsOf(resource.props),
  origins: Object.fromEntries(
    Object.entries(resource.propertyDependencies).map(([key, from]) => [key, from.map(({ urn }) => urn)]),
  ),
});

const describe = (rule: Rule) => ({
  name: rule.id,
  description: `${rule.title}. ${rule.reason}`,
  enforcementLevel: rule.level,
  remediationSteps: rule.cure,
  url: rule.counterparts[0].page,
  tags: rule.counterparts.map(({ id }) => id),
});

const message = (rule: Rule, resource: PolicyResource, what: string): string =>
  `${resource.name} ${what}. ${rule.cure} (${rule.counterparts.map(({ id }) => id).join(", ")})`;

const resourcePolicy = (rule: Rule): ResourceValidationPolicy => ({
  ...describe(rule),
  validateResource: ({ urn, type, name, props }, report) => {
    if (!rule.types.includes(type)) return;
    const resource = { urn, type, name, props: propsOf(props), origins: {} };
    const violation = violationOf(rule, resource, createStack([]), SUPPRESSIONS);
    if (violation && !violation.suppressed) report(message(rule, resource, violation.what));
  },
});

const stackPolicy = (rule: Rule): StackValidationPolicy => ({
  ...describe(rule),
  validateStack: ({ resources }, report) => {
    const all = resources.map(resourceOf);
    const stack = createStack(all);
    for (const resource of all) {
      const violation = violationOf(rule, resource, stack, SUPPRESSIONS);
      if (violation && !violation.suppressed) report(message(rule, resource, violation.what), resource.urn);
    }
  },
});

/** Serves the rules to the engine that started this process; it lives until the engine ends it. */
export const servePack = (): void => {
  new PolicyPack(NAME, {
    description: "Rules of a serverless system: encrypted, private, bounded, visible, with nothing lost.",
    policies: RULES.map((rule) => (rule.needsStack ? stackPolicy(rule) : resourcePolicy(rule))),
  });
};
