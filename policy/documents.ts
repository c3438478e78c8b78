/** IAM documents as rules read them. Pure. */
import { type PolicyResource, read } from "./model.ts";

export interface Statement {
  allows: boolean;
  actions: readonly string[];
  resources: readonly string[];
  /** `*`, ARNs and accounts; `Service: x.amazonaws.com` as `x.amazonaws.com`. */
  principals: readonly string[];
  conditions: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const texts = (value: unknown): string[] =>
  (Array.isArray(value) ? value : [value]).filter((item): item is string => typeof item === "string");

const parse = (document: unknown): unknown => {
  if (typeof document !== "string") return document;
  try {
    return JSON.parse(document);
  } catch {
    // Text that is no JSON is refused by AWS itself, by name; no rule guesses at it.
    return undefined;
  }
};

const statement = (value: Record<string, unknown>): Statement => ({
  allows: value.Effect === "Allow",
  // `NotAction` grants everything but a few: as wide as a wildcard.
  actions: value.NotAction === undefined ? texts(value.Action) : ["*"],
  resources: value.NotResource === undefined ? texts(value.Resource) : ["*"],
  principals: isObject(value.Principal)
    ? Object.values(value.Principal).flatMap(texts)
    : texts(value.NotPrincipal === undefined ? value.Principal : "*"),
  conditions: isObject(value.Condition) ? (value.Condition as Statement["conditions"]) : {},
});

/** The statements of a document in a property; none while it is not known. */
export const statementsOf = (resource: PolicyResource, property: string): Statement[] => {
  const document = parse(read(resource, property));
  if (!isObject(document)) return [];
  const { Statement: listed } = document;
  return (Array.isArray(listed) ? listed : [listed]).filter(isObject).map(statement);
};

const NARROWING =
  /^aws:(?:SourceArn|SourceAccount|SourceOrgID|PrincipalArn|PrincipalAccount|PrincipalOrgID)$/i;

/** Whether a condition says from where, or for whom, a statement holds. */
export const isNarrowed = ({ conditions }: Statement): boolean =>
  Object.entries(conditions).some(
    ([operator, keys]) =>
      !/^(?:StringNot|ArnNot|Null)/i.test(operator) && Object.keys(keys).some((key) => NARROWING.test(key)),
  );
