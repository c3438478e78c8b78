/** Networks and the cache in them: declared, since this machine is the network; the cache's endpoint is resolved. */
import type { PropertyMap, PropertyValue } from "../graph.ts";
import {
  arn,
  type Blueprint,
  type BlueprintContext,
  CREATED,
  dnsSuffixOf,
  hex,
  shortRegion,
  text,
  token,
} from "./blueprint.ts";

const ec2Id = (kind: string, seed: string): string => `${kind}-0${hex(`${kind} ${seed}`, 16)}`;

const ec2 =
  (
    kind: string,
    resource: string,
    more: (context: BlueprintContext) => PropertyMap = () => ({}),
  ): Blueprint["create"] =>
  (context) => {
    const id = ec2Id(kind, context.urn);
    const own = arn(context.environment, "ec2", `${resource}/${id}`);
    return { id, outputs: { arn: own, ...more(context) } };
  };

/** https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html */
const SECURITY_GROUP_RULE: Blueprint = {
  create: ({ urn, environment }) => {
    const id = ec2Id("sgr", urn);
    return {
      id,
      outputs: { securityGroupRuleId: id, arn: arn(environment, "ec2", `security-group-rule/${id}`) },
    };
  },
};

/** https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CreateServerlessCache.html */
const CACHE_NAME = {
  property: "name",
  max: 40,
  unique: true,
  lowerCase: true,
  pattern: /^[a-z](?!.*--)[a-z0-9-]*[a-z0-9]$/,
  characters: "lower-case letters, digits and single `-`, beginning with a letter",
};

/** https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CreateUser.html */
const cacheAccess = (property: string, resource: string): Blueprint => ({
  naming: { ...CACHE_NAME, property, required: true },
  create: ({ name, environment }) => ({
    id: name,
    outputs: { arn: arn(environment, "elasticache", `${resource}:${name}`) },
  }),
});

/** Where a serverless cache answers; a reader's endpoint is on the next port. */
const cacheEndpoints = ({ urn, name, environment }: BlueprintContext): PropertyMap => {
  const { region } = environment;
  const address = `${name}-${token(urn, 6)}.serverless.${shortRegion(region)}.cache.${dnsSuffixOf(region)}`;
  return { endpoints: [{ address, port: 6379 }], readerEndpoints: [{ address, port: 6380 }] };
};

export const NETWORK: Record<string, Blueprint> = {
  "aws:ec2/securityGroup:SecurityGroup": {
    naming: {
      property: "name",
      max: 255,
      pattern: /^(?!sg-)[A-Za-z0-9 ._\-:/()#,@[\]+=&;{}!$*]+$/,
      characters: "letters, digits, spaces and `._-:/()#,@[]+=&;{}!$*`, not beginning with `sg-`",
    },
    defaults: { description: "Managed by Pulumi", egress: [], ingress: [], revokeRulesOnDelete: false },
    create: ec2("sg", "security-group", ({ environment }) => ({ ownerId: environment.account })),
  },
  "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": SECURITY_GROUP_RULE,
  "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": SECURITY_GROUP_RULE,
  "aws:ec2/vpcEndpoint:VpcEndpoint": {
    defaults: { vpcEndpointType: "Gateway", privateDnsEnabled: false, policy: "" },
    create: ec2("vpce", "vpc-endpoint", ({ inputs, environment }) => ({
      prefixListId: ec2Id("pl", text(inputs, "serviceName")),
      state: "available",
      ownerId: environment.account,
      cidrBlocks: [],
      dnsEntries: [],
      networkInterfaceIds: [],
      requesterManaged: false,
    })),
  },
  "aws:elasticache/user:User": cacheAccess("userId", "user"),
  "aws:elasticache/userGroup:UserGroup": cacheAccess("userGroupId", "usergroup"),
  "aws:elasticache/serverlessCache:ServerlessCache": {
    naming: CACHE_NAME,
    defaults: {
      majorEngineVersion: "8",
      snapshotRetentionLimit: 0,
      description: " ",
      dailySnapshotTime: "05:00",
    },
    create: (context) => ({
      id: context.name,
      outputs: {
        arn: arn(context.environment, "elasticache", `serverlesscache:${context.name}`),
        createTime: CREATED,
        fullEngineVersion: text(context.inputs, "majorEngineVersion"),
        status: "available",
        ...cacheEndpoints(context),
      },
    }),
  },
};

/**
 * What `awsx:ec2:Vpc` says of itself: three zones, one subnet of each kind in each, whatever it was asked for, since
 * its plugin decides that and only the real engine runs it.
 */
export const vpcOutputs = (urn: string): PropertyMap => {
  const subnets = (kind: string): PropertyValue =>
    [0, 1, 2].map((zone) => ec2Id("subnet", `${urn} ${kind} ${zone}`));
  return {
    vpcId: ec2Id("vpc", urn),
    publicSubnetIds: subnets("public"),
    privateSubnetIds: subnets("private"),
    isolatedSubnetIds: subnets("isolated"),
    natGateways: [],
    eips: [],
    subnetLayout: [],
  };
};

/** The route table of a subnet, as a VPC of awsx has one for each. */
export const routeTableOf = (subnetId: string): string => ec2Id("rtb", subnetId);
