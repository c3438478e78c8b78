/** What AWS refuses of aliases, warm environments and CodeDeploy's groups. */
import type { ResourceNode } from "../graph.ts";
import {
  ALIAS,
  FUNCTION,
  knownText,
  label,
  listOf,
  mapOf,
  numberOf,
  type Problem,
  ROLE,
  type View,
} from "./view.ts";

const PROVISIONED = "aws:lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig";
const DEPLOYMENT_GROUP = "aws:codedeploy/deploymentGroup:DeploymentGroup";
const APPLICATION = "aws:codedeploy/application:Application";
const UNPUBLISHED = "$LATEST";

/** Environments that are kept warm for a function, over all its aliases and versions. */
export const provisionedOf = (view: View, lambda: ResourceNode): number =>
  view
    .ofType(PROVISIONED)
    .filter((config) => view.functions(config, "functionName").includes(lambda))
    .reduce((sum, config) => sum + (numberOf(config, "provisionedConcurrentExecutions") ?? 0), 0);

const isUnpublished = (view: View, config: ResourceNode): boolean =>
  knownText(config.outputs.qualifier) === UNPUBLISHED ||
  view
    .origins(config, "qualifier", ALIAS)
    .some((alias) => knownText(alias.outputs.functionVersion) === UNPUBLISHED);

/** https://docs.aws.amazon.com/lambda/latest/dg/provisioned-concurrency.html */
export const provisionedIsPublished = (view: View): Problem[] =>
  view
    .ofType(PROVISIONED)
    .filter((config) => isUnpublished(view, config))
    .map((config) => ({
      urn: config.urn,
      rule: "provisioned-is-published",
      message: `${label(config)} is for ${UNPUBLISHED}: Lambda keeps environments warm for published versions only.`,
      cure: "Set publish on the function, and name a version, or an alias of one.",
    }));

export const provisionedFitsReservation = (view: View): Problem[] =>
  view.ofType(FUNCTION).flatMap((lambda) => {
    const reserved = numberOf(lambda, "reservedConcurrentExecutions") ?? -1;
    const provisioned = provisionedOf(view, lambda);
    if (reserved < 0 || provisioned <= reserved) return [];
    return [
      {
        urn: lambda.urn,
        rule: "provisioned-fits-reservation",
        message: `${label(lambda)} has ${provisioned} provisioned environments and reserves ${reserved}.`,
        cure: `Reserve at least ${provisioned}, or provision at most ${reserved}.`,
      },
    ];
  });

/** https://docs.aws.amazon.com/lambda/latest/dg/configuring-alias-routing.html */
export const weightedAliasIsPublished = (view: View): Problem[] =>
  view.ofType(ALIAS).flatMap((alias) => {
    const weights = Object.keys(mapOf(mapOf(alias.outputs.routingConfig).additionalVersionWeights));
    if (weights.length === 0) return [];
    if (![...weights, knownText(alias.outputs.functionVersion)].includes(UNPUBLISHED)) return [];
    return [
      {
        urn: alias.urn,
        rule: "weighted-alias-is-published",
        message: `${label(alias)} weighs ${UNPUBLISHED}: an alias shares its traffic among published versions only.`,
        cure: "Set publish on the function, and weigh two of its versions.",
      },
    ];
  });

const faultOf = (view: View, group: ResourceNode): [message: string, cure: string] | undefined => {
  const { deploymentType, deploymentOption } = mapOf(group.outputs.deploymentStyle);
  if (deploymentType !== "BLUE_GREEN" || deploymentOption !== "WITH_TRAFFIC_CONTROL") {
    return ["has no blue/green style with traffic control, the only one for Lambda.", "Set deploymentStyle."];
  }
  const alarms = mapOf(group.outputs.alarmConfiguration);
  if (alarms.enabled === true && listOf(alarms.alarms ?? null).length === 0) {
    return ["watches alarms and names none.", "Name them, or set enabled: false."];
  }
  const trusts = view
    .origins(group, "serviceRoleArn", ROLE)
    .every((role) => JSON.stringify(role.outputs.assumeRolePolicy ?? "").includes("codedeploy."));
  return trusts
    ? undefined
    : ["has a role that codedeploy.amazonaws.com may not assume.", "Name it as a principal of the role."];
};

const isForLambda = (view: View, group: ResourceNode): boolean =>
  view
    .origins(group, "appName", APPLICATION)
    .some((application) => knownText(application.outputs.computePlatform) === "Lambda");

/** https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_CreateDeploymentGroup.html */
export const deploymentGroupFits = (view: View): Problem[] =>
  view
    .ofType(DEPLOYMENT_GROUP)
    .filter((group) => isForLambda(view, group))
    .flatMap((group) => {
      const [message, cure] = faultOf(view, group) ?? [];
      if (message === undefined || cure === undefined) return [];
      return [{ urn: group.urn, rule: "deployment-group-fits", message: `${label(group)} ${message}`, cure }];
    });
