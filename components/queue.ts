import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import type { SQSBatchResponse, SQSEvent } from "aws-lambda";
import { Component, type ComponentArgs } from "./component.ts";
import {
  type Callback,
  DEFAULT_TIMEOUT,
  Function,
  type FunctionSettings,
  SETTING_KEYS,
  settingsOf,
} from "./function.ts";
import { argumentError, type Culprit, refuseUnknownKeys, requireRange } from "./internal/arguments.ts";
import { checkAutoname } from "./internal/names.ts";
import { checkDelivery, DEFAULT_BATCH, DELIVERY_KEYS, type DeliveryArgs } from "./internal/queue-delivery.ts";
import { queuePolicy, type SenderGrant } from "./internal/queue-policy.ts";
import { applyTransform, type Transform } from "./internal/transform.ts";
import { nextTurn } from "./next-turn.ts";
import type { PolicyStatement } from "./policy.ts";

export interface DeadLettersArgs {
  /**
   * Deliveries after which a message counts as poison. 1-1,000.
   * @default 5
   */
  maxReceiveCount?: number;
  /**
   * Days that dead letters are kept, counted from when the message was sent. 1-14.
   * @default 14
   */
  retentionDays?: number;
}

export interface QueueArgs extends ComponentArgs {
  /**
   * First in, first out per message group, each message once in five minutes. Costs more per request. Groups scale
   * independently (high throughput).
   * @default false
   */
  fifo?: boolean;
  /**
   * Whether a FIFO queue takes two messages of one group with equal bodies for one and the same; otherwise every
   * message needs a `MessageDeduplicationId`.
   * @default false
   */
  contentBasedDeduplication?: boolean;
  /**
   * Seconds for which a received message is hidden from others; at least 6 x the subscriber's timeout + its batch
   * window, so that a throttled batch is not delivered twice. 0-43,200.
   * @default what the subscriber needs; 30 without one
   */
  visibilityTimeout?: number;
  /**
   * Days that a message is kept. 1-14.
   * @default 4
   */
  retentionDays?: number;
  /**
   * Seconds before a message can be received. 0-900.
   * @default 0
   */
  delaySeconds?: number;
  /**
   * Where messages go that were delivered too often; `false` for a queue that is itself the end of the line.
   * @default a queue of its own, after 5 deliveries, for 14 days
   */
  deadLetters?: DeadLettersArgs | false;
  /**
   * Refuse to delete or replace the queue, in Pulumi, until it is switched off.
   * @default false
   */
  deletionProtection?: boolean;
  /** The last word on each queue. */
  transform?: { queue?: Transform<aws.sqs.QueueArgs>; deadLetters?: Transform<aws.sqs.QueueArgs> };
}

/** The queue of messages that were delivered too often. */
export interface DeadLetters {
  name: pulumi.Output<string>;
  arn: pulumi.Output<string>;
  url: pulumi.Output<string>;
  queue: aws.sqs.Queue;
}

/** The callback for one batch. Returns nothing, or the messages to deliver again. */
export type QueueCallback = Callback<SQSEvent, SQSBatchResponse> | Callback<SQSEvent, void>;

export interface QueueSubscriptionArgs extends FunctionSettings, DeliveryArgs {
  /** The code, inline. Return `{ batchItemFailures: [{ itemIdentifier: messageId }] }` for what must come again. */
  callback: QueueCallback;
}

const DEFAULTS = {
  visibilityTimeout: 30,
  retentionDays: 4,
  maxReceiveCount: 5,
  deadLetterDays: 14,
  /** Long polling: fewer empty answers to pay for. */
  receiveWaitSeconds: 20,
} as const;

const DAY = 86_400;
/** Lambda retries a throttled batch within the visibility: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html */
const TIMEOUTS_IN_VISIBILITY = 6;

/**
 * An SQS queue with its dead letters, and its one subscriber.
 *
 * Creates the queue and a dead-letter queue (both encrypted, TLS only, long polling) and, with the subscription, a
 * function and its event source mapping. Cost driver: requests; polling an idle queue costs some too.
 *
 * ```ts
 * const jobs = new Queue("jobs");
 * jobs.subscribe("work", { callback: async (event) => { console.log(event.Records.length); } });
 * ```
 *
 * Failure path: a failed message (`ReportBatchItemFailures`: those that the callback lists; all when it throws) comes
 * again after the visibility timeout, and after 5 deliveries goes to the dead letters, from where a redrive brings it
 * back. A standard queue may deliver twice and out of order; a FIFO queue holds a group's later messages back.
 * `subscribe` and `allowSend` belong right after the queue's construction: what they add up to (visibility, policy) is
 * settled once the program awaits something. Locally the same rules hold, without the polling delay.
 * Sources: https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html,
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html
 */
export class Queue extends Component {
  /** The queue's physical name. */
  readonly name: pulumi.Output<string>;
  /** The queue's ARN. */
  readonly arn: pulumi.Output<string>;
  /** Where to send, receive and delete. */
  readonly url: pulumi.Output<string>;
  /** The queue itself. */
  readonly queue: aws.sqs.Queue;
  /** Undefined when made with `deadLetters: false`. */
  readonly deadLetters: DeadLetters | undefined;

  private readonly fifo: boolean;
  private readonly givenVisibility: number | undefined;
  private readonly policy: aws.sqs.QueuePolicy;
  private readonly grants: pulumi.Output<SenderGrant>[] = [];
  /** What the subscribers need, in seconds. */
  private neededVisibility: number = DEFAULTS.visibilityTimeout;
  private settled = false;
  private isFed = false;

  constructor(name: string, args: QueueArgs = {}, opts?: pulumi.ComponentResourceOptions) {
    super("Queue", name, args, opts);
    this.validate(args);
    this.fifo = args.fifo ?? false;
    this.givenVisibility = args.visibilityTimeout;
    this.deadLetters = args.deadLetters === false ? undefined : this.createDeadLetters(args);
    this.queue = this.createQueue(args);
    this.name = this.queue.name;
    this.arn = this.queue.arn;
    this.url = this.queue.url;
    if (this.deadLetters) this.admitDeadLetters(this.deadLetters.queue);
    this.policy = this.createPolicy(`${name}-policy`, this.queue, () => this.grants);
    this.registerOutputs({ name: this.name, arn: this.arn, url: this.url });
  }

  /** Runs `callback` for every batch of messages. Returns the function behind it. */
  subscribe(name: string, args: QueueSubscriptionArgs): Function<SQSEvent> {
    const who = this.subscriber(name);
    refuseUnknownKeys(who, args, { callback: true, ...DELIVERY_KEYS, ...SETTING_KEYS });
    this.prepareDelivery(who, args, args.timeout);
    const subscriber = new Function<SQSEvent>(
      `${this.componentName}-${name}`,
      {
        ...settingsOf(args),
        callback: args.callback,
        tags: this.tags,
        permissions: [this.readingPermission, ...(args.permissions ?? [])],
      },
      { parent: this },
    );
    this.deliver(`${this.componentName}-${name}`, subscriber, args);
    return subscriber;
  }

  /** What Lambda's poller needs of the function's role: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html */
  get readingPermission(): PolicyStatement {
    return {
      actions: ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"],
      resources: [this.arn],
      reason: "Lambda takes messages from the queue with the function's role",
    };
  }

  /**
   * Delivers messages to a function that another component made with `readingPermission`; programs use `subscribe`.
   * @param timeout the function's, in seconds.
   */
  feed(
    mappingName: string,
    subscriber: Function<SQSEvent>,
    { timeout, ...args }: DeliveryArgs & { timeout?: number },
  ): void {
    this.prepareDelivery({ noun: this.noun, name: this.componentName }, args, timeout);
    this.deliver(mappingName, subscriber, args);
  }

  /**
   * Lets an AWS service send messages on behalf of one of its resources.
   * @returns the queue's one policy; what sends must depend on it.
   */
  allowSend(args: {
    /** E.g. `events.amazonaws.com`. */
    service: string;
    /** ARN of the rule, bucket, topic, ... that sends. */
    sourceArn: pulumi.Input<string>;
    /** Name of the statement: letters and digits. @default made from the service's name */
    sid?: string;
  }): pulumi.Resource {
    this.refuseLate("allowSend()");
    const { service, sourceArn } = args;
    const sid = args.sid ?? `${service.split(".")[0]}${this.grants.length}`;
    this.grants.push(pulumi.output({ service, sourceArn, sid }));
    return this.policy;
  }

  private subscriber(name: string): Culprit {
    return { noun: "Queue subscription", name: `${this.componentName}/${name}` };
  }

  private validate(args: QueueArgs): void {
    const who = { noun: this.noun, name: this.componentName };
    this.refuseUnknown(args, {
      fifo: true,
      contentBasedDeduplication: true,
      visibilityTimeout: true,
      retentionDays: true,
      delaySeconds: true,
      deadLetters: true,
      deletionProtection: true,
      transform: true,
      tags: true,
    });
    const seconds = { minimum: 0, unit: "seconds" };
    requireRange(who, "visibilityTimeout", args.visibilityTimeout, { ...seconds, maximum: 43_200 });
    requireRange(who, "delaySeconds", args.delaySeconds, { ...seconds, maximum: 900 });
    requireRange(who, "retentionDays", args.retentionDays, { minimum: 1, maximum: 14, unit: "days" });
    if (args.contentBasedDeduplication && !args.fifo) {
      throw argumentError(who, "contentBasedDeduplication is for FIFO queues only. Set fifo: true as well.");
    }
    checkDeadLetters(who, args.deadLetters);
    const kind = args.fifo ? "FIFO queue" : "queue";
    checkAutoname(who, kind, `${this.componentName}-queue`);
    if (args.deadLetters !== false) checkAutoname(who, kind, `${this.componentName}-dead-letters`);
  }

  /** What both queues have in common. */
  private common(args: QueueArgs): aws.sqs.QueueArgs {
    return {
      ...(args.fifo ? { fifoQueue: true } : {}),
      sqsManagedSseEnabled: true,
      receiveWaitTimeSeconds: DEFAULTS.receiveWaitSeconds,
      tags: this.tags,
    };
  }

  private createDeadLetters(args: QueueArgs): DeadLetters {
    const name = `${this.componentName}-dead-letters`;
    const { retentionDays = DEFAULTS.deadLetterDays } = args.deadLetters || {};
    const [queueArgs, opts] = applyTransform<aws.sqs.QueueArgs>(
      args.transform?.deadLetters,
      { ...this.common(args), messageRetentionSeconds: retentionDays * DAY },
      this.child({ protect: args.deletionProtection ?? false }),
    );
    const queue = new aws.sqs.Queue(name, queueArgs, opts);
    this.createPolicy(`${name}-policy`, queue, () => []);
    return { name: queue.name, arn: queue.arn, url: queue.url, queue };
  }

  private createQueue(args: QueueArgs): aws.sqs.Queue {
    const { maxReceiveCount = DEFAULTS.maxReceiveCount } = args.deadLetters || {};
    const fifo: aws.sqs.QueueArgs = {
      contentBasedDeduplication: args.contentBasedDeduplication ?? false,
      deduplicationScope: "messageGroup",
      fifoThroughputLimit: "perMessageGroupId",
    };
    const [queueArgs, opts] = applyTransform<aws.sqs.QueueArgs>(
      args.transform?.queue,
      {
        ...this.common(args),
        ...(args.fifo ? fifo : {}),
        visibilityTimeoutSeconds: this.settledVisibility(),
        messageRetentionSeconds: (args.retentionDays ?? DEFAULTS.retentionDays) * DAY,
        delaySeconds: args.delaySeconds ?? 0,
        redrivePolicy:
          this.deadLetters &&
          pulumi.jsonStringify({ deadLetterTargetArn: this.deadLetters.arn, maxReceiveCount }),
      },
      this.child({ protect: args.deletionProtection ?? false }),
    );
    return new aws.sqs.Queue(`${this.componentName}-queue`, queueArgs, opts);
  }

  /** Known when the program's current turn is over, and with it the subscriptions. */
  private settledVisibility(): pulumi.Output<number> {
    return nextTurn(() => {
      this.settled = true;
      return this.givenVisibility ?? this.neededVisibility;
    });
  }

  /** Nothing else may send its dead letters there. It names the queue, which names the dead letters: a resource of its own. */
  private admitDeadLetters(deadLetters: aws.sqs.Queue): void {
    new aws.sqs.RedriveAllowPolicy(
      `${this.componentName}-redrive-allow`,
      {
        queueUrl: deadLetters.id,
        redriveAllowPolicy: pulumi.jsonStringify({
          redrivePermission: "byQueue",
          sourceQueueArns: [this.queue.arn],
        }),
      },
      this.child(),
    );
  }

  private createPolicy(
    name: string,
    queue: aws.sqs.Queue,
    grants: () => pulumi.Output<SenderGrant>[],
  ): aws.sqs.QueuePolicy {
    const policy = pulumi
      .all([queue.arn, nextTurn(grants).apply((given) => pulumi.all(given))])
      .apply(([arn, given]) => JSON.stringify(queuePolicy(arn, given)));
    return new aws.sqs.QueuePolicy(name, { queueUrl: queue.id, policy }, this.child());
  }

  private deliver(name: string, subscriber: Function<SQSEvent>, args: DeliveryArgs): void {
    const { maximumConcurrency, filters } = args;
    const [mappingArgs, opts] = applyTransform<aws.lambda.EventSourceMappingArgs>(
      args.transform?.mapping,
      {
        eventSourceArn: this.arn,
        functionName: subscriber.arn,
        batchSize: args.batchSize ?? DEFAULT_BATCH,
        maximumBatchingWindowInSeconds: args.maximumBatchingWindowInSeconds,
        functionResponseTypes: ["ReportBatchItemFailures"],
        scalingConfig: maximumConcurrency === undefined ? undefined : { maximumConcurrency },
        filterCriteria: filters && {
          filters: filters.map((pattern) => ({ pattern: JSON.stringify(pattern) })),
        },
        tags: this.tags,
      },
      this.child({ dependsOn: [subscriber.policy] }),
    );
    new aws.lambda.EventSourceMapping(`${name}-mapping`, mappingArgs, opts);
  }

  private prepareDelivery(who: Culprit, args: DeliveryArgs, timeout: number = DEFAULT_TIMEOUT): void {
    checkDelivery(who, args, this.fifo);
    this.refuseLate("subscribe()");
    this.refuseSecond(who);
    this.requireVisibility(timeout, args.maximumBatchingWindowInSeconds ?? 0);
  }

  /** Raises what the queue will have; what was given is not touched, and refused when it is too low. */
  private requireVisibility(timeout: number, window: number): void {
    const needed = TIMEOUTS_IN_VISIBILITY * timeout + window;
    this.neededVisibility = Math.max(this.neededVisibility, needed);
    if (this.givenVisibility === undefined || this.givenVisibility >= needed) return;
    const windowPart = window > 0 ? ` + the batch window (${window} s)` : "";
    throw argumentError(
      { noun: this.noun, name: this.componentName },
      `visibilityTimeout ${this.givenVisibility} s is below 6 x the function timeout (${timeout} s)${windowPart}. Set it to at least ${needed} s.`,
    );
  }

  private refuseSecond(who: Culprit): void {
    if (this.isFed) {
      throw argumentError(
        who,
        "the queue has a subscriber already, and a message reaches one of them only. Do both in one callback, or give each its own queue.",
      );
    }
    this.isFed = true;
  }

  private refuseLate(call: string): void {
    if (!this.settled) return;
    throw argumentError(
      { noun: this.noun, name: this.componentName },
      `${call} comes too late, its visibility and policy are settled already. Call it in the same turn as the constructor, with no await between them.`,
    );
  }
}

function checkDeadLetters(who: Culprit, deadLetters: DeadLettersArgs | false | undefined): void {
  if (!deadLetters) return;
  refuseUnknownKeys({ ...who, noun: "Dead letters of queue" }, deadLetters, {
    maxReceiveCount: true,
    retentionDays: true,
  });
  const { maxReceiveCount, retentionDays } = deadLetters;
  requireRange(who, "deadLetters.maxReceiveCount", maxReceiveCount, { minimum: 1, maximum: 1_000 });
  requireRange(who, "deadLetters.retentionDays", retentionDays, { minimum: 1, maximum: 14, unit: "days" });
}
