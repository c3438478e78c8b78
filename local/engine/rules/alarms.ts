/** What CloudWatch refuses of alarms, and alarms that nobody would ever hear of. */
import type { ResourceNode } from "../graph.ts";
import { isUnknown, plain } from "../graph.ts";
import { knownText, label, listOf, numberOf, type Problem, TOPIC, TOPIC_POLICY, type View } from "./view.ts";

const ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm";
const BUDGET = "aws:budgets/budget:Budget";
const KEY = "aws:kms/key:Key";

/** https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html */
const LONGEST_DESCRIPTION = 1_024;
const MOST_ACTIONS = 5;
const DAY = 86_400;
const WEEK = 7 * DAY;
const HOUR = 3_600;
/** Finer than a minute, and only for metrics of one's own. */
const FINE_PERIODS = [10, 20, 30];
const TREATMENTS = ["missing", "ignore", "breaching", "notBreaching"];

const isGiven = (alarm: ResourceNode, property: string): boolean => {
  const value = plain(alarm.outputs[property] ?? null);
  return value !== null && value !== "" && !(Array.isArray(value) && value.length === 0);
};

type Check = (alarm: ResourceNode) => { message: string; cure: string } | undefined;

const metricIsOne: Check = (alarm) => {
  const ways = ["metricName", "metricQueries"].filter((property) => isGiven(alarm, property));
  if (ways.length === 1) return undefined;
  return {
    message: `has ${ways.length === 0 ? "neither a metricName nor" : "both a metricName and"} metricQueries`,
    cure: "Give exactly one of them.",
  };
};

const statisticIsOne: Check = (alarm) => {
  const given = ["statistic", "extendedStatistic"].filter((property) => isGiven(alarm, property));
  const wanted = isGiven(alarm, "metricName") ? 1 : 0;
  if (given.length === wanted) return undefined;
  return {
    message: `has ${given.length === 0 ? "no statistic" : given.join(" and ")}`,
    cure:
      wanted === 1 ? "Give statistic or extendedStatistic, one of them." : "A query has its own statistic.",
  };
};

const periodFits: Check = (alarm) => {
  const period = numberOf(alarm, "period");
  if (period === undefined) return undefined;
  const isFine = FINE_PERIODS.includes(period);
  const isOfAws = knownText(alarm.outputs.namespace)?.startsWith("AWS/") ?? false;
  if ((isFine && !isOfAws) || (period > 0 && period % 60 === 0)) return undefined;
  return {
    message: `has a period of ${period} s`,
    cure: `Set a multiple of 60${isOfAws ? ", the finest that AWS's own metrics have" : ", or 10, 20 or 30"}.`,
  };
};

const spanFits: Check = (alarm) => {
  const [period = 0, periods = 0] = [numberOf(alarm, "period"), numberOf(alarm, "evaluationPeriods")];
  const longest = period >= HOUR ? WEEK : DAY;
  if (period * periods <= longest) return undefined;
  return {
    message: `looks back over ${periods} periods of ${period} s`,
    cure: `Together they may be ${longest} s at most.`,
  };
};

const datapointsFit: Check = (alarm) => {
  const [wanted, periods] = [numberOf(alarm, "datapointsToAlarm"), numberOf(alarm, "evaluationPeriods")];
  if (wanted === undefined || periods === undefined || (wanted >= 1 && wanted <= periods)) return undefined;
  return {
    message: `wants ${wanted} bad periods among ${periods}`,
    cure: `Set datapointsToAlarm to 1-${periods}.`,
  };
};

const missingDataIsKnown: Check = (alarm) => {
  const treatment = knownText(alarm.outputs.treatMissingData);
  if (treatment === undefined || TREATMENTS.includes(treatment)) return undefined;
  return { message: `treats missing data as "${treatment}"`, cure: `Set one of ${TREATMENTS.join(", ")}.` };
};

const descriptionFits: Check = (alarm) => {
  const length = knownText(alarm.outputs.alarmDescription)?.length ?? 0;
  if (length <= LONGEST_DESCRIPTION) return undefined;
  return {
    message: `has a description of ${length} characters`,
    cure: `CloudWatch takes ${LONGEST_DESCRIPTION}.`,
  };
};

const actionsFit: Check = (alarm) => {
  const kinds = ["alarmActions", "okActions", "insufficientDataActions"];
  const over = kinds.find((kind) => listOf(alarm.outputs[kind]).length > MOST_ACTIONS);
  if (over === undefined) return undefined;
  return {
    message: `has ${listOf(alarm.outputs[over]).length} ${over}`,
    cure: `CloudWatch takes ${MOST_ACTIONS}; name a topic that tells the rest.`,
  };
};

const CHECKS: Check[] = [
  metricIsOne,
  statisticIsOne,
  periodFits,
  spanFits,
  datapointsFit,
  missingDataIsKnown,
  descriptionFits,
  actionsFit,
];

/** An alarm as CloudWatch takes it. */
export const alarmsFit = (view: View): Problem[] =>
  view.ofType(ALARM).flatMap((alarm) =>
    CHECKS.flatMap((check) => {
      const found = check(alarm);
      if (found === undefined) return [];
      return [
        {
          urn: alarm.urn,
          rule: "alarms-fit",
          message: `${label(alarm)} ${found.message}.`,
          cure: found.cure,
        },
      ];
    }),
  );

/** Who publishes by a resource's property, as a principal. */
const PUBLISHERS = [
  { type: ALARM, properties: ["alarmActions", "okActions"], principal: "cloudwatch.amazonaws.com" },
  { type: BUDGET, properties: ["notifications"], principal: "budgets.amazonaws.com" },
];

const mentions = (policies: readonly (string | undefined)[], text: string): boolean =>
  policies.some((policy) => policy === undefined || policy.includes(text));

/** Why the principal's messages would not reach the topic; nothing when they do, or when it cannot be known here. */
const obstacle = (view: View, topic: ResourceNode, principal: string): string | undefined => {
  const policies = view
    .ofType(TOPIC_POLICY)
    .filter((policy) => view.origins(policy, "arn", TOPIC).includes(topic))
    .map((policy) => knownText(policy.outputs.policy));
  // Without a policy the account's own alarms may publish; budgets may not.
  const isOpen =
    policies.length === 0 ? principal !== "budgets.amazonaws.com" : mentions(policies, principal);
  if (!isOpen) return `the policy of ${label(topic)} does not let ${principal} publish`;
  const key = plain(topic.outputs.kmsMasterKeyId ?? null);
  if (typeof key !== "string" || key === "" || isUnknown(key)) return undefined;
  if (key.includes("alias/aws/sns")) {
    return `${label(topic)} is encrypted with alias/aws/sns, which ${principal} may not use`;
  }
  const keys = view.origins(topic, "kmsMasterKeyId", KEY).map((each) => knownText(each.outputs.policy));
  if (keys.length === 0 || mentions(keys, principal)) return undefined;
  return `the key of ${label(topic)} does not let ${principal} use it`;
};

/**
 * An alarm that may not publish is raised in silence: AWS takes it as it is, and its history alone says so.
 * Source: https://repost.aws/knowledge-center/cloudwatch-configure-alarm-sns
 */
export const topicsHearTheirAlarms = (view: View): Problem[] =>
  PUBLISHERS.flatMap(({ type, properties, principal }) => {
    const users = view.ofType(type).flatMap((node) => {
      const topics = properties.flatMap((property) => view.origins(node, property, TOPIC));
      return [...new Set(topics)].map((topic) => ({ node, topic }));
    });
    const byTopic = Map.groupBy(users, ({ topic }) => topic);
    return [...byTopic].flatMap(([topic, [first]]) => {
      const what = obstacle(view, topic, principal);
      if (what === undefined || first === undefined) return [];
      return [
        {
          urn: first.node.urn,
          rule: "topics-hear-their-alarms",
          message: `${label(first.node)} would speak to nobody: ${what}.`,
          cure: `Let ${principal} publish (sns:Publish; kms:Decrypt and kms:GenerateDataKey* on a key of your own).`,
        },
      ];
    });
  });
