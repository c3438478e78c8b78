import { fileURLToPath } from "node:url";
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import type { CloudWatchLogsEvent, Context } from "aws-lambda";
import { Component, type ComponentArgs } from "./component.ts";
import { type Callback, Function, type FunctionSettings, SETTING_KEYS, settingsOf } from "./function.ts";
import { argumentError, type Culprit, type Keys, refuseUnknownKeys } from "./internal/arguments.ts";
import { checkLogRetention } from "./internal/log-retention.ts";
import { applyTransform, type Transform } from "./internal/transform.ts";
import type { LogBatch } from "./runtime/log-lines.ts";

export interface LogGroupArgs extends ComponentArgs {
  /**
   * A group that exists in the program already, e.g. `api.accessLogs`: it is subscribed to as it is, and nothing else
   * may be set.
   * @default a group of its own
   */
  group?: aws.cloudwatch.LogGroup;
  /**
   * Days that lines are kept; one of the periods that CloudWatch knows: 1, 3, 5, 7, 14, 30, 60, 90, ...
   * @default 14
   */
  retentionDays?: number;
  /**
   * ARN of a KMS key of your own, whose policy must let `logs.<region>.amazonaws.com` use it.
   * @default CloudWatch's own encryption
   */
  kmsKeyArn?: pulumi.Input<string>;
  /** The last word on the log group itself. */
  transform?: { logGroup?: Transform<aws.cloudwatch.LogGroupArgs> };
}

export interface LinesSubscriptionArgs extends FunctionSettings {
  /** The code, inline. Gets the decoded lines of one stream; throws to get the whole batch again. */
  callback: (batch: LogBatch, context: Context) => Promise<void>;
  /**
   * Which lines it gets, in CloudWatch's filter language: `ERROR -timeout`, `{ $.status = 5* }`,
   * `[ip, user, ..., status = 4*, bytes]`. At most 1,024 characters.
   * @default every line
   */
  pattern?: string;
  /** The last word on the subscription filter. */
  transform?: { filter?: Transform<aws.cloudwatch.LogSubscriptionFilterArgs> };
}

const ARGUMENT_KEYS: Keys<LogGroupArgs> = {
  group: true,
  retentionDays: true,
  kmsKeyArn: true,
  transform: true,
  tags: true,
};

const SUBSCRIPTION_KEYS: Keys<LinesSubscriptionArgs> = {
  ...SETTING_KEYS,
  callback: true,
  pattern: true,
  transform: true,
};

const DEFAULTS = { retentionDays: 14, pattern: "" } as const;

/** https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html */
const MOST_FILTERS = 2;
const LONGEST_PATTERN = 1_024;

/**
 * A CloudWatch log group and the functions that get its lines.
 *
 * Creates the log group, unless it wraps an existing one, and per subscription a function, the permission for CloudWatch
 * Logs to invoke it, and a subscription filter. Cost driver: gigabytes taken in and kept; invocations, one per batch.
 *
 * ```ts
 * const accessLog = LogGroup.from("access-log", api.accessLogs);
 * accessLog.onLines("errors", {
 *   pattern: "{ $.status = 5* }",
 *   callback: async ({ lines }) => { console.log(lines.length); },
 * });
 * ```
 *
 * Failure path: lines are delivered at least once, in batches of one stream and usually within seconds; a batch that
 * fails is tried twice more, then its event goes to the function's own queue for failures. A function never gets
 * its own lines: each subscription makes a function, with a log group, that the subscribed group cannot be. Locally
 * lines come after half a second.
 * Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html
 */
export class LogGroup extends Component {
  /** The group's physical name. */
  readonly name: pulumi.Output<string>;
  /** The group's ARN, without `:*`. */
  readonly arn: pulumi.Output<string>;
  /** The log group itself. */
  readonly logGroup: aws.cloudwatch.LogGroup;
  private readonly subscriptions: string[] = [];

  constructor(name: string, args: LogGroupArgs = {}, opts?: pulumi.ComponentResourceOptions) {
    super("LogGroup", name, args, opts);
    this.validate(args);
    this.logGroup = args.group ?? this.createLogGroup(args);
    this.name = this.logGroup.name;
    this.arn = this.logGroup.arn;
    this.registerOutputs({ name: this.name, arn: this.arn });
  }

  /** The subscriptions of a group that something else made, e.g. `api.accessLogs`. */
  static from(
    name: string,
    group: aws.cloudwatch.LogGroup,
    opts?: pulumi.ComponentResourceOptions,
  ): LogGroup {
    return new LogGroup(name, { group }, opts);
  }

  /** Runs `callback` for every batch of lines that match `pattern`. Returns the function behind it. */
  onLines(name: string, args: LinesSubscriptionArgs): Function<CloudWatchLogsEvent, void> {
    this.validateSubscription(name, args);
    const logical = `${this.componentName}-${name}`;
    const subscriber = new Function<CloudWatchLogsEvent, void>(
      logical,
      {
        ...settingsOf(args),
        // The wrapper calls it with the lines of the event.
        callback: args.callback as unknown as Callback<CloudWatchLogsEvent, void>,
        wrap: {
          module: fileURLToPath(new URL("./runtime/log-lines.ts", import.meta.url)),
          export: "serveLines",
          options: {},
        },
        asyncInvoke: {},
        tags: this.tags,
      },
      { parent: this },
    );
    this.createFilter(logical, args, subscriber);
    return subscriber;
  }

  private validate(args: LogGroupArgs): void {
    const who = { noun: this.noun, name: this.componentName };
    this.refuseUnknown(args, ARGUMENT_KEYS);
    checkLogRetention(who, args.retentionDays);
    const other = Object.keys(args).find((key) => key !== "group" && key !== "tags");
    if (args.group && other)
      throw argumentError(who, `${other} is set, and so is group. Set it where that group is made.`);
  }

  private createLogGroup(args: LogGroupArgs): aws.cloudwatch.LogGroup {
    const [groupArgs, opts] = applyTransform<aws.cloudwatch.LogGroupArgs>(
      args.transform?.logGroup,
      {
        retentionInDays: args.retentionDays ?? DEFAULTS.retentionDays,
        kmsKeyId: args.kmsKeyArn,
        tags: this.tags,
      },
      this.child(),
    );
    return new aws.cloudwatch.LogGroup(`${this.componentName}-logs`, groupArgs, opts);
  }

  private createFilter(
    name: string,
    args: LinesSubscriptionArgs,
    subscriber: Function<CloudWatchLogsEvent, void>,
  ): void {
    const permission = new aws.lambda.Permission(
      `${name}-permission`,
      {
        action: "lambda:InvokeFunction",
        function: subscriber.name,
        qualifier: subscriber.qualifier,
        principal: "logs.amazonaws.com",
        sourceArn: pulumi.interpolate`${this.arn}:*`,
      },
      this.child(),
    );
    const [filterArgs, opts] = applyTransform<aws.cloudwatch.LogSubscriptionFilterArgs>(
      args.transform?.filter,
      {
        logGroup: this.name,
        destinationArn: subscriber.arn,
        filterPattern: args.pattern ?? DEFAULTS.pattern,
      },
      this.child({ dependsOn: [permission] }),
    );
    new aws.cloudwatch.LogSubscriptionFilter(`${name}-filter`, filterArgs, opts);
  }

  private validateSubscription(name: string, args: LinesSubscriptionArgs): void {
    const who: Culprit = { noun: "LogGroup subscription", name: `${this.componentName}/${name}` };
    refuseUnknownKeys(who, args, SUBSCRIPTION_KEYS);
    const length = args.pattern?.length ?? 0;
    if (length > LONGEST_PATTERN)
      throw argumentError(
        who,
        `pattern has ${length} characters; AWS allows ${LONGEST_PATTERN}. Shorten it.`,
      );
    if (this.subscriptions.length >= MOST_FILTERS) {
      throw argumentError(
        who,
        `the group has the subscriptions ${this.subscriptions.join(" and ")} already; AWS allows ${MOST_FILTERS}. Join two of them.`,
      );
    }
    this.subscriptions.push(name);
  }
}
