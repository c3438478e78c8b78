/** What CloudWatch Logs refuses of subscription filters. https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html */
import type { ResourceNode } from "../graph.ts";
import { physicalNameOf } from "../outputs.ts";
import { FUNCTION, knownText, LOG_GROUP, label, mapOf, PERMISSION, type Problem, type View } from "./view.ts";

const LOG_FILTER = "aws:cloudwatch/logSubscriptionFilter:LogSubscriptionFilter";
/** https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html */
const MOST_FILTERS = 2;

const groupOf = (filter: ResourceNode): string | undefined => knownText(filter.outputs.logGroup);

/** AWS invokes the function when the filter is made, and refuses one that it may not invoke. */
export const logFilterAfterPermission = (view: View): Problem[] =>
  view.ofType(LOG_FILTER).flatMap((filter) =>
    view.functions(filter, "destinationArn").flatMap((lambda) => {
      const grants = view
        .ofType(PERMISSION)
        .filter((node) => view.functions(node, "function").includes(lambda));
      if (grants.some((grant) => view.dependsOn(filter, grant))) return [];
      const [grant] = grants;
      return [
        {
          urn: filter.urn,
          rule: "log-filter-after-permission",
          message: grant
            ? `${label(filter)} may be created before ${label(grant)} lets CloudWatch Logs invoke "${lambda.name}".`
            : `${label(filter)} sends to ${label(lambda)}, which has no lambda permission for logs.amazonaws.com.`,
          cure: grant
            ? `Add "${grant.name}" to the filter's dependsOn.`
            : `Create a lambda permission for "${lambda.name}" and add it to the filter's dependsOn.`,
        },
      ];
    }),
  );

/** At most two filters per group. */
export const logFiltersFit = (view: View): Problem[] => {
  const byGroup = Map.groupBy(view.ofType(LOG_FILTER), groupOf);
  return [...byGroup].flatMap(([group, filters]) => {
    const extra = filters[MOST_FILTERS];
    if (group === undefined || extra === undefined) return [];
    return [
      {
        urn: extra.urn,
        rule: "log-filters-fit",
        message: `The log group "${group}" has ${filters.length} subscription filters; AWS allows ${MOST_FILTERS}.`,
        cure: "Join some of them.",
      },
    ];
  });
};

/** Functions by the group that they write. */
const writers = (view: View): Map<string, ResourceNode[]> => {
  const byGroup = new Map<string, ResourceNode[]>();
  for (const lambda of view.ofType(FUNCTION)) {
    const name = physicalNameOf(lambda);
    const group = knownText(mapOf(lambda.outputs.loggingConfig).logGroup) ?? (name && `/aws/lambda/${name}`);
    if (group !== undefined) byGroup.set(group, [...(byGroup.get(group) ?? []), lambda]);
  }
  return byGroup;
};

const subscribers = (view: View, group: string): ResourceNode[] =>
  view
    .ofType(LOG_FILTER)
    .filter((filter) => groupOf(filter) === group)
    .flatMap((filter) => view.functions(filter, "destinationArn"));

/** The functions that a line of the group runs, directly or through the lines that those write. */
const reached = (view: View, group: string, byGroup: Map<string, ResourceNode[]>): Set<ResourceNode> => {
  const groups = new Set([group]);
  const found = new Set<ResourceNode>();
  // A set's iteration takes up what is added meanwhile.
  for (const each of groups) {
    const runs = subscribers(view, each);
    for (const lambda of runs) found.add(lambda);
    const written = [...byGroup].filter(([, lambdas]) => lambdas.some((lambda) => runs.includes(lambda)));
    for (const [name] of written) groups.add(name);
  }
  return found;
};

/** A function that gets its own lines runs for ever. https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/Subscriptions-recursion-prevention.html */
export const logsDoNotRecur = (view: View): Problem[] => {
  const byGroup = writers(view);
  return view.ofType(LOG_FILTER).flatMap((filter) => {
    const group = groupOf(filter);
    if (group === undefined) return [];
    const own = byGroup.get(group) ?? [];
    const looping = own.find((lambda) => reached(view, group, byGroup).has(lambda));
    const node = view.ofType(LOG_GROUP).find((candidate) => physicalNameOf(candidate) === group);
    if (!looping) return [];
    return [
      {
        urn: filter.urn,
        rule: "logs-do-not-recur",
        message: `${label(filter)} hands ${label(looping)} lines that come of its own: each run writes to ${node ? label(node) : `"${group}"`} and so causes the next.`,
        cure: "Subscribe to another log group.",
      },
    ];
  });
};
