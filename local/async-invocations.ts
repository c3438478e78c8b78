/** Asynchronous invocations in the runtime: what they are made of, and their settings from the program. */
import type { Aws } from "./aws.ts";
import type { Applier } from "./deployment.ts";
import { plain, type ResourceNode } from "./engine/graph.ts";
import type { Clock } from "./kit/clock.ts";
import type { Trace } from "./kit/trace.ts";
import { AsyncDestinations } from "./lambda/async-destinations.ts";
import { AsyncInvoker, type AsyncSettings } from "./lambda/async-invoke.ts";
import type { Callers } from "./lambda/iam.ts";
import { functionNameOf } from "./lambda/permission.ts";
import type { LambdaPool } from "./lambda/pool.ts";

export interface AsyncSurroundings {
  aws: Aws;
  pool: LambdaPool;
  callers: Callers;
  clock: Clock;
  trace: Trace;
  /** Waits take a hundredth of their time. */
  fast: boolean | undefined;
  log(line: string): void;
}

interface PutEventsAnswer {
  Entries: { ErrorMessage?: string }[];
}

const FAST_FACTOR = 0.01;

export function createAsyncInvoker(surroundings: AsyncSurroundings): AsyncInvoker {
  const { aws, pool, callers, clock, trace, fast, log } = surroundings;
  const destinations = new AsyncDestinations({
    callers,
    clock,
    services: {
      putObject: (bucket, key, body) => aws.objects.putObject(bucket, key, body),
      sendMessage: (queue, body, attributes) => aws.objects.queues.send(queue, { body, attributes }),
      publish: (topicArn, message) => aws.objects.topics.publish(topicArn, message),
      putEvent: async (entry) => {
        const { Entries } = aws.events.handle("PutEvents", { Entries: [entry] }) as PutEventsAnswer;
        if (Entries[0]?.ErrorMessage) throw new Error(Entries[0].ErrorMessage);
      },
      invoke: (functionName, payload) => invoker.invoke(functionName, payload),
    },
  });
  const invoker: AsyncInvoker = new AsyncInvoker({
    pool,
    destinations,
    clock,
    trace,
    waitFactor: fast ? FAST_FACTOR : 1,
    log,
  });
  return invoker;
}

type Properties = Record<string, unknown>;

const properties = (node: ResourceNode): Properties => plain(node.outputs) as Properties;
const map = (value: unknown): Properties =>
  typeof value === "object" && value !== null ? (value as Properties) : {};

function settingsOf(config: Properties): Partial<AsyncSettings> {
  const { maximumRetryAttempts, maximumEventAgeInSeconds } = config;
  const destination = (key: string): string | undefined => {
    const { destination: arn } = map(map(config.destinationConfig)[key]);
    return typeof arn === "string" ? arn : undefined;
  };
  return {
    ...(typeof maximumRetryAttempts === "number" ? { maximumRetryAttempts } : {}),
    ...(typeof maximumEventAgeInSeconds === "number"
      ? { maximumEventAgeMs: maximumEventAgeInSeconds * 1_000 }
      : {}),
    onFailure: destination("onFailure"),
    onSuccess: destination("onSuccess"),
  };
}

/** A function's settings for asynchronous invocations follow the program. */
export function asyncAppliers(invoker: AsyncInvoker): Record<string, Applier> {
  return {
    "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig": {
      fingerprint: (node) => JSON.stringify(properties(node)),
      create: async (node) => {
        const config = properties(node);
        const functionName = functionNameOf(String(config.functionName));
        invoker.configure(functionName, settingsOf(config));
        return async () => invoker.configure(functionName, undefined);
      },
    },
  };
}
