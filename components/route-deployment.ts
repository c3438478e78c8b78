import * as aws from "@pulumi/aws";
import type * as pulumi from "@pulumi/pulumi";
import { percentOf, RELEASE_DEFAULTS } from "./internal/releases.ts";
import type { RouteKey } from "./internal/routes.ts";
import type { DeploymentArgs } from "./live-alias.ts";

/** The route whose function is released. */
interface ReleasedRoute {
  component: pulumi.Resource;
  /** Logical name of the route's function. */
  name: string;
  apiId: pulumi.Input<string>;
  key: RouteKey;
  tags: Record<string, pulumi.Input<string>>;
}

/**
 * A callback that throws is answered 500, which Lambda counts as a success: so a route's release is also taken back
 * when the route answers 5xx, whichever version did. Only a canary's share of the requests meets the new version, so the
 * limit is that share of `errorPercent`.
 * Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-metrics.html
 */
export function routeDeployment(
  deployment: DeploymentArgs | undefined,
  route: ReleasedRoute,
): { deployment?: DeploymentArgs } {
  if (!deployment) return {};
  return {
    deployment: { ...deployment, alarms: [...(deployment.alarms ?? []), failing(route, deployment)] },
  };
}

function failing(
  { component, name, apiId, key, tags }: ReleasedRoute,
  { canary }: DeploymentArgs,
): aws.cloudwatch.MetricAlarm {
  const errorPercent = canary.errorPercent ?? RELEASE_DEFAULTS.errorPercent;
  const threshold = (errorPercent * canary.percent) / 100;
  const metric = (metricName: string) => ({
    namespace: "AWS/ApiGateway",
    metricName,
    dimensions: { ApiId: apiId, Stage: "$default", Method: key.method, Resource: key.path || key.key },
    period: 60,
    stat: "Sum",
  });
  return new aws.cloudwatch.MetricAlarm(
    `${name}-canary-5xx`,
    {
      alarmDescription: `${key.key} answers over ${threshold} % of its requests with 5xx: CodeDeploy takes the release back. Read the function's log, see docs/operations.md#a-release-was-taken-back.`,
      comparisonOperator: "GreaterThanThreshold",
      threshold,
      evaluationPeriods: 1,
      treatMissingData: "notBreaching",
      metricQueries: [
        { id: "failed", metric: metric("5xx") },
        { id: "requests", metric: metric("Count") },
        {
          id: "percent",
          expression: percentOf("failed", "requests"),
          label: "Percent of requests answered 5xx",
          returnData: true,
        },
      ],
      tags,
    },
    { parent: component },
  );
}
