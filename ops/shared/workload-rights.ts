/** What a function's code may use, from its derived rights. Pure. */
import type { ResourceNode } from "../../local/engine/graph.ts";
import type { Permission } from "./functions.ts";

/** What a use of a resource is. Everything but `put` leaves no event behind. */
export type UseKind = "put" | "get" | "list" | "delete" | "command";

/** A right of a function's code to use a resource: taken to be used, see the assumptions. */
export interface Right {
  to: string;
  name: string;
  kind: UseKind;
  /** `dynamodb`, `s3` ... */
  service: string;
}

/** The first that fits an action; an action of none is no use of anything. */
const KINDS: [RegExp, UseKind][] = [
  [/^s3:(Delete|Abort)/, "delete"],
  [/^s3:List/, "list"],
  [/^elasticache:Connect$/, "command"],
  [/^dynamodb:(Put|Update|Delete|BatchWrite|TransactWrite)/, "put"],
  [/^(s3:Put|kinesis:Put|sqs:Send|sns:Publish|events:Put|lambda:Invoke)/, "put"],
  [/^(dynamodb:(Get|Query|Scan|BatchGet)|s3:Get)/, "get"],
];

const kindOf = (action: string): UseKind | undefined => KINDS.find(([pattern]) => pattern.test(action))?.[1];

/** @param sinks resources that can be used, by logical name */
const rightsIn = ({ actions, captured }: Permission, sinks: ReadonlyMap<string, ResourceNode>): Right[] =>
  captured
    .map((resource) => sinks.get(resource.split(/[/:]/)[0] ?? ""))
    .filter((node) => node !== undefined)
    .flatMap(({ urn, name }) =>
      actions.flatMap((action) => {
        const kind = kindOf(action);
        return kind ? [{ to: urn, name, kind, service: action.split(":")[0] ?? "" }] : [];
      }),
    );

/** One right per resource and kind, however many actions give it. */
export const rightsOf = (
  permissions: readonly Permission[],
  sinks: ReadonlyMap<string, ResourceNode>,
): Right[] => {
  const rights = permissions.flatMap((permission) => rightsIn(permission, sinks));
  return [...new Map(rights.map((right) => [`${right.to} ${right.kind}`, right])).values()];
};
