/** Resource types that cost nothing by themselves, with the page that says so. What is in neither table is told as not priced. */

export interface FreeType {
  why: string;
  page: string;
}

const of = (page: string, why: string, ...types: string[]): [string, FreeType][] =>
  types.map((type) => [type, { why, page }]);

export const FREE_TYPES: Readonly<Record<string, FreeType>> = Object.fromEntries([
  ...of(
    "https://aws.amazon.com/iam/faqs/",
    "identities and rights cost nothing",
    "aws:iam/role:Role",
    "aws:iam/rolePolicy:RolePolicy",
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
    "aws:iam/policy:Policy",
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider",
  ),
  ...of(
    "https://aws.amazon.com/lambda/pricing/",
    "Lambda bills requests, duration, storage and provisioned concurrency only",
    "aws:lambda/permission:Permission",
    "aws:lambda/alias:Alias",
    "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig",
    "aws:lambda/functionUrl:FunctionUrl",
    "aws:lambda/layerVersion:LayerVersion",
  ),
  ...of(
    "https://aws.amazon.com/api-gateway/pricing/",
    "API Gateway bills requests only",
    "aws:apigatewayv2/authorizer:Authorizer",
    "aws:apigatewayv2/integration:Integration",
    "aws:apigatewayv2/route:Route",
    "aws:apigatewayv2/deployment:Deployment",
  ),
  ...of(
    "https://aws.amazon.com/s3/pricing/",
    "S3 bills storage and requests, not settings",
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
    "aws:s3/bucketNotification:BucketNotification",
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls",
    "aws:s3/bucketPolicy:BucketPolicy",
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
    "aws:s3/bucketVersioning:BucketVersioning",
    "aws:s3/bucketCorsConfiguration:BucketCorsConfiguration",
    "aws:s3/bucketLogging:BucketLogging",
  ),
  ...of(
    "https://aws.amazon.com/sqs/pricing/",
    "SQS bills requests, not settings",
    "aws:sqs/queuePolicy:QueuePolicy",
    "aws:sqs/redrivePolicy:RedrivePolicy",
    "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy",
  ),
  ...of("https://aws.amazon.com/sns/pricing/", "SNS bills messages", "aws:sns/topicPolicy:TopicPolicy"),
  ...of(
    "https://aws.amazon.com/eventbridge/pricing/",
    "EventBridge bills events, not rules and targets",
    "aws:cloudwatch/eventRule:EventRule",
    "aws:cloudwatch/eventTarget:EventTarget",
    "aws:cloudwatch/eventBusPolicy:EventBusPolicy",
    "aws:scheduler/scheduleGroup:ScheduleGroup",
  ),
  ...of(
    "https://aws.amazon.com/cloudwatch/pricing/",
    "saved queries, subscriptions and log policies cost nothing; a query's scan does",
    "aws:cloudwatch/logSubscriptionFilter:LogSubscriptionFilter",
    "aws:cloudwatch/queryDefinition:QueryDefinition",
    "aws:cloudwatch/logResourcePolicy:LogResourcePolicy",
  ),
  ...of(
    "https://aws.amazon.com/cognito/pricing/",
    "Cognito bills users, clients of machines and their tokens",
    "aws:cognito/userPool:UserPool",
    "aws:cognito/userPoolDomain:UserPoolDomain",
    "aws:cognito/resourceServer:ResourceServer",
  ),
  ...of("https://aws.amazon.com/iot-core/pricing/", "IoT Core bills use", "aws:iot/policy:Policy"),
  ...of(
    "https://aws.amazon.com/elasticache/pricing/",
    "ElastiCache bills storage and processing",
    "aws:elasticache/user:User",
    "aws:elasticache/userGroup:UserGroup",
  ),
  ...of(
    "https://aws.amazon.com/vpc/pricing/",
    "a VPC's own parts cost nothing",
    "aws:ec2/vpc:Vpc",
    "aws:ec2/subnet:Subnet",
    "aws:ec2/routeTable:RouteTable",
    "aws:ec2/route:Route",
    "aws:ec2/routeTableAssociation:RouteTableAssociation",
    "aws:ec2/internetGateway:InternetGateway",
    "aws:ec2/securityGroup:SecurityGroup",
    "aws:ec2/securityGroupRule:SecurityGroupRule",
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule",
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
  ),
  ...of(
    "https://aws.amazon.com/codedeploy/pricing/",
    "CodeDeploy costs nothing for Lambda",
    "aws:codedeploy/application:Application",
    "aws:codedeploy/deploymentGroup:DeploymentGroup",
    "aws:codedeploy/deploymentConfig:DeploymentConfig",
  ),
  ...of(
    "https://aws.amazon.com/autoscaling/pricing/",
    "Auto Scaling costs nothing; its alarms are counted with the policy",
    "aws:appautoscaling/target:Target",
  ),
  ...of(
    "https://aws.amazon.com/aws-cost-management/aws-budgets/pricing/",
    "a budget that only tells costs nothing",
    "aws:budgets/budget:Budget",
  ),
  ...of("https://aws.amazon.com/kms/pricing/", "KMS bills keys and requests", "aws:kms/alias:Alias"),
  ...of(
    "https://aws.amazon.com/systems-manager/pricing/",
    "a standard parameter costs nothing",
    "aws:ssm/parameter:Parameter",
  ),
]);
