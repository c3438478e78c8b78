/** Nothing is public, and no right is wider than what it names. */
import { isNarrowed, type Statement, statementsOf } from "../documents.ts";
import { aws, checkov, isGiven, mayBe, type Rule, read, serverlessRules } from "../model.ts";
import { BUCKET, settingsOf } from "./encryption.ts";

const BLOCKS = ["blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"];

export const bucketNotPublic: Rule = {
  id: "bucket-not-public",
  title: "A bucket blocks public access in all four ways",
  reason: "One wrong ACL or policy later would publish every object.",
  cure: "Add a BucketPublicAccessBlock for it with all four settings true.",
  level: "mandatory",
  counterparts: [checkov("CKV_AWS_53"), checkov("CKV_AWS_54"), checkov("CKV_AWS_55"), checkov("CKV_AWS_56")],
  types: [BUCKET],
  needsStack: true,
  check: (bucket, stack) => {
    const blocks = settingsOf(bucket, stack, "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock");
    if (blocks.length === 0) return "has no public access block";
    const open = BLOCKS.filter((block) => !blocks.some((settings) => mayBe(read(settings, block), true)));
    return open.length === 0 ? undefined : `leaves ${open.join(", ")} off`;
  },
};

const isPublic = (statement: Statement): boolean =>
  statement.allows && statement.principals.includes("*") && !isNarrowed(statement);

export const policyNotPublic: Rule = {
  id: "policy-not-public",
  title: "No resource policy lets everyone in",
  reason: 'An Allow for principal "*" opens the resource to every AWS account.',
  cure: "Name the service or the account, with aws:SourceArn in the condition.",
  level: "mandatory",
  counterparts: [checkov("CKV_AWS_168"), checkov("CKV_AWS_70")],
  types: [
    "aws:s3/bucketPolicy:BucketPolicy",
    "aws:sqs/queuePolicy:QueuePolicy",
    "aws:sns/topicPolicy:TopicPolicy",
  ],
  check: (policy) =>
    statementsOf(policy, "policy").some(isPublic) ? 'allows principal "*" without a source' : undefined,
};

export const invokerNamed: Rule = {
  id: "invoker-named",
  title: "A permission to invoke names who may, and from what",
  reason: "A service as such invokes for every account that uses it: the confused deputy.",
  cure: "Set principal to a service and sourceArn to the resource that invokes.",
  level: "mandatory",
  counterparts: [checkov("CKV_AWS_364"), checkov("CKV_AWS_301"), serverlessRules("WS1002")],
  types: ["aws:lambda/permission:Permission"],
  check: (permission) => {
    const principal = read(permission, "principal");
    if (principal === "*") return "lets everyone invoke the function";
    if (typeof principal !== "string" || !principal.endsWith(".amazonaws.com")) return undefined;
    return isGiven(read(permission, "sourceArn")) || isGiven(read(permission, "sourceAccount"))
      ? undefined
      : `lets ${principal} invoke the function for any account`;
  },
};

export const routeAuthorized: Rule = {
  id: "route-authorized",
  title: "A route asks who is calling",
  reason: "A route without an authorizer is open to the Internet, and each call is paid for.",
  cure: "Give the route scopes; if it is meant to be open, say why in policy/suppressions.ts.",
  level: "mandatory",
  counterparts: [checkov("CKV_AWS_309")],
  types: ["aws:apigatewayv2/route:Route"],
  check: (route) => {
    const type = read(route, "authorizationType");
    return isGiven(type) && type !== "NONE" ? undefined : "has no authorizer";
  },
};

const DOCUMENTS = ["aws:iam/rolePolicy:RolePolicy", "aws:iam/policy:Policy", "aws:iot/policy:Policy"];

export const actionsNamed: Rule = {
  id: "actions-named",
  title: "No policy allows an action by wildcard",
  reason: "A wildcard grants what the service will add next year, and what an intruder needs.",
  cure: "List the actions; a function's are derived from its SDK commands.",
  level: "mandatory",
  counterparts: [checkov("CKV_AWS_63"), serverlessRules("WS1003")],
  types: DOCUMENTS,
  check: (policy) => {
    const wide = statementsOf(policy, "policy")
      .filter(({ allows }) => allows)
      .flatMap(({ actions }) => actions)
      .filter((action) => /[*?]/.test(action));
    return wide.length === 0 ? undefined : `allows ${[...new Set(wide)].join(", ")}`;
  },
};

/** Actions for which AWS defines no resource: `*` is the only thing to write. */
const WITHOUT_RESOURCE = new Set([
  // https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsx-ray.html
  "xray:PutTraceSegments",
  "xray:PutTelemetryRecords",
  // https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#configuration-vpc-permissions
  "ec2:CreateNetworkInterface",
  "ec2:DescribeNetworkInterfaces",
  "ec2:DescribeSubnets",
  "ec2:DeleteNetworkInterface",
  "ec2:AssignPrivateIpAddresses",
  "ec2:UnassignPrivateIpAddresses",
]);

export const resourcesNamed: Rule = {
  id: "resources-named",
  title: 'No policy allows an action on "*" where AWS could narrow it',
  reason: "It reaches every resource of the account, those of other systems too.",
  cure: "Name the resource's ARN.",
  level: "mandatory",
  counterparts: [checkov("CKV_AWS_111"), checkov("CKV_AWS_355")],
  types: ["aws:iam/rolePolicy:RolePolicy", "aws:iam/policy:Policy"],
  check: (policy) => {
    const wide = statementsOf(policy, "policy")
      .filter(({ allows, resources }) => allows && resources.includes("*"))
      .flatMap(({ actions }) => actions)
      .filter((action) => !WITHOUT_RESOURCE.has(action));
    return wide.length === 0 ? undefined : `allows ${[...new Set(wide)].join(", ")} on every resource`;
  },
};

export const roleAssumedByService: Rule = {
  id: "role-assumed-by-service",
  title: "A role says who may take it",
  reason: 'Principal "*" hands the role to every AWS account.',
  cure: "Name the service or the account in the trust policy.",
  level: "mandatory",
  counterparts: [
    checkov("CKV_AWS_60"),
    aws("https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html"),
  ],
  types: ["aws:iam/role:Role"],
  check: (role) =>
    statementsOf(role, "assumeRolePolicy").some(isPublic) ? "can be assumed by everyone" : undefined,
};
