/** CodeDeploy's resource types. https://docs.aws.amazon.com/codedeploy/latest/userguide/reference-arns.html */
import { arn, type Blueprint, text, uuid } from "./blueprint.ts";
import { NAMES } from "./names.ts";

export const DEPLOYMENTS: Record<string, Blueprint> = {
  "aws:codedeploy/application:Application": {
    naming: NAMES.deploymentApplication,
    defaults: { computePlatform: "Server" },
    create: ({ urn, name, environment }) => ({
      id: `${uuid(urn)}:${name}`,
      outputs: {
        applicationId: uuid(urn),
        arn: arn(environment, "codedeploy", `application:${name}`),
        githubAccountName: "",
        linkedToGithub: false,
      },
    }),
  },
  "aws:codedeploy/deploymentConfig:DeploymentConfig": {
    naming: NAMES.deploymentConfig,
    defaults: { computePlatform: "Server" },
    create: ({ urn, name, environment }) => ({
      id: name,
      outputs: {
        arn: arn(environment, "codedeploy", `deploymentconfig:${name}`),
        deploymentConfigId: uuid(urn),
      },
    }),
  },
  "aws:codedeploy/deploymentGroup:DeploymentGroup": {
    naming: NAMES.deploymentGroup,
    defaults: { deploymentConfigName: "CodeDeployDefault.OneAtATime" },
    create: ({ urn, name, inputs, environment }) => ({
      id: uuid(urn),
      outputs: {
        arn: arn(environment, "codedeploy", `deploymentgroup:${text(inputs, "appName")}/${name}`),
        computePlatform: "Lambda",
        deploymentGroupId: uuid(urn),
      },
    }),
  },
};
