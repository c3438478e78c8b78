/**
 * What a role needs of AWS to read, and to make, the resources of a type, as the AWS provider does it.
 *
 * A right to change names its action in full. A right to look may end in `*` after the verb, where everything of that
 * verb is configuration: nothing here reads a record, an item, an object, a message or a log line.
 * Source: https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
 */

export interface Rights {
  types: readonly string[];
  /** ARNs; `{p}`, `{r}` and `{a}` stand for partition, region and account. */
  on: readonly string[];
  read: readonly string[];
  write: readonly string[];
  /** What they hold under, where ARNs do not tell enough. */
  condition?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** Rights that AWS binds to no resource. Those that look (Describe, Get, List) are the previewing role's too. */
  unbound?: readonly string[];
}

/**
 * Components name every bucket and role `<name>-bucket` and `<name>-role`, and Pulumi adds seven hexadecimal digits. So
 * the state bucket and the roles made here are out of reach of the role that deploys.
 */
export const BUCKET_NAMES = "*-bucket-???????";
export const ROLE_NAMES = "*-role-???????";

/** Of the key that the bootstrap made for the state (key.ts). A program's own keys have no alias. */
const STATE_KEY_ALIAS = "alias/*-secrets";

export const RIGHTS: readonly Rights[] = [
  {
    types: ["aws:kms/key:Key"],
    on: ["arn:{p}:kms:{r}:{a}:key/*"],
    // Keys' ARNs have no names: https://docs.aws.amazon.com/kms/latest/developerguide/alias-authorization.html
    condition: { "ForAllValues:StringNotLike": { "kms:ResourceAliases": STATE_KEY_ALIAS } },
    read: ["kms:DescribeKey", "kms:GetKeyPolicy", "kms:GetKeyRotationStatus", "kms:ListResourceTags"],
    write: [
      "kms:DisableKey",
      "kms:DisableKeyRotation",
      "kms:EnableKey",
      "kms:EnableKeyRotation",
      "kms:PutKeyPolicy",
      "kms:ScheduleKeyDeletion",
      "kms:TagResource",
      "kms:UntagResource",
      "kms:UpdateKeyDescription",
    ],
    unbound: ["kms:CreateKey"],
  },
  {
    types: [
      "aws:s3/bucket:Bucket",
      "aws:s3/bucketCorsConfiguration:BucketCorsConfiguration",
      "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
      "aws:s3/bucketNotification:BucketNotification",
      "aws:s3/bucketOwnershipControls:BucketOwnershipControls",
      "aws:s3/bucketPolicy:BucketPolicy",
      "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
      "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
      "aws:s3/bucketVersioning:BucketVersioning",
    ],
    on: [`arn:{p}:s3:::${BUCKET_NAMES}`, `arn:{p}:s3:::${BUCKET_NAMES}/*`],
    read: [
      "s3:GetBucket*",
      "s3:GetAccelerateConfiguration",
      "s3:GetEncryptionConfiguration",
      "s3:GetLifecycleConfiguration",
      "s3:GetReplicationConfiguration",
      "s3:ListBucket",
      "s3:ListTagsForResource",
    ],
    write: [
      "s3:CreateBucket",
      "s3:DeleteBucket",
      "s3:DeleteBucketPolicy",
      "s3:DeleteObject",
      "s3:DeleteObjectVersion",
      "s3:ListBucketVersions",
      "s3:PutBucketCORS",
      "s3:PutBucketNotification",
      "s3:PutBucketOwnershipControls",
      "s3:PutBucketPolicy",
      "s3:PutBucketPublicAccessBlock",
      "s3:PutBucketTagging",
      "s3:PutBucketVersioning",
      "s3:PutEncryptionConfiguration",
      "s3:PutLifecycleConfiguration",
      "s3:TagResource",
      "s3:UntagResource",
    ],
  },
  {
    types: ["aws:dynamodb/table:Table"],
    on: ["arn:{p}:dynamodb:{r}:{a}:table/*"],
    read: ["dynamodb:Describe*", "dynamodb:ListTagsOfResource"],
    write: [
      "dynamodb:CreateTable",
      "dynamodb:DeleteTable",
      "dynamodb:TagResource",
      "dynamodb:UntagResource",
      "dynamodb:UpdateContinuousBackups",
      "dynamodb:UpdateTable",
      "dynamodb:UpdateTimeToLive",
    ],
  },
  {
    types: ["aws:kinesis/stream:Stream"],
    on: ["arn:{p}:kinesis:{r}:{a}:stream/*"],
    read: ["kinesis:Describe*", "kinesis:ListTagsForResource", "kinesis:ListTagsForStream"],
    write: [
      "kinesis:AddTagsToStream",
      "kinesis:CreateStream",
      "kinesis:DecreaseStreamRetentionPeriod",
      "kinesis:DeleteStream",
      "kinesis:DisableEnhancedMonitoring",
      "kinesis:EnableEnhancedMonitoring",
      "kinesis:IncreaseStreamRetentionPeriod",
      "kinesis:RemoveTagsFromStream",
      "kinesis:StartStreamEncryption",
      "kinesis:StopStreamEncryption",
      "kinesis:TagResource",
      "kinesis:UntagResource",
      "kinesis:UpdateMaxRecordSize",
      "kinesis:UpdateShardCount",
      "kinesis:UpdateStreamMode",
    ],
  },
  {
    types: [
      "aws:sqs/queue:Queue",
      "aws:sqs/queuePolicy:QueuePolicy",
      "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy",
    ],
    on: ["arn:{p}:sqs:{r}:{a}:*"],
    read: ["sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:ListQueueTags"],
    write: ["sqs:CreateQueue", "sqs:DeleteQueue", "sqs:SetQueueAttributes", "sqs:TagQueue", "sqs:UntagQueue"],
  },
  {
    types: [
      "aws:sns/topic:Topic",
      "aws:sns/topicPolicy:TopicPolicy",
      "aws:sns/topicSubscription:TopicSubscription",
    ],
    on: ["arn:{p}:sns:{r}:{a}:*"],
    read: [
      "sns:GetSubscriptionAttributes",
      "sns:GetTopicAttributes",
      "sns:ListSubscriptionsByTopic",
      "sns:ListTagsForResource",
    ],
    write: [
      "sns:CreateTopic",
      "sns:DeleteTopic",
      "sns:SetSubscriptionAttributes",
      "sns:SetTopicAttributes",
      "sns:Subscribe",
      "sns:TagResource",
      "sns:Unsubscribe",
      "sns:UntagResource",
    ],
  },
  {
    types: [
      "aws:lambda/alias:Alias",
      "aws:lambda/eventSourceMapping:EventSourceMapping",
      "aws:lambda/function:Function",
      "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig",
      "aws:lambda/permission:Permission",
      "aws:lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig",
    ],
    on: ["arn:{p}:lambda:{r}:{a}:function:*", "arn:{p}:lambda:{r}:{a}:event-source-mapping:*"],
    read: ["lambda:Get*", "lambda:List*"],
    write: [
      "lambda:AddPermission",
      "lambda:CreateAlias",
      "lambda:CreateFunction",
      "lambda:DeleteAlias",
      "lambda:DeleteEventSourceMapping",
      "lambda:DeleteFunction",
      "lambda:DeleteFunctionConcurrency",
      "lambda:DeleteFunctionEventInvokeConfig",
      "lambda:DeleteProvisionedConcurrencyConfig",
      "lambda:PublishVersion",
      "lambda:PutFunctionConcurrency",
      "lambda:PutFunctionEventInvokeConfig",
      "lambda:PutProvisionedConcurrencyConfig",
      "lambda:RemovePermission",
      "lambda:TagResource",
      "lambda:UntagResource",
      "lambda:UpdateAlias",
      "lambda:UpdateEventSourceMapping",
      "lambda:UpdateFunctionCode",
      "lambda:UpdateFunctionConfiguration",
      "lambda:UpdateFunctionEventInvokeConfig",
    ],
    unbound: ["lambda:CreateEventSourceMapping"],
  },
  {
    types: [
      "aws:iam/role:Role",
      "aws:iam/rolePolicy:RolePolicy",
      "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
    ],
    on: [`arn:{p}:iam::{a}:role/${ROLE_NAMES}`],
    read: [
      "iam:GetRole",
      "iam:GetRolePolicy",
      "iam:ListAttachedRolePolicies",
      "iam:ListInstanceProfilesForRole",
      "iam:ListRolePolicies",
      "iam:ListRoleTags",
    ],
    write: [
      "iam:AttachRolePolicy",
      "iam:CreateRole",
      "iam:DeleteRole",
      "iam:DeleteRolePolicy",
      "iam:DetachRolePolicy",
      "iam:PutRolePolicy",
      "iam:TagRole",
      "iam:UntagRole",
      "iam:UpdateAssumeRolePolicy",
      "iam:UpdateRole",
      "iam:UpdateRoleDescription",
    ],
  },
  {
    types: [
      "aws:cloudwatch/logGroup:LogGroup",
      "aws:cloudwatch/logMetricFilter:LogMetricFilter",
      "aws:cloudwatch/logResourcePolicy:LogResourcePolicy",
      "aws:cloudwatch/logSubscriptionFilter:LogSubscriptionFilter",
      "aws:cloudwatch/queryDefinition:QueryDefinition",
    ],
    on: ["arn:{p}:logs:{r}:{a}:log-group:*", "arn:{p}:logs:{r}:{a}:query-definition:*"],
    read: ["logs:Describe*", "logs:ListTagsForResource", "logs:ListTagsLogGroup"],
    write: [
      "logs:CreateLogGroup",
      "logs:DeleteLogGroup",
      "logs:DeleteMetricFilter",
      "logs:DeleteRetentionPolicy",
      "logs:DeleteSubscriptionFilter",
      "logs:PutLogGroupDeletionProtection",
      "logs:PutMetricFilter",
      "logs:PutRetentionPolicy",
      "logs:PutSubscriptionFilter",
      "logs:TagResource",
      "logs:UntagResource",
    ],
    // AWS binds none of these to a resource, though a policy with one is accepted.
    unbound: [
      "logs:DeleteQueryDefinition",
      "logs:DeleteResourcePolicy",
      "logs:DescribeQueryDefinitions",
      "logs:PutQueryDefinition",
      "logs:PutResourcePolicy",
    ],
  },
];
