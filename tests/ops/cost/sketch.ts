/** Graphs for the tests of workload and cost, sketched resource by resource. */
import type { Graph, PropertyMap, ResourceNode } from "../../../local/engine/graph.ts";
import type { Baseline } from "../../../ops/shared/baseline.ts";
import { completeLoad, type Load } from "../../../ops/shared/load.ts";
import { graphOf, resourceNode } from "../../helpers/graph.ts";

export const T = {
  alarm: "aws:cloudwatch/metricAlarm:MetricAlarm",
  api: "aws:apigatewayv2/api:Api",
  archive: "aws:cloudwatch/eventArchive:EventArchive",
  bucket: "aws:s3/bucket:Bucket",
  bus: "aws:cloudwatch/eventBus:EventBus",
  cache: "aws:elasticache/serverlessCache:ServerlessCache",
  client: "aws:cognito/userPoolClient:UserPoolClient",
  filter: "aws:cloudwatch/logSubscriptionFilter:LogSubscriptionFilter",
  function: "aws:lambda/function:Function",
  integration: "aws:apigatewayv2/integration:Integration",
  iotRule: "aws:iot/topicRule:TopicRule",
  lifecycle: "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
  logGroup: "aws:cloudwatch/logGroup:LogGroup",
  mapping: "aws:lambda/eventSourceMapping:EventSourceMapping",
  notification: "aws:s3/bucketNotification:BucketNotification",
  provisioned: "aws:lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig",
  queue: "aws:sqs/queue:Queue",
  role: "aws:iam/role:Role",
  rolePolicy: "aws:iam/rolePolicy:RolePolicy",
  route: "aws:apigatewayv2/route:Route",
  rule: "aws:cloudwatch/eventRule:EventRule",
  schedule: "aws:scheduler/schedule:Schedule",
  stage: "aws:apigatewayv2/stage:Stage",
  stream: "aws:kinesis/stream:Stream",
  subscription: "aws:sns/topicSubscription:TopicSubscription",
  table: "aws:dynamodb/table:Table",
  target: "aws:cloudwatch/eventTarget:EventTarget",
  topic: "aws:sns/topic:Topic",
  workgroup: "aws:athena/workgroup:Workgroup",
} as const;

type From = Record<string, ResourceNode | ResourceNode[]>;

/** A resource with its inputs as outputs too, an ARN, and where its properties came from. */
export const node = (type: string, name: string, inputs: PropertyMap = {}, from: From = {}): ResourceNode =>
  resourceNode(type, name, {
    inputs,
    outputs: { ...inputs, name, arn: `arn:${name}` },
    propertyDependencies: Object.fromEntries(
      Object.entries(from).map(([property, origins]) => [property, [origins].flat().map(({ urn }) => urn)]),
    ),
  });

interface FunctionSketch {
  memorySize?: number;
  timeout?: number;
  arm?: boolean;
  traced?: boolean;
  diskMb?: number;
  /** Actions of the code, by what it captured. */
  may?: [ResourceNode, string[]][];
}

/** A function with its role, its rights and its log group. */
export const lambda = (name: string, sketch: FunctionSketch = {}): ResourceNode[] => {
  const { memorySize = 512, timeout = 900, arm = true, traced = false, diskMb = 512, may = [] } = sketch;
  const role = node(T.role, `${name}-role`);
  const logs = node(T.logGroup, `${name}-logs`, { retentionInDays: 90 });
  const statements = may.map(([to, actions]) => ({
    Effect: "Allow",
    Action: actions,
    Resource: [`arn:${to.name}/*`, `arn:${to.name}`],
  }));
  return [
    node(
      T.function,
      name,
      {
        memorySize,
        timeout,
        architectures: [arm ? "arm64" : "x86_64"],
        ...(traced && { tracingConfig: { mode: "Active" } }),
        ephemeralStorage: { size: diskMb },
      },
      { role, loggingConfig: logs, environment: may.map(([to]) => to) },
    ),
    role,
    logs,
    node(T.rolePolicy, `${name}-policy`, { policy: JSON.stringify({ Statement: statements }) }, { role }),
  ];
};

export const mapping = (
  source: ResourceNode,
  [target]: ResourceNode[],
  inputs: PropertyMap = {},
): ResourceNode =>
  node(T.mapping, `${source.name}-${target!.name}`, inputs, {
    eventSourceArn: source,
    functionName: target!,
  });

export const route = (api: ResourceNode, routeKey: string, [target]: ResourceNode[]): ResourceNode[] => {
  const integration = node(T.integration, `${routeKey} integration`, {}, { integrationUri: target! });
  return [integration, node(T.route, `${routeKey} route`, { routeKey }, { target: integration, apiId: api })];
};

/** Nothing but what a test gives. */
export const quiet = (differs: Partial<Load> = {}): Load =>
  completeLoad(
    {
      devices: 1e-9,
      everySeconds: 1e6,
      apiReadsPerSecond: 0,
      apiCallers: 0,
      imagesPerDay: 0,
      ordersPerDay: 0,
      filesPerDay: 0,
      queriedBytesPerDay: 0,
      storedMonths: 0,
      ...differs,
    },
    "a test",
  );

/** So many a month, as a rate. */
export const aMonth = (count: number): number => count / (730 * 3_600);

/** Every function of these names takes so long, and starts at once. */
export const measured = (functions: Record<string, number>, initMs = 0): Baseline => ({
  measured: "2026-01-01",
  machine: "a test",
  node: "v24.21.0",
  functions: Object.fromEntries(
    Object.entries(functions).map(([name, p50]) => [
      name,
      {
        zipBytes: 1,
        initMs,
        durationMs: { p50, p99: p50 },
        memoryMb: 1,
        compiledBytes: 1,
        heapBytes: 1,
        parts: {},
      },
    ]),
  ),
});

/** The telemetry program in small, by its own names, with everything that a load can reach. */
export const telemetryProgram = (streamMode: PropertyMap): Graph => {
  const stream = node(T.stream, "telemetry-stream", {
    ...streamMode,
    retentionPeriod: 72,
    encryptionType: "KMS",
  });
  const readings = node(T.table, "readings-table", {
    billingMode: "PAY_PER_REQUEST",
    pointInTimeRecovery: { enabled: true },
  });
  const orders = node(T.table, "orders-table", { billingMode: "PAY_PER_REQUEST" });
  const reports = node(T.table, "reports-table", { billingMode: "PAY_PER_REQUEST" });
  const manifests = node(T.table, "manifests-table", { billingMode: "PAY_PER_REQUEST" });
  const lake = node(T.bucket, "lake-bucket");
  const uploads = node(T.bucket, "uploads-bucket");
  const thumbnails = node(T.bucket, "thumbnails-bucket");
  const files = node(T.bucket, "logs-bucket");
  const uploaded = node(T.queue, "uploads-queue");
  const dropped = node(T.queue, "files-queue");
  const ordersQueue = node(T.queue, "orders-queue");
  const jobs = node(T.queue, "compactions-queue");
  const reportJobs = node(T.queue, "daily-reports-queue");
  const bus = node(T.bus, "orders-bus");
  const rule = node(T.rule, "orders-order-placed-rule", {}, { eventBusName: bus });
  const api = node(T.api, "api", { protocolType: "HTTP" });
  const accessLog = node(T.logGroup, "access-log", { retentionInDays: 90 });
  const cache = node(T.cache, "reads-cache", { engine: "valkey" });
  const aggregate = lambda("telemetry-aggregate-function", {
    memorySize: 1_024,
    traced: true,
    may: [[readings, ["dynamodb:BatchGetItem", "dynamodb:PutItem"]]],
  });
  const archive = lambda("telemetry-archive-function", { may: [[lake, ["s3:PutObject"]]] });
  const send = lambda("api-post-telemetry-function", { may: [[stream, ["kinesis:PutRecords"]]] });
  const read = lambda("api-get-devices-function", {
    may: [
      [readings, ["dynamodb:Query"]],
      [cache, ["elasticache:Connect"]],
    ],
  });
  const upload = lambda("api-post-images-function", { may: [[uploads, ["s3:PutObject"]]] });
  const look = lambda("api-get-images-imageId-function", { may: [[thumbnails, ["s3:GetObject"]]] });
  const shrink = lambda("uploads-thumbnails-function", {
    memorySize: 1_769,
    may: [
      [uploads, ["s3:GetObject"]],
      [thumbnails, ["s3:PutObject"]],
    ],
  });
  const place = lambda("api-post-orders-function", { may: [[orders, ["dynamodb:PutItem"]]] });
  const publish = lambda("orders-publish-function", { may: [[bus, ["events:PutEvents"]]] });
  const fulfil = lambda("orders-fulfil-function", { may: [[orders, ["dynamodb:UpdateItem"]]] });
  const plan = lambda("plan-compaction-function", {
    may: [
      [lake, ["s3:ListBucket"]],
      [manifests, ["dynamodb:Query"]],
      [jobs, ["sqs:SendMessage"]],
    ],
  });
  const compact = lambda("compactions-compact-function", {
    memorySize: 1_769,
    diskMb: 4_096,
    may: [
      [lake, ["s3:GetObject", "s3:PutObject", "s3:ListBucket"]],
      [manifests, ["dynamodb:Query", "dynamodb:PutItem"]],
      [reportJobs, ["sqs:SendMessage"]],
    ],
  });
  const report = lambda("daily-reports-build-function", {
    memorySize: 1_769,
    may: [
      [lake, ["s3:GetObject", "s3:PutObject", "s3:ListBucket"]],
      [reports, ["dynamodb:BatchWriteItem", "dynamodb:GetItem"]],
    ],
  });
  const lines = lambda("access-log-process-function", { may: [[lake, ["s3:PutObject"]]] });
  const logFiles = lambda("logs-process-function", {
    may: [
      [files, ["s3:GetObject"]],
      [lake, ["s3:PutObject"]],
    ],
  });
  return graphOf(
    ...[stream, readings, orders, reports, manifests, lake, uploads, thumbnails, files, uploaded, dropped],
    ...[ordersQueue, jobs, reportJobs, bus, rule, api, accessLog, cache],
    ...[aggregate, archive, send, read, upload, look, shrink, place, publish, fulfil, plan].flat(),
    ...[compact, report, lines, logFiles].flat(),
    mapping(stream, aggregate, { batchSize: 500 }),
    mapping(stream, archive, { batchSize: 5_000, maximumBatchingWindowInSeconds: 60 }),
    mapping(uploaded, shrink, { batchSize: 1 }),
    mapping(dropped, logFiles, { batchSize: 10 }),
    mapping(orders, publish, { batchSize: 100 }),
    mapping(ordersQueue, fulfil, { batchSize: 10 }),
    mapping(jobs, compact, { batchSize: 1 }),
    mapping(reportJobs, report, { batchSize: 1 }),
    node(T.notification, "uploads-notification", { queues: [] }, { bucket: uploads, queues: uploaded }),
    node(T.notification, "files-notification", { queues: [] }, { bucket: files, queues: dropped }),
    node(T.target, "orders-target", { arn: "arn:orders-queue" }, { rule, arn: ordersQueue }),
    node(T.archive, "orders-archive", { retentionDays: 90 }, { eventSourceArn: bus }),
    node(T.schedule, "plan-schedule", { scheduleExpression: "rate(15 minutes)" }, { target: plan[0]! }),
    node(T.iotRule, "devices_rule", { kineses: [{}] }, { kineses: stream }),
    node(
      T.client,
      "client",
      {
        allowedOauthFlows: ["client_credentials"],
        accessTokenValidity: 60,
        tokenValidityUnits: { accessToken: "minutes" },
      },
      {},
    ),
    node(
      T.stage,
      "stage",
      { defaultRouteSettings: { detailedMetricsEnabled: true } },
      { apiId: api, accessLogSettings: accessLog },
    ),
    node(T.filter, "lines-filter", {}, { logGroup: accessLog, destinationArn: lines[0]! }),
    node(T.workgroup, "lake-sql"),
    ...route(api, "POST /telemetry", send),
    ...route(api, "GET /devices", read),
    ...route(api, "POST /images", upload),
    ...route(api, "GET /images/{imageId}", look),
    ...route(api, "POST /orders", place),
  );
};
