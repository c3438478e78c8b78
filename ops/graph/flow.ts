/** Events -> functions -> services, read from a program's resources. Pure. */
import type { Graph, ResourceNode } from "../../local/engine/graph.ts";
import type { FunctionPlan, Permission } from "../shared/functions.ts";

export interface FlowNode {
  /** URN of the component. */
  id: string;
  label: string;
  /** What it is: `Function`, `Table`, `HttpApi` ... */
  kind: string;
}

export interface FlowEdge {
  from: string;
  to: string;
  /** An event on its way, or data that code writes or only reads. */
  kind: "event" | "write" | "read";
}

export interface Flow {
  nodes: FlowNode[];
  edges: FlowEdge[];
}

/** Which resources carry events from one component to another, and by which properties. */
const CARRIERS: Record<string, { from?: string; to: string[] }> = {
  "aws:lambda/eventSourceMapping:EventSourceMapping": { from: "eventSourceArn", to: ["functionName"] },
  "aws:lambda/permission:Permission": { from: "sourceArn", to: ["function"] },
  "aws:apigatewayv2/integration:Integration": { from: "apiId", to: ["integrationUri"] },
  "aws:cloudwatch/eventTarget:EventTarget": { from: "rule", to: ["arn"] },
  "aws:cloudwatch/logSubscriptionFilter:LogSubscriptionFilter": { from: "logGroup", to: ["destinationArn"] },
  "aws:s3/bucketNotification:BucketNotification": { from: "bucket", to: ["queues", "lambdaFunctions"] },
  "aws:scheduler/schedule:Schedule": { to: ["target"] },
  "aws:iot/topicRule:TopicRule": { to: ["kineses", "lambda", "sqs"] },
  "aws:sns/topicSubscription:TopicSubscription": { from: "topic", to: ["endpoint"] },
};

const INTEGRATION = "aws:apigatewayv2/integration:Integration";
const ROUTE = "aws:apigatewayv2/route:Route";
const STACK = "pulumi:pulumi:Stack";

/** Actions that change something; every other one that code's commands need only reads. */
const WRITES = /:(Put|Post|Send|BatchWrite|Update|Delete|Publish|Start|Transact)/;
/** Actions that say nothing of where data goes. */
const LOOKS = /:(List|Describe|Head)/;

const kindOf = ({ type }: ResourceNode): string => type.slice(type.lastIndexOf(":") + 1);

type Owner = (urn: string | undefined) => ResourceNode | undefined;

/** @param functions as `planFunctions` gives them: what each may do, and which of it comes from its code */
export function flowOf(graph: Graph, functions: readonly FunctionPlan[]): Flow {
  const byUrn = new Map(graph.resources.map((node) => [node.urn, node]));
  /** The component that a resource belongs to. */
  const owner: Owner = (urn) => {
    const node = byUrn.get(urn ?? "");
    if (!node || node.type === STACK) return undefined;
    return node.custom ? owner(node.parent) : node;
  };
  const edges = new Map<string, FlowEdge>();
  for (const edge of [...eventsOf(graph, owner), ...dataOf(graph, functions, owner)]) {
    const key = `${edge.from} ${edge.to}`;
    if (edge.from !== edge.to && !edges.has(key)) edges.set(key, edge);
  }
  return { nodes: nodesOf(graph, owner, [...edges.values()]), edges: [...edges.values()] };
}

/** From what emits events to what gets them. */
function eventsOf(graph: Graph, owner: Owner): FlowEdge[] {
  const ownersOf = (node: ResourceNode, properties: string[]): string[] =>
    properties
      .flatMap((property) => node.propertyDependencies[property] ?? [])
      .map((urn) => owner(urn)?.urn)
      .filter((urn) => urn !== undefined);
  return graph.resources.flatMap((node) => {
    const carrier = CARRIERS[node.type];
    if (!carrier) return [];
    const sources = carrier.from === undefined ? [owner(node.urn)?.urn] : ownersOf(node, [carrier.from]);
    return sources
      .filter((urn) => urn !== undefined)
      .flatMap((from) => ownersOf(node, carrier.to).map((to) => ({ from, to, kind: "event" as const })));
  });
}

/** Between a function and the services that its code uses. */
function dataOf(graph: Graph, functions: readonly FunctionPlan[], owner: Owner): FlowEdge[] {
  const byName = new Map(graph.resources.filter((node) => node.custom).map((node) => [node.name, node.urn]));
  return functions.flatMap(({ urn, permissions }) => {
    const lambda = owner(urn)?.urn;
    if (lambda === undefined) return [];
    return accesses(permissions).flatMap(({ resource, writes }): FlowEdge[] => {
      const service = owner(byName.get(resource))?.urn;
      if (service === undefined) return [];
      return writes
        ? [{ from: lambda, to: service, kind: "write" }]
        : [{ from: service, to: lambda, kind: "read" }];
    });
  });
}

/** What code reads and writes, by resource; a resource that is written too counts as written. */
function accesses(permissions: readonly Permission[]): { resource: string; writes: boolean }[] {
  const found = new Map<string, boolean>();
  for (const { actions, captured } of permissions) {
    if (actions.every((action) => LOOKS.test(action))) continue;
    const writes = actions.some((action) => WRITES.test(action));
    for (const resource of captured) {
      const name = resource.split(/[/:]/)[0] ?? "";
      found.set(name, (found.get(name) ?? false) || writes);
    }
  }
  return [...found].map(([resource, writes]) => ({ resource, writes }));
}

/** The components that something reaches, or that reach something. */
function nodesOf(graph: Graph, owner: Owner, edges: readonly FlowEdge[]): FlowNode[] {
  const connected = new Set(edges.flatMap(({ from, to }) => [from, to]));
  const routes = routesOf(graph, owner);
  return graph.resources
    .filter(({ urn }) => connected.has(urn))
    .map((node) => ({ id: node.urn, label: routes.get(node.urn) ?? node.name, kind: kindOf(node) }))
    .sort((left, right) => (left.id < right.id ? -1 : 1));
}

/** `GET /devices/{deviceId}` of a function that answers a route, by the function's URN. */
function routesOf(graph: Graph, owner: Owner): Map<string, string> {
  const targets = (node: ResourceNode, property: string): string[] =>
    node.propertyDependencies[property] ?? [];
  const byUrn = new Map(graph.resources.map((node) => [node.urn, node]));
  const named = (route: ResourceNode): [string, string][] =>
    targets(route, "target")
      .map((urn) => byUrn.get(urn))
      .filter((node) => node?.type === INTEGRATION)
      .flatMap((integration) => (integration ? targets(integration, "integrationUri") : []))
      .map((urn) => owner(urn)?.urn ?? "")
      .map((urn) => [urn, String(route.inputs.routeKey)]);
  return new Map(graph.resources.filter(({ type }) => type === ROUTE).flatMap(named));
}
