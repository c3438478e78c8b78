/** For every rule, resources that break it and resources that keep it. */
import { type PolicyResource, UNKNOWN } from "../../policy/model.ts";

/** A resource of a production stack: type, name, properties, and what came from where (by name). */
const resource = (
  type: string,
  name: string,
  props: Record<string, unknown>,
  from: Record<string, PolicyResource> = {},
): PolicyResource => ({
  urn: `urn:pulumi:prod::test::${type}::${name}`,
  type,
  name,
  props,
  origins: Object.fromEntries(Object.entries(from).map(([key, origin]) => [key, [origin.urn]])),
});

const document = (...statements: object[]): string =>
  JSON.stringify({ Version: "2012-10-17", Statement: statements });

const bucket = (props = {}) => resource("aws:s3/bucket:Bucket", "lake", props);
const table = (props = {}) => resource("aws:dynamodb/table:Table", "readings", props);
const queue = (props = {}) => resource("aws:sqs/queue:Queue", "orders", props);
const lambda = (props = {}) => resource("aws:lambda/function:Function", "fulfil", props);
const stage = (props = {}) => resource("aws:apigatewayv2/stage:Stage", "api", props);
const rolePolicy = (policy: unknown) => resource("aws:iam/rolePolicy:RolePolicy", "fulfil", { policy });

const aboutBucket = (type: string, props: Record<string, unknown>, of = bucket()) => [
  of,
  resource(type, "lake-settings", props, { bucket: of }),
];

const reading = (mapping: Record<string, unknown>, from: PolicyResource, by = lambda({ timeout: 30 })) => [
  from,
  by,
  resource("aws:lambda/eventSourceMapping:EventSourceMapping", "mapping", mapping, {
    eventSourceArn: from,
    functionName: by,
  }),
];

const streamMapping = (props: Record<string, unknown>) => [
  resource("aws:lambda/eventSourceMapping:EventSourceMapping", "mapping", {
    startingPosition: "TRIM_HORIZON",
    ...props,
  }),
];

const invokedBySchedule = (...more: ((of: PolicyResource) => PolicyResource)[]) => {
  const of = lambda();
  const schedule = resource("aws:scheduler/schedule:Schedule", "nightly", {}, { target: of });
  return [of, schedule, ...more.map((make) => make(of))];
};

const permission = (props: Record<string, unknown>) => [
  resource("aws:lambda/permission:Permission", "permission", { action: "lambda:InvokeFunction", ...props }),
];

const KEPT = { onFailure: { destinationArn: "arn:aws:s3:::failures" } };
const BLOCKED = {
  blockPublicAcls: true,
  blockPublicPolicy: true,
  ignorePublicAcls: true,
  restrictPublicBuckets: true,
};
const TLS_ONLY = {
  Effect: "Deny",
  Principal: "*",
  Action: "s3:*",
  Resource: "*",
  Condition: { Bool: { "aws:SecureTransport": "false" } },
};
const FROM_BUS = {
  Effect: "Allow",
  Principal: "*",
  Action: "sqs:SendMessage",
  Condition: { ArnLike: { "aws:SourceArn": "arn:aws:events:us-east-1:1:rule/*" } },
};
const ENCRYPTION = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration";
const ACCESS_BLOCK = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock";
const VERSIONING = "aws:s3/bucketVersioning:BucketVersioning";
const BUCKET_POLICY = "aws:s3/bucketPolicy:BucketPolicy";
const QUEUE_POLICY = "aws:sqs/queuePolicy:QueuePolicy";

export interface Fixture {
  /** Each list is a stack that breaks the rule, once. */
  breaks: PolicyResource[][];
  /** Each list is a stack that keeps it. */
  keeps: PolicyResource[][];
}

export const FIXTURES: Record<string, Fixture> = {
  "stream-encrypted": {
    breaks: [[resource("aws:kinesis/stream:Stream", "telemetry", { encryptionType: "NONE" })]],
    keeps: [[resource("aws:kinesis/stream:Stream", "telemetry", { encryptionType: "KMS" })]],
  },
  "queue-encrypted": {
    breaks: [[queue({ sqsManagedSseEnabled: false })], [queue()]],
    keeps: [[queue({ sqsManagedSseEnabled: true })], [queue({ kmsMasterKeyId: UNKNOWN })]],
  },
  "topic-encrypted": {
    breaks: [[resource("aws:sns/topic:Topic", "alarms", {})]],
    keeps: [[resource("aws:sns/topic:Topic", "alarms", { kmsMasterKeyId: "alias/own" })]],
  },
  "table-encrypted": {
    breaks: [[table()], [table({ serverSideEncryption: { enabled: false } })]],
    keeps: [[table({ serverSideEncryption: { enabled: true } })]],
  },
  "bucket-encrypted": {
    breaks: [[bucket()], aboutBucket(ENCRYPTION, { rules: [] })],
    keeps: [aboutBucket(ENCRYPTION, { rules: [{}] }), aboutBucket(ENCRYPTION, { rules: UNKNOWN })],
  },
  "query-results-encrypted": {
    breaks: [
      [
        resource("aws:athena/workgroup:Workgroup", "sql", {
          configuration: { enforceWorkgroupConfiguration: true },
        }),
      ],
      [resource("aws:athena/workgroup:Workgroup", "sql", {})],
    ],
    keeps: [
      [
        resource("aws:athena/workgroup:Workgroup", "sql", {
          configuration: {
            enforceWorkgroupConfiguration: true,
            resultConfiguration: { encryptionConfiguration: { encryptionOption: "SSE_S3" } },
          },
        }),
      ],
    ],
  },
  "bucket-not-public": {
    breaks: [[bucket()], aboutBucket(ACCESS_BLOCK, { ...BLOCKED, blockPublicPolicy: false })],
    keeps: [aboutBucket(ACCESS_BLOCK, BLOCKED)],
  },
  "policy-not-public": {
    breaks: [
      [resource(QUEUE_POLICY, "p", { policy: document({ ...FROM_BUS, Condition: undefined }) })],
      [resource(BUCKET_POLICY, "p", { policy: document({ Effect: "Allow", Principal: { AWS: "*" } }) })],
      [resource(BUCKET_POLICY, "p", { policy: document({ Effect: "Allow", NotPrincipal: { AWS: "1" } }) })],
      [
        resource(QUEUE_POLICY, "p", {
          policy: document({ ...FROM_BUS, Condition: { StringNotEquals: { "aws:SourceAccount": "1" } } }),
        }),
      ],
    ],
    keeps: [
      [resource(QUEUE_POLICY, "p", { policy: document(FROM_BUS) })],
      [resource(BUCKET_POLICY, "p", { policy: document(TLS_ONLY) })],
      [resource(BUCKET_POLICY, "p", { policy: UNKNOWN })],
      [resource(BUCKET_POLICY, "p", { policy: "no JSON" })],
    ],
  },
  "invoker-named": {
    breaks: [permission({ principal: "*" }), permission({ principal: "s3.amazonaws.com" })],
    keeps: [
      permission({ principal: "s3.amazonaws.com", sourceArn: "arn:aws:s3:::lake" }),
      permission({ principal: "s3.amazonaws.com", sourceArn: UNKNOWN }),
      permission({ principal: "123456789012" }),
    ],
  },
  "route-authorized": {
    breaks: [
      [resource("aws:apigatewayv2/route:Route", "open", { authorizationType: "NONE" })],
      [resource("aws:apigatewayv2/route:Route", "open", {})],
    ],
    keeps: [[resource("aws:apigatewayv2/route:Route", "closed", { authorizationType: "JWT" })]],
  },
  "actions-named": {
    breaks: [
      [rolePolicy(document({ Effect: "Allow", Action: ["s3:*"], Resource: "arn:aws:s3:::lake/*" }))],
      [rolePolicy(document({ Effect: "Allow", NotAction: "iam:PassRole", Resource: "arn:aws:s3:::lake" }))],
      [resource("aws:iot/policy:Policy", "p", { policy: document({ Effect: "Allow", Action: "iot:*" }) })],
    ],
    keeps: [
      [rolePolicy(document({ Effect: "Allow", Action: "s3:GetObject", Resource: "arn:aws:s3:::lake/*" }))],
      [rolePolicy(document({ Effect: "Deny", Action: "*", Resource: "*" }))],
      [rolePolicy(UNKNOWN)],
    ],
  },
  "resources-named": {
    breaks: [[rolePolicy(document({ Effect: "Allow", Action: "dynamodb:PutItem", Resource: ["*"] }))]],
    keeps: [
      [rolePolicy(document({ Effect: "Allow", Action: ["xray:PutTraceSegments"], Resource: "*" }))],
      [rolePolicy(document({ Effect: "Allow", Action: "s3:GetObject", Resource: "arn:aws:s3:::lake/*" }))],
    ],
  },
  "role-assumed-by-service": {
    breaks: [
      [
        resource("aws:iam/role:Role", "r", {
          assumeRolePolicy: document({
            Effect: "Allow",
            Principal: { AWS: ["*"] },
            Action: "sts:AssumeRole",
          }),
        }),
      ],
    ],
    keeps: [
      [
        resource("aws:iam/role:Role", "r", {
          assumeRolePolicy: document({
            Effect: "Allow",
            Principal: { Service: "lambda.amazonaws.com" },
            Action: "sts:AssumeRole",
          }),
        }),
      ],
    ],
  },
  "mapping-keeps-failures": {
    breaks: [
      streamMapping({}),
      streamMapping({ destinationConfig: KEPT, maximumRetryAttempts: -1, maximumRecordAgeInSeconds: 60 }),
      streamMapping({ destinationConfig: KEPT }),
    ],
    keeps: [
      streamMapping({ destinationConfig: KEPT, maximumRetryAttempts: 10, maximumRecordAgeInSeconds: 60 }),
      reading({ batchSize: 10 }, queue()),
    ],
  },
  "queue-has-dead-letters": {
    breaks: [reading({}, queue())],
    keeps: [reading({}, queue({ redrivePolicy: UNKNOWN })), [queue()]],
  },
  "target-has-dead-letters": {
    breaks: [[resource("aws:cloudwatch/eventTarget:EventTarget", "t", {})]],
    keeps: [
      [resource("aws:cloudwatch/eventTarget:EventTarget", "t", { deadLetterConfig: { arn: UNKNOWN } })],
    ],
  },
  "schedule-has-dead-letters": {
    breaks: [[resource("aws:scheduler/schedule:Schedule", "s", { target: { arn: UNKNOWN } })]],
    keeps: [
      [
        resource("aws:scheduler/schedule:Schedule", "s", {
          target: { deadLetterConfig: { arn: "arn:aws:sqs:us-east-1:1:q" } },
        }),
      ],
    ],
  },
  "iot-rule-keeps-failures": {
    breaks: [[resource("aws:iot/topicRule:TopicRule", "readings", {})]],
    keeps: [[resource("aws:iot/topicRule:TopicRule", "readings", { errorAction: { s3: {} } })]],
  },
  "async-failures-kept": {
    breaks: [
      invokedBySchedule(),
      invokedBySchedule((of) =>
        resource(
          "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig",
          "async",
          { maximumRetryAttempts: 2 },
          { functionName: of },
        ),
      ),
      [
        lambda(),
        resource(
          "aws:lambda/permission:Permission",
          "p",
          { principal: "logs.amazonaws.com" },
          { function: lambda() },
        ),
      ],
    ],
    keeps: [
      invokedBySchedule((of) =>
        resource(
          "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig",
          "async",
          { destinationConfig: { onFailure: { destination: UNKNOWN } } },
          { functionName: of },
        ),
      ),
      [
        lambda(),
        resource(
          "aws:lambda/permission:Permission",
          "p",
          { principal: "apigateway.amazonaws.com" },
          { function: lambda() },
        ),
      ],
    ],
  },
  "queue-outlasts-function": {
    breaks: [
      reading({}, queue({ visibilityTimeoutSeconds: 179 })),
      reading({ maximumBatchingWindowInSeconds: 5 }, queue({ visibilityTimeoutSeconds: 184 })),
    ],
    keeps: [
      reading({}, queue({ visibilityTimeoutSeconds: 180 })),
      reading({ maximumBatchingWindowInSeconds: 5 }, queue({ visibilityTimeoutSeconds: 185 })),
      reading({}, queue({ visibilityTimeoutSeconds: UNKNOWN })),
    ],
  },
  "function-timeout-chosen": { breaks: [[lambda()]], keeps: [[lambda({ timeout: 30 })]] },
  "function-memory-chosen": { breaks: [[lambda()]], keeps: [[lambda({ memorySize: 512 })]] },
  "function-traced": {
    breaks: [[lambda()], [lambda({ tracingConfig: { mode: "PassThrough" } })]],
    keeps: [[lambda({ tracingConfig: { mode: "Active" } })]],
  },
  "function-logs-owned": {
    breaks: [[lambda({ loggingConfig: { logFormat: "JSON" } })]],
    keeps: [[lambda({ loggingConfig: { logGroup: UNKNOWN } })]],
  },
  "logs-expire": {
    breaks: [
      [resource("aws:cloudwatch/logGroup:LogGroup", "logs", {})],
      [resource("aws:cloudwatch/logGroup:LogGroup", "logs", { retentionInDays: 0 })],
    ],
    keeps: [[resource("aws:cloudwatch/logGroup:LogGroup", "logs", { retentionInDays: 7 })]],
  },
  "api-throttled": {
    breaks: [
      [stage()],
      [stage({ defaultRouteSettings: { throttlingRateLimit: 100, throttlingBurstLimit: 0 } })],
    ],
    keeps: [
      [stage({ defaultRouteSettings: { throttlingRateLimit: 100, throttlingBurstLimit: 100 } })],
      [stage({ defaultRouteSettings: UNKNOWN })],
    ],
  },
  "api-logged": {
    breaks: [
      [stage()],
      [stage({ accessLogSettings: { destinationArn: "arn", format: "$context.requestId" } })],
    ],
    keeps: [
      [stage({ accessLogSettings: { destinationArn: UNKNOWN, format: '{"id":"$context.requestId"}' } })],
    ],
  },
  "domain-tls-1-2": {
    breaks: [[resource("aws:apigatewayv2/domainName:DomainName", "d", {})]],
    keeps: [
      [
        resource("aws:apigatewayv2/domainName:DomainName", "d", {
          domainNameConfiguration: { securityPolicy: "TLS_1_2" },
        }),
      ],
    ],
  },
  "bucket-tls-only": {
    breaks: [[bucket()], aboutBucket(BUCKET_POLICY, { policy: document({ ...TLS_ONLY, Effect: "Allow" }) })],
    keeps: [
      aboutBucket(BUCKET_POLICY, { policy: document(TLS_ONLY) }),
      aboutBucket(BUCKET_POLICY, { policy: UNKNOWN }),
    ],
  },
  "table-protected": {
    breaks: [[table({ deletionProtectionEnabled: false })], [table()]],
    keeps: [[table({ deletionProtectionEnabled: true })]],
  },
  "table-recoverable": {
    breaks: [[table({ pointInTimeRecovery: { enabled: false } })], [table()]],
    keeps: [[table({ pointInTimeRecovery: { enabled: true } })]],
  },
  "user-pool-protected": {
    breaks: [[resource("aws:cognito/userPool:UserPool", "pool", { deletionProtection: "INACTIVE" })]],
    keeps: [[resource("aws:cognito/userPool:UserPool", "pool", { deletionProtection: "ACTIVE" })]],
  },
  "bucket-kept": {
    breaks: [[bucket({ forceDestroy: true })]],
    keeps: [[bucket({ forceDestroy: false })], [bucket()]],
  },
  "bucket-versioned": {
    breaks: [[bucket()], aboutBucket(VERSIONING, { versioningConfiguration: { status: "Suspended" } })],
    keeps: [aboutBucket(VERSIONING, { versioningConfiguration: { status: "Enabled" } })],
  },
};
