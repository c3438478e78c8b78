import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { applyTransform, type Transform } from "./internal/transform.ts";

/**
 * Any other log group that API Gateway writes to is listed by name in the account's one policy for such logs, which
 * nothing ever shortens: after some dozens of stages, logging can no longer be switched on. The API's id makes the
 * name unique, as an automatic name would be.
 * Source: https://docs.aws.amazon.com/step-functions/latest/dg/bp-cwl.html
 */
const VENDED_LOGS = "/aws/vendedlogs/";

interface AccessLogs {
  component: pulumi.Resource;
  /** Logical name of the API. */
  name: string;
  retentionInDays: number;
  tags: Record<string, pulumi.Input<string>>;
  transform: Transform<aws.cloudwatch.LogGroupArgs> | undefined;
}

/** The log group of an HTTP API's access logs. */
export function createAccessLogs(api: aws.apigatewayv2.Api, logs: AccessLogs): aws.cloudwatch.LogGroup {
  const { component, name, retentionInDays, tags, transform } = logs;
  const [logArgs, opts] = applyTransform<aws.cloudwatch.LogGroupArgs>(
    transform,
    { name: pulumi.interpolate`${VENDED_LOGS}${name}-${api.id}`, retentionInDays, tags },
    { parent: component },
  );
  return new aws.cloudwatch.LogGroup(`${name}-access-logs`, logArgs, opts);
}
