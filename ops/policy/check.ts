/** The policy pack's rules on a graph of the local engine: what `pulumi preview --policy-pack policy` would say. Pure. */
import {
  type Graph,
  isUnknown,
  type PropertyMap,
  plain,
  type ResourceNode,
} from "../../local/engine/graph.ts";
import { evaluate, type Violation } from "../../policy/evaluate.ts";
import { type PolicyResource, UNKNOWN } from "../../policy/model.ts";
import { RULES } from "../../policy/rules.ts";
import { SUPPRESSIONS, type Suppression } from "../../policy/suppressions.ts";
import { shortType } from "../shared/short-type.ts";

export interface PolicyFinding {
  rule: string;
  level: "mandatory" | "advisory";
  type: string;
  resource: string;
  urn: string;
  what: string;
  reason: string;
  cure: string;
  counterparts: string[];
}

export interface PolicyResult {
  rules: number;
  violations: PolicyFinding[];
  /** Broken on purpose, with the reason that policy/suppressions.ts gives. */
  suppressed: (PolicyFinding & { because: string })[];
  /** Suppressions that suppress nothing. */
  unused: Suppression[];
}

const knownOnly = (value: unknown): unknown => {
  if (isUnknown(value as string)) return UNKNOWN;
  if (Array.isArray(value)) return value.map(knownOnly);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, knownOnly(inner)]));
};

const resourceOf = (node: ResourceNode, properties: PropertyMap): PolicyResource => ({
  urn: node.urn,
  type: node.type,
  name: node.name,
  props: knownOnly(plain(properties)) as Record<string, unknown>,
  origins: node.propertyDependencies,
});

const findingOf = ({ rule, resource, what }: Violation): PolicyFinding => ({
  rule: rule.id,
  level: rule.level,
  type: shortType(resource.type),
  resource: resource.name,
  urn: resource.urn,
  what,
  reason: rule.reason,
  cure: rule.cure,
  counterparts: rule.counterparts.map(({ id }) => id),
});

/** @param graph best the one with outputs: a preview does not know a policy that holds an ARN */
export const checkPolicy = (graph: Graph): PolicyResult => {
  const nodes = graph.resources.filter(({ custom, external }) => custom && !external);
  const { violations, unused } = evaluate(
    RULES,
    {
      inputs: nodes.map((node) => resourceOf(node, node.inputs)),
      outputs: nodes.map((node) => resourceOf(node, node.outputs)),
    },
    SUPPRESSIONS,
  );
  return {
    rules: RULES.length,
    violations: violations.filter(({ suppressed }) => !suppressed).map(findingOf),
    suppressed: violations.flatMap((violation) =>
      violation.suppressed ? [{ ...findingOf(violation), because: violation.suppressed.reason }] : [],
    ),
    unused,
  };
};

/** The violations that stop a deployment. */
export const mandatoryOf = ({ violations }: PolicyResult): PolicyFinding[] =>
  violations.filter(({ level }) => level === "mandatory");

const findingLines = (finding: PolicyFinding): string[] => [
  `  ${finding.level} ${finding.rule}: ${finding.type} ${finding.resource} ${finding.what}.`,
  `    ${finding.reason} ${finding.cure} (${finding.counterparts.join(", ")})`,
];

/** The result for people. */
export const policyText = (result: PolicyResult): string =>
  [
    `Policy: ${result.rules} rules, ${result.violations.length} broken, ${result.suppressed.length} broken on purpose.`,
    ...result.violations.flatMap(findingLines),
    ...result.suppressed.map(
      ({ rule, type, resource, what, because }) =>
        `  on purpose ${rule}: ${type} ${resource} ${what}. ${because}`,
    ),
    ...result.unused.map(
      ({ rule, resource }) =>
        `  advisory: the suppression of ${rule} for "${resource}" suppresses nothing. Take it out of policy/suppressions.ts.`,
    ),
  ].join("\n");
