import { expect } from "chai";
import { Cache, type CacheArgs } from "../../components/cache.ts";
import { Function } from "../../components/function.ts";
import { type Graph, plain, type ResourceNode } from "../../local/engine/graph.ts";
import { evaluate } from "../../local/engine/program.ts";
import { readSettings } from "../../local/engine/settings.ts";
import { find, recordResources, resolved } from "../helpers/mocks.ts";
import { ROOT } from "../helpers/source-files.ts";

type Properties = Record<string, unknown>;
const outputs = (node: ResourceNode | undefined): Properties => plain(node?.outputs ?? {}) as Properties;

describe("Cache: infrastructure", function () {
  this.timeout(60_000);
  let graph: Graph;
  const named = (name: string): Properties => {
    const node = graph.resources.find((candidate) => candidate.name === name);
    return { ...outputs(node), id: node?.id };
  };

  before(async () => {
    const settings = await readSettings(ROOT, "prod");
    graph = await evaluate({ directory: ROOT, stack: "prod", dryRun: false, settings });
  });

  it("creates exactly a network, two groups with their rules, two endpoints, a user, its group and the cache", () => {
    const parent = graph.resources.find(({ type }) => type === "serverless:index:Cache")?.urn;
    const children = graph.resources.filter((node) => node.parent === parent);
    expect(children.map(({ type, name }) => `${type.split(":").at(-1)} ${name}`).sort()).to.deep.equal([
      "SecurityGroup reads-members",
      "SecurityGroup reads-server",
      "SecurityGroupEgressRule reads-to-dynamodb",
      "SecurityGroupEgressRule reads-to-s3",
      "SecurityGroupEgressRule reads-to-server",
      "SecurityGroupIngressRule reads-from-members",
      "ServerlessCache reads-cache",
      "User reads-user",
      "UserGroup reads-users",
      "Vpc reads-network",
      "VpcEndpoint reads-dynamodb",
      "VpcEndpoint reads-s3",
    ]);
  });

  it("has no NAT gateway, isolated subnets only, and gateway endpoints in their route tables", () => {
    const network = graph.resources.find(({ name }) => name === "reads-network");
    expect(network?.inputs).to.deep.include({
      natGateways: { strategy: "None" },
      subnetSpecs: [{ type: "Isolated" }],
    });
    for (const service of ["dynamodb", "s3"]) {
      const endpoint = named(`reads-${service}`);
      expect(endpoint).to.include({
        vpcEndpointType: "Gateway",
        serviceName: `com.amazonaws.us-east-1.${service}`,
      });
      expect(endpoint.routeTableIds).to.have.length(3);
      expect(named(`reads-to-${service}`)).to.include({
        prefixListId: endpoint.prefixListId,
        fromPort: 443,
        toPort: 443,
      });
    }
  });

  it("opens one port from the functions to the cache, each side naming the other, and nothing to an address", () => {
    const [members, server] = [named("reads-members").id, named("reads-server").id];
    expect(members).to.be.a("string");
    const port = { ipProtocol: "tcp", fromPort: 6_379, toPort: 6_379 };
    expect(named("reads-to-server")).to.include({
      ...port,
      securityGroupId: members,
      referencedSecurityGroupId: server,
    });
    expect(named("reads-from-members")).to.include({
      ...port,
      securityGroupId: server,
      referencedSecurityGroupId: members,
    });
    const rules = graph.resources.filter(({ type }) => type.startsWith("aws:vpc/securityGroup"));
    for (const rule of rules) expect(rule.inputs).not.to.have.any.keys("cidrIpv4", "cidrIpv6");
  });

  it("bounds what it holds and does, keeps no snapshot, and lets IAM decide who may GET and SET", () => {
    expect(named("reads-cache")).to.deep.include({
      engine: "valkey",
      cacheUsageLimits: { dataStorage: { maximum: 1, unit: "GB" }, ecpuPerSeconds: [{ maximum: 10_000 }] },
      snapshotRetentionLimit: 0,
      securityGroupIds: [named("reads-server").id],
      userGroupId: "serverless-first-prod-reads-users",
    });
    expect(named("reads-user")).to.deep.include({
      accessString: "on ~* -@all +get +set",
      authenticationMode: { type: "iam" },
    });
  });

  it("puts the functions that read through it, and no others, into its network with the right to connect", () => {
    const functions = graph.resources.filter(({ type }) => type === "aws:lambda/function:Function");
    const inside = functions.filter((node) => outputs(node).vpcConfig !== undefined);
    expect(inside.map(({ name }) => name).sort()).to.deep.equal([
      "api-get-devices-deviceId-function",
      "api-get-devices-deviceId-readings-function",
      "api-get-devices-function",
    ]);
    const arns = [named("reads-cache").arn, named("reads-user").arn];
    const policies = graph.resources.filter(({ type }) => type === "aws:iam/rolePolicy:RolePolicy");
    for (const node of policies) {
      const { Statement } = JSON.parse(String(outputs(node).policy)) as {
        Statement: { Action: string[]; Resource: string[] }[];
      };
      const isInside = inside.some(({ name }) => name.replace(/-function$/, "-policy") === node.name);
      const actions = Statement.flatMap(({ Action }) => Action);
      expect(actions.includes("ec2:CreateNetworkInterface"), node.name).to.equal(isInside);
      const connecting = Statement.filter(({ Action }) => Action.includes("elasticache:Connect"));
      expect(
        connecting.flatMap(({ Resource }) => Resource),
        node.name,
      ).to.deep.equal(isInside ? arns : []);
    }
  });

  it("gives a URL with the user, the endpoint and the cache's name", () => {
    const { environment } = named("api-get-devices-function") as { environment: { variables: Properties } };
    expect(JSON.parse(String(environment.variables.CAPTURE_URL))).to.match(
      /^rediss:\/\/serverless-first-prod-reads@reads-cache-[0-9a-f]{7}-\w{6}\.serverless\.use1\.cache\.amazonaws\.com:6379\/reads-cache-[0-9a-f]{7}$/,
    );
  });
});

describe("Cache: arguments", () => {
  const refused: [string, CacheArgs, string][] = [
    ["reads", { storageGb: 0 }, "storageGb is 0"],
    ["reads", { unitsPerSecond: 999 }, "unitsPerSecond is 999"],
    ["reads", { availabilityZones: ["a"] }, "names 1 zones; a serverless cache takes 2 or 3"],
    ["Reads", {}, '"Reads" cannot name a cache'],
    ["a-name-as-long-as-none", {}, "has 35 characters"],
    ["reads", { size: 1 } as CacheArgs, 'unknown argument "size"'],
  ];
  for (const [name, args, problem] of refused) {
    it(`refuses ${name} with ${JSON.stringify(args)}`, () => {
      recordResources();
      expect(() => new Cache(name, args)).to.throw(problem);
    });
  }

  it("hands zones, limits and the last word on", async () => {
    const resources = recordResources();
    const cache = new Cache("reads", {
      availabilityZones: ["z1", "z2", "z3"],
      storageGb: 5,
      unitsPerSecond: 2_000,
      transform: { cache: { dailySnapshotTime: "03:00" } },
    });
    await resolved(cache.cache.urn);
    const network = find(resources, "awsx:ec2:Vpc", "reads-network");
    expect(network).to.deep.include({ availabilityZoneNames: ["z1", "z2", "z3"] });
    expect(network).not.to.have.property("numberOfAvailabilityZones");
    expect(find(resources, "aws:elasticache/serverlessCache:ServerlessCache", "reads-cache")).to.deep.include(
      {
        dailySnapshotTime: "03:00",
        cacheUsageLimits: { dataStorage: { maximum: 5, unit: "GB" }, ecpuPerSeconds: [{ maximum: 2_000 }] },
      },
    );
  });
});

describe("Function: vpc", () => {
  it("puts the function into subnets and groups; without it there is neither network nor right", async () => {
    const resources = recordResources();
    const callback = async (): Promise<void> => {};
    const inside = new Function("inside", {
      callback,
      vpc: { subnetIds: ["subnet-1", "subnet-2"], securityGroupIds: ["sg-1"] },
    });
    const outside = new Function("outside", { callback });
    await Promise.all([resolved(inside.arn), resolved(outside.arn)]);
    const of = (name: string): Properties =>
      find(resources, "aws:lambda/function:Function", `${name}-function`);
    const policy = (name: string): string =>
      String(find(resources, "aws:iam/rolePolicy:RolePolicy", `${name}-policy`).policy);
    expect(of("inside").vpcConfig).to.deep.equal({
      subnetIds: ["subnet-1", "subnet-2"],
      securityGroupIds: ["sg-1"],
    });
    expect(of("outside")).not.to.have.property("vpcConfig");
    expect(policy("inside")).to.contain("ec2:CreateNetworkInterface");
    expect(policy("outside")).not.to.contain("ec2:");
  });
});

// Not proven here: what awsx makes of the network's arguments; its plugin runs under the real engine only.
