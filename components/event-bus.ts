import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import type { EventBridgeEvent } from "aws-lambda";
import type { AsyncRetries } from "./async-invoke.ts";
import { Component, type ComponentArgs } from "./component.ts";
import { type Callback, Function, type FunctionSettings, SETTING_KEYS, settingsOf } from "./function.ts";
import {
  argumentError,
  type Culprit,
  type Keys,
  refuseUnknownKeys,
  requireRange,
} from "./internal/arguments.ts";
import { type EventPattern, patternText, slug } from "./internal/event-patterns.ts";
import { checkAutoname } from "./internal/names.ts";
import { applyTransform, type Transform } from "./internal/transform.ts";
import type { Queue } from "./queue.ts";

export interface EventBusArgs extends ComponentArgs {
  /**
   * Days that every event is kept in an archive, to be replayed by hand; 0 for none. 0-3,650. Cost driver: gigabytes.
   * @default 0
   */
  archiveDays?: number;
  /** The last word on the bus itself. */
  transform?: { bus?: Transform<aws.cloudwatch.EventBusArgs> };
}

/** What rules have in common. */
interface RuleArgs<Detail> {
  /** Narrows beyond the event's type, e.g. `{ source: ["orders"], detail: { total: [{ numeric: [">", 0] }] } }`. */
  pattern?: EventPattern<Detail>;
  /**
   * Tells two rules of one type apart, in the names of what they create.
   * @default the event's type in lower case, with hyphens
   */
  name?: string;
  /**
   * Seconds that the bus tries to hand an event over. 60-86,400.
   * @default 86,400
   */
  maximumEventAgeInSeconds?: number;
  /**
   * Retries of handing it over. 0-185.
   * @default 185
   */
  maximumRetryAttempts?: number;
  /** The last word on the rule and its target. */
  transform?: {
    rule?: Transform<aws.cloudwatch.EventRuleArgs>;
    target?: Transform<aws.cloudwatch.EventTargetArgs>;
  };
}

export interface EventSubscriptionArgs<Type extends string, Detail>
  extends RuleArgs<Detail>,
    FunctionSettings {
  /** The code, inline. Gets one event; throws to get it again. */
  callback: Callback<EventBridgeEvent<Type, Detail>, void>;
  /** Retries of the function itself, once it has the event. */
  asyncInvoke?: AsyncRetries;
}

export interface ForwardArgs<Detail> extends RuleArgs<Detail> {
  /** The queue that gets the events, each as one message's body. */
  to: Pick<Queue, "arn" | "allowSend">;
  /** Message group of a FIFO queue. */
  messageGroupId?: string;
}

const RULE_KEYS: Keys<RuleArgs<unknown>> = {
  pattern: true,
  name: true,
  maximumEventAgeInSeconds: true,
  maximumRetryAttempts: true,
  transform: true,
};

const DEFAULTS = {
  archiveDays: 0,
  maximumEventAgeInSeconds: 86_400,
  maximumRetryAttempts: 185,
  deadLetterSeconds: 1_209_600,
} as const;

/** https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html */
const LONGEST_PATTERN = 2_048;

/**
 * An event bus and the rules on it, typed by the events it carries.
 *
 * Creates the bus; with the first rule, a queue for events that could not be handed over; per `on` a rule, a function,
 * its permission and its target; per `forward` a rule and a target. Cost driver: events published.
 *
 * ```ts
 * const bus = new EventBus<{ OrderPlaced: { orderId: string } }>("orders");
 * bus.on("OrderPlaced", { callback: async (event) => { console.log(event.detail.orderId); } });
 * ```
 *
 * Publishers capture `bus.name.get()`. Failure path: events come at least once and in no order. What a target does not
 * take is tried for 24 h, then goes to the bus's dead letters; a function that has the event and fails is run twice
 * more, then the event goes to the function's failures. Locally the same, from the publisher's own PutEvents on; an
 * archive keeps nothing.
 * Sources: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-bus.html,
 * https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html
 */
export class EventBus<Events extends object = Record<string, unknown>> extends Component {
  /** The bus's physical name, for PutEvents. */
  readonly name: pulumi.Output<string>;
  /** The bus's ARN. */
  readonly arn: pulumi.Output<string>;
  /** The bus itself. */
  readonly bus: aws.cloudwatch.EventBus;

  private readonly ruleNames = new Set<string>();
  private undelivered: { queue: aws.sqs.Queue; policy: aws.sqs.QueuePolicy } | undefined;

  constructor(name: string, args: EventBusArgs = {}, opts?: pulumi.ComponentResourceOptions) {
    super("EventBus", name, args, opts);
    this.validate(args);
    this.bus = this.createBus(args);
    this.name = this.bus.name;
    this.arn = this.bus.arn;
    this.createArchive(args);
    this.registerOutputs({ name: this.name, arn: this.arn });
  }

  /** Where events go that no target took; undefined before the first rule. */
  get deadLetters(): aws.sqs.Queue | undefined {
    return this.undelivered?.queue;
  }

  /** Runs `callback` for every event of this type. Returns the function behind it. */
  on<Type extends keyof Events & string>(
    type: Type,
    args: EventSubscriptionArgs<Type, Events[Type]>,
  ): Function<EventBridgeEvent<Type, Events[Type]>, void> {
    const logical = this.declareRule(type, args, {
      ...RULE_KEYS,
      ...SETTING_KEYS,
      callback: true,
      asyncInvoke: true,
    });
    const subscriber = new Function<EventBridgeEvent<Type, Events[Type]>, void>(
      logical,
      { ...settingsOf(args), callback: args.callback, asyncInvoke: args.asyncInvoke ?? {}, tags: this.tags },
      { parent: this },
    );
    const rule = this.createRule(logical, type, args);
    const permission = new aws.lambda.Permission(
      `${logical}-permission`,
      {
        action: "lambda:InvokeFunction",
        function: subscriber.name,
        qualifier: subscriber.qualifier,
        principal: "events.amazonaws.com",
        sourceArn: rule.arn,
      },
      this.child(),
    );
    this.createTarget(logical, args, { rule, target: { arn: subscriber.arn }, grant: permission });
    return subscriber;
  }

  /** Sends every event of this type to a queue. Returns the rule. */
  forward<Type extends keyof Events & string>(
    type: Type,
    args: ForwardArgs<Events[Type]>,
  ): aws.cloudwatch.EventRule {
    const logical = this.declareRule(type, args, { ...RULE_KEYS, to: true, messageGroupId: true });
    const rule = this.createRule(logical, type, args);
    const { messageGroupId } = args;
    const grant = args.to.allowSend({ service: "events.amazonaws.com", sourceArn: rule.arn });
    this.createTarget(logical, args, {
      rule,
      target: { arn: args.to.arn, ...(messageGroupId ? { sqsTarget: { messageGroupId } } : {}) },
      grant,
    });
    return rule;
  }

  private validate(args: EventBusArgs): void {
    const who = { noun: this.noun, name: this.componentName };
    this.refuseUnknown(args, { archiveDays: true, transform: true, tags: true });
    requireRange(who, "archiveDays", args.archiveDays, { minimum: 0, maximum: 3_650, unit: "days" });
    checkAutoname(who, "event bus", `${this.componentName}-bus`);
    checkAutoname(who, "archive", `${this.componentName}-archive`);
    checkAutoname(who, "queue", `${this.componentName}-undelivered`);
  }

  private createBus(args: EventBusArgs): aws.cloudwatch.EventBus {
    const [busArgs, opts] = applyTransform<aws.cloudwatch.EventBusArgs>(
      args.transform?.bus,
      { tags: this.tags },
      this.child(),
    );
    return new aws.cloudwatch.EventBus(`${this.componentName}-bus`, busArgs, opts);
  }

  private createArchive(args: EventBusArgs): void {
    const retentionDays = args.archiveDays ?? DEFAULTS.archiveDays;
    if (retentionDays === 0) return;
    new aws.cloudwatch.EventArchive(
      `${this.componentName}-archive`,
      { eventSourceArn: this.arn, retentionDays },
      this.child(),
    );
  }

  /** Checks a rule's arguments. Returns the logical name of what it creates. */
  private declareRule<A extends RuleArgs<unknown>>(
    type: string,
    args: A,
    keys: Record<string, true>,
  ): string {
    const name = args.name ?? slug(type);
    const who: Culprit = { noun: "EventBus rule", name: `${this.componentName}/${name}` };
    refuseUnknownKeys(who, args, keys as Keys<A>);
    requireRange(who, "maximumEventAgeInSeconds", args.maximumEventAgeInSeconds, {
      minimum: 60,
      maximum: 86_400,
      unit: "seconds",
    });
    requireRange(who, "maximumRetryAttempts", args.maximumRetryAttempts, { minimum: 0, maximum: 185 });
    if (this.ruleNames.has(name)) {
      throw argumentError(who, `there is a rule of that name already. Tell them apart with name: "...".`);
    }
    const { length } = patternText(type, args.pattern);
    if (length > LONGEST_PATTERN) {
      throw argumentError(
        who,
        `its pattern has ${length} characters; AWS allows ${LONGEST_PATTERN}. Shorten it.`,
      );
    }
    this.ruleNames.add(name);
    const logical = `${this.componentName}-${name}`;
    checkAutoname(who, "event rule", `${logical}-rule`);
    return logical;
  }

  private createRule(logical: string, type: string, args: RuleArgs<unknown>): aws.cloudwatch.EventRule {
    const [ruleArgs, opts] = applyTransform<aws.cloudwatch.EventRuleArgs>(
      args.transform?.rule,
      { eventBusName: this.name, eventPattern: patternText(type, args.pattern), tags: this.tags },
      this.child(),
    );
    return new aws.cloudwatch.EventRule(`${logical}-rule`, ruleArgs, opts);
  }

  private createTarget(
    logical: string,
    args: RuleArgs<unknown>,
    to: {
      rule: aws.cloudwatch.EventRule;
      target: Pick<aws.cloudwatch.EventTargetArgs, "arn" | "sqsTarget">;
      /** What lets the bus reach the target. */
      grant: pulumi.Resource;
    },
  ): void {
    const { queue, policy } = this.deadLetterQueue();
    const [targetArgs, opts] = applyTransform<aws.cloudwatch.EventTargetArgs>(
      args.transform?.target,
      {
        rule: to.rule.name,
        eventBusName: this.name,
        ...to.target,
        deadLetterConfig: { arn: queue.arn },
        retryPolicy: {
          maximumEventAgeInSeconds: args.maximumEventAgeInSeconds ?? DEFAULTS.maximumEventAgeInSeconds,
          maximumRetryAttempts: args.maximumRetryAttempts ?? DEFAULTS.maximumRetryAttempts,
        },
      },
      this.child({ dependsOn: [to.grant, policy] }),
    );
    new aws.cloudwatch.EventTarget(`${logical}-target`, targetArgs, opts);
  }

  /** One for the bus; all of its rules may send there. */
  private deadLetterQueue(): { queue: aws.sqs.Queue; policy: aws.sqs.QueuePolicy } {
    this.undelivered ??= this.createDeadLetters();
    return this.undelivered;
  }

  private createDeadLetters(): { queue: aws.sqs.Queue; policy: aws.sqs.QueuePolicy } {
    const queue = new aws.sqs.Queue(
      `${this.componentName}-undelivered`,
      {
        sqsManagedSseEnabled: true,
        messageRetentionSeconds: DEFAULTS.deadLetterSeconds,
        tags: this.tags,
      },
      this.child(),
    );
    const rules = this.arn.apply((arn) => `${arn.replace(":event-bus/", ":rule/")}/*`);
    const policy = new aws.sqs.QueuePolicy(
      `${this.componentName}-undelivered-policy`,
      { queueUrl: queue.id, policy: pulumi.jsonStringify(rulesMaySend(queue.arn, rules)) },
      this.child(),
    );
    return { queue, policy };
  }
}

/** https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html#eb-dlq-perms */
const rulesMaySend = (queueArn: pulumi.Input<string>, rules: pulumi.Input<string>) => ({
  Version: "2012-10-17",
  Statement: [
    {
      Sid: "RulesOfTheBus",
      Effect: "Allow",
      Principal: { Service: "events.amazonaws.com" },
      Action: "sqs:SendMessage",
      Resource: queueArn,
      Condition: { ArnLike: { "aws:SourceArn": rules } },
    },
  ],
});
