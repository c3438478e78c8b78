/**
 * What `pulumi up` or AWS would refuse only after dozens of resources exist: checked on the finished graph, before
 * anything is created. Rules live in rules/, one function each.
 */
import type { Graph } from "./graph.ts";
import { alarmsFit, topicsHearTheirAlarms } from "./rules/alarms.ts";
import { budgetsTellSomebody, dashboardsFit, queriesFit } from "./rules/dashboards.ts";
import {
  apiTimeoutFits,
  environmentFits,
  namesDiffer,
  reservationsFit,
  visibilityFits,
} from "./rules/limits.ts";
import { logFilterAfterPermission, logFiltersFit, logsDoNotRecur } from "./rules/logs.ts";
import {
  functionAfterLogGroup,
  functionAfterPolicies,
  mappingAfterPolicies,
  notificationAfterGrants,
} from "./rules/order.ts";
import {
  deadLettersFit,
  oneMappingPerFunction,
  queueMappingsFit,
  settingsAreSingle,
} from "./rules/queues.ts";
import {
  deploymentGroupFits,
  provisionedFitsReservation,
  provisionedIsPublished,
  weightedAliasIsPublished,
} from "./rules/releases.ts";
import { destinationsMayBeSentTo, mappingMayRead } from "./rules/rights.ts";
import { createView, type Problem, type View } from "./rules/view.ts";

export type { Problem } from "./rules/view.ts";

const RULES: ((view: View) => Problem[])[] = [
  functionAfterPolicies,
  functionAfterLogGroup,
  mappingAfterPolicies,
  notificationAfterGrants,
  logFilterAfterPermission,
  logFiltersFit,
  logsDoNotRecur,
  mappingMayRead,
  destinationsMayBeSentTo,
  environmentFits,
  apiTimeoutFits,
  visibilityFits,
  queueMappingsFit,
  oneMappingPerFunction,
  deadLettersFit,
  settingsAreSingle,
  reservationsFit,
  provisionedIsPublished,
  provisionedFitsReservation,
  weightedAliasIsPublished,
  deploymentGroupFits,
  namesDiffer,
  alarmsFit,
  topicsHearTheirAlarms,
  dashboardsFit,
  queriesFit,
  budgetsTellSomebody,
];

/** Every problem of a program's graph, in the order of the rules. Empty when AWS would take it. */
export const checkGraph = (graph: Graph): Problem[] => {
  const view = createView(graph);
  return RULES.flatMap((rule) => rule(view));
};

/** A problem as one line. */
export const formatProblem = (problem: Problem): string => `${problem.message} ${problem.cure}`;
