/** The IAM action and resource of SQS, SNS and STS requests. Pure. Source: https://docs.aws.amazon.com/service-authorization/latest/reference/reference.html */

import type { Input, Permission, Place } from "./service.ts";

/** Operation -> IAM action. Being listed is what makes an operation served. */
const SQS: Readonly<Record<string, string>> = {
  ChangeMessageVisibility: "ChangeMessageVisibility",
  ChangeMessageVisibilityBatch: "ChangeMessageVisibility",
  CreateQueue: "CreateQueue",
  DeleteMessage: "DeleteMessage",
  DeleteMessageBatch: "DeleteMessage",
  DeleteQueue: "DeleteQueue",
  GetQueueAttributes: "GetQueueAttributes",
  GetQueueUrl: "GetQueueUrl",
  ListQueues: "ListQueues",
  ListQueueTags: "ListQueueTags",
  PurgeQueue: "PurgeQueue",
  ReceiveMessage: "ReceiveMessage",
  SendMessage: "SendMessage",
  SendMessageBatch: "SendMessage",
  SetQueueAttributes: "SetQueueAttributes",
  TagQueue: "TagQueue",
  UntagQueue: "UntagQueue",
};

const SNS: Readonly<Record<string, string>> = {
  ConfirmSubscription: "ConfirmSubscription",
  CreateTopic: "CreateTopic",
  DeleteTopic: "DeleteTopic",
  GetSubscriptionAttributes: "GetSubscriptionAttributes",
  GetTopicAttributes: "GetTopicAttributes",
  ListSubscriptions: "ListSubscriptions",
  ListSubscriptionsByTopic: "ListSubscriptionsByTopic",
  ListTagsForResource: "ListTagsForResource",
  ListTopics: "ListTopics",
  Publish: "Publish",
  PublishBatch: "Publish",
  SetSubscriptionAttributes: "SetSubscriptionAttributes",
  SetTopicAttributes: "SetTopicAttributes",
  Subscribe: "Subscribe",
  TagResource: "TagResource",
  Unsubscribe: "Unsubscribe",
  UntagResource: "UntagResource",
};

const lookUp = (table: Readonly<Record<string, string>>, operation: string): string | undefined =>
  Object.hasOwn(table, operation) ? table[operation] : undefined;

const queueName = (input: Input): string | undefined => {
  if (typeof input.QueueUrl === "string") return input.QueueUrl.split("/").at(-1);
  return typeof input.QueueName === "string" ? input.QueueName : undefined;
};

/** Undefined when the operation is not served. */
export const sqsPermissions = (operation: string, input: Input, place: Place): Permission[] | undefined => {
  const action = lookUp(SQS, operation);
  if (action === undefined) return undefined;
  const name = queueName(input);
  const resource = name === undefined ? "*" : `arn:aws:sqs:${place.region}:${place.account}:${name}`;
  return [{ action: `sqs:${action}`, resources: [resource] }];
};

const topicArn = (input: Input, place: Place): string => {
  const { TopicArn, TargetArn, ResourceArn, SubscriptionArn, Name } = input;
  const arn = [TopicArn, TargetArn, ResourceArn].find((value) => typeof value === "string");
  if (typeof arn === "string") return arn;
  // A subscription's ARN is its topic's, and an id.
  if (typeof SubscriptionArn === "string") return SubscriptionArn.split(":").slice(0, 6).join(":");
  return typeof Name === "string" ? `arn:aws:sns:${place.region}:${place.account}:${Name}` : "*";
};

/** SNS and STS share the query protocol. Undefined when the operation is not served. */
export const queryPermissions = (operation: string, input: Input, place: Place): Permission[] | undefined => {
  // Anybody may ask who they are.
  if (operation === "GetCallerIdentity") return [];
  const action = lookUp(SNS, operation);
  if (action === undefined) return undefined;
  return [{ action: `sns:${action}`, resources: [topicArn(input, place)] }];
};
