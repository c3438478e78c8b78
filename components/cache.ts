import * as aws from "@pulumi/aws";
import { Vpc } from "@pulumi/awsx/ec2/vpc.js";
import * as pulumi from "@pulumi/pulumi";
import { Component, type ComponentArgs } from "./component.ts";
import type { FunctionSettings, VpcSettings } from "./function.ts";
import { argumentError, requireRange } from "./internal/arguments.ts";
import { applyTransform, type Transform } from "./internal/transform.ts";

export interface CacheArgs extends ComponentArgs {
  /**
   * Most gigabytes that it holds; full, it drops what was used longest ago. 1-5,000. Bounds the cost.
   * @default 1
   */
  storageGb?: number;
  /**
   * Most processing units a second: about one per command on up to 1 KB. 1,000-15,000,000. What is over is refused,
   * and reads go on without the cache. Bounds the cost.
   * @default 1,000
   */
  unitsPerSecond?: number;
  /**
   * Availability zones by name, two or three, e.g. `["us-east-1a", "us-east-1b"]`: in the few zones that have no
   * serverless caches or no functions, AWS refuses the cache with their names.
   * @default the region's first two
   */
  availabilityZones?: string[];
  /**
   * The network's addresses; nothing else is ever reached from there.
   * @default "10.0.0.0/22"
   */
  cidrBlock?: string;
  /** The last word on the cache itself. */
  transform?: { cache?: Transform<aws.elasticache.ServerlessCacheArgs> };
}

const DEFAULTS = { storageGb: 1, unitsPerSecond: 1_000, cidrBlock: "10.0.0.0/22", zones: 2 } as const;

/** Valkey's port for reading and writing; the one for reading from replicas is not opened. */
const PORT = 6_379;
const HTTPS = 443;
/** https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CreateUser.html */
const USER_ID = /^[a-z](?!.*--)[a-z0-9-]{0,38}[a-z0-9]$/;
/** Group and user each have an id of their own. */
const GROUP_SUFFIX = "-users";
/** Letters of `<name>-cache-xxxxxxx`: https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CreateServerlessCache.html */
const LONGEST_NAME = 40 - "-cache-xxxxxxx".length;
/** What a cache's users may do: read a key, write a key. */
const ACCESS = "on ~* -@all +get +set";

interface Groups {
  /** Of the functions. */
  members: aws.ec2.SecurityGroup;
  /** Of the cache. */
  server: aws.ec2.SecurityGroup;
}

/**
 * A cache for functions: ElastiCache Serverless with Valkey, in a network of its own that nothing else is in.
 *
 * Creates an `awsx.ec2.Vpc` of isolated subnets without NAT gateway, gateway endpoints for DynamoDB and S3, a security
 * group for the functions (out to the cache and those endpoints, nothing in) and one for the cache (in from the
 * functions, nothing out), a user that authenticates with IAM and may only GET and SET, and the cache: TLS always,
 * encrypted at rest, storage and processing units limited, no snapshots, since everything in it can be read again.
 *
 * ```ts
 * const cache = new Cache("reads");
 * const url = cache.url;
 * api.route("GET /things", { ...cache.member, callback: async () => readThings({ cache: openCache(url.get()) }) });
 * ```
 *
 * Cost driver: stored gigabyte hours, at least 100 MB: idle about 6.13 $ a month in us-east-1 (0.084 $ per GB hour),
 * then 0.0023 $ per million processing units. At the default limits it can cost no more than 61 $ a month for storage
 * and 6 $ for units. The network, its gateway endpoints and the functions' interfaces cost nothing. Interface endpoints
 * would cost 7.30 $ a month each and zone, so there are none: a function in this network reaches the cache, DynamoDB
 * and S3; logs and traces leave through Lambda itself. One that needs another service gets an endpoint for it first.
 * Sources: https://aws.amazon.com/elasticache/pricing/, https://aws.amazon.com/privatelink/pricing/
 *
 * Failure path: none for its callers. A cache that is down, slow or full costs a read 50 ms at most and changes no
 * answer; functions/shared/read-cache.ts keeps that contract.
 *
 * Locally a `valkey-server` or `redis-server` found on PATH is started behind TLS, with the user and what they may do;
 * without one the cache counts as down, and a line at start says so. The network is declared only: `awsx` is a remote
 * component, whose plugin only the real engine runs, so a local plan shows what it is asked for and not the subnets and
 * route tables that it makes of it, nor whether it takes those arguments. IAM is not asked who may connect.
 * Sources: https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/auth-iam.html,
 * https://docs.aws.amazon.com/lambda/latest/dg/services-elasticache-tutorial.html
 */
export class Cache extends Component {
  /** `rediss://<user>@<host>:<port>/<cache name>`: how a function connects. Holds no secret. */
  readonly url: pulumi.Output<string>;
  /** What a function that uses the cache needs: its network, and the right to connect. */
  readonly member: Required<Pick<FunctionSettings, "vpc" | "permissions">>;
  /** The cache itself. */
  readonly cache: aws.elasticache.ServerlessCache;
  /** The network. */
  readonly network: Vpc;

  constructor(name: string, args: CacheArgs = {}, opts?: pulumi.ComponentResourceOptions) {
    super("Cache", name, args, opts);
    const userId = this.validate(args);
    this.network = this.createNetwork(args);
    const groups = this.createGroups();
    const ways = [this.openCache(groups), ...this.createEndpoints(groups.members)];
    const user = this.createUser(userId);
    this.cache = this.createCache(args, groups, user);
    this.url = urlOf(this.cache, user);
    this.member = {
      vpc: this.membership(groups.members, ways),
      permissions: [
        {
          actions: ["elasticache:Connect"],
          resources: [this.cache.arn, user.arn],
          reason: "the function logs in to the cache with its role",
        },
      ],
    };
    this.registerOutputs({ url: this.url });
  }

  /** @returns the user's id, which an account and region may hold once */
  private validate(args: CacheArgs): string {
    const who = { noun: this.noun, name: this.componentName };
    this.refuseUnknown(args, {
      storageGb: true,
      unitsPerSecond: true,
      availabilityZones: true,
      cidrBlock: true,
      transform: true,
      tags: true,
    });
    requireRange(who, "storageGb", args.storageGb, { minimum: 1, maximum: 5_000, unit: "GB" });
    requireRange(who, "unitsPerSecond", args.unitsPerSecond, { minimum: 1_000, maximum: 15_000_000 });
    const zones = args.availabilityZones?.length ?? DEFAULTS.zones;
    if (zones < 2 || zones > 3) {
      throw argumentError(who, `availabilityZones names ${zones} zones; a serverless cache takes 2 or 3.`);
    }
    if (this.componentName.length > LONGEST_NAME || !USER_ID.test(this.componentName)) {
      throw argumentError(
        who,
        `"${this.componentName}" cannot name a cache: AWS allows lower-case letters, digits and single hyphens, beginning with a letter; with its ending at most ${LONGEST_NAME} of them.`,
      );
    }
    const userId = `${pulumi.getProject()}-${pulumi.getStack()}-${this.componentName}`.toLowerCase();
    if (USER_ID.test(`${userId}${GROUP_SUFFIX}`)) return userId;
    throw argumentError(
      who,
      `its user's id "${userId}" (project, stack and name) has ${userId.length} characters; with its group's ending AWS allows ${40 - GROUP_SUFFIX.length} lower-case letters, digits and single hyphens. Shorten the name.`,
    );
  }

  private createNetwork({ availabilityZones, cidrBlock }: CacheArgs): Vpc {
    return new Vpc(
      `${this.componentName}-network`,
      {
        cidrBlock: cidrBlock ?? DEFAULTS.cidrBlock,
        ...(availabilityZones
          ? { availabilityZoneNames: availabilityZones }
          : { numberOfAvailabilityZones: DEFAULTS.zones }),
        natGateways: { strategy: "None" },
        subnetStrategy: "Auto",
        subnetSpecs: [{ type: "Isolated" }],
        enableDnsHostnames: true,
        enableDnsSupport: true,
        tags: this.tags,
      },
      { parent: this },
    );
  }

  /** Without rules: neither lets anything in or out yet. */
  private createGroups(): Groups {
    const create = (role: string, description: string): aws.ec2.SecurityGroup =>
      new aws.ec2.SecurityGroup(
        `${this.componentName}-${role}`,
        { vpcId: this.network.vpcId, description, tags: this.tags },
        this.child(),
      );
    return {
      members: create("members", `Functions that use the cache ${this.componentName}`),
      server: create("server", `The cache ${this.componentName}`),
    };
  }

  /** From the functions to the cache. */
  private openCache({ members, server }: Groups): pulumi.Output<string> {
    const way = { ipProtocol: "tcp", fromPort: PORT, toPort: PORT, tags: this.tags };
    const out = new aws.vpc.SecurityGroupEgressRule(
      `${this.componentName}-to-server`,
      { ...way, securityGroupId: members.id, referencedSecurityGroupId: server.id },
      this.child(),
    );
    const into = new aws.vpc.SecurityGroupIngressRule(
      `${this.componentName}-from-members`,
      { ...way, securityGroupId: server.id, referencedSecurityGroupId: members.id },
      this.child(),
    );
    return pulumi.interpolate`${out.id} ${into.id}`;
  }

  /** Free ways to the two services that have gateway endpoints, for the functions. */
  private createEndpoints(members: aws.ec2.SecurityGroup): pulumi.Output<string>[] {
    const { region } = aws.getRegionOutput({}, { parent: this });
    const routeTableIds = this.network.isolatedSubnetIds.apply((ids) =>
      Promise.all(ids.map((subnetId) => aws.ec2.getRouteTable({ subnetId }, { parent: this }))).then(
        (tables) => tables.map(({ routeTableId }) => routeTableId),
      ),
    );
    return ["dynamodb", "s3"].map((service) => {
      const endpoint = new aws.ec2.VpcEndpoint(
        `${this.componentName}-${service}`,
        {
          vpcId: this.network.vpcId,
          vpcEndpointType: "Gateway",
          serviceName: pulumi.interpolate`com.amazonaws.${region}.${service}`,
          routeTableIds,
          tags: this.tags,
        },
        this.child(),
      );
      const rule = new aws.vpc.SecurityGroupEgressRule(
        `${this.componentName}-to-${service}`,
        {
          securityGroupId: members.id,
          prefixListId: endpoint.prefixListId,
          ipProtocol: "tcp",
          fromPort: HTTPS,
          toPort: HTTPS,
          tags: this.tags,
        },
        this.child(),
      );
      return rule.id;
    });
  }

  /** For IAM, id and name are the same. No password exists anywhere. */
  private createUser(userId: string): aws.elasticache.User {
    return new aws.elasticache.User(
      `${this.componentName}-user`,
      {
        engine: "valkey",
        userId,
        userName: userId,
        accessString: ACCESS,
        authenticationMode: { type: "iam" },
        tags: this.tags,
      },
      this.child(),
    );
  }

  private createCache(
    args: CacheArgs,
    { server }: Groups,
    user: aws.elasticache.User,
  ): aws.elasticache.ServerlessCache {
    const group = new aws.elasticache.UserGroup(
      `${this.componentName}-users`,
      {
        engine: "valkey",
        userGroupId: pulumi.interpolate`${user.userId}${GROUP_SUFFIX}`,
        userIds: [user.userId],
        tags: this.tags,
      },
      this.child(),
    );
    const [cacheArgs, opts] = applyTransform<aws.elasticache.ServerlessCacheArgs>(
      args.transform?.cache,
      {
        engine: "valkey",
        majorEngineVersion: "8",
        description: `Cache ${this.componentName}`,
        cacheUsageLimits: {
          dataStorage: { maximum: args.storageGb ?? DEFAULTS.storageGb, unit: "GB" },
          ecpuPerSeconds: [{ maximum: args.unitsPerSecond ?? DEFAULTS.unitsPerSecond }],
        },
        snapshotRetentionLimit: 0,
        subnetIds: this.network.isolatedSubnetIds,
        securityGroupIds: [server.id],
        userGroupId: group.userGroupId,
        tags: this.tags,
      },
      this.child(),
    );
    return new aws.elasticache.ServerlessCache(`${this.componentName}-cache`, cacheArgs, opts);
  }

  /** Known once its ways are open, so that no function starts without a way to its table. */
  private membership(members: aws.ec2.SecurityGroup, ways: pulumi.Output<string>[]): VpcSettings {
    const subnetIds = pulumi
      .all([this.network.isolatedSubnetIds, pulumi.all(ways)] as const)
      .apply(([ids]) => ids);
    return { subnetIds, securityGroupIds: [members.id] };
  }
}

const urlOf = (cache: aws.elasticache.ServerlessCache, user: aws.elasticache.User): pulumi.Output<string> =>
  pulumi
    .all([user.userName, cache.endpoints, cache.name])
    .apply(
      ([userName, [endpoint], name]) => `rediss://${userName}@${endpoint?.address}:${endpoint?.port}/${name}`,
    );
