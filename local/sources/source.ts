/**
 * What an adapter in this folder is: it brings one kind of trigger to life on this machine.
 *
 * Each file exports `source`. The runtime finds the files by listing the folder and starts each one for every
 * resource of its types, after the services and the functions; it stops them in reverse order.
 */
import type { Graph, ResourceNode } from "../engine/graph.ts";
import type { Clock } from "../kit/clock.ts";
import type { Trace } from "../kit/trace.ts";
import type { AsyncInvoker } from "../lambda/async-invoke.ts";
import type { Callers } from "../lambda/iam.ts";
import type { LambdaPool } from "../lambda/pool.ts";
import type { ChangeStreams } from "../services/dynamodb-streams.ts";
import type { EventBridge } from "../services/event-bridge.ts";
import type { Kinesis } from "../services/kinesis.ts";
import type { CloudWatchLogs } from "../services/logs.ts";
import type { MessageQueues } from "../services/message-queues.ts";
import type { MessageTopics } from "../services/message-topics.ts";
import type { MetricAlarms } from "../services/metric-alarms.ts";
import type { Mqtt } from "../services/mqtt.ts";
import type { WrittenObject } from "../services/s3-sqs-sns.ts";

export interface Source {
  /** Resource type tokens that it starts, e.g. `aws:apigatewayv2/api:Api`. */
  types: string[];
  /**
   * Prefixes of the types that it reads besides its own resource: when one of them changes, `--watch` starts it anew.
   * @default only its own resource
   */
  family?: string[];
  /** @returns undefined when the resource is of the type but another adapter's, e.g. a queue's mapping */
  start(node: ResourceNode, context: SourceContext): Promise<RunningSource | undefined>;
}

export interface RunningSource {
  /** For the console. */
  name: string;
  /** Where it answers, when it does. */
  url?: string;
  /** AWS hosts that this address stands for. */
  hosts?: string[];
  /** Finishes or gives up what is in progress within 2 s. */
  stop(): Promise<void>;
}

/** Objects and messages, written by the runtime itself on a resource's behalf. */
export interface ObjectStore {
  putObject(bucket: string, key: string, body: string | Buffer): unknown;
  /** Calls `listener` on every object written, once; it must return at once. @returns how to end that */
  onCreated(listener: (object: WrittenObject) => void): () => void;
  /** @param queue URL or name */
  sendMessage(queue: string, body: string): Promise<unknown>;
}

export interface SourceServices {
  kinesis: Kinesis;
  /** The changes of every table. */
  dynamodb: { streams: ChangeStreams };
  s3: ObjectStore;
  /** Made from the graph; their policies decide which AWS services may send. */
  queues: MessageQueues;
  topics: Pick<MessageTopics, "publish">;
  events: Pick<EventBridge, "hasBus" | "onEvent">;
  logs: Pick<CloudWatchLogs, "append" | "hasGroup" | "onAppend">;
  alarms: Pick<MetricAlarms, "define">;
  /** What devices publish; opens its port with the first rule. */
  mqtt: Pick<Mqtt, "listen" | "onMessage">;
}

export interface SourceContext {
  graph: Graph;
  find(urn: string): ResourceNode | undefined;
  /** The resource of a type with this output, e.g. a stream by its ARN. */
  byOutput(type: string, key: string, value: string): ResourceNode | undefined;
  pool: LambdaPool;
  /**
   * Runs functions as AWS runs them for an event that nobody waits for: retries, event age, destinations. Check first
   * that the function lets the service in (lambda/permission.ts).
   */
  asyncInvoke: Pick<AsyncInvoker, "invoke">;
  /** What each function's role may do. */
  callers: Callers;
  services: SourceServices;
  clock: Clock;
  trace: Trace;
  /** From 0 up to 1. */
  random(): number;
  ports: { next(): number };
  /** The loopback address that stands for an AWS one. */
  resolveHost(url: string): string;
  /** A line for the console. */
  log(line: string): void;
}
