/** What fails is kept, and nothing is retried before its time. */
import {
  aws,
  checkov,
  isGiven,
  type PolicyResource,
  type PolicyStack,
  type Rule,
  read,
  readNumber,
  serverlessRules,
  UNKNOWN,
} from "../model.ts";

const QUEUE = "aws:sqs/queue:Queue";
const FUNCTION = "aws:lambda/function:Function";
const ALIAS = "aws:lambda/alias:Alias";
const MAPPING = "aws:lambda/eventSourceMapping:EventSourceMapping";
const INVOKE_CONFIG = "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig";
const PERMISSION = "aws:lambda/permission:Permission";
const SCHEDULE = "aws:scheduler/schedule:Schedule";

export const mappingKeepsFailures: Rule = {
  id: "mapping-keeps-failures",
  title: "A stream's records that fail to the last are kept, and do fail at last",
  reason: "Without a destination they are lost; without a bound one bad record holds its shard for good.",
  cure: "Set destinationConfig.onFailure, maximumRetryAttempts and maximumRecordAgeInSeconds.",
  level: "mandatory",
  counterparts: [serverlessRules("ES1001")],
  types: [MAPPING],
  check: (mapping) => {
    // Streams have a starting position; queues have none and keep failures themselves.
    if (!isGiven(read(mapping, "startingPosition"))) return undefined;
    if (!isGiven(read(mapping, "destinationConfig.onFailure.destinationArn")))
      return "drops records that fail to the last";
    const bound = (path: string) => read(mapping, path) === UNKNOWN || (readNumber(mapping, path) ?? -1) >= 0;
    return bound("maximumRetryAttempts") && bound("maximumRecordAgeInSeconds")
      ? undefined
      : "retries a failing record until it expires";
  },
};

export const queueHasDeadLetters: Rule = {
  id: "queue-has-dead-letters",
  title: "A queue that a function reads has a dead-letter queue",
  reason: "A message that always fails is tried, and paid for, until it expires, and is then lost.",
  cure: "Set redrivePolicy to a dead-letter queue with maxReceiveCount.",
  level: "mandatory",
  counterparts: [serverlessRules("ES6000")],
  types: [QUEUE],
  needsStack: true,
  check: (queue, stack) =>
    stack.users(queue, MAPPING, "eventSourceArn").length === 0 || isGiven(read(queue, "redrivePolicy"))
      ? undefined
      : "is read by a function and has no dead-letter queue",
};

export const targetHasDeadLetters: Rule = {
  id: "target-has-dead-letters",
  title: "A rule's target has a dead-letter queue",
  reason: "An event that cannot be delivered for a day is dropped.",
  cure: "Set deadLetterConfig.arn to a queue that the rule may send to.",
  level: "mandatory",
  counterparts: [serverlessRules("ES4000")],
  types: ["aws:cloudwatch/eventTarget:EventTarget"],
  check: (target) =>
    isGiven(read(target, "deadLetterConfig.arn")) ? undefined : "drops events that cannot be delivered",
};

export const scheduleHasDeadLetters: Rule = {
  id: "schedule-has-dead-letters",
  title: "A schedule's target has a dead-letter queue",
  reason: "A run that cannot be started is dropped without a word.",
  cure: "Set target.deadLetterConfig.arn to a queue.",
  level: "mandatory",
  counterparts: [
    aws("https://docs.aws.amazon.com/scheduler/latest/UserGuide/configuring-schedule-dlq.html"),
    serverlessRules("ES4000"),
  ],
  types: [SCHEDULE],
  check: (schedule) =>
    isGiven(read(schedule, "target.deadLetterConfig.arn")) ? undefined : "drops runs that cannot be started",
};

export const iotRuleKeepsFailures: Rule = {
  id: "iot-rule-keeps-failures",
  title: "An IoT rule says where a message goes when its action fails",
  reason: "IoT tries an action a few times and drops the message.",
  cure: "Set errorAction.",
  level: "mandatory",
  counterparts: [aws("https://docs.aws.amazon.com/iot/latest/developerguide/rule-error-handling.html")],
  types: ["aws:iot/topicRule:TopicRule"],
  check: (rule) => (isGiven(read(rule, "errorAction")) ? undefined : "drops messages whose action fails"),
};

/** Services that invoke a function and do not wait for it. */
const ASYNCHRONOUS = new Set([
  "s3.amazonaws.com",
  "sns.amazonaws.com",
  "events.amazonaws.com",
  "logs.amazonaws.com",
  "iot.amazonaws.com",
  "ses.amazonaws.com",
]);

const isInvokedAsynchronously = (lambda: PolicyResource, stack: PolicyStack): boolean =>
  stack
    .users(lambda, PERMISSION, "function")
    .some((permission) => ASYNCHRONOUS.has(String(read(permission, "principal")))) ||
  stack.users(lambda, SCHEDULE, "target").length > 0;

export const asyncFailuresKept: Rule = {
  id: "async-failures-kept",
  title: "What a function failed on asynchronously is kept",
  reason: "Lambda tries an event three times and then drops it.",
  cure: "Add a FunctionEventInvokeConfig with destinationConfig.onFailure, or deadLetterConfig.",
  level: "mandatory",
  counterparts: [serverlessRules("ES1007"), checkov("CKV_AWS_116")],
  types: [FUNCTION],
  needsStack: true,
  check: (lambda, stack) => {
    if (!isInvokedAsynchronously(lambda, stack)) return undefined;
    const kept = stack
      .users(lambda, INVOKE_CONFIG, "functionName")
      .some((config) => isGiven(read(config, "destinationConfig.onFailure.destination")));
    return kept || isGiven(read(lambda, "deadLetterConfig.targetArn"))
      ? undefined
      : "drops events that it fails on three times";
  },
};

/** https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html */
const VISIBILITY_FACTOR = 6;

const readersOf = (mapping: PolicyResource, stack: PolicyStack): PolicyResource[] => [
  ...stack.origins(mapping, "functionName", FUNCTION),
  ...stack
    .origins(mapping, "functionName", ALIAS)
    .flatMap((alias) => stack.origins(alias, "functionName", FUNCTION)),
];

const shortfall = (queue: PolicyResource, lambda: PolicyResource, window: number): string | undefined => {
  const visibility = readNumber(queue, "visibilityTimeoutSeconds");
  const timeout = readNumber(lambda, "timeout");
  if (visibility === undefined || timeout === undefined) return undefined;
  const least = VISIBILITY_FACTOR * timeout + window;
  if (visibility >= least) return undefined;
  return `reads "${queue.name}", which hides messages for ${visibility} s; "${lambda.name}" needs ${least} s`;
};

export const queueOutlastsFunction: Rule = {
  id: "queue-outlasts-function",
  title: "A queue hides a message for six times as long as its function may take",
  reason: "A batch that waits while Lambda is throttled would be delivered again, beside itself.",
  cure: "Raise visibilityTimeoutSeconds to 6 x the function's timeout plus the batching window.",
  level: "mandatory",
  counterparts: [aws("https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html")],
  types: [MAPPING],
  needsStack: true,
  check: (mapping, stack) => {
    const window = readNumber(mapping, "maximumBatchingWindowInSeconds") ?? 0;
    return stack
      .origins(mapping, "eventSourceArn", QUEUE)
      .flatMap((queue) => readersOf(mapping, stack).map((lambda) => shortfall(queue, lambda, window)))
      .find((what) => what !== undefined);
  },
};
