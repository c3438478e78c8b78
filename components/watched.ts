import type * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { functionNameOf, logGroupNameOf } from "./internal/arns.ts";
import type { MadeResource } from "./stack-resources.ts";

/** What the stack has that can be watched, each under its logical name, in the program's order. */
export interface Watched {
  functions: WatchedFunction[];
  /** Functions that read a stream or a table's changes. */
  readers: WatchedReader[];
  queues: WatchedQueue[];
  streams: { name: string; streamName: pulumi.Output<string> }[];
  tables: { name: string; tableName: pulumi.Output<string> }[];
  /** HTTP APIs. */
  apis: { name: string; apiId: pulumi.Output<string>; accessLogs: pulumi.Output<string> | undefined }[];
  topicRules: { name: string; ruleName: pulumi.Output<string> }[];
}

export interface WatchedFunction {
  name: string;
  functionName: pulumi.Output<string>;
  /** Seconds. */
  timeout: pulumi.Input<number>;
  /** Executions; undefined where it shares the account's. */
  reserved: pulumi.Input<number> | undefined;
  /** Whether it reads a stream or a table's changes. */
  reads: boolean;
  /** Where it writes its lines; undefined for Lambda's own choice. */
  logGroup(): pulumi.Input<string> | undefined;
}

export interface WatchedReader {
  /** Of the mapping. */
  name: string;
  functionName: pulumi.Output<string>;
  /** How long the source keeps its records, hours. */
  retentionHours: pulumi.Input<number>;
}

export interface WatchedQueue {
  name: string;
  queueName: pulumi.Output<string>;
  /** Nothing takes messages from it but people: what arrives there has failed. */
  isEnd: boolean;
  visibility: pulumi.Input<number>;
  delay: pulumi.Input<number>;
}

/** Lambda's, SQS's and Kinesis's own defaults, where an argument is left out. */
const DEFAULTS = { timeout: 3, visibility: 30, delay: 0, retentionHours: 24 } as const;

/** How long DynamoDB keeps changes: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html */
const CHANGES_HOURS = 24;

/** A value made of another; at once where that is plain, so that a preview shows it and no Output is made. */
export function mapped<T extends number, U>(value: pulumi.Input<T>, map: (value: T) => U): pulumi.Input<U> {
  return typeof value === "number" ? map(value) : (pulumi.output(value) as pulumi.Output<T>).apply(map);
}

/** Sorts out what has been made so far. */
export function watchedAmong(made: readonly MadeResource[]): Watched {
  const ofType = (type: string) => made.filter((each) => each.type === type);
  const mappings = ofType("aws:lambda/eventSourceMapping:EventSourceMapping");
  const lambdas = lambdasAmong(made);
  const readers = readersAmong(mappings, made, lambdas);
  return {
    functions: lambdas.map((lambda) => functionOf(lambda, readers)),
    readers: readers.map(({ name, functionName, retentionHours }) => ({
      name,
      functionName,
      retentionHours,
    })),
    queues: ofType("aws:sqs/queue:Queue").map((queue) => queueOf(queue, mappings)),
    streams: ofType("aws:kinesis/stream:Stream").map(({ name, resource }) => ({
      name,
      streamName: (resource as aws.kinesis.Stream).name,
    })),
    tables: ofType("aws:dynamodb/table:Table").map(({ name, resource }) => ({
      name,
      tableName: (resource as aws.dynamodb.Table).name,
    })),
    apis: apisAmong(made),
    topicRules: ofType("aws:iot/topicRule:TopicRule").map(({ name, resource }) => ({
      name,
      ruleName: (resource as aws.iot.TopicRule).name,
    })),
  };
}

interface Lambda extends MadeResource {
  lambda: aws.lambda.Function;
  /** Outputs that name it: its own, and those of its aliases. */
  known: unknown[];
}

function lambdasAmong(made: readonly MadeResource[]): Lambda[] {
  const aliases = made.filter(({ type }) => type === "aws:lambda/alias:Alias");
  return made
    .filter(({ type }) => type === "aws:lambda/function:Function")
    .map((each) => {
      const lambda = each.resource as aws.lambda.Function;
      const own: unknown[] = [lambda.arn, lambda.name, lambda.id, lambda.qualifiedArn];
      const others = aliases
        .filter(({ args }) => own.includes(args.functionName))
        .flatMap(({ resource }) => [(resource as aws.lambda.Alias).arn, resource]);
      return { ...each, lambda, known: [...own, lambda, ...others] };
    });
}

interface Reader extends WatchedReader {
  reader: Lambda | undefined;
}

/** A mapping has a starting position exactly when its source is a stream or a table's changes. */
function readersAmong(
  mappings: MadeResource[],
  made: readonly MadeResource[],
  lambdas: readonly Lambda[],
): Reader[] {
  return mappings
    .filter(({ args }) => args.startingPosition !== undefined)
    .map(({ name, args }) => {
      const reader = lambdas.find(({ known }) => known.includes(args.functionName));
      return {
        name,
        reader,
        functionName:
          reader?.lambda.name ??
          pulumi.output(args.functionName as pulumi.Input<string>).apply(functionNameOf),
        retentionHours: retentionOf(args.eventSourceArn, made),
      };
    });
}

/** The shortest there is, where the source is not the program's own. */
function retentionOf(sourceArn: unknown, made: readonly MadeResource[]): pulumi.Input<number> {
  const stream = made.find(
    ({ type, resource }) =>
      type === "aws:kinesis/stream:Stream" && (resource as aws.kinesis.Stream).arn === sourceArn,
  );
  if (stream === undefined) return CHANGES_HOURS;
  return (stream.args.retentionPeriod as pulumi.Input<number> | undefined) ?? DEFAULTS.retentionHours;
}

function functionOf({ name, args, lambda }: Lambda, readers: readonly Reader[]): WatchedFunction {
  const { reservedConcurrentExecutions: reserved, loggingConfig } =
    args as unknown as aws.lambda.FunctionArgs;
  const isNone = reserved === undefined || (typeof reserved === "number" && reserved < 0);
  return {
    name,
    functionName: lambda.name,
    timeout: (args.timeout as pulumi.Input<number> | undefined) ?? DEFAULTS.timeout,
    reserved: isNone ? undefined : (reserved as pulumi.Input<number>),
    reads: readers.some(({ reader }) => reader?.lambda === lambda),
    logGroup: () => loggingConfig && pulumi.output(loggingConfig).apply((config) => config?.logGroup ?? ""),
  };
}

/** What counts its receipts (a redrive policy), or is read by a function, is worked off; any other queue is an end. */
function queueOf({ name, args, resource }: MadeResource, mappings: readonly MadeResource[]): WatchedQueue {
  const queue = resource as aws.sqs.Queue;
  const isRead = mappings.some(({ args: { eventSourceArn } }) => eventSourceArn === queue.arn);
  return {
    name,
    queueName: queue.name,
    isEnd: args.redrivePolicy === undefined && !isRead,
    visibility: (args.visibilityTimeoutSeconds as pulumi.Input<number> | undefined) ?? DEFAULTS.visibility,
    delay: (args.delaySeconds as pulumi.Input<number> | undefined) ?? DEFAULTS.delay,
  };
}

function apisAmong(made: readonly MadeResource[]): Watched["apis"] {
  const stages = made.filter(({ type }) => type === "aws:apigatewayv2/stage:Stage");
  return made
    .filter(({ type, args }) => type === "aws:apigatewayv2/api:Api" && args.protocolType === "HTTP")
    .map(({ name, resource }) => {
      const { id } = resource as aws.apigatewayv2.Api;
      const settings = stages.find(({ args }) => args.apiId === id)?.args.accessLogSettings as
        | aws.apigatewayv2.StageArgs["accessLogSettings"]
        | undefined;
      const accessLogs =
        settings && pulumi.output(settings).apply((logs) => logGroupNameOf(logs?.destinationArn ?? ""));
      return { name, apiId: id, accessLogs };
    });
}
