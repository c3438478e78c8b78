/** Devices over MQTT. */
import { arn, type Blueprint, dnsSuffixOf, type Environment, text, token } from "./blueprint.ts";
import { NAMES } from "./names.ts";

/** https://docs.aws.amazon.com/iot/latest/apireference/API_CreatePolicy.html */
const POLICY_NAME = {
  property: "name",
  max: 128,
  unique: true,
  pattern: /^[\w+=,.@-]+$/,
  characters: "letters, digits and `+=,.@-_`",
};

/**
 * The account's endpoint for devices; the kinds differ in their certificates, and locally in nothing.
 * Source: https://docs.aws.amazon.com/iot/latest/apireference/API_DescribeEndpoint.html
 */
export const iotEndpoint = ({ account, region }: Pick<Environment, "account" | "region">): string =>
  `a${token(`iot ${account} ${region}`, 13)}-ats.iot.${region}.${dnsSuffixOf(region)}`;

export const IOT: Record<string, Blueprint> = {
  "aws:iot/topicRule:TopicRule": {
    naming: NAMES.topicRule,
    create: ({ name, environment }) => ({
      id: name,
      outputs: { arn: arn(environment, "iot", `rule/${name}`) },
    }),
  },
  "aws:iot/policy:Policy": {
    naming: POLICY_NAME,
    create: ({ name, environment }) => ({
      id: name,
      outputs: { arn: arn(environment, "iot", `policy/${name}`), defaultVersionId: "1" },
    }),
  },
  "aws:iot/thing:Thing": {
    naming: { ...POLICY_NAME, pattern: /^[A-Za-z0-9:_-]+$/, characters: "letters, digits and `:_-`" },
    create: ({ name, environment }) => ({
      id: name,
      outputs: {
        arn: arn(environment, "iot", `thing/${name}`),
        defaultClientId: name,
        version: 1,
      },
    }),
  },
  "aws:iot/policyAttachment:PolicyAttachment": {
    create: ({ inputs }) => ({ id: `${text(inputs, "policy")}|${text(inputs, "target")}`, outputs: {} }),
  },
};
