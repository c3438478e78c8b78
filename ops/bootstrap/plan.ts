/** Everything that the bootstrap makes, in the order in which it is made. */
import type { Clients } from "./account.ts";
import { bucketArnOf, bucketNameOf, bucketTasks } from "./bucket.ts";
import { aliasOf, keyTasks } from "./key.ts";
import {
  deployDocument,
  type Needs,
  type Place,
  type Repository,
  readDocument,
  stateDocument,
  subjectsOf,
  trustOf,
} from "./policies.ts";
import { providerTasks, roleArnOf, roleTasks } from "./roles.ts";
import type { Findings, Task } from "./task.ts";

export interface Target {
  /** Pulumi's project, which everything is named after. */
  project: string;
  /** Each is an environment of the repository. */
  stacks: readonly string[];
  place: Place;
  repository: Repository;
  needs: Needs;
}

/** Stands for the key's ARN until there is a key: no policy that AWS has says so. */
const NO_KEY_YET = "arn:aws:kms:::key/not-yet";

/** Where pull requests and the weekly check for drift run. */
const LOOKING = ["pull_request", "ref:refs/heads/main"];

export const tasksOf = (clients: Clients, target: Target): Task[] => {
  const { project, stacks, place, repository, needs } = target;
  const findings: Findings = {};
  const bucket = bucketNameOf(project, place);
  const state = (writes: boolean) =>
    stateDocument(bucketArnOf(bucket, place), findings.keyArn ?? NO_KEY_YET, writes);
  return [
    ...keyTasks(clients.kms, project, findings),
    ...bucketTasks({ s3: clients.s3, name: bucket, place, findings }),
    ...providerTasks(clients.iam, place),
    ...roleTasks({
      iam: clients.iam,
      place,
      name: `${project}-preview`,
      description: "Looks at the stacks, for pull requests and the check for drift",
      trust: trustOf(place, subjectsOf(repository, LOOKING)),
      rights: () => [state(false), readDocument(needs, place)],
    }),
    ...roleTasks({
      iam: clients.iam,
      place,
      name: `${project}-deploy`,
      description: "Deploys the stacks, from the repository's environments",
      trust: trustOf(
        place,
        subjectsOf(
          repository,
          stacks.map((stack) => `environment:${stack}`),
        ),
      ),
      rights: () => [state(true), deployDocument(needs, place)],
    }),
  ];
};

/** What is left to do by hand: GitHub's variables, and the stacks. */
export const nextSteps = ({ project, stacks, place, repository }: Target): string => {
  const bucket = bucketNameOf(project, place);
  const variables = {
    AWS_REGION: place.region,
    AWS_PREVIEW_ROLE: roleArnOf(`${project}-preview`, place),
    AWS_DEPLOY_ROLE: roleArnOf(`${project}-deploy`, place),
    PULUMI_BACKEND_URL: `s3://${bucket}?region=${place.region}&awssdk=v2`,
  };
  const repo = `${repository.owner}/${repository.name}`;
  return [
    "Tell GitHub (none of it is secret):",
    ...Object.entries(variables).map(
      ([name, value]) => `  gh variable set ${name} --repo ${repo} --body '${value}'`,
    ),
    ...stacks.map((stack) => `  gh api --method PUT repos/${repo}/environments/${stack}`),
    "Make the stacks, and commit the lines that this adds to Pulumi.<stack>.yaml:",
    `  export PULUMI_BACKEND_URL='${variables.PULUMI_BACKEND_URL}'`,
    ...stacks.map(
      (stack) =>
        `  pulumi stack init ${stack} --secrets-provider 'awskms://${aliasOf(project)}?region=${place.region}'`,
    ),
    "The rest is in docs/deploy.md.",
  ].join("\n");
};
