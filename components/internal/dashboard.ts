/** What stands on a stack's dashboard, and in which order: the same for the same stack. Pure. */
import {
  alarmWidgets,
  compared,
  found,
  graph,
  placed,
  rowOf,
  type Shown,
  type Source,
  textWidget,
  WIDTH,
  type Widget,
} from "./widgets.ts";

interface ShownFunction extends Shown {
  /** Seconds, drawn as the line that durations must stay below. */
  timeout: number;
}

/** The program's own metrics in one graph, a line per value of the dimension. */
export interface Figure {
  title: string;
  namespace: string;
  dimension: string;
  metrics: readonly string[];
  /** @default "Sum" */
  statistic?: string;
}

/** What a dashboard shows. */
export interface DashboardContent {
  region: string;
  /** Markdown at the top. */
  heading: string;
  /** ARNs. */
  alarms: readonly string[];
  apis: readonly Shown[];
  functions: readonly ShownFunction[];
  /** Functions that read a stream or a table's changes. */
  readers: readonly Shown[];
  streams: readonly Shown[];
  queues: readonly (Shown & { isEnd: boolean })[];
  tables: readonly Shown[];
  topicRules: readonly Shown[];
  figures: readonly Figure[];
}

const HEADING_HEIGHT = 2;
const MOST_WIDGETS = 500;

/** The dashboard as JSON. @throws {Error} when it has more widgets than CloudWatch takes */
export function dashboardBody(content: DashboardContent): string {
  const { region } = content;
  const rows = [
    [textWidget(content.heading, HEADING_HEIGHT)],
    alarmWidgets(content.alarms),
    ...section(
      "Requests",
      content.apis.map((api) => apiRow(region, api)),
    ),
    ...section("Figures", [content.figures.map((figure) => figureWidget(region, figure))]),
    ...section(
      "Functions",
      content.functions.map((each) => functionRow(region, each)),
    ),
    ...section("Streams and changes", streamRows(content)),
    ...section("Queues", queueRows(content)),
    ...section(
      "Tables",
      content.tables.map((table) => tableRow(region, table)),
    ),
    ...section(
      "Devices",
      content.topicRules.map((rule) => ruleRow(region, rule)),
    ),
  ];
  const widgets = placed(rows);
  if (widgets.length > MOST_WIDGETS) {
    throw new Error(
      `The dashboard would have ${widgets.length} widgets; CloudWatch takes ${MOST_WIDGETS}. Split the stack in two.`,
    );
  }
  return JSON.stringify({ start: "-PT3H", periodOverride: "inherit", widgets });
}

/** Nothing at all where there is nothing to show. */
const section = (title: string, rows: readonly (readonly Widget[])[]): (readonly Widget[])[] =>
  rows.some((row) => row.length > 0) ? [[textWidget(`## ${title}`)], ...rows] : [];

/** Metrics: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-metrics.html */
const apiRow = (region: string, api: Shown): Widget[] =>
  rowOf({ region, namespace: "AWS/ApiGateway", dimension: "ApiId" }, api, {
    requests: { requests: ["Count", "Sum"] },
    "refused and failed": { "4xx": ["4xx", "Sum"], "5xx": ["5xx", "Sum"] },
    milliseconds: {
      p50: ["Latency", "p50"],
      p99: ["Latency", "p99"],
      "function's p99": ["IntegrationLatency", "p99"],
    },
  });

/** Lines come from a search: which functions give these figures, their code says. */
function figureWidget(region: string, figure: Figure): Widget {
  const { title, namespace, dimension, metrics, statistic } = figure;
  const names = metrics.map((name) => `"${name}"`).join(" OR ");
  const expression = `{${namespace},${dimension}} MetricName=(${names})`;
  return graph({ region, title, width: WIDTH / 3, metrics: found(expression, statistic) });
}

/** Metrics: https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html */
function functionRow(region: string, { timeout, ...each }: ShownFunction): Widget[] {
  const [runs, durations, executions] = rowOf(
    { region, namespace: "AWS/Lambda", dimension: "FunctionName" },
    each,
    {
      runs: { runs: ["Invocations", "Sum"], errors: ["Errors", "Sum"], throttles: ["Throttles", "Sum"] },
      milliseconds: { p50: ["Duration", "p50"], p99: ["Duration", "p99"] },
      "executions at once": { executions: ["ConcurrentExecutions", "Maximum"] },
    },
  );
  if (!runs || !durations || !executions) return [];
  const annotations = { horizontal: [{ label: "timeout", value: timeout * 1_000 }] };
  return [runs, { ...durations, properties: { ...durations.properties, annotations } }, executions];
}

/** Metrics: https://docs.aws.amazon.com/streams/latest/dev/monitoring-with-cloudwatch.html */
function streamRows({ region, streams, readers }: DashboardContent): Widget[][] {
  const lambda: Source = { region, namespace: "AWS/Lambda", dimension: "FunctionName" };
  const kinesis: Source = { region, namespace: "AWS/Kinesis", dimension: "StreamName" };
  const rows = streams.map((stream) =>
    rowOf(kinesis, stream, {
      records: { in: ["IncomingRecords", "Sum"], out: ["GetRecords.Records", "Sum"] },
      bytes: { in: ["IncomingBytes", "Sum"], out: ["GetRecords.Bytes", "Sum"] },
      "refused for want of shards": {
        writes: ["WriteProvisionedThroughputExceeded", "Sum"],
        reads: ["ReadProvisionedThroughputExceeded", "Sum"],
      },
    }),
  );
  const age = { title: "Age of what is read, milliseconds", line: ["IteratorAge", "Maximum"] } as const;
  return [compared(lambda, age, readers), ...rows];
}

/** Metrics: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html */
function queueRows({ region, queues }: DashboardContent): Widget[][] {
  const sqs: Source = { region, namespace: "AWS/SQS", dimension: "QueueName" };
  const depth = ["ApproximateNumberOfMessagesVisible", "Maximum"] as const;
  const age = ["ApproximateAgeOfOldestMessage", "Maximum"] as const;
  const ends = queues.filter(({ isEnd }) => isEnd);
  const working = queues.filter(({ isEnd }) => !isEnd);
  return [
    [
      ...compared(sqs, { title: "Messages waiting", line: depth }, working),
      ...compared(sqs, { title: "Age of the oldest, seconds", line: age }, working),
    ],
    compared(sqs, { title: "Given up", line: depth }, ends),
  ];
}

/** Metrics: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/metrics-dimensions.html */
const tableRow = (region: string, table: Shown): Widget[] =>
  rowOf({ region, namespace: "AWS/DynamoDB", dimension: "TableName" }, table, {
    units: { read: ["ConsumedReadCapacityUnits", "Sum"], written: ["ConsumedWriteCapacityUnits", "Sum"] },
    throttled: { reads: ["ReadThrottleEvents", "Sum"], writes: ["WriteThrottleEvents", "Sum"] },
  });

/** Metrics: https://docs.aws.amazon.com/iot/latest/developerguide/metrics_dimensions.html */
function ruleRow(region: string, rule: Shown): Widget[] {
  const actions = `{AWS/IoT,ActionType,RuleName} RuleName="${rule.id}" MetricName=("Success" OR "Failure")`;
  const matches = rowOf({ region, namespace: "AWS/IoT", dimension: "RuleName" }, rule, {
    messages: { messages: ["TopicMatch", "Sum"] },
  });
  return [
    ...matches.map((widget) => ({ ...widget, width: WIDTH / 2 })),
    graph({
      region,
      title: `${rule.title}: handed on or failed`,
      width: WIDTH / 2,
      metrics: found(actions),
    }),
  ];
}
