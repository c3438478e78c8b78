import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { argumentError, type Culprit, type Keys, refuseUnknownKeys } from "./internal/arguments.ts";
import {
  type AutoscaledConcurrency,
  autoscaled,
  type CanaryArgs,
  checkCanary,
  LIVE,
  percentOf,
  RELEASE_DEFAULTS,
  standardCanary,
} from "./internal/releases.ts";

/** An alarm that takes a release back; an `aws.cloudwatch.MetricAlarm` is one. */
export interface RollbackAlarm {
  name: pulumi.Input<string>;
  arn: pulumi.Input<string>;
}

/** How a new version of a function gets its traffic. */
export interface DeploymentArgs {
  /**
   * A share of the traffic first, the rest when nothing went wrong: `{ percent: 10, minutes: 10 }`. After `up`, which
   * leaves the traffic where it is, `npm run release` starts the shift. It is taken back when the new version fails
   * more than `errorPercent` of its invocations in a minute, takes 80 % of its timeout (p99), or an alarm of `alarms`
   * goes off.
   */
  canary: CanaryArgs;
  /** Further alarms that take the traffic back. At most 8. */
  alarms?: RollbackAlarm[];
  /**
   * A metric of failures that Lambda takes for successes, with the dimensions `function` (physical name) and `version`:
   * they count like the function's errors. Routes give their answers with 5xx.
   */
  failures?: { namespace: string; metricName: string };
}

/** What makes a function have an alias. */
export interface LiveSettings {
  /**
   * Environments kept initialised, so that requests up to that number at once meet no cold start. A number stays as it
   * is; `{ minimum, maximum }` follows the load. Cost driver: memory times time, whether used or not (512 MB on arm64:
   * about 4.40 $ a month each), beside a lower price for the duration.
   * @default none
   */
  provisionedConcurrency?: number | AutoscaledConcurrency;
  /**
   * How a new version gets its traffic.
   * @default all of it at once, with `up`
   */
  deployment?: DeploymentArgs;
}

/** The function that an alias is for, and the component that owns both. */
export interface LiveOwner {
  component: pulumi.Resource;
  /** The component's logical name. */
  name: string;
  tags: Record<string, pulumi.Input<string>>;
  lambda: aws.lambda.Function;
  /** Of the function, seconds. */
  timeout: number;
}

/** CodeDeploy takes 10: https://docs.aws.amazon.com/codedeploy/latest/userguide/limits.html; two are the function's own. */
const MOST_EXTRA_ALARMS = 8;

/** Share of the timeout at which a version counts as too slow, as in the function's own alarms. */
const SLOW_SHARE = 0.8;

const ASSUMED_BY_CODEDEPLOY = JSON.stringify({
  Version: "2012-10-17",
  Statement: [
    { Effect: "Allow", Principal: { Service: "codedeploy.amazonaws.com" }, Action: "sts:AssumeRole" },
  ],
});

/** @throws Error naming the function and the cure */
export function checkDeployment(who: Culprit, deployment: DeploymentArgs | undefined): void {
  if (deployment === undefined) return;
  const keys: Keys<DeploymentArgs> = { canary: true, alarms: true, failures: true };
  refuseUnknownKeys({ noun: `${who.noun} "${who.name}"`, name: "deployment" }, deployment, keys);
  if (deployment.canary === undefined) {
    throw argumentError(who, "deployment has no canary. Set it: { canary: { percent: 10, minutes: 10 } }.");
  }
  checkCanary(who, deployment.canary);
  const more = deployment.alarms?.length ?? 0;
  if (more <= MOST_EXTRA_ALARMS) return;
  throw argumentError(who, `deployment has ${more} alarms; it may have ${MOST_EXTRA_ALARMS} beside its own.`);
}

/** Whether a function with these settings needs an alias, and so published versions. */
export const isLive = ({ provisionedConcurrency, deployment }: LiveSettings): boolean =>
  provisionedConcurrency !== undefined || deployment !== undefined;

/**
 * The alias `live` of a function: what its triggers call, the environments kept warm behind it, and who moves it to a
 * new version. With a canary CodeDeploy moves it, and Pulumi neither undoes that nor reports it as drift: the two
 * properties that CodeDeploy writes are the only ones ignored.
 *
 * Cost driver: warm environments; two alarms per canary on three metrics, behind a route four. CodeDeploy costs nothing.
 * Locally one version of a function runs; as many environments as are provisioned start with the system.
 * Source: https://docs.aws.amazon.com/lambda/latest/dg/configuration-aliases.html
 */
export function createLiveAlias(owner: LiveOwner, settings: LiveSettings): aws.lambda.Alias {
  const { deployment, provisionedConcurrency } = settings;
  const { name, lambda, component } = owner;
  const alias = new aws.lambda.Alias(
    `${name}-live`,
    { name: LIVE, functionName: lambda.name, functionVersion: lambda.version },
    { parent: component, ignoreChanges: movedByOthers(settings) },
  );
  if (provisionedConcurrency !== undefined) keepWarm(owner, alias, provisionedConcurrency);
  if (deployment) createCanary(owner, alias, deployment);
  return alias;
}

/**
 * What CodeDeploy writes; and the weights that Lambda itself gives an alias for as long as it prepares the warm
 * environments of its new version.
 */
function movedByOthers({ deployment, provisionedConcurrency }: LiveSettings): string[] {
  if (deployment) return ["functionVersion", "routingConfig"];
  return provisionedConcurrency === undefined ? [] : ["routingConfig"];
}

/** https://docs.aws.amazon.com/lambda/latest/dg/provisioned-concurrency.html */
function keepWarm(
  { name, tags, lambda, component }: LiveOwner,
  alias: aws.lambda.Alias,
  provisioned: number | AutoscaledConcurrency,
): void {
  const { minimum, maximum, utilization } = autoscaled(provisioned);
  const scales = typeof provisioned === "object";
  const config = new aws.lambda.ProvisionedConcurrencyConfig(
    `${name}-provisioned`,
    { functionName: lambda.name, qualifier: alias.name, provisionedConcurrentExecutions: minimum },
    // What autoscaling sets is not Pulumi's to set back.
    { parent: component, ignoreChanges: scales ? ["provisionedConcurrentExecutions"] : [] },
  );
  if (!scales) return;
  const target = new aws.appautoscaling.Target(
    `${name}-scaling`,
    {
      serviceNamespace: "lambda",
      scalableDimension: "lambda:function:ProvisionedConcurrency",
      resourceId: pulumi.interpolate`function:${lambda.name}:${alias.name}`,
      minCapacity: minimum,
      maxCapacity: maximum,
      tags,
    },
    { parent: component, dependsOn: [config] },
  );
  new aws.appautoscaling.Policy(
    `${name}-utilization`,
    {
      policyType: "TargetTrackingScaling",
      serviceNamespace: target.serviceNamespace,
      scalableDimension: target.scalableDimension,
      resourceId: target.resourceId,
      targetTrackingScalingPolicyConfiguration: {
        targetValue: utilization ?? RELEASE_DEFAULTS.utilization,
        predefinedMetricSpecification: { predefinedMetricType: "LambdaProvisionedConcurrencyUtilization" },
      },
    },
    { parent: component },
  );
}

/** https://docs.aws.amazon.com/codedeploy/latest/userguide/deployment-steps-lambda.html */
function createCanary(owner: LiveOwner, alias: aws.lambda.Alias, deployment: DeploymentArgs): void {
  const { canary, alarms = [] } = deployment;
  const { name, tags, component } = owner;
  const watching = [failing(owner, alias, deployment), slow(owner, alias), ...alarms];
  const role = new aws.iam.Role(
    `${name}-deploy-role`,
    {
      description: `Lets CodeDeploy move the traffic of ${name}`,
      assumeRolePolicy: ASSUMED_BY_CODEDEPLOY,
      tags,
    },
    { parent: component },
  );
  const policy = new aws.iam.RolePolicy(
    `${name}-deploy-policy`,
    { role: role.id, policy: pulumi.jsonStringify(mayShift(owner, alias, watching)) },
    { parent: component },
  );
  const application = new aws.codedeploy.Application(
    `${name}-deployments`,
    { computePlatform: "Lambda", tags },
    { parent: component },
  );
  new aws.codedeploy.DeploymentGroup(
    `${name}-canary`,
    {
      appName: application.name,
      deploymentGroupName: name,
      serviceRoleArn: role.arn,
      deploymentConfigName: standardCanary(canary) ?? ownSteps(owner, canary),
      deploymentStyle: { deploymentType: "BLUE_GREEN", deploymentOption: "WITH_TRAFFIC_CONTROL" },
      alarmConfiguration: { enabled: true, alarms: watching.map((alarm) => alarm.name) },
      autoRollbackConfiguration: {
        enabled: true,
        events: ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM", "DEPLOYMENT_STOP_ON_REQUEST"],
      },
      tags,
    },
    { parent: component, dependsOn: [policy] },
  );
}

function ownSteps({ name, component }: LiveOwner, { percent, minutes }: CanaryArgs): pulumi.Output<string> {
  return new aws.codedeploy.DeploymentConfig(
    `${name}-steps`,
    {
      computePlatform: "Lambda",
      trafficRoutingConfig: {
        type: "TimeBasedCanary",
        timeBasedCanary: { interval: minutes, percentage: percent },
      },
    },
    { parent: component },
  ).deploymentConfigName;
}

/**
 * The new version alone is watched: what the old one does has no say in whether the new one may stay. Lambda counts
 * both apart while an alias has two.
 * Source: https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
 */
const newVersion = ({ lambda }: LiveOwner, alias: aws.lambda.Alias) => ({
  FunctionName: lambda.name,
  Resource: pulumi.interpolate`${lambda.name}:${alias.name}`,
  ExecutedVersion: lambda.version,
});

const RUNBOOK = "docs/operations.md#a-release-was-taken-back";

function failing(
  owner: LiveOwner,
  alias: aws.lambda.Alias,
  { canary, failures }: DeploymentArgs,
): aws.cloudwatch.MetricAlarm {
  const allowed = canary.errorPercent ?? RELEASE_DEFAULTS.errorPercent;
  const metric = (metricName: string) => ({
    namespace: "AWS/Lambda",
    metricName,
    dimensions: newVersion(owner, alias),
    period: 60,
    stat: "Sum",
  });
  return new aws.cloudwatch.MetricAlarm(
    `${owner.name}-canary-errors`,
    {
      alarmDescription: `The version of ${owner.name} being released fails more than ${allowed} % of its invocations: CodeDeploy takes the traffic back. Read its log, see ${RUNBOOK}.`,
      comparisonOperator: "GreaterThanThreshold",
      threshold: allowed,
      evaluationPeriods: 1,
      treatMissingData: "notBreaching",
      metricQueries: [
        { id: "errors", metric: metric("Errors") },
        { id: "invocations", metric: metric("Invocations") },
        ...(failures ? [{ id: "failures", metric: ownFailures(owner, failures) }] : []),
        {
          id: "percent",
          // A metric that nobody has sent has no data, which would leave the sum without any.
          expression: percentOf(failures ? "(errors + FILL(failures, 0))" : "errors", "invocations"),
          label: "Percent of invocations that failed",
          returnData: true,
        },
      ],
      tags: owner.tags,
    },
    { parent: owner.component },
  );
}

const ownFailures = ({ lambda }: LiveOwner, failures: { namespace: string; metricName: string }) => ({
  ...failures,
  dimensions: { function: lambda.name, version: lambda.version },
  period: 60,
  stat: "Sum",
});

function slow(owner: LiveOwner, alias: aws.lambda.Alias): aws.cloudwatch.MetricAlarm {
  const milliseconds = owner.timeout * 1_000 * SLOW_SHARE;
  return new aws.cloudwatch.MetricAlarm(
    `${owner.name}-canary-slow`,
    {
      alarmDescription: `The version of ${owner.name} being released takes over ${milliseconds} ms (p99), 80 % of its timeout: CodeDeploy takes the traffic back. See ${RUNBOOK}.`,
      namespace: "AWS/Lambda",
      metricName: "Duration",
      dimensions: newVersion(owner, alias),
      extendedStatistic: "p99",
      period: 60,
      comparisonOperator: "GreaterThanThreshold",
      threshold: milliseconds,
      evaluationPeriods: 1,
      treatMissingData: "notBreaching",
      tags: owner.tags,
    },
    { parent: owner.component },
  );
}

/**
 * What CodeDeploy does in a deployment; AWS's own policy for it grants the same on everything.
 * Source: https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSCodeDeployRoleForLambdaLimited.html
 */
function mayShift({ lambda }: LiveOwner, alias: aws.lambda.Alias, watching: RollbackAlarm[]) {
  return {
    Version: "2012-10-17",
    Statement: [
      {
        Effect: "Allow",
        Action: ["lambda:GetAlias", "lambda:GetProvisionedConcurrencyConfig", "lambda:UpdateAlias"],
        Resource: [lambda.arn, alias.arn],
      },
      {
        Effect: "Allow",
        Action: ["cloudwatch:DescribeAlarms"],
        Resource: watching.map((alarm) => alarm.arn),
      },
    ],
  };
}
