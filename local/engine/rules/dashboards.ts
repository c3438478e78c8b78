/** What CloudWatch refuses of dashboards and saved queries, and AWS Budgets of who is to be told. */
import type { PropertyMap } from "../graph.ts";
import { knownText, label, listOf, mapOf, type Problem, type View } from "./view.ts";

/** https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html */
const MOST_WIDGETS = 500;
const COLUMNS = 24;
const DASHBOARD_NAME = /^[A-Za-z0-9_-]{1,255}$/;
/** https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutQueryDefinition.html */
const LONGEST_QUERY = 10_000;
const MOST_GROUPS = 50;
/** https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_budgets_NotificationWithSubscribers.html */
const MOST_MAILS = 10;
const MOST_TOPICS = 1;

interface Widget {
  x?: number;
  width?: number;
}

const widgetsOf = (body: string): Widget[] | undefined => {
  try {
    const { widgets } = JSON.parse(body) as { widgets?: unknown };
    return Array.isArray(widgets) ? widgets : undefined;
  } catch {
    return undefined;
  }
};

const dashboardProblem = (name: string | undefined, body: string | undefined): string | undefined => {
  if (name !== undefined && !DASHBOARD_NAME.test(name)) return `cannot be named "${name}"`;
  if (body === undefined) return undefined;
  const widgets = widgetsOf(body);
  if (widgets === undefined) return "has a body that is no JSON object with widgets";
  if (widgets.length > MOST_WIDGETS) return `has ${widgets.length} widgets`;
  const beyond = widgets.find(({ x = 0, width = 0 }) => x + width > COLUMNS);
  return beyond && `has a widget from column ${beyond.x} to ${(beyond.x ?? 0) + (beyond.width ?? 0)}`;
};

export const dashboardsFit = (view: View): Problem[] =>
  view.ofType("aws:cloudwatch/dashboard:Dashboard").flatMap((dashboard) => {
    const { dashboardName, dashboardBody } = dashboard.outputs;
    const what = dashboardProblem(knownText(dashboardName), knownText(dashboardBody));
    if (what === undefined) return [];
    return [
      {
        urn: dashboard.urn,
        rule: "dashboards-fit",
        message: `${label(dashboard)} ${what}.`,
        cure: `CloudWatch takes letters, digits, - and _ as a name, and ${MOST_WIDGETS} widgets within ${COLUMNS} columns.`,
      },
    ];
  });

export const queriesFit = (view: View): Problem[] =>
  view.ofType("aws:cloudwatch/queryDefinition:QueryDefinition").flatMap((query) => {
    const groups = listOf(query.outputs.logGroupNames).length;
    const length = knownText(query.outputs.queryString)?.length ?? 1;
    const what =
      groups > MOST_GROUPS
        ? `reads ${groups} log groups; Logs Insights takes ${MOST_GROUPS}`
        : `has ${length} characters; Logs Insights takes 1 to ${LONGEST_QUERY}`;
    if (groups <= MOST_GROUPS && length >= 1 && length <= LONGEST_QUERY) return [];
    return [
      {
        urn: query.urn,
        rule: "queries-fit",
        message: `${label(query)} ${what}.`,
        cure: "Save it in parts.",
      },
    ];
  });

const subscribersProblem = (notification: PropertyMap): string | undefined => {
  const mails = listOf(notification.subscriberEmailAddresses).length;
  const topics = listOf(notification.subscriberSnsTopicArns).length;
  if (mails + topics === 0) return "tells nobody";
  if (mails > MOST_MAILS) return `tells ${mails} e-mail addresses`;
  return topics > MOST_TOPICS ? `tells ${topics} topics` : undefined;
};

export const budgetsTellSomebody = (view: View): Problem[] =>
  view.ofType("aws:budgets/budget:Budget").flatMap((budget) => {
    const what = listOf(budget.outputs.notifications)
      .map((notification) => subscribersProblem(mapOf(notification)))
      .find((problem) => problem !== undefined);
    if (what === undefined) return [];
    return [
      {
        urn: budget.urn,
        rule: "budgets-tell-somebody",
        message: `${label(budget)} has a notification that ${what}.`,
        cure: `AWS Budgets takes ${MOST_TOPICS} topic and ${MOST_MAILS} e-mail addresses, and wants at least one of them.`,
      },
    ];
  });
