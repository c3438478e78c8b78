/** Who may do what: IAM, Cognito, KMS. */
import {
  arn,
  type Blueprint,
  type BlueprintContext,
  CREATED,
  dnsSuffixOf,
  globalArn,
  mixedToken,
  text,
  token,
  uuid,
} from "./blueprint.ts";
import { NAMES } from "./names.ts";

const createRole = ({ urn, name, inputs, environment }: BlueprintContext) => ({
  id: name,
  outputs: {
    arn: globalArn(environment, "iam", `role${text(inputs, "path")}${name}`),
    uniqueId: `AROA${token(urn, 17).toUpperCase()}`,
    createDate: CREATED,
  },
});

const createPolicy = ({ urn, name, inputs, environment }: BlueprintContext) => {
  const own = globalArn(environment, "iam", `policy${text(inputs, "path")}${name}`);
  const policyId = `ANPA${token(urn, 17).toUpperCase()}`;
  return { id: own, outputs: { arn: own, policyId, attachmentCount: 0 } };
};

/** https://docs.aws.amazon.com/cognito/latest/developerguide/federation-endpoints.html */
const createUserPool = ({ urn, environment }: BlueprintContext) => {
  const id = `${environment.region}_${mixedToken(urn, 9)}`;
  return {
    id,
    outputs: {
      arn: arn(environment, "cognito-idp", `userpool/${id}`),
      endpoint: `cognito-idp.${environment.region}.${dnsSuffixOf(environment.region)}/${id}`,
      creationDate: CREATED,
      lastModifiedDate: CREATED,
      estimatedNumberOfUsers: 0,
      domain: "",
      customDomain: "",
    },
  };
};

const createUserPoolClient = ({ urn, inputs }: BlueprintContext) => ({
  id: token(urn, 26),
  outputs: { clientSecret: inputs.generateSecret === true ? token(`${urn}#secret`, 52) : "" },
});

const createUserPoolDomain = ({ urn, name, inputs, environment }: BlueprintContext) => {
  const distribution = text(inputs, "certificateArn") ? `${token(urn, 14)}.cloudfront.net` : "";
  return {
    id: name,
    outputs: {
      awsAccountId: environment.account,
      cloudfrontDistribution: distribution,
      cloudfrontDistributionArn: distribution,
      cloudfrontDistributionZoneId: "Z2FDTNDATAQYW2",
      s3Bucket: "",
      version: "1",
    },
  };
};

const createResourceServer = ({ inputs }: BlueprintContext) => {
  const identifier = text(inputs, "identifier");
  const scopes = Array.isArray(inputs.scopes) ? inputs.scopes : [];
  const names = scopes.map((scope) =>
    typeof scope === "object" && scope !== null && !Array.isArray(scope) ? text(scope, "scopeName") : "",
  );
  return {
    id: `${text(inputs, "userPoolId")}|${identifier}`,
    outputs: { scopeIdentifiers: names.map((name) => `${identifier}/${name}`) },
  };
};

const createKey = ({ urn, environment }: BlueprintContext) => {
  const id = uuid(urn);
  return { id, outputs: { keyId: id, arn: arn(environment, "kms", `key/${id}`) } };
};

const createKeyAlias = ({ inputs, environment }: BlueprintContext) => {
  const target = text(inputs, "targetKeyId");
  const name = text(inputs, "name");
  const targetKeyArn = target.startsWith("arn:") ? target : arn(environment, "kms", `key/${target}`);
  return { id: name, outputs: { arn: arn(environment, "kms", name), targetKeyArn } };
};

export const ACCESS: Record<string, Blueprint> = {
  "aws:iam/role:Role": {
    naming: NAMES.role,
    defaults: {
      path: "/",
      maxSessionDuration: 3600,
      forceDetachPolicies: false,
      managedPolicyArns: [],
      inlinePolicies: [],
    },
    create: createRole,
  },
  "aws:iam/rolePolicy:RolePolicy": {
    naming: NAMES.policy,
    create: ({ name, inputs }) => ({ id: `${text(inputs, "role")}:${name}`, outputs: {} }),
  },
  "aws:iam/rolePolicyAttachment:RolePolicyAttachment": {
    create: ({ inputs }) => ({ id: `${text(inputs, "role")}/${text(inputs, "policyArn")}`, outputs: {} }),
  },
  "aws:iam/policy:Policy": { naming: NAMES.managedPolicy, defaults: { path: "/" }, create: createPolicy },
  "aws:cognito/userPool:UserPool": {
    naming: NAMES.userPool,
    defaults: { mfaConfiguration: "OFF", deletionProtection: "INACTIVE", userPoolTier: "ESSENTIALS" },
    create: createUserPool,
  },
  "aws:cognito/userPoolClient:UserPoolClient": {
    naming: { ...NAMES.userPool },
    defaults: { refreshTokenValidity: 30, enableTokenRevocation: true },
    secrets: ["clientSecret"],
    create: createUserPoolClient,
  },
  "aws:cognito/userPoolDomain:UserPoolDomain": {
    naming: NAMES.userPoolDomain,
    defaults: { managedLoginVersion: 1 },
    create: createUserPoolDomain,
  },
  "aws:cognito/resourceServer:ResourceServer": { naming: NAMES.resourceServer, create: createResourceServer },
  "aws:kms/key:Key": {
    defaults: {
      customerMasterKeySpec: "SYMMETRIC_DEFAULT",
      keyUsage: "ENCRYPT_DECRYPT",
      isEnabled: true,
      multiRegion: false,
      description: "",
      policy: "",
    },
    create: createKey,
  },
  "aws:kms/alias:Alias": {
    naming: {
      property: "name",
      max: 256,
      unique: true,
      pattern: /^(alias\/)?[A-Za-z0-9/_-]+$/,
      characters: "letters, digits and `/_-` after `alias/`",
    },
    create: createKeyAlias,
  },
};
