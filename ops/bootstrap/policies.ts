/** The documents of the two roles: who may take them, and what they may do. Pure. */
import type { Graph } from "../../local/engine/graph.ts";
import { MORE_RIGHTS } from "./more-rights.ts";
import { RIGHTS, ROLE_NAMES } from "./rights.ts";

/** Where everything is. */
export interface Place {
  /** `aws`, `aws-cn`, `aws-us-gov`. */
  partition: string;
  account: string;
  /** Of the state bucket and the key. */
  region: string;
  /** Of the stacks. */
  regions: readonly string[];
}

export interface Repository {
  owner: string;
  name: string;
  /** GitHub's numbers of the two: they never name anything else, whatever is renamed or deleted. */
  ownerId: string;
  id: string;
}

export interface Statement {
  Sid: string;
  Effect: "Allow";
  Action: string | readonly string[];
  Resource?: string | readonly string[];
  Principal?: Record<string, string>;
  Condition?: Record<string, Record<string, string | readonly string[]>>;
}

export interface Document {
  Version: "2012-10-17";
  Statement: readonly Statement[];
}

const document = (...statements: readonly Statement[]): Document => ({
  Version: "2012-10-17",
  Statement: statements,
});

export const ISSUER = "token.actions.githubusercontent.com";
export const AUDIENCE = "sts.amazonaws.com";

export const providerArn = ({ partition, account }: Place): string =>
  `arn:${partition}:iam::${account}:oidc-provider/${ISSUER}`;

/**
 * The subjects of a repository's tokens, in both forms that GitHub issues: by name alone, and, for repositories made or
 * renamed since July 2026, with the numbers. A repository that takes over a freed name gets the second form only, so
 * the first lets nobody else in.
 * Source: https://docs.github.com/en/actions/reference/security/oidc
 */
export const subjectsOf = ({ owner, name, ownerId, id }: Repository, contexts: readonly string[]): string[] =>
  contexts.flatMap((context) => [
    `repo:${owner}/${name}:${context}`,
    `repo:${owner}@${ownerId}/${name}@${id}:${context}`,
  ]);

/** Lets jobs of the repository take the role in these contexts only. */
export const trustOf = (place: Place, subjects: readonly string[]): Document =>
  document({
    Sid: "JobsOfTheRepository",
    Effect: "Allow",
    Principal: { Federated: providerArn(place) },
    Action: "sts:AssumeRoleWithWebIdentity",
    Condition: { StringEquals: { [`${ISSUER}:aud`]: AUDIENCE, [`${ISSUER}:sub`]: subjects } },
  });

/** What a program is made of, as far as rights go. */
export interface Needs {
  types: ReadonlySet<string>;
  /** Services that the program's roles are for. */
  services: readonly string[];
}

const ALL = [...RIGHTS, ...MORE_RIGHTS];
const KNOWN = new Set(ALL.flatMap(({ types }) => types));

/**
 * The needs of these graphs together.
 * @throws {Error} naming the types that no rights are written for.
 */
export const needsOf = (graphs: readonly Graph[]): Needs => {
  const nodes = graphs
    .flatMap(({ resources }) => resources)
    .filter(({ external, type }) => !external && /^awsx?:/.test(type));
  const types = new Set(nodes.map(({ type }) => type));
  const unknown = [...types].filter((type) => !KNOWN.has(type)).sort();
  if (unknown.length > 0)
    throw new Error(
      `No rights are written for ${unknown.join(", ")}. Add what the AWS provider calls for it to ops/bootstrap/more-rights.ts.`,
    );
  const services = nodes
    .filter(({ type }) => type === "aws:iam/role:Role")
    .flatMap(({ inputs }) => String(inputs.assumeRolePolicy).match(/[a-z0-9.-]+\.amazonaws\.com/g) ?? []);
  return { types, services: [...new Set(services)].sort() };
};

const filled = (pattern: string, { partition, account, regions }: Place): string[] => {
  const arn = pattern.replace("{p}", partition).replace("{a}", account);
  return arn.includes("{r}") ? regions.map((region) => arn.replace("{r}", region)) : [arn];
};

const serviceOf = (action: string): string => action.split(":")[0] ?? "";

const titled = (text: string): string =>
  text.replaceAll(/(?:^|-)([a-z])/g, (_, letter: string) => letter.toUpperCase()).replaceAll(/\W/g, "");

const looks = (action: string): boolean => /:(?:Describe|Get|List)/.test(action);

/** One statement per group of types that the program has. */
const rightsOf = (needs: Needs, place: Place, writes: boolean): Statement[] => {
  const used = ALL.filter(({ types }) => types.some((type) => needs.types.has(type)));
  const bound = used.map(({ on, read, write, condition }): Statement => {
    const actions = [...read, ...(writes ? write : [])].sort();
    const service = serviceOf(write[0] ?? "");
    const inAccount = { StringEquals: { "aws:ResourceAccount": place.account } };
    return {
      Sid: titled(service),
      Effect: "Allow",
      Action: actions,
      Resource: on.flatMap((pattern) => filled(pattern, place)),
      // A bucket's ARN names no account: without this, a bucket of anybody's by that name would do.
      ...(service === "s3" && { Condition: inAccount }),
      ...(condition && { Condition: condition }),
    };
  });
  const unbound = used
    .flatMap(({ unbound: actions = [] }) => actions)
    .filter((action) => writes || looks(action));
  return [
    ...bound.filter(({ Action }) => Action.length > 0),
    ...(unbound.length > 0
      ? [
          {
            Sid: "WithoutResource",
            Effect: "Allow",
            Action: [...new Set(unbound)].sort(),
            Resource: "*",
            Condition: { StringEquals: { "aws:RequestedRegion": [...place.regions] } },
          } as const,
        ]
      : []),
  ];
};

/** Roles that AWS keeps for a service, made with the first resource of a type. */
const SERVICE_LINKED: Record<string, string> = {
  "aws:appautoscaling/target:Target": "lambda.application-autoscaling.amazonaws.com",
  "aws:elasticache/serverlessCache:ServerlessCache": "elasticache.amazonaws.com",
};

const rolesForServices = (needs: Needs, place: Place): Statement[] => {
  const roles = `arn:${place.partition}:iam::${place.account}:role`;
  const linked = Object.entries(SERVICE_LINKED)
    .filter(([type]) => needs.types.has(type))
    .map(([, service]) => service);
  return [
    ...(needs.services.length > 0
      ? [
          {
            Sid: "PassRoles",
            Effect: "Allow",
            Action: "iam:PassRole",
            Resource: `${roles}/${ROLE_NAMES}`,
            Condition: { StringEquals: { "iam:PassedToService": needs.services } },
          } as const,
        ]
      : []),
    ...linked.map(
      (service): Statement => ({
        Sid: `Linked${titled(service.replaceAll(".", "-"))}`,
        Effect: "Allow",
        Action: "iam:CreateServiceLinkedRole",
        Resource: `${roles}/aws-service-role/${service}/*`,
        Condition: { StringEquals: { "iam:AWSServiceName": service } },
      }),
    ),
  ];
};

/** What the checks after a deployment do with data: `npm run smoke`. */
const SMOKE: Record<string, { types: string; actions: string[] }> = {
  s3: { types: "aws:s3/bucket:Bucket", actions: ["s3:GetObject", "s3:PutObject"] },
  kinesis: { types: "aws:kinesis/stream:Stream", actions: ["kinesis:PutRecords"] },
  sqs: { types: "aws:sqs/queue:Queue", actions: ["sqs:SendMessage"] },
};

const smokeRights = (needs: Needs, place: Place): Statement[] =>
  Object.entries(SMOKE).flatMap(([service, { types, actions }]) => {
    const rights = RIGHTS.find((each) => each.types.includes(types));
    if (!rights || !needs.types.has(types)) return [];
    return {
      Sid: `Smoke${titled(service)}`,
      Effect: "Allow" as const,
      Action: actions,
      Resource: rights.on.flatMap((pattern) => filled(pattern, place)),
      ...(service === "s3" && { Condition: { StringEquals: { "aws:ResourceAccount": place.account } } }),
    };
  });

/** What the previewing role may do: look at what the program is made of. */
export const readDocument = (needs: Needs, place: Place): Document =>
  document(...rightsOf(needs, place, false));

/** What the deploying role may do: make, change and delete what the program is made of, and check it. */
export const deployDocument = (needs: Needs, place: Place): Document =>
  document(...rightsOf(needs, place, true), ...rolesForServices(needs, place), ...smokeRights(needs, place));

/** What either role may do with the state and the key of its secrets. */
export const stateDocument = (bucketArn: string, keyArn: string, writes: boolean): Document =>
  document(
    {
      Sid: "StateBucket",
      Effect: "Allow",
      Action: ["s3:GetBucketLocation", "s3:ListBucket"],
      Resource: bucketArn,
    },
    {
      Sid: "State",
      Effect: "Allow",
      Action: ["s3:GetObject", ...(writes ? ["s3:DeleteObject", "s3:PutObject"] : [])],
      Resource: `${bucketArn}/*`,
    },
    {
      Sid: "StateKey",
      Effect: "Allow",
      Action: ["kms:Decrypt", "kms:DescribeKey", ...(writes ? ["kms:Encrypt", "kms:GenerateDataKey"] : [])],
      Resource: keyArn,
    },
  );

/** IAM's limit for a managed policy, without white space. */
const MOST_CHARACTERS = 6_144;
/** A role takes ten; the others are left to whoever runs the account. */
export const MOST_POLICIES = 6;

/**
 * The statements as policies that IAM takes, in their order.
 * @throws {Error} when they are too many for one role.
 */
export const packed = (documents: readonly Document[]): Document[] => {
  const policies: Statement[][] = [[]];
  for (const statement of documents.flatMap(({ Statement: statements }) => statements)) {
    const last = policies.at(-1) ?? [];
    const fits = JSON.stringify(document(...last, statement)).length <= MOST_CHARACTERS;
    if (fits) last.push(statement);
    else policies.push([statement]);
  }
  if (policies.length <= MOST_POLICIES) return policies.map((statements) => document(...statements));
  throw new Error(
    `The rights need ${policies.length} policies; a role gets at most ${MOST_POLICIES}. Merge groups of ops/bootstrap/rights.ts.`,
  );
};
