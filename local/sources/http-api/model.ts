/**
 * The resource graph -> one HTTP API, ready to serve. Pure.
 *
 * Whatever the gateway does not stand for (WebSocket APIs, other integrations, other authorizers, imported OpenAPI
 * bodies) fails at start and names the resource, instead of behaving differently from AWS later.
 */

import {
  type Graph,
  type PropertyMap,
  type PropertyValue,
  plain,
  type ResourceNode,
} from "../../engine/graph.ts";
import type { CorsSettings } from "./cors.ts";
import type { AuthorizerSettings } from "./jwt.ts";
import { compareRoutes, parseRouteKey, type RoutePattern } from "./matching.ts";
import { ACCOUNT_LIMITS, type ThrottleLimits } from "./throttle.ts";

export interface RouteModel extends RoutePattern {
  functionName: string;
  /** As the integration names it: an alias's, where it does. */
  functionArn: string;
  /** Milliseconds. */
  timeoutMs: number;
  authorizer?: AuthorizerSettings;
  scopes: string[];
  /** Whether the function's resource policy lets this route in; without it AWS answers 500. */
  permitted(stage: string): boolean;
}

export interface StageModel {
  name: string;
  /** Limits of one route in this stage. */
  limitsOf(routeKey: string): ThrottleLimits;
  accessLog?: { format: string; logGroup: string };
  detailedMetrics: boolean;
}

export interface ApiModel {
  id: string;
  name: string;
  accountId: string;
  /** `<id>.execute-api.<region>.amazonaws.com` */
  domainName: string;
  cors?: CorsSettings;
  /** Most specific first. */
  routes: RouteModel[];
  stages: StageModel[];
}

/** Longest integration timeout, in milliseconds. */
const LONGEST_TIMEOUT_MS = 30_000;

const TYPES = {
  stage: "aws:apigatewayv2/stage:Stage",
  route: "aws:apigatewayv2/route:Route",
  integration: "aws:apigatewayv2/integration:Integration",
  authorizer: "aws:apigatewayv2/authorizer:Authorizer",
  permission: "aws:lambda/permission:Permission",
} as const;

/** A resource with its inputs and outputs opened. */
interface Resource {
  node: ResourceNode;
  id: string;
  values: PropertyMap;
}

const open = (node: ResourceNode): Resource => {
  const values = plain({ ...node.inputs, ...node.outputs }) as PropertyMap;
  return { node, id: node.id || textOf(values.id), values };
};

const textOf = (value: PropertyValue | undefined, otherwise = ""): string =>
  typeof value === "string" ? value : otherwise;

const textsOf = (value: PropertyValue | undefined): string[] =>
  Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];

const numberOf = (value: PropertyValue | undefined): number | undefined =>
  typeof value === "number" ? value : undefined;

const mapOf = (value: PropertyValue | undefined): PropertyMap | undefined =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? value : undefined;

const refuse = ({ node }: Resource, what: string): never => {
  throw new Error(
    `${node.type} "${node.name}": ${what} The local HTTP API serves Lambda proxy routes with JWT authorizers.`,
  );
};

const resourcesOf = (graph: Graph, type: string): Resource[] =>
  graph.resources.filter((node) => node.type === type).map(open);

const ofApi = (graph: Graph, type: string, apiId: string): Resource[] =>
  resourcesOf(graph, type).filter(({ values }) => values.apiId === apiId);

const corsOf = (value: PropertyValue | undefined): CorsSettings | undefined => {
  const cors = mapOf(value);
  if (cors === undefined) return undefined;
  const maxAge = numberOf(cors.maxAge);
  return {
    allowOrigins: textsOf(cors.allowOrigins),
    allowMethods: textsOf(cors.allowMethods),
    allowHeaders: textsOf(cors.allowHeaders),
    exposeHeaders: textsOf(cors.exposeHeaders),
    ...(maxAge === undefined ? {} : { maxAge }),
    allowCredentials: cors.allowCredentials === true,
  };
};

/** What a route leaves open is the stage's, what the stage leaves open is the account's. */
const limitsFrom = (settings: PropertyMap | undefined, otherwise: ThrottleLimits): ThrottleLimits => ({
  rate: numberOf(settings?.throttlingRateLimit) ?? otherwise.rate,
  burst: numberOf(settings?.throttlingBurstLimit) ?? otherwise.burst,
});

const accessLogOf = (value: PropertyValue | undefined): StageModel["accessLog"] => {
  const settings = mapOf(value);
  if (settings === undefined) return undefined;
  const [, logGroup = ""] = /:log-group:([^:]+)/.exec(textOf(settings.destinationArn)) ?? [];
  return { format: textOf(settings.format), logGroup };
};

const stageOf = ({ values }: Resource): StageModel => {
  const shared = limitsFrom(mapOf(values.defaultRouteSettings), ACCOUNT_LIMITS);
  const own = new Map<string, PropertyMap>();
  for (const setting of Array.isArray(values.routeSettings) ? values.routeSettings : []) {
    const map = mapOf(setting);
    if (map !== undefined) own.set(textOf(map.routeKey), map);
  }
  const accessLog = accessLogOf(values.accessLogSettings);
  return {
    name: textOf(values.name, "$default"),
    limitsOf: (routeKey) => limitsFrom(own.get(routeKey), shared),
    ...(accessLog === undefined ? {} : { accessLog }),
    detailedMetrics: mapOf(values.defaultRouteSettings)?.detailedMetricsEnabled === true,
  };
};

const authorizerOf = (graph: Graph, route: Resource): AuthorizerSettings | undefined => {
  const type = textOf(route.values.authorizationType, "NONE");
  if (type === "NONE") return undefined;
  if (type !== "JWT") refuse(route, `authorizationType is ${type}.`);
  const found = resourcesOf(graph, TYPES.authorizer).find(({ id }) => id === route.values.authorizerId);
  const jwt = mapOf(found?.values.jwtConfiguration);
  if (found === undefined || jwt === undefined) return refuse(route, "its authorizer is no JWT authorizer.");
  return {
    issuer: textOf(jwt.issuer),
    audiences: textsOf(jwt.audiences),
    identitySource: textsOf(found.values.identitySources)[0] ?? "$request.header.Authorization",
  };
};

/** An ARN pattern of a policy: `*` is any text, `?` one character. */
const arnMatches = (pattern: string, arn: string): boolean => {
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  return new RegExp(`^${source}$`).test(arn);
};

const FUNCTION_IN_URI = /arn:[^/]*:function:([^:/]+)(?::([^:/]+))?/;

const functionOf = (integration: Resource): { arn: string; name: string; qualifier: string } => {
  const uri = textOf(integration.values.integrationUri).replace(/^.*\/functions\//, "");
  const [arn = "", name = "", qualifier = ""] = FUNCTION_IN_URI.exec(uri) ?? [];
  if (name === "") refuse(integration, "its integrationUri names no Lambda function.");
  return { arn, name, qualifier };
};

const integrationOf = (graph: Graph, apiId: string, route: Resource): Resource => {
  const id = textOf(route.values.target).replace(/^integrations\//, "");
  const found = ofApi(graph, TYPES.integration, apiId).find((integration) => integration.id === id);
  if (found === undefined)
    return refuse(route, `its target "${textOf(route.values.target)}" is no integration of this API.`);
  if (found.values.integrationType !== "AWS_PROXY")
    refuse(found, `integrationType is ${textOf(found.values.integrationType)}.`);
  if (textOf(found.values.payloadFormatVersion, "1.0") !== "2.0")
    refuse(found, "payloadFormatVersion is not 2.0.");
  return found;
};

const grants = (permission: PropertyMap, target: { name: string; qualifier: string }): boolean => {
  const [, named = textOf(permission.function)] = FUNCTION_IN_URI.exec(textOf(permission.function)) ?? [];
  return (
    named === target.name &&
    textOf(permission.qualifier) === target.qualifier &&
    textOf(permission.principal) === "apigateway.amazonaws.com" &&
    ["lambda:InvokeFunction", "lambda:*"].includes(textOf(permission.action))
  );
};

/** `arn:aws:execute-api:<region>:<account>:<api>/<stage>/<METHOD><path as declared>` */
const sourceArn = (executionArn: string, stage: string, route: RoutePattern): string => {
  if (route.isDefault) return `${executionArn}/${stage}/$default`;
  const method = route.method === "ANY" ? "*" : route.method;
  return `${executionArn}/${stage}/${method}${route.routeKey.slice(route.routeKey.indexOf("/"))}`;
};

const routeOf = (graph: Graph, api: Resource, resource: Resource): RouteModel => {
  const pattern = parseRouteKey(textOf(resource.values.routeKey));
  const integration = integrationOf(graph, api.id, resource);
  const target = functionOf(integration);
  const sources = resourcesOf(graph, TYPES.permission)
    .filter(({ values }) => grants(values, target))
    .map(({ values }) => textOf(values.sourceArn, "*"));
  const authorizer = authorizerOf(graph, resource);
  return {
    ...pattern,
    functionName: target.name,
    functionArn: target.arn,
    timeoutMs: Math.min(
      numberOf(integration.values.timeoutMilliseconds) || LONGEST_TIMEOUT_MS,
      LONGEST_TIMEOUT_MS,
    ),
    ...(authorizer === undefined ? {} : { authorizer }),
    scopes: textsOf(resource.values.authorizationScopes),
    permitted: (stage) => {
      const arn = sourceArn(textOf(api.values.executionArn), stage, pattern);
      return sources.some((source) => arnMatches(source, arn));
    },
  };
};

const checkApi = (api: Resource): void => {
  if (api.values.protocolType !== "HTTP") refuse(api, `protocolType is ${textOf(api.values.protocolType)}.`);
  if (api.values.body !== undefined && api.values.body !== null)
    refuse(api, "it is imported from an OpenAPI body.");
  if (api.values.target !== undefined && api.values.target !== null)
    refuse(api, "it is made by quick create (target).");
};

/**
 * Reads one API and all that belongs to it.
 * @throws Error naming the resource that the gateway does not stand for
 */
export const readApi = (node: ResourceNode, graph: Graph): ApiModel => {
  const api = open(node);
  checkApi(api);
  const cors = corsOf(api.values.corsConfiguration);
  const [, , , , accountId = ""] = textOf(api.values.executionArn).split(":");
  return {
    id: api.id,
    name: textOf(api.values.name, node.name),
    accountId,
    domainName: textOf(api.values.apiEndpoint).replace(/^https:\/\//, ""),
    ...(cors === undefined ? {} : { cors }),
    routes: ofApi(graph, TYPES.route, api.id)
      .map((route) => routeOf(graph, api, route))
      .sort(compareRoutes),
    stages: ofApi(graph, TYPES.stage, api.id).map(stageOf),
  };
};
