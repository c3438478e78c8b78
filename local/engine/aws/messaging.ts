/** Queues, topics and schedules. */
import { arn, type Blueprint, type BlueprintContext, dnsSuffixOf, hex, text, uuid } from "./blueprint.ts";
import { NAMES } from "./names.ts";

const createQueue = ({ name, environment }: BlueprintContext) => {
  const url = `https://sqs.${environment.region}.${dnsSuffixOf(environment.region)}/${environment.account}/${name}`;
  return { id: url, outputs: { url, arn: arn(environment, "sqs", name) } };
};

/** A setting of a queue or topic: AWS knows it by the URL or ARN of its owner. */
const settingOf = (owner: string): Blueprint => ({
  create: ({ inputs }) => ({ id: text(inputs, owner), outputs: {} }),
});

const createTopic = ({ name, environment }: BlueprintContext) => {
  const own = arn(environment, "sns", name);
  return { id: own, outputs: { arn: own, owner: environment.account, beginningArchiveTime: "" } };
};

const createSubscription = ({ urn, inputs, environment }: BlueprintContext) => {
  const own = `${text(inputs, "topic")}:${uuid(urn)}`;
  return {
    id: own,
    outputs: {
      arn: own,
      ownerId: environment.account,
      pendingConfirmation: false,
      confirmationWasAuthenticated: true,
    },
  };
};

const createRule = ({ name, inputs, environment }: BlueprintContext) => {
  const bus = text(inputs, "eventBusName");
  const path = bus === "default" ? name : `${bus}/${name}`;
  return { id: path, outputs: { arn: arn(environment, "events", `rule/${path}`) } };
};

export const MESSAGING: Record<string, Blueprint> = {
  "aws:sqs/queue:Queue": {
    naming: NAMES.queue,
    defaults: {
      visibilityTimeoutSeconds: 30,
      messageRetentionSeconds: 345_600,
      maxMessageSize: 1_048_576,
      delaySeconds: 0,
      receiveWaitTimeSeconds: 0,
      fifoQueue: false,
      contentBasedDeduplication: false,
      sqsManagedSseEnabled: true,
      kmsDataKeyReusePeriodSeconds: 300,
      policy: "",
      redrivePolicy: "",
      redriveAllowPolicy: "",
    },
    create: createQueue,
  },
  "aws:sqs/queuePolicy:QueuePolicy": settingOf("queueUrl"),
  "aws:sqs/redrivePolicy:RedrivePolicy": settingOf("queueUrl"),
  "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy": settingOf("queueUrl"),
  "aws:sns/topic:Topic": {
    naming: NAMES.topic,
    defaults: {
      fifoTopic: false,
      contentBasedDeduplication: false,
      policy: "",
      signatureVersion: 1,
      tracingConfig: "PassThrough",
    },
    create: createTopic,
  },
  "aws:sns/topicPolicy:TopicPolicy": {
    create: ({ inputs, environment }) => ({
      id: text(inputs, "arn"),
      outputs: { owner: environment.account },
    }),
  },
  "aws:sns/topicSubscription:TopicSubscription": { create: createSubscription },
  "aws:cloudwatch/eventBus:EventBus": {
    naming: { ...NAMES.eventRule, max: 256, unique: true },
    create: ({ name, environment }) => ({
      id: name,
      outputs: { arn: arn(environment, "events", `event-bus/${name}`) },
    }),
  },
  "aws:cloudwatch/eventRule:EventRule": {
    naming: NAMES.eventRule,
    defaults: { eventBusName: "default", state: "ENABLED" },
    create: createRule,
  },
  "aws:cloudwatch/eventTarget:EventTarget": {
    defaults: { eventBusName: "default" },
    // As the provider makes them up: https://www.pulumi.com/registry/packages/aws/api-docs/cloudwatch/eventtarget/#import
    create: ({ urn, inputs }) => {
      const targetId = text(inputs, "targetId") || `terraform-${hex(urn, 26)}`;
      const bus = text(inputs, "eventBusName");
      const own = `${text(inputs, "rule")}-${targetId}`;
      return { id: bus === "default" ? own : `${bus}-${own}`, outputs: { targetId } };
    },
  },
  "aws:cloudwatch/eventArchive:EventArchive": {
    naming: NAMES.eventArchive,
    defaults: { retentionDays: 0 },
    create: ({ name, environment }) => ({
      id: name,
      outputs: { arn: arn(environment, "events", `archive/${name}`) },
    }),
  },
  "aws:scheduler/schedule:Schedule": {
    naming: NAMES.schedule,
    defaults: { groupName: "default", state: "ENABLED", scheduleExpressionTimezone: "UTC" },
    create: ({ name, inputs, environment }) => {
      const path = `${text(inputs, "groupName")}/${name}`;
      return { id: path, outputs: { arn: arn(environment, "scheduler", `schedule/${path}`) } };
    },
  },
};
