import * as aws from "@pulumi/aws";
import type * as pulumi from "@pulumi/pulumi";
import { argumentError, type Culprit, requireRange } from "./internal/arguments.ts";
import type { PolicyStatement } from "./policy.ts";

/** What happens to an asynchronous invocation (from S3, SNS, EventBridge, Scheduler, IoT) that fails. */
export interface AsyncInvokeArgs {
  /**
   * Retries after the first failure. 0-2.
   * @default 2
   */
  maximumRetryAttempts?: number;
  /**
   * Seconds an event may wait before it is given up. 60-21,600.
   * @default 3,600
   */
  maximumEventAgeInSeconds?: number;
  /**
   * ARN of the queue, topic, bus, bucket or function that gets what failed; together with `permission`.
   * @default a queue of the function's own (`failures`), encrypted, 14 days; it costs nothing while it is empty
   */
  onFailureArn?: pulumi.Input<string>;
  /** The right to send there, e.g. `{ actions: ["sqs:SendMessage"], resources: [queue.arn], reason: "..." }`. */
  permission?: PolicyStatement;
}

/** What a user may set of it where a component makes the function. */
export type AsyncRetries = Pick<AsyncInvokeArgs, "maximumRetryAttempts" | "maximumEventAgeInSeconds">;

const DEFAULTS = { retryAttempts: 2, eventAge: 3_600, failureRetentionSeconds: 1_209_600 } as const;

/** The function that is invoked, and the component that owns it. */
interface AsyncOwner {
  component: pulumi.Resource;
  /** The component's logical name. */
  name: string;
  tags: Record<string, pulumi.Input<string>>;
}

/** A queue of the function's own for what failed, unless it is told where to send it. */
export function createFailures(
  { component, name, tags }: AsyncOwner,
  asyncInvoke: AsyncInvokeArgs | undefined,
): aws.sqs.Queue | undefined {
  if (!asyncInvoke || asyncInvoke.onFailureArn) return undefined;
  return new aws.sqs.Queue(
    `${name}-failures`,
    { sqsManagedSseEnabled: true, messageRetentionSeconds: DEFAULTS.failureRetentionSeconds, tags },
    { parent: component },
  );
}

/** The right to send what failed where it goes. */
export function failurePermissions(
  asyncInvoke: AsyncInvokeArgs | undefined,
  failures: aws.sqs.Queue | undefined,
): PolicyStatement[] {
  if (asyncInvoke?.permission) return [asyncInvoke.permission];
  if (!failures) return [];
  return [
    {
      actions: ["sqs:SendMessage"],
      resources: [failures.arn],
      reason: "Lambda sends what failed with the function's role",
    },
  ];
}

export interface AsyncTarget {
  functionName: pulumi.Input<string>;
  /** The alias that triggers call, where there is one: each qualifier has settings of its own. */
  qualifier: pulumi.Input<string> | undefined;
  failures: aws.sqs.Queue | undefined;
  /** The role's policy, which must hold before AWS takes the destination. */
  policy: pulumi.Resource;
}

export function configureAsyncInvoke(
  { component, name }: AsyncOwner,
  args: AsyncInvokeArgs,
  { functionName, qualifier, failures, policy }: AsyncTarget,
): void {
  new aws.lambda.FunctionEventInvokeConfig(
    `${name}-async`,
    {
      functionName,
      qualifier,
      maximumRetryAttempts: args.maximumRetryAttempts ?? DEFAULTS.retryAttempts,
      maximumEventAgeInSeconds: args.maximumEventAgeInSeconds ?? DEFAULTS.eventAge,
      destinationConfig: { onFailure: { destination: args.onFailureArn ?? failures?.arn ?? "" } },
    },
    { parent: component, dependsOn: [policy] },
  );
}

/** https://docs.aws.amazon.com/lambda/latest/api/API_PutFunctionEventInvokeConfig.html */
export function checkAsyncInvoke(who: Culprit, asyncInvoke: AsyncInvokeArgs | undefined): void {
  if ((asyncInvoke?.onFailureArn === undefined) !== (asyncInvoke?.permission === undefined)) {
    throw argumentError(who, "asyncInvoke.onFailureArn and its permission go together; set both or neither.");
  }
  requireRange(who, "asyncInvoke.maximumRetryAttempts", asyncInvoke?.maximumRetryAttempts, {
    minimum: 0,
    maximum: 2,
    unit: "retries",
  });
  requireRange(who, "asyncInvoke.maximumEventAgeInSeconds", asyncInvoke?.maximumEventAgeInSeconds, {
    minimum: 60,
    maximum: 21_600,
    unit: "seconds",
  });
}
