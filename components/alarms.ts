import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { Component, type ComponentArgs } from "./component.ts";
import { whenFinished } from "./finaliser.ts";
import { checkAddresses } from "./internal/addresses.ts";
import {
  ALARM_RULES,
  type AlarmKind,
  type AlarmLevel,
  type AlarmRule,
  alarmDescription,
  concurrencyThreshold,
  durationThreshold,
  isWithin,
  iteratorAgeThreshold,
  queueAgeThreshold,
  ruleFailures,
} from "./internal/alarm-rules.ts";
import { keyPolicy, topicPolicy } from "./internal/alarm-topic.ts";
import { argumentError, requireRange } from "./internal/arguments.ts";
import { applyTransform, type Transform } from "./internal/transform.ts";
import { type MadeResource, stackResources } from "./stack-resources.ts";
import { mapped, type Watched, type WatchedFunction, watchedAmong } from "./watched.ts";

export interface AlarmsArgs extends ComponentArgs {
  /**
   * `essential`: dead letters, records that wait too long, functions on a stream that fail, an API's 5xx, devices'
   * messages that could not be handed on. `all` adds every function's errors, throttles, duration and concurrency,
   * queues' age and APIs' latency. Cost driver: 0.10 $ a month each.
   * @default "all"
   */
  level?: AlarmLevel;
  /** Who gets a mail when an alarm is raised and when it is over; each confirms once, by a link. At most 20. */
  emails?: string[];
  /**
   * Where an alarm's description sends its reader; the kind of alarm is the section.
   * @default "docs/operations.md"
   */
  runbook?: string;
  /**
   * Share of an API's requests that may be answered 5xx. 0-1.
   * @default 0.05
   */
  apiErrorShare?: number;
  /**
   * Milliseconds within which 99 of 100 requests to an API are to be answered. 1-30,000.
   * @default 2,500
   */
  apiLatency?: number;
  /**
   * The account's concurrent executions, of which reservations are taken: 80 % of what is left is where a function
   * without one alarms. 10-1,000,000. A new account may have less than the default.
   * @default 1,000
   */
  accountConcurrency?: number;
  /**
   * Logical names of resources that get no alarm, e.g. a queue without dead letters that something outside reads.
   * One that the program does not have is refused.
   */
  except?: string[];
  /**
   * Whether the topic encrypts its messages, with a key of its own: alarms cannot publish under `alias/aws/sns`, whose
   * policy nobody can change. The key costs 1 $ a month, and as much again for its first and second rotation.
   * @default true
   */
  encrypted?: boolean;
  /** The last word on the topic, its key, and every alarm. */
  transform?: {
    topic?: Transform<aws.sns.TopicArgs>;
    key?: Transform<aws.kms.KeyArgs>;
    alarm?: Transform<aws.cloudwatch.MetricAlarmArgs>;
  };
}

const DEFAULTS = {
  level: "all",
  runbook: "docs/operations.md",
  apiErrorShare: 0.05,
  apiLatency: 2_500,
  accountConcurrency: 1_000,
} as const;

const MOST_MAILS = 20;
const KEY_DELETION_DAYS = 7;

/** What an alarm watches, and from where on. */
interface Subject {
  /** Logical name of the resource. */
  name: string;
  dimensions: Record<string, pulumi.Input<string>>;
  threshold: pulumi.Input<number>;
}

/**
 * Alarms for everything that the stack has, and the topic that they speak through.
 *
 * Create it before all else: from then on it takes note of every resource of the program, and when the program has
 * made its last one, it makes the alarms that `internal/alarm-rules.ts` lists per kind. A new function, queue or API
 * has its alarms without a word; names, timeouts and reservations are read off the resources themselves. Each alarm says what it means, what to do, and where the runbook goes on.
 *
 * ```ts
 * const alarms = new Alarms("alarms", { level: "essential", emails: ["team@example.com"] });
 * ```
 *
 * Creates a topic with its key and policy, a subscription per address, and the alarms. Cost driver: 0.10 $ a month per
 * alarm (the one on a topic rule counts as one query metric), 1 $ for the key. A percentile costs no more than a sum.
 * Mails: the first 1,000 a month are free.
 *
 * Failure path: an alarm that cannot publish says so in its history; the state of all is on the dashboard. Periods
 * without data count as good, but for dead letters and waiting records, where silence proves nothing. Percentiles are
 * judged on however few samples there are: CloudWatch would otherwise ignore p99 below 1,000 of them a minute.
 * Locally alarms are evaluated on the metrics that the system's own functions, queues and APIs give; nothing is mailed.
 * Sources: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/AlarmThatSendsEmail.html,
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/percentiles-with-low-samples.html,
 * https://repost.aws/knowledge-center/cloudwatch-configure-alarm-sns
 */
export class Alarms extends Component {
  /** The topic's ARN. Alarms and budgets of this account may publish to it. */
  readonly topicArn: pulumi.Output<string>;
  /** The topic itself. */
  readonly topic: aws.sns.Topic;
  /** What allows publishing; whatever publishes must depend on it. */
  readonly policy: aws.sns.TopicPolicy;

  private readonly args: AlarmsArgs;
  private readonly made: readonly MadeResource[];
  private readonly place = `${pulumi.getProject()}/${pulumi.getStack()}`;

  constructor(name: string, args: AlarmsArgs = {}, opts?: pulumi.ComponentResourceOptions) {
    // Before this component itself is made, so that the alarms are among the stack's resources too: the dashboard shows them.
    const made = stackResources();
    super("Alarms", name, args, opts);
    this.validate(args);
    this.args = args;
    this.made = made;
    const account = this.account();
    this.topic = this.createTopic(account);
    this.topicArn = this.topic.arn;
    this.policy = this.createPolicy(account.id);
    for (const [index, address] of (args.emails ?? []).entries()) this.subscribe(index, address);
    whenFinished(`Alarms/${name}`, () => this.createAlarms());
    this.registerOutputs({ topicArn: this.topicArn });
  }

  private validate(args: AlarmsArgs): void {
    const who = { noun: this.noun, name: this.componentName };
    this.refuseUnknown(args, {
      level: true,
      emails: true,
      runbook: true,
      apiErrorShare: true,
      apiLatency: true,
      accountConcurrency: true,
      except: true,
      encrypted: true,
      transform: true,
      tags: true,
    });
    if (args.level !== undefined && !["essential", "all"].includes(args.level)) {
      throw argumentError(who, `level is "${args.level}"; it must be "essential" or "all".`);
    }
    const share = { minimum: 0, maximum: 1, fractions: true };
    requireRange(who, "apiErrorShare", args.apiErrorShare, share);
    requireRange(who, "apiLatency", args.apiLatency, { minimum: 1, maximum: 30_000, unit: "milliseconds" });
    requireRange(who, "accountConcurrency", args.accountConcurrency, { minimum: 10, maximum: 1_000_000 });
    const emails = args.emails ?? [];
    if (emails.length > MOST_MAILS) {
      throw argumentError(
        who,
        `emails has ${emails.length} addresses; allowed are ${MOST_MAILS}. Use a list.`,
      );
    }
    checkAddresses(who, emails);
  }

  private account(): { id: pulumi.Output<string>; partition: pulumi.Output<string> } {
    const { accountId } = aws.getCallerIdentityOutput({}, { parent: this });
    const { partition } = aws.getPartitionOutput({}, { parent: this });
    return { id: accountId, partition };
  }

  private createTopic(account: {
    id: pulumi.Output<string>;
    partition: pulumi.Output<string>;
  }): aws.sns.Topic {
    const [topicArgs, opts] = applyTransform<aws.sns.TopicArgs>(
      this.args.transform?.topic,
      {
        displayName: this.place,
        kmsMasterKeyId: (this.args.encrypted ?? true) ? this.createKey(account).arn : undefined,
        tags: this.tags,
      },
      this.child(),
    );
    return new aws.sns.Topic(`${this.componentName}-topic`, topicArgs, opts);
  }

  private createKey({ id, partition }: ReturnType<Alarms["account"]>): aws.kms.Key {
    const [keyArgs, opts] = applyTransform<aws.kms.KeyArgs>(
      this.args.transform?.key,
      {
        description: `Messages of the topic ${this.componentName} of ${this.place}`,
        enableKeyRotation: true,
        deletionWindowInDays: KEY_DELETION_DAYS,
        policy: pulumi
          .all([id, partition])
          .apply(([account, part]) => JSON.stringify(keyPolicy(account, part))),
        tags: this.tags,
      },
      this.child(),
    );
    return new aws.kms.Key(`${this.componentName}-key`, keyArgs, opts);
  }

  private createPolicy(account: pulumi.Output<string>): aws.sns.TopicPolicy {
    const policy = pulumi
      .all([this.topic.arn, account])
      .apply(([arn, id]) => JSON.stringify(topicPolicy(arn, id)));
    return new aws.sns.TopicPolicy(
      `${this.componentName}-topic-policy`,
      { arn: this.topic.arn, policy },
      this.child(),
    );
  }

  private subscribe(index: number, endpoint: string): void {
    new aws.sns.TopicSubscription(
      `${this.componentName}-mail-${index}`,
      { topic: this.topic.arn, protocol: "email", endpoint },
      this.child(),
    );
  }

  /** Runs after everything else of the program: now all of its resources are known. */
  private createAlarms(): void {
    const watched = watchedAmong(this.wanted());
    this.watchFunctions(watched.functions);
    for (const { name, functionName, retentionHours } of watched.readers) {
      this.create("iterator-age", {
        name,
        dimensions: { FunctionName: functionName },
        threshold: mapped(retentionHours, iteratorAgeThreshold),
      });
    }
    this.watchQueues(watched.queues);
    for (const { name, apiId } of watched.apis) {
      const dimensions = { ApiId: apiId };
      const { apiErrorShare = DEFAULTS.apiErrorShare, apiLatency = DEFAULTS.apiLatency } = this.args;
      this.create("api-errors", { name, dimensions, threshold: apiErrorShare });
      this.create("api-latency", { name, dimensions, threshold: apiLatency });
    }
    for (const { name, ruleName } of watched.topicRules) {
      this.create("topic-rule-failures", { name, dimensions: { RuleName: ruleName }, threshold: 0 });
    }
  }

  /** @throws when `except` names what the program does not have */
  private wanted(): MadeResource[] {
    const except = this.args.except ?? [];
    const missing = except.find((name) => !this.made.some((each) => each.name === name));
    if (missing !== undefined) {
      throw argumentError(
        { noun: this.noun, name: this.componentName },
        `except names "${missing}", which the program does not make. Remove it, or correct it.`,
      );
    }
    return this.made.filter(({ name }) => !except.includes(name));
  }

  private watchFunctions(functions: readonly WatchedFunction[]): void {
    const { accountConcurrency = DEFAULTS.accountConcurrency } = this.args;
    const reserved = functions.map((each) => each.reserved ?? 0);
    const left = (all: number[]): number => accountConcurrency - all.reduce((sum, each) => sum + each, 0);
    const unreserved = reserved.every(isPlain) ? left(reserved) : pulumi.all(reserved).apply(left);
    for (const each of functions) {
      const subject = { name: each.name, dimensions: { FunctionName: each.functionName } };
      // A batch that a stream's consumer gives up goes to a bucket, and nothing else tells of it.
      this.create("function-errors", { ...subject, threshold: 1 }, each.reads ? "essential" : undefined);
      this.create("function-throttles", { ...subject, threshold: 1 });
      this.create("function-duration", {
        ...subject,
        threshold: mapped(each.timeout, durationThreshold),
      });
      // One that is switched off by a reservation of nothing has nothing to use up.
      if (each.reserved === 0) continue;
      this.create("function-concurrency", {
        ...subject,
        threshold: mapped(each.reserved ?? unreserved, concurrencyThreshold),
      });
    }
  }

  private watchQueues(queues: Watched["queues"]): void {
    for (const { name, queueName, isEnd, visibility, delay } of queues) {
      const subject = { name, dimensions: { QueueName: queueName } };
      if (isEnd) {
        this.create("dead-letters", { ...subject, threshold: 0 });
        continue;
      }
      this.create("queue-age", {
        ...subject,
        threshold: pulumi
          .all([visibility, delay])
          .apply(([hidden, delayed]) => queueAgeThreshold(hidden, delayed)),
      });
    }
  }

  /** Makes an alarm, unless it is beyond the level. @param level instead of the kind's own */
  private create(kind: AlarmKind, subject: Subject, level?: AlarmLevel): void {
    const rule: AlarmRule = ALARM_RULES[kind];
    if (!isWithin(level ?? rule.level, this.args.level ?? DEFAULTS.level)) return;
    const [periods, among] = rule.datapoints;
    const [alarmArgs, opts] = applyTransform<aws.cloudwatch.MetricAlarmArgs>(
      this.args.transform?.alarm,
      {
        alarmDescription: alarmDescription(kind, {
          place: this.place,
          subject: subject.name,
          runbook: this.args.runbook ?? DEFAULTS.runbook,
        }),
        ...metricOf(kind, rule, subject),
        comparisonOperator: rule.comparison,
        threshold: subject.threshold,
        datapointsToAlarm: periods,
        evaluationPeriods: among,
        treatMissingData: rule.missing,
        // By way of the policy: without it the topic would not be heard.
        alarmActions: [this.policy.arn],
        okActions: [this.policy.arn],
        tags: this.tags,
      },
      this.child(),
    );
    new aws.cloudwatch.MetricAlarm(`${this.componentName}-${subject.name}-${rule.suffix}`, alarmArgs, opts);
  }
}

const isPlain = (value: pulumi.Input<number>): value is number => typeof value === "number";

function metricOf(
  kind: AlarmKind,
  rule: AlarmRule,
  { dimensions }: Subject,
): Partial<aws.cloudwatch.MetricAlarmArgs> {
  const { namespace, metricName, statistic, period } = rule;
  if (kind === "topic-rule-failures") {
    const expression = pulumi.output(dimensions.RuleName ?? "").apply(ruleFailures);
    return { metricQueries: [{ id: "failures", expression, period, returnData: true, label: metricName }] };
  }
  return {
    namespace,
    metricName,
    dimensions,
    period,
    ...(statistic === "p99" ? { extendedStatistic: statistic } : { statistic }),
  };
}
