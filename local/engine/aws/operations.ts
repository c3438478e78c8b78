/** What watches and scales: log groups, alarms, dashboards, queries, budgets, autoscaling. */
import { arn, type Blueprint, CREATED, globalArn, hex, text, uuid } from "./blueprint.ts";
import { NAMES } from "./names.ts";

export const OPERATIONS: Record<string, Blueprint> = {
  "aws:cloudwatch/logGroup:LogGroup": {
    naming: NAMES.logGroup,
    defaults: {
      retentionInDays: 0,
      logGroupClass: "STANDARD",
      skipDestroy: false,
      deletionProtectionEnabled: false,
    },
    create: ({ name, environment }) => ({
      id: name,
      outputs: { arn: arn(environment, "logs", `log-group:${name}`) },
    }),
  },
  "aws:cloudwatch/logSubscriptionFilter:LogSubscriptionFilter": {
    naming: NAMES.logFilter,
    defaults: { distribution: "ByLogStream", applyOnTransformedLogs: false, roleArn: "" },
    // As the provider makes it: a group may have several filters, told apart by name.
    create: ({ inputs }) => ({ id: `cwlsf-${hex(text(inputs, "logGroup"), 10)}`, outputs: {} }),
  },
  "aws:cloudwatch/metricAlarm:MetricAlarm": {
    naming: NAMES.alarm,
    defaults: { actionsEnabled: true, treatMissingData: "missing", evaluateLowSampleCountPercentiles: "" },
    create: ({ name, environment }) => ({
      id: name,
      outputs: { arn: arn(environment, "cloudwatch", `alarm:${name}`) },
    }),
  },
  "aws:cloudwatch/dashboard:Dashboard": {
    create: ({ inputs, environment }) => {
      const name = text(inputs, "dashboardName");
      return {
        id: name,
        outputs: { dashboardArn: globalArn(environment, "cloudwatch", `dashboard/${name}`) },
      };
    },
  },
  "aws:cloudwatch/queryDefinition:QueryDefinition": {
    create: ({ urn, environment }) => {
      const queryDefinitionId = uuid(urn);
      const own = arn(environment, "logs", `query-definition:${queryDefinitionId}`);
      return { id: queryDefinitionId, outputs: { queryDefinitionId, arn: own } };
    },
  },
  "aws:budgets/budget:Budget": {
    naming: NAMES.budget,
    create: ({ name, environment }) => ({
      id: `${environment.account}:${name}`,
      outputs: {
        accountId: environment.account,
        arn: globalArn(environment, "budgets", `budget/${name}`),
        timePeriodStart: CREATED,
        timePeriodEnd: "2087-06-15T00:00:00Z",
      },
    }),
  },
  "aws:appautoscaling/target:Target": {
    create: ({ urn, inputs, environment }) => ({
      id: text(inputs, "resourceId"),
      outputs: {
        arn: arn(environment, "application-autoscaling", `scalable-target/${uuid(urn).replaceAll("-", "")}`),
        roleArn:
          text(inputs, "roleArn") ||
          globalArn(
            environment,
            "iam",
            "role/aws-service-role/lambda.application-autoscaling.amazonaws.com/AWSServiceRoleForApplicationAutoScaling_LambdaConcurrency",
          ),
      },
    }),
  },
  "aws:appautoscaling/policy:Policy": {
    naming: NAMES.scalingPolicy,
    create: ({ urn, name, inputs, environment }) => ({
      id: name,
      outputs: {
        alarmArns: [],
        arn: arn(
          environment,
          "autoscaling",
          `scalingPolicy:${uuid(urn)}:resource/${text(inputs, "serviceNamespace")}/${text(inputs, "resourceId")}:policyName/${name}`,
        ),
      },
    }),
  },
};
