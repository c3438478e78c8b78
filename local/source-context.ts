/** What each source sees of the runtime. */
import type { Aws } from "./aws.ts";
import { type Graph, plain, type ResourceNode } from "./engine/graph.ts";
import type { Hosts } from "./hosts.ts";
import type { Clock } from "./kit/clock.ts";
import type { Trace } from "./kit/trace.ts";
import type { AsyncInvoker } from "./lambda/async-invoke.ts";
import type { Callers } from "./lambda/iam.ts";
import type { LambdaPool } from "./lambda/pool.ts";
import type { SourceContext } from "./sources/source.ts";

export interface SourceSurroundings {
  graph: Graph;
  aws: Aws;
  pool: LambdaPool;
  asyncInvoke: AsyncInvoker;
  callers: Callers;
  hosts: Hosts;
  clock: Clock;
  trace: Trace;
  log(line: string): void;
}

/** The ports after the endpoint's, each kept for one resource; any free one when the endpoint's is 0. */
export function portsAfter(first: number): { of(urn: string): number } {
  const ports = new Map<string, number>();
  return {
    of: (urn) => {
      if (first === 0) return 0;
      const port = ports.get(urn) ?? first + 1 + ports.size;
      ports.set(urn, port);
      return port;
    },
  };
}

export function sourceContext(surroundings: SourceSurroundings, nextPort: () => number): SourceContext {
  const { graph, aws, pool, asyncInvoke, callers, clock, trace, hosts, log } = surroundings;
  const byUrn = new Map(graph.resources.map((node) => [node.urn, node]));
  return {
    graph,
    find: (urn) => byUrn.get(urn),
    byOutput: (type, key, value) => graph.resources.find(hasOutput(type, key, value)),
    pool,
    asyncInvoke,
    callers,
    services: {
      kinesis: aws.kinesis,
      dynamodb: aws.dynamodb,
      s3: aws.objects,
      queues: aws.objects.queues,
      topics: aws.objects.topics,
      events: aws.events,
      logs: aws.logs,
      alarms: aws.cloudWatch.alarms,
      mqtt: aws.mqtt,
    },
    clock,
    trace,
    random: Math.random,
    ports: { next: nextPort },
    resolveHost: (url) => hosts.resolve(url),
    log,
  };
}

const hasOutput =
  (type: string, key: string, value: string) =>
  (node: ResourceNode): boolean =>
    node.type === type && plain(node.outputs[key] ?? null) === value;
