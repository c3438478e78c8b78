/** What a release moves: the functions of a stack that CodeDeploy may move, each with its newest version. Pure. */
import { createHash } from "node:crypto";
import type { ExportedResource } from "../shared/exported.ts";

/** One function's release. */
export interface Unit {
  /** As the program names it: the deployment group's name. */
  name: string;
  application: string;
  group: string;
  functionName: string;
  alias: string;
  /** The version that `up` published last. */
  target: string;
  region: string;
}

const ALIAS = "aws:lambda/alias:Alias";
const FUNCTION = "aws:lambda/function:Function";
const GROUP = "aws:codedeploy/deploymentGroup:DeploymentGroup";

/** Group, alias and function belong together by the component that made them. */
export function unitsOf(resources: readonly ExportedResource[]): Unit[] {
  return resources
    .filter(({ type }) => type === GROUP)
    .map((group) => unitOf(group, resources))
    .sort((left, right) => (left.name < right.name ? -1 : 1));
}

function unitOf(group: ExportedResource, resources: readonly ExportedResource[]): Unit {
  const sibling = (type: string): ExportedResource => {
    const found = resources.find((resource) => resource.parent === group.parent && resource.type === type);
    if (found) return found;
    throw new Error(`${group.urn} has no ${type} beside it: deploy the stack again (npm run up).`);
  };
  const [lambda, alias] = [sibling(FUNCTION), sibling(ALIAS)];
  return {
    name: textOf(group, "deploymentGroupName"),
    application: textOf(group, "appName"),
    group: textOf(group, "deploymentGroupName"),
    functionName: textOf(lambda, "name"),
    alias: textOf(alias, "name"),
    target: textOf(lambda, "version"),
    region: textOf(lambda, "arn").split(":")[3] ?? "",
  };
}

function textOf({ urn, outputs }: ExportedResource, key: string): string {
  const value = outputs[key];
  if (typeof value === "string" && value !== "") return value;
  throw new Error(`${urn} has no ${key} in the stack's state: deploy it again (npm run up).`);
}

/**
 * What CodeDeploy is told to do.
 * Source: https://docs.aws.amazon.com/codedeploy/latest/userguide/application-revisions-appspec-file.html
 */
export function revisionOf(unit: Unit, current: string): { content: string; sha256: string } {
  const content = JSON.stringify({
    version: 0,
    Resources: [
      {
        [unit.name]: {
          Type: "AWS::Lambda::Function",
          Properties: {
            Name: unit.functionName,
            Alias: unit.alias,
            CurrentVersion: current,
            TargetVersion: unit.target,
          },
        },
      },
    ],
  });
  return { content, sha256: createHash("sha256").update(content).digest("hex") };
}
