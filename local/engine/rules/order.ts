/** What must exist before what: AWS asks at creation, so a deployment in the wrong order fails half way, or by chance. */
import type { ResourceNode } from "../graph.ts";
import { physicalNameOf } from "../outputs.ts";
import {
  FUNCTION,
  knownText,
  LOG_GROUP,
  label,
  listOf,
  MAPPING,
  mapOf,
  NOTIFICATION,
  PERMISSION,
  type Problem,
  QUEUE,
  QUEUE_POLICY,
  TOPIC,
  TOPIC_POLICY,
  type View,
} from "./view.ts";

/** A policy that itself needs the function cannot come before it. */
const mustPrecede = (view: View, policy: ResourceNode, lambda: ResourceNode): boolean =>
  !view.dependsOn(policy, lambda);

/** https://docs.aws.amazon.com/lambda/latest/dg/lambda-intro-execution-role.html */
export const functionAfterPolicies = (view: View): Problem[] =>
  view.ofType(FUNCTION).flatMap((lambda) =>
    view
      .rolePolicies(lambda)
      .filter((policy) => mustPrecede(view, policy, lambda) && !view.dependsOn(lambda, policy))
      .map((policy) => ({
        urn: lambda.urn,
        rule: "function-after-policies",
        message: `${label(lambda)} may be created before its role has ${label(policy)}.`,
        cure: `Add the policy "${policy.name}" to the function's dependsOn.`,
      })),
  );

const logGroupNameOf = (lambda: ResourceNode): string | undefined => {
  const name = physicalNameOf(lambda);
  return knownText(mapOf(lambda.outputs.loggingConfig).logGroup) ?? (name && `/aws/lambda/${name}`);
};

/** Lambda makes a missing log group itself, without retention, and the program's own then fails with "already exists". */
export const functionAfterLogGroup = (view: View): Problem[] =>
  view.ofType(FUNCTION).flatMap((lambda) => {
    const wanted = logGroupNameOf(lambda);
    const group = view.ofType(LOG_GROUP).find((candidate) => physicalNameOf(candidate) === wanted);
    if (!wanted || !group || view.dependsOn(lambda, group) || view.dependsOn(group, lambda)) return [];
    return [
      {
        urn: lambda.urn,
        rule: "function-after-log-group",
        message: `${label(lambda)} may be created, and log, before ${label(group)} exists.`,
        cure: `Add the log group "${group.name}" to the function's dependsOn.`,
      },
    ];
  });

/** https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-create.html: the role is checked at creation. */
export const mappingAfterPolicies = (view: View): Problem[] =>
  view.ofType(MAPPING).flatMap((mapping) =>
    view.functions(mapping, "functionName").flatMap((lambda) =>
      view
        .rolePolicies(lambda)
        .filter((policy) => !view.dependsOn(policy, mapping) && !view.dependsOn(mapping, policy))
        .map((policy) => ({
          urn: mapping.urn,
          rule: "mapping-after-policies",
          message: `${label(mapping)} may be created before the role of "${lambda.name}" has ${label(policy)}.`,
          cure: `Add the policy "${policy.name}" to the mapping's dependsOn, or to the function's.`,
        })),
    ),
  );

interface Grant {
  /** Notification targets of this kind ... */
  property: string;
  target: string;
  /** ... must let S3 in through a resource of this type, whose property names the target. */
  grant: string;
  grantProperty: string;
  noun: string;
}

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/grant-destinations-permissions-to-s3.html */
const GRANTS: Grant[] = [
  { property: "queues", target: QUEUE, grant: QUEUE_POLICY, grantProperty: "queueUrl", noun: "queue policy" },
  { property: "topics", target: TOPIC, grant: TOPIC_POLICY, grantProperty: "arn", noun: "topic policy" },
  {
    property: "lambdaFunctions",
    target: FUNCTION,
    grant: PERMISSION,
    grantProperty: "function",
    noun: "lambda permission",
  },
];

const targetsOf = (view: View, notification: ResourceNode, grant: Grant): ResourceNode[] => {
  if (listOf(notification.outputs[grant.property]).length === 0) return [];
  return grant.target === FUNCTION
    ? view.functions(notification, grant.property)
    : view.origins(notification, grant.property, grant.target);
};

const namesTarget = (view: View, grant: Grant, candidate: ResourceNode, target: ResourceNode): boolean =>
  grant.target === FUNCTION
    ? view.functions(candidate, grant.grantProperty).includes(target)
    : view.origins(candidate, grant.grantProperty, grant.target).includes(target);

/** S3 sends a test message at creation, and refuses a target that does not take it. */
export const notificationAfterGrants = (view: View): Problem[] =>
  view
    .ofType(NOTIFICATION)
    .flatMap((notification) =>
      GRANTS.flatMap((grant) =>
        targetsOf(view, notification, grant).flatMap((target) =>
          grantProblem(view, notification, grant, target),
        ),
      ),
    );

const grantProblem = (
  view: View,
  notification: ResourceNode,
  grant: Grant,
  target: ResourceNode,
): Problem[] => {
  if (target.inputs.policy !== undefined) return [];
  const grants = view.ofType(grant.grant).filter((candidate) => namesTarget(view, grant, candidate, target));
  if (grants.some((candidate) => view.dependsOn(notification, candidate))) return [];
  const [existing] = grants;
  return [
    {
      urn: notification.urn,
      rule: "notification-after-grants",
      message: existing
        ? `${label(notification)} may be created before ${label(existing)} lets S3 reach "${target.name}".`
        : `${label(notification)} sends to ${label(target)}, which has no ${grant.noun} for s3.amazonaws.com.`,
      cure: existing
        ? `Add "${existing.name}" to the notification's dependsOn.`
        : `Create a ${grant.noun} for "${target.name}" and add it to the notification's dependsOn.`,
    },
  ];
};
