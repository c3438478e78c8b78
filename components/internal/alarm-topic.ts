/** Who may publish to the topic that alarms speak through, and use its key. Pure. */

/**
 * AWS services that publish: principal, and service and region in the ARN of what publishes.
 * Sources: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html,
 * https://docs.aws.amazon.com/cost-management/latest/userguide/budgets-sns-policy.html
 */
const PUBLISHERS = {
  Alarms: { service: "cloudwatch.amazonaws.com", source: "cloudwatch:*" },
  Budgets: { service: "budgets.amazonaws.com", source: "budgets:" },
} as const;

/** The account's own alarms and budgets may publish; nobody else. */
export function topicPolicy(topicArn: string, account: string): object {
  const [, partition = "aws"] = topicArn.split(":");
  const allowed = Object.entries(PUBLISHERS).map(([sid, { service, source }]) => ({
    Sid: sid,
    Effect: "Allow",
    Principal: { Service: service },
    Action: "sns:Publish",
    Resource: topicArn,
    Condition: {
      StringEquals: { "aws:SourceAccount": account },
      ArnLike: { "aws:SourceArn": `arn:${partition}:${source}:${account}:*` },
    },
  }));
  return { Version: "2012-10-17", Statement: allowed };
}

/**
 * The account administers the key; what publishes to an encrypted topic needs these two rights on its key, which
 * AWS's own key for SNS does not give. What may publish is the topic's policy to say.
 * Source: https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html#compatibility-with-aws-services
 */
export const keyPolicy = (account: string, partition: string): object => ({
  Version: "2012-10-17",
  Statement: [
    {
      Sid: "Account",
      Effect: "Allow",
      Principal: { AWS: `arn:${partition}:iam::${account}:root` },
      Action: "kms:*",
      Resource: "*",
    },
    {
      Sid: "Publishers",
      Effect: "Allow",
      Principal: { Service: Object.values(PUBLISHERS).map(({ service }) => service) },
      Action: ["kms:Decrypt", "kms:GenerateDataKey*"],
      Resource: "*",
    },
  ],
});
