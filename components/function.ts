import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import type { Context } from "aws-lambda";
import {
  type AsyncInvokeArgs,
  checkAsyncInvoke,
  configureAsyncInvoke,
  createFailures,
  failurePermissions,
} from "./async-invoke.ts";
import { Component, type ComponentArgs } from "./component.ts";
import { argumentError, type Keys, requireRange } from "./internal/arguments.ts";
import { checkEnvironment, checkVariableNames } from "./internal/environment.ts";
import { checkLogRetention } from "./internal/log-retention.ts";
import { checkAutoname } from "./internal/names.ts";
import { checkProvisioned } from "./internal/releases.ts";
import { applyTransform, type Transform } from "./internal/transform.ts";
import { checkDeployment, createLiveAlias, isLive, type LiveSettings } from "./live-alias.ts";
import { type PreparedCallback, prepareCallback, type Wrap } from "./packaging/package.ts";
import { derivedPolicy, NETWORK_INTERFACES, type PolicyStatement } from "./policy.ts";

/** The inline callback: what runs in Lambda. Only async functions: Node.js 24 on Lambda has no callback style. */
export type Callback<Event, Result> = (event: Event, context: Context) => Promise<Result>;

/** A network that a function is in. */
export interface VpcSettings {
  /** Subnets, in two zones or more; at most 16. */
  subnetIds: pulumi.Input<pulumi.Input<string>[]>;
  /** What it may reach; at most 5. */
  securityGroupIds: pulumi.Input<pulumi.Input<string>[]>;
}

/** What a subscription or route lets its user set on the function behind it. */
export interface FunctionSettings extends LiveSettings {
  /**
   * Memory in MB; CPU grows with it (1,769 MB is one vCPU). 128-10,240. Cost driver: MB times milliseconds.
   * @default 512
   */
  memorySize?: number;
  /**
   * Longest run of one invocation, in seconds. 1-900.
   * @default 30
   */
  timeout?: number;
  /**
   * Space under /tmp in MB. 512-10,240; what is over 512 costs, per millisecond.
   * @default 512
   */
  ephemeralStorage?: number;
  /** What the function is for, as shown in the console. At most 256 characters. */
  description?: string;
  /** Plain environment variables, beside those the captured values travel in. All together at most 4 KB of JSON. */
  environment?: Record<string, pulumi.Input<string>>;
  /**
   * Which commands the callback uses on which captured resource, where the derivation from the code would
   * grant too much: `{ uploads: ["GetObjectCommand"] }`, keyed by the captured variable's name.
   */
  access?: Record<string, string[]>;
  /** Permissions that the code does not show, each with a reason. No action may hold a `*`. */
  permissions?: PolicyStatement[];
  /**
   * Upper bound of concurrent executions, taken out of the account's pool. At least 100 must stay unreserved.
   * @default none (the account's pool)
   */
  reservedConcurrentExecutions?: number;
  /**
   * Days that log lines are kept; one of the periods that CloudWatch knows: 1, 3, 5, 7, 14, 30, 60, 90, ...
   * @default 14
   */
  logRetentionDays?: number;
  /**
   * Largest zip, in bytes; a larger one fails the deployment, naming the biggest modules.
   * @default 1,000,000
   */
  maxSize?: number;
  /**
   * Packages with prebuilt binaries that the callback imports, e.g. `["sharp"]`: they cannot be bundled, so Lambda's
   * build of them (linux-arm64, in the version of package-lock.json) is put beside the code, whatever machine
   * deploys. The first time npm fetches it. Needs `maxSize`, e.g. 12,000,000.
   */
  natives?: string[];
  /**
   * Puts the function into a network, e.g. to reach a Cache, and gives its role what Lambda needs for that. It then
   * reaches nothing but what its security groups and the network's endpoints let it.
   * @default in no network of yours
   */
  vpc?: VpcSettings;
}

/** Every setting's key, for components that hand their arguments on to a function. */
export const SETTING_KEYS: Keys<FunctionSettings> = {
  memorySize: true,
  timeout: true,
  ephemeralStorage: true,
  description: true,
  environment: true,
  access: true,
  permissions: true,
  reservedConcurrentExecutions: true,
  logRetentionDays: true,
  maxSize: true,
  natives: true,
  vpc: true,
  provisionedConcurrency: true,
  deployment: true,
};

/** The settings among a component's arguments. */
export const settingsOf = (args: FunctionSettings): FunctionSettings =>
  Object.fromEntries(Object.entries(args).filter(([key]) => Object.hasOwn(SETTING_KEYS, key)));

export interface FunctionArgs<Event, Result> extends ComponentArgs, FunctionSettings {
  /** The code, inline. May use imports, module-level declarations, plain values, and Outputs through `.get()`. */
  callback: Callback<Event, Result>;
  /** Code that runs around the callback in Lambda, e.g. request validation. Set by components, not by users. */
  wrap?: Wrap;
  /**
   * Failure handling of asynchronous invocations. `{}` gives the defaults; components set it on every function that is
   * triggered asynchronously.
   * @default none: the function is invoked synchronously or by a mapping
   */
  asyncInvoke?: AsyncInvokeArgs;
  /** The last word on each child resource. */
  transform?: {
    function?: Transform<aws.lambda.FunctionArgs>;
    role?: Transform<aws.iam.RoleArgs>;
    logGroup?: Transform<aws.cloudwatch.LogGroupArgs>;
  };
}

const DEFAULTS = {
  runtime: "nodejs24.x",
  architecture: "arm64",
  memorySize: 512,
  timeout: 30,
  logRetentionDays: 14,
} as const;

/** Seconds that a function may run unless its settings say otherwise. */
export const DEFAULT_TIMEOUT = DEFAULTS.timeout;

/** https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html */
const LONGEST_DESCRIPTION = 256;

const ASSUMED_BY_LAMBDA = JSON.stringify({
  Version: "2012-10-17",
  Statement: [{ Effect: "Allow", Principal: { Service: "lambda.amazonaws.com" }, Action: "sts:AssumeRole" }],
});

/**
 * A Lambda function from an inline callback: the function, its role with a policy derived from the code, and
 * its log group.
 *
 * Cost driver: requests, and memory times duration; nothing while idle.
 *
 * ```ts
 * new Function("greet", { callback: async (event: { name: string }) => `hello ${event.name}` });
 * ```
 *
 * Failure path: a synchronous caller gets the error; asynchronous invocations follow `asyncInvoke`; stream and
 * queue subscriptions have their own retry rules. Locally the very same zip runs in a process of its own
 * behind the Lambda Runtime API, under the same derived policy.
 * Source: https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html
 */
export class Function<Event = unknown, Result = unknown> extends Component {
  /** The ARN that triggers invoke: the alias's where there is one, else the function's. */
  readonly arn: pulumi.Output<string>;
  /** The function's physical name. */
  readonly name: pulumi.Output<string>;
  /** The alias in `arn`; a permission to invoke needs it beside the name. */
  readonly qualifier: pulumi.Output<string> | undefined;
  /** The ARN that API Gateway invokes it by. */
  readonly invokeArn: pulumi.Output<string>;
  /** Its execution role. */
  readonly role: aws.iam.Role;
  /** Its log group. */
  readonly logGroup: aws.cloudwatch.LogGroup;
  /** The Lambda function itself. */
  readonly function: aws.lambda.Function;
  /** What failed after every retry of an asynchronous invocation, when it has a queue of its own for it. */
  readonly failures: aws.sqs.Queue | undefined;
  /** The role's policy; whatever starts invocations must depend on it. */
  readonly policy: aws.iam.RolePolicy;
  /** What its triggers call, when it is provisioned or released step by step. */
  readonly alias: aws.lambda.Alias | undefined;

  constructor(name: string, args: FunctionArgs<Event, Result>, opts?: pulumi.ComponentResourceOptions) {
    super("Function", name, args, opts);
    this.validate(args);
    const code = prepareCallback(args.callback, {
      name,
      wrap: args.wrap,
      maxSize: args.maxSize,
      natives: args.natives,
    });
    this.logGroup = this.createLogGroup(args);
    this.role = this.createRole(args);
    const owner = { component: this, name, tags: this.tags };
    this.failures = createFailures(owner, args.asyncInvoke);
    this.policy = this.createPolicy(args, code);
    this.function = this.createFunction(args, code);
    this.name = this.function.name;
    this.alias = this.createAlias(args);
    this.qualifier = this.alias?.name;
    this.arn = (this.alias ?? this.function).arn;
    this.invokeArn = (this.alias ?? this.function).invokeArn;
    if (args.asyncInvoke) {
      const { name: functionName, qualifier, failures, policy } = this;
      configureAsyncInvoke(owner, args.asyncInvoke, { functionName, qualifier, failures, policy });
    }
    this.registerOutputs({ arn: this.arn, name: this.name });
  }

  private validate(args: FunctionArgs<Event, Result>): void {
    const who = { noun: this.noun, name: this.componentName };
    this.refuseUnknown(args, {
      callback: true,
      wrap: true,
      asyncInvoke: true,
      transform: true,
      tags: true,
      ...SETTING_KEYS,
    });
    if (typeof args.callback !== "function") {
      throw argumentError(who, `callback is ${String(args.callback)}; pass an async function.`);
    }
    requireRange(who, "memorySize", args.memorySize, { minimum: 128, maximum: 10_240, unit: "MB" });
    requireRange(who, "timeout", args.timeout, { minimum: 1, maximum: 900, unit: "seconds" });
    requireRange(who, "ephemeralStorage", args.ephemeralStorage, {
      minimum: 512,
      maximum: 10_240,
      unit: "MB",
    });
    requireRange(who, "reservedConcurrentExecutions", args.reservedConcurrentExecutions, {
      minimum: 0,
      maximum: 1_000_000,
    });
    if ((args.description?.length ?? 0) > LONGEST_DESCRIPTION) {
      throw argumentError(
        who,
        `description has ${args.description?.length} characters; AWS allows ${LONGEST_DESCRIPTION}. Shorten it.`,
      );
    }
    checkLogRetention(who, args.logRetentionDays);
    checkVariableNames(who, Object.keys(args.environment ?? {}));
    checkAsyncInvoke(who, args.asyncInvoke);
    checkProvisioned(who, args.provisionedConcurrency, args.reservedConcurrentExecutions);
    checkDeployment(who, args.deployment);
    const wide = args.permissions?.flatMap(({ actions }) => actions).find((action) => action.includes("*"));
    if (wide) throw argumentError(who, `permission "${wide}" holds a wildcard; list the exact actions.`);
    checkAutoname(who, "function", `${this.componentName}-function`);
    checkAutoname(who, "role", `${this.componentName}-${args.deployment ? "deploy-role" : "role"}`);
  }

  private createLogGroup(args: FunctionArgs<Event, Result>): aws.cloudwatch.LogGroup {
    const [logArgs, opts] = applyTransform<aws.cloudwatch.LogGroupArgs>(
      args.transform?.logGroup,
      { retentionInDays: args.logRetentionDays ?? DEFAULTS.logRetentionDays, tags: this.tags },
      this.child(),
    );
    return new aws.cloudwatch.LogGroup(`${this.componentName}-logs`, logArgs, opts);
  }

  private createRole(args: FunctionArgs<Event, Result>): aws.iam.Role {
    const [roleArgs, opts] = applyTransform<aws.iam.RoleArgs>(
      args.transform?.role,
      {
        description: `Execution role of the function ${this.componentName}`,
        assumeRolePolicy: ASSUMED_BY_LAMBDA,
        tags: this.tags,
      },
      this.child(),
    );
    return new aws.iam.Role(`${this.componentName}-role`, roleArgs, opts);
  }

  private createPolicy(args: FunctionArgs<Event, Result>, code: PreparedCallback): aws.iam.RolePolicy {
    const own: PolicyStatement[] = [
      {
        actions: ["logs:CreateLogStream", "logs:PutLogEvents"],
        resources: [pulumi.interpolate`${this.logGroup.arn}:*`],
        reason: "the function writes its own log group",
      },
      ...(args.vpc ? [NETWORK_INTERFACES] : []),
      ...failurePermissions(args.asyncInvoke, this.failures),
      ...(args.permissions ?? []),
    ];
    const policy = derivedPolicy({ name: this.componentName, code, access: args.access, own });
    return new aws.iam.RolePolicy(
      `${this.componentName}-policy`,
      { role: this.role.id, policy },
      this.child(),
    );
  }

  private createFunction(args: FunctionArgs<Event, Result>, code: PreparedCallback): aws.lambda.Function {
    const [functionArgs, opts] = applyTransform<aws.lambda.FunctionArgs>(
      args.transform?.function,
      {
        code: pulumi.output(code.bundle.then((bundle) => new pulumi.asset.FileArchive(bundle.zipPath))),
        role: this.role.arn,
        handler: "index.handler",
        runtime: DEFAULTS.runtime,
        architectures: [DEFAULTS.architecture],
        memorySize: args.memorySize ?? DEFAULTS.memorySize,
        timeout: args.timeout ?? DEFAULTS.timeout,
        ephemeralStorage: args.ephemeralStorage === undefined ? undefined : { size: args.ephemeralStorage },
        description: args.description,
        reservedConcurrentExecutions: args.reservedConcurrentExecutions,
        // An alias points to a published version; the properties of one never change.
        publish: isLive(args) ? true : undefined,
        environment: { variables: this.environment(args, code) },
        vpcConfig: args.vpc,
        tracingConfig: { mode: "Active" },
        loggingConfig: { logFormat: "JSON", logGroup: this.logGroup.name },
        tags: this.tags,
      },
      this.child({ dependsOn: [this.policy, this.logGroup] }),
    );
    return new aws.lambda.Function(`${this.componentName}-function`, functionArgs, opts);
  }

  private createAlias(args: FunctionArgs<Event, Result>): aws.lambda.Alias | undefined {
    if (!isLive(args)) return undefined;
    return createLiveAlias(
      {
        component: this,
        name: this.componentName,
        tags: this.tags,
        lambda: this.function,
        timeout: args.timeout ?? DEFAULTS.timeout,
      },
      args,
    );
  }

  /** Captured values beside the user's own variables, checked against Lambda's limit once they are known. */
  private environment(
    args: FunctionArgs<Event, Result>,
    code: PreparedCallback,
  ): pulumi.Output<Record<string, string>> {
    const variables = pulumi.all({
      ...args.environment,
      ...code.captures,
    }) as pulumi.Output<Record<string, string>>;
    return variables.apply((known) => {
      checkEnvironment(this.componentName, known);
      return known;
    });
  }
}
