/** Physical names: what Pulumi makes of a logical name, and what AWS takes. */

import type { PropertyMap } from "../graph.ts";
import { hex, type NameRule, text } from "./blueprint.ts";

export interface Naming {
  urn: string;
  type: string;
  /** Logical name. */
  name: string;
  inputs: PropertyMap;
}

/** A name that AWS or Pulumi would refuse. */
export class NameFailure extends Error {
  override name = "NameFailure";
}

const FIFO = ".fifo";

const isFifo = (rule: NameRule, naming: Naming): boolean =>
  rule.fifoSuffix === true && (naming.inputs.fifoQueue === true || naming.inputs.fifoTopic === true);

/**
 * The physical name: the one given, `<prefix><26 characters>` for a given prefix, else Pulumi's autoname
 * `<logical>-<7 hexadecimal digits>`, here always the same for a URN. Never truncated: too long is an error.
 * Source: https://www.pulumi.com/docs/iac/concepts/resources/names/#autonaming
 */
export const physicalName = (rule: NameRule, naming: Naming): string => {
  const given = text(naming.inputs, rule.property);
  if (given) return given;
  const suffix = isFifo(rule, naming) ? FIFO : "";
  const prefix = text(naming.inputs, `${rule.property}Prefix`);
  if (prefix) return `${prefix}${hex(naming.urn, 26)}${suffix}`;
  const logical = rule.lowerCase ? naming.name.toLowerCase() : naming.name;
  return `${logical}${rule.separator ?? "-"}${hex(naming.urn, 7)}${suffix}`;
};

/** Throws when AWS would refuse the name, saying which, how long, and what to do. */
export const checkName = (rule: NameRule, naming: Naming, name: string): void => {
  const culprit = `${naming.type} "${naming.name}": ${rule.property} "${name}"`;
  const auto = text(naming.inputs, rule.property) === "";
  if (name.length > rule.max) {
    const cure = auto
      ? `Pulumi adds ${name.length - naming.name.length} to the logical name: shorten it to ${rule.max - name.length + naming.name.length} or fewer.`
      : `Shorten it to ${rule.max} or fewer.`;
    throw new NameFailure(`${culprit} has ${name.length} characters, AWS takes ${rule.max}. ${cure}`);
  }
  if (name.length < (rule.min ?? 1)) {
    throw new NameFailure(`${culprit} has ${name.length} characters, AWS wants at least ${rule.min ?? 1}.`);
  }
  if (rule.fifoSuffix && isFifo(rule, naming) !== name.endsWith(FIFO)) {
    throw new NameFailure(`${culprit} must end in \`${FIFO}\` exactly when it is FIFO.`);
  }
  if (!rule.pattern.test(name)) {
    throw new NameFailure(`${culprit} holds a character that AWS refuses: use ${rule.characters}.`);
  }
};

const WORD = { pattern: /^[A-Za-z0-9_-]+$/, characters: "letters, digits, `-` and `_`" };
const DOTTED = { pattern: /^[A-Za-z0-9_.-]+$/, characters: "letters, digits, `-`, `_` and `.`" };
const IAM = { pattern: /^[\w+=,.@-]+$/, characters: "letters, digits and `+=,.@-_`" };
const ANY = { pattern: /^.+$/s, characters: "any character" };

/** The rules of the types with names, by what AWS calls the thing. */
export const NAMES = {
  /** https://docs.aws.amazon.com/kinesis/latest/APIReference/API_CreateStream.html */
  stream: { property: "name", max: 128, unique: true, ...DOTTED },
  /** https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_CreateTable.html */
  table: { property: "name", min: 3, max: 255, unique: true, ...DOTTED },
  /** https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html */
  bucket: {
    property: "bucket",
    min: 3,
    max: 63,
    unique: true,
    lowerCase: true,
    pattern: /^(?!\d+\.\d+\.\d+\.\d+$)(?!.*\.\.)[a-z0-9][a-z0-9.-]*[a-z0-9]$/,
    characters: "lower-case letters, digits and `-`, with a letter or digit at both ends",
  },
  /** https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html */
  role: { property: "name", max: 64, unique: true, ...IAM },
  /** https://docs.aws.amazon.com/IAM/latest/APIReference/API_PutRolePolicy.html */
  policy: { property: "name", max: 128, ...IAM },
  managedPolicy: { property: "name", max: 128, unique: true, ...IAM },
  /** https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html */
  function: { property: "name", max: 64, unique: true, ...WORD },
  /** https://docs.aws.amazon.com/lambda/latest/api/API_AddPermission.html */
  statement: { property: "statementId", max: 100, ...WORD },
  /** https://docs.aws.amazon.com/lambda/latest/api/API_CreateAlias.html */
  alias: { property: "name", max: 128, ...WORD },
  /** https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html */
  logGroup: {
    property: "name",
    max: 512,
    unique: true,
    pattern: /^[A-Za-z0-9_./#-]+$/,
    characters: "letters, digits and `_-/.#`",
  },
  /** https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutSubscriptionFilter.html */
  logFilter: { property: "name", max: 512, pattern: /^[^:*]+$/, characters: "any character but `:` and `*`" },
  /** https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/apis.html */
  api: { property: "name", max: 128, ...ANY },
  stage: {
    property: "name",
    max: 128,
    pattern: /^(\$default|[A-Za-z0-9_-]+)$/,
    characters: "letters, digits, `-` and `_`, or `$default`",
  },
  authorizer: { property: "name", max: 128, ...ANY },
  /** https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_CreateUserPool.html */
  userPool: {
    property: "name",
    max: 128,
    pattern: /^[\w\s+=,.@-]+$/,
    characters: "letters, digits, spaces and `+=,.@-`",
  },
  userPoolDomain: {
    property: "domain",
    max: 63,
    unique: true,
    required: true,
    pattern: /^(?!.*(?:aws|amazon|cognito))[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$/,
    characters: "lower-case letters, digits and `-`, without `aws`, `amazon` or `cognito`",
  },
  resourceServer: { property: "name", max: 256, ...ANY },
  /** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html */
  queue: {
    property: "name",
    max: 80,
    unique: true,
    fifoSuffix: true,
    pattern: /^[A-Za-z0-9_-]+(\.fifo)?$/,
    characters: "letters, digits, `-` and `_`",
  },
  /** https://docs.aws.amazon.com/sns/latest/api/API_CreateTopic.html; Pulumi's autoname stops at 80. */
  topic: {
    property: "name",
    max: 80,
    unique: true,
    fifoSuffix: true,
    pattern: /^[A-Za-z0-9_-]+(\.fifo)?$/,
    characters: "letters, digits, `-` and `_`",
  },
  /** https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_CreateApplication.html */
  deploymentApplication: { property: "name", max: 100, unique: true, ...ANY },
  deploymentConfig: { property: "deploymentConfigName", max: 100, unique: true, ...ANY },
  deploymentGroup: { property: "deploymentGroupName", max: 100, required: true, ...ANY },
  /** https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html */
  alarm: { property: "name", max: 255, unique: true, ...ANY },
  /** https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_budgets_Budget.html */
  budget: {
    property: "name",
    max: 100,
    unique: true,
    pattern: /^(?!.*\/action\/)[^:\\]+$/,
    characters: "any character but `:` and `\\`, and no `/action/`",
  },
  scalingPolicy: { property: "name", max: 256, ...ANY },
  /** https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutRule.html */
  eventRule: { property: "name", max: 64, ...DOTTED },
  /** https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_CreateArchive.html */
  eventArchive: { property: "name", max: 48, unique: true, ...DOTTED },
  /** https://docs.aws.amazon.com/scheduler/latest/APIReference/API_CreateSchedule.html */
  schedule: { property: "name", max: 64, ...DOTTED },
  /** https://docs.aws.amazon.com/iot/latest/apireference/API_CreateTopicRule.html: no hyphen. */
  topicRule: {
    property: "name",
    max: 128,
    unique: true,
    separator: "_",
    pattern: /^[A-Za-z0-9_]+$/,
    characters: "letters, digits and `_`",
  },
} satisfies Record<string, NameRule>;
