/** The calls of CodeDeploy and Lambda that a release makes. */
import {
  type CodeDeployClient,
  CreateDeploymentCommand,
  GetDeploymentCommand,
  ListDeploymentsCommand,
  StopDeploymentCommand,
} from "@aws-sdk/client-codedeploy";
import { GetAliasCommand, type LambdaClient } from "@aws-sdk/client-lambda";
import { revisionOf, type Unit } from "./units.ts";

export interface Clients {
  codedeploy: CodeDeployClient;
  lambda: LambdaClient;
}

/** Where an alias's traffic goes. */
export interface Traffic {
  /** Version that has what the others do not get. */
  version: string;
  /** Share of other versions, 0-1. */
  weights: Readonly<Record<string, number>>;
}

export const trafficOf = async ({ lambda }: Clients, unit: Unit): Promise<Traffic> => {
  const { FunctionVersion = "", RoutingConfig } = await lambda.send(
    new GetAliasCommand({ FunctionName: unit.functionName, Name: unit.alias }),
  );
  return { version: FunctionVersion, weights: RoutingConfig?.AdditionalVersionWeights ?? {} };
};

/** A deployment that has not ended, if there is one. */
export const underWay = async ({ codedeploy }: Clients, unit: Unit): Promise<string | undefined> => {
  const { deployments = [] } = await codedeploy.send(
    new ListDeploymentsCommand({
      applicationName: unit.application,
      deploymentGroupName: unit.group,
      includeOnlyStatuses: ["Created", "Queued", "InProgress", "Baking", "Ready"],
    }),
  );
  return deployments[0];
};

/** @returns the deployment's id */
export const start = async ({ codedeploy }: Clients, unit: Unit, current: string): Promise<string> => {
  const { deploymentId = "" } = await codedeploy.send(
    new CreateDeploymentCommand({
      applicationName: unit.application,
      deploymentGroupName: unit.group,
      description: `Version ${unit.target} of ${unit.functionName}`,
      revision: { revisionType: "AppSpecContent", appSpecContent: revisionOf(unit, current) },
    }),
  );
  return deploymentId;
};

/** How a deployment stands. */
export interface Standing {
  state: "running" | "succeeded" | "failed";
  /** Why it failed, as CodeDeploy says it. */
  reason?: string;
}

export const standingOf = async ({ codedeploy }: Clients, deploymentId: string): Promise<Standing> => {
  const { deploymentInfo } = await codedeploy.send(new GetDeploymentCommand({ deploymentId }));
  const { status, errorInformation } = deploymentInfo ?? {};
  if (status === "Succeeded") return { state: "succeeded" };
  if (status !== "Failed" && status !== "Stopped") return { state: "running" };
  const { code, message } = errorInformation ?? {};
  return {
    state: "failed",
    reason: [code, message].filter(Boolean).join(": ") || `CodeDeploy says ${status}`,
  };
};

/** Ends a deployment and takes its traffic back; one that has ended by itself meanwhile is left alone. */
export const takeBack = async ({ codedeploy }: Clients, deploymentId: string): Promise<void> => {
  await codedeploy
    .send(new StopDeploymentCommand({ deploymentId, autoRollbackEnabled: true }))
    .catch((error: unknown) => {
      if (!(error instanceof Error) || error.name !== "DeploymentAlreadyCompletedException") throw error;
    });
};
