/**
 * The figures that AWS's services publish of themselves, under the names and dimensions that they have there.
 *
 * Differs from AWS: what Lambda publishes by version alone is left out; DynamoDB, S3 and SNS publish nothing.
 * Sources: https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html,
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-metrics.html,
 * https://docs.aws.amazon.com/streams/latest/dev/monitoring-with-cloudwatch.html,
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html,
 * https://docs.aws.amazon.com/iot/latest/developerguide/metrics_dimensions.html,
 * https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-monitoring.html
 */
import { type Dimensions, Metric, type MetricStore } from "./metric-store.ts";

type Unit = "Count" | "Milliseconds" | "Bytes" | "Seconds";
/** Name, figure, unit. */
type Figure = readonly [name: string, value: number, unit: Unit];

/** Places whose metrics are kept at hand. */
const MOST_PLACES = 10_000;

/** A queue at one moment. */
export interface QueueLevel {
  readonly queue: string;
  readonly visible: number;
  readonly notVisible: number;
  readonly delayed: number;
  /** Seconds. */
  readonly oldestAge: number;
}

export interface InvocationFigures {
  readonly functionName: string;
  /** What it was invoked by, where that was an alias, and the version that ran. */
  readonly alias?: { readonly name: string; readonly version: string } | undefined;
  readonly failed: boolean;
  /** Milliseconds, without initialisation. */
  readonly duration: number;
  /** Of the function, this invocation with it. */
  readonly concurrency: number;
}

export interface RequestFigures {
  readonly apiId: string;
  readonly stage: string;
  /** `GET /path`, where the stage tells its routes apart. */
  readonly route: string | undefined;
  readonly status: number;
  /** Milliseconds. */
  readonly latency: number;
  /** Milliseconds; undefined when no function was asked. */
  readonly integrationLatency: number | undefined;
}

const of = (truth: boolean): number => (truth ? 1 : 0);

export class AwsFigures {
  readonly #store: MetricStore;
  /** By where they belong, so that their keys are made once. */
  readonly #known = new Map<string, Map<string, Metric>>();

  constructor(store: MetricStore) {
    this.#store = store;
  }

  /** AWS/Lambda, of the function, of its alias, and of all functions together. */
  invocation({ functionName, alias, failed, duration, concurrency }: InvocationFigures): void {
    const figures: Figure[] = [
      ["Invocations", 1, "Count"],
      ["Errors", of(failed), "Count"],
      ["Throttles", 0, "Count"],
      ["Duration", duration, "Milliseconds"],
      ["ConcurrentExecutions", concurrency, "Count"],
    ];
    this.#lambda(functionName, figures);
    if (alias === undefined) return;
    const dimensions = { FunctionName: functionName, Resource: `${functionName}:${alias.name}` };
    this.#add("AWS/Lambda", dimensions, figures);
    this.#add("AWS/Lambda", { ...dimensions, ExecutedVersion: alias.version }, figures);
  }

  throttle(functionName: string): void {
    this.#lambda(functionName, [["Throttles", 1, "Count"]]);
  }

  /** An event that Lambda gave up, or could not tell anybody of. */
  asyncFailure(
    functionName: string,
    name: "AsyncEventsDropped" | "DeadLetterErrors" | "DestinationDeliveryFailures",
  ) {
    this.#lambda(functionName, [[name, 1, "Count"]]);
  }

  /** @param age milliseconds since the batch's last record came, when it was handed to the function */
  iteratorAge(functionName: string, streamArn: string, age: number): void {
    this.#lambda(functionName, [["IteratorAge", age, "Milliseconds"]]);
    const [, StreamName] = /^arn:aws[^:]*:kinesis:[^/]*\/(.+)$/.exec(streamArn) ?? [];
    if (StreamName === undefined) return;
    this.#add("AWS/Kinesis", { StreamName }, [["GetRecords.IteratorAgeMilliseconds", age, "Milliseconds"]]);
  }

  /** AWS/Kinesis: records that one request wrote, and those that it could not. */
  streamWrite(StreamName: string, { records, bytes, refused }: StreamWrite): void {
    this.#add("AWS/Kinesis", { StreamName }, [
      ["IncomingRecords", records, "Count"],
      ["IncomingBytes", bytes, "Bytes"],
      ["WriteProvisionedThroughputExceeded", refused, "Count"],
    ]);
  }

  /** AWS/SQS: what clients and services did with messages. */
  messages(QueueName: string, what: MessageAct, count: number): void {
    this.#add("AWS/SQS", { QueueName }, [[`NumberOfMessages${what}`, count, "Count"]]);
  }

  /** @param at in the minute that it is told for */
  queueLevel({ queue, visible, notVisible, delayed, oldestAge }: QueueLevel, at: number): void {
    const figures: Figure[] = [
      ["ApproximateNumberOfMessagesVisible", visible, "Count"],
      ["ApproximateNumberOfMessagesNotVisible", notVisible, "Count"],
      ["ApproximateNumberOfMessagesDelayed", delayed, "Count"],
      ["ApproximateAgeOfOldestMessage", oldestAge, "Seconds"],
    ];
    this.#add("AWS/SQS", { QueueName: queue }, figures, at);
  }

  /** AWS/ApiGateway: each request counts as 0 or 1, so that an average is a share. */
  request({ apiId, stage, route, status, latency, integrationLatency }: RequestFigures): void {
    const figures: Figure[] = [
      ["Count", 1, "Count"],
      ["4xx", of(status >= 400 && status < 500), "Count"],
      ["5xx", of(status >= 500), "Count"],
      ["Latency", latency, "Milliseconds"],
    ];
    if (integrationLatency !== undefined)
      figures.push(["IntegrationLatency", integrationLatency, "Milliseconds"]);
    this.#add("AWS/ApiGateway", { ApiId: apiId }, figures);
    this.#add("AWS/ApiGateway", { ApiId: apiId, Stage: stage }, figures);
    if (route === undefined) return;
    const [Method = "", Resource = route] = route.split(" ");
    this.#add("AWS/ApiGateway", { ApiId: apiId, Method, Resource, Stage: stage }, figures);
  }

  /** AWS/IoT: one action of a rule for one message. */
  ruleAction(RuleName: string, ActionType: string, failed: boolean): void {
    this.#add("AWS/IoT", { RuleName, ActionType }, [[failed ? "Failure" : "Success", 1, "Count"]]);
  }

  /** AWS/Events: an event that a rule's target took, or never will. */
  ruleInvocation(RuleName: string, EventBusName: string, failed: boolean): void {
    const name = failed ? "FailedInvocations" : "Invocations";
    this.#add("AWS/Events", { RuleName, EventBusName }, [[name, 1, "Count"]]);
  }

  #lambda(functionName: string, figures: readonly Figure[]): void {
    this.#add("AWS/Lambda", { FunctionName: functionName }, figures);
    this.#add("AWS/Lambda", {}, figures);
  }

  #add(namespace: string, dimensions: Dimensions, figures: readonly Figure[], at?: number): void {
    const place = this.#place(namespace, dimensions);
    for (const [name, value, unit] of figures) {
      const metric = place.get(name) ?? new Metric({ namespace, name, dimensions });
      place.set(name, metric);
      this.#store.add(metric, value, { at, unit });
    }
  }

  #place(namespace: string, dimensions: Dimensions): Map<string, Metric> {
    const key = Object.values(dimensions).reduce((text, value) => `${text}\n${value}`, namespace);
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    if (this.#known.size >= MOST_PLACES) this.#known.clear();
    const made = new Map<string, Metric>();
    this.#known.set(key, made);
    return made;
  }
}

export interface StreamWrite {
  readonly records: number;
  readonly bytes: number;
  readonly refused: number;
}

export type MessageAct = "Sent" | "Received" | "Deleted";
