/** What a rule sees: resources with their properties, and what it answers. Pure; nothing here knows Pulumi. */

/** Stands for a value that only AWS knows, before the deployment. A rule says nothing about it. */
export const UNKNOWN: unique symbol = Symbol("known after the deployment");

export interface PolicyResource {
  urn: string;
  /** Type token, e.g. `aws:sqs/queue:Queue`. */
  type: string;
  /** Logical name. */
  name: string;
  /** Readable with `read`. Inputs for a rule on one resource; outputs, so with AWS's defaults, for one on the stack. */
  props: Readonly<Record<string, unknown>>;
  /** Per property, the URNs that its value came from. Empty for a rule on one resource. */
  origins: Readonly<Record<string, readonly string[]>>;
}

export interface Counterpart {
  /** Of Checkov (`CKV_AWS_27`), of serverless-rules (`ES6000`), or of AWS itself where neither has such a rule. */
  id: string;
  page: string;
}

export interface Rule {
  /** Lower case with hyphens; the policy's name in Pulumi. */
  id: string;
  /** What holds, as a sentence. */
  title: string;
  /** What happens where it does not. */
  reason: string;
  /** What to write. */
  cure: string;
  /** `mandatory` stops a deployment, `advisory` is printed. */
  level: "mandatory" | "advisory";
  counterparts: readonly [Counterpart, ...Counterpart[]];
  /** The resource types it looks at. */
  types: readonly string[];
  /** True for a rule that compares resources: it runs once the whole stack is known. */
  needsStack?: true;
  /** True for what only a production stack must keep. */
  productionOnly?: true;
  /** What is wrong with the resource, continuing "resource ..."; nothing when all is well. Never holds a secret. */
  check(resource: PolicyResource, stack: PolicyStack): string | undefined;
}

/** The resources of a stack, with the questions that rules ask. */
export interface PolicyStack {
  ofType(type: string): readonly PolicyResource[];
  /** The resources of a type whose property's value came from this one. */
  users(resource: PolicyResource, type: string, property: string): readonly PolicyResource[];
  /** The resources of a type that a property's value came from. */
  origins(resource: PolicyResource, property: string, type: string): readonly PolicyResource[];
}

export const createStack = (resources: readonly PolicyResource[]): PolicyStack => {
  const byUrn = new Map(resources.map((resource) => [resource.urn, resource]));
  const byType = Map.groupBy(resources, ({ type }) => type);
  const ofType = (type: string) => byType.get(type) ?? [];
  return {
    ofType,
    users: ({ urn }, type, property) =>
      ofType(type).filter(({ origins }) => origins[property]?.includes(urn) ?? false),
    origins: (resource, property, type) =>
      (resource.origins[property] ?? [])
        .map((urn) => byUrn.get(urn))
        .filter((origin): origin is PolicyResource => origin?.type === type),
  };
};

/** A stack is production by its name: `prod`, `production`, `prod-eu`, `eu-prod`. */
export const isProduction = (urn: string): boolean =>
  /(?:^|[-_.])prod(?:uction)?(?:$|[-_.])/.test(/^urn:pulumi:([^:]+)::/.exec(urn)?.[1] ?? "");

/** The value at a path, e.g. `tracingConfig.mode`; `UNKNOWN` when it or anything on the way is not known yet. */
export const read = ({ props }: PolicyResource, path: string): unknown => {
  let value: unknown = props;
  for (const key of path.split(".")) {
    if (value === UNKNOWN) return UNKNOWN;
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined;
    value = Reflect.get(value, key);
  }
  return value;
};

/** Whether a value is given, known or not. */
export const isGiven = (value: unknown): boolean => value !== undefined && value !== null && value !== "";

/** Whether the value is the wanted one, or may turn out to be. */
export const mayBe = (value: unknown, wanted: unknown): boolean => value === UNKNOWN || value === wanted;

export const readNumber = (resource: PolicyResource, path: string): number | undefined => {
  const value = read(resource, path);
  return typeof value === "number" ? value : undefined;
};

export const readList = (resource: PolicyResource, path: string): readonly unknown[] => {
  const value = read(resource, path);
  return Array.isArray(value) ? value : [];
};

const CHECKOV = "https://www.checkov.io/5.Policy%20Index/terraform.html";
const SERVERLESS_RULES = "https://awslabs.github.io/serverless-rules/rules/";

export const checkov = (id: string): Counterpart => ({ id, page: CHECKOV });
export const serverlessRules = (id: string): Counterpart => ({ id, page: SERVERLESS_RULES });
/** For a rule that neither has: where AWS itself asks for it. */
export const aws = (page: string): Counterpart => ({ id: "AWS", page });
