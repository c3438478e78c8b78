/**
 * OpenAPI 3.1 from the routes' own declarations. Pure.
 *
 * JSON Schema needs no translation: 3.1 takes it as it is. The document names no server and no token endpoint, since
 * both are only known after deployment: its server is the one it was fetched from.
 * Source: https://spec.openapis.org/oas/v3.1.1.html
 */
import { STATUS_CODES } from "node:http";
import type { RouteKey } from "./routes.ts";

export type Schema = Record<string, unknown>;

export interface ApiInfo {
  title: string;
  /** Of the API, e.g. `1.0.0`. */
  version: string;
  description?: string;
}

export interface RouteDeclaration {
  key: RouteKey;
  summary?: string;
  description?: string;
  /** Logical name, unique in the API. */
  name: string;
  request: { path?: Schema; query?: Schema; body?: Schema };
  /** Answers by status. */
  responses: Record<string, Schema>;
  /** As the program names them; undefined for an open route. */
  scopes?: string[];
}

type Json = Record<string, unknown>;

const PROBLEM: Schema = {
  type: "object",
  description: "What is wrong with a request (RFC 9457).",
  required: ["title", "status"],
  properties: {
    type: { type: "string" },
    title: { type: "string" },
    status: { type: "integer" },
    detail: { type: "string" },
    instance: { type: "string" },
    correlationId: { type: "string" },
    errors: {
      type: "array",
      items: {
        type: "object",
        required: ["detail"],
        properties: {
          parameter: { type: "string", description: "Path or query parameter." },
          pointer: { type: "string", description: "Place in the body, a JSON pointer." },
          detail: { type: "string" },
        },
      },
    },
  },
};

const GATEWAY_MESSAGE: Schema = {
  type: "object",
  description: "The gateway's own refusal; no function was invoked.",
  required: ["message"],
  properties: { message: { type: "string" } },
};

const reference = (kind: string, name: string): Json => ({ $ref: `#/components/${kind}/${name}` });

const content = (type: string, schema: Schema): Json => ({ [type]: { schema } });

const text = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined);

/** Leaves out what is undefined, which JSON has no word for. */
const defined = (value: Json): Json =>
  Object.fromEntries(Object.entries(value).filter(([, inner]) => inner !== undefined));

const parametersOf = (place: "path" | "query", schema: Schema | undefined): Json[] => {
  const required = Array.isArray(schema?.required) ? schema.required : [];
  return Object.entries((schema?.properties ?? {}) as Record<string, Schema>).map(([name, property]) =>
    defined({
      name,
      in: place,
      required: place === "path" || required.includes(name),
      description: text(property.description),
      schema: property,
    }),
  );
};

const answerOf = (status: string, schema: Schema): Json => ({
  description: text(schema.description) ?? STATUS_CODES[status] ?? "An answer",
  content: content("application/json", schema),
});

const responsesOf = ({ request, responses, scopes }: RouteDeclaration): Json => {
  const own = Object.entries(responses).map(([status, schema]) => [status, answerOf(status, schema)]);
  return {
    ...(Object.keys(request).length === 0 ? {} : { 400: reference("responses", "Problem") }),
    ...(scopes === undefined
      ? {}
      : { 401: reference("responses", "Refusal"), 403: reference("responses", "Refusal") }),
    ...(request.body === undefined
      ? {}
      : { 413: reference("responses", "Problem"), 415: reference("responses", "Problem") }),
    429: reference("responses", "Refusal"),
    ...Object.fromEntries(own),
    default: reference("responses", "Problem"),
  };
};

const operationOf = (route: RouteDeclaration): Json => {
  const { request, scopes } = route;
  const parameters = [...parametersOf("path", request.path), ...parametersOf("query", request.query)];
  return defined({
    operationId: route.name,
    summary: route.summary,
    description: route.description,
    parameters: parameters.length === 0 ? undefined : parameters,
    requestBody: request.body && { required: true, content: content("application/json", request.body) },
    responses: responsesOf(route),
    security: scopes === undefined ? [] : [{ token: scopes }],
  });
};

/** `ANY` and `$default` stand for no one operation and stay out. */
const isDocumented = ({ key }: RouteDeclaration): boolean => key.method !== "ANY";

const pathsOf = (routes: RouteDeclaration[]): Json => {
  const paths = new Map<string, Json>();
  for (const route of routes.filter(isDocumented)) {
    const path = route.key.path.replaceAll("+}", "}");
    paths.set(path, { ...paths.get(path), [route.key.method.toLowerCase()]: operationOf(route) });
  }
  return Object.fromEntries([...paths].sort(([a], [b]) => (a < b ? -1 : 1)));
};

/** The document, the same for the same declarations in any order of paths. */
export const openApiDocument = (info: ApiInfo, routes: RouteDeclaration[]): Json => ({
  openapi: "3.1.1",
  info: defined({ title: info.title, version: info.version, description: info.description }),
  servers: [{ url: "/" }],
  paths: pathsOf(routes),
  components: {
    schemas: { Problem: PROBLEM, GatewayMessage: GATEWAY_MESSAGE },
    responses: {
      Problem: {
        description: "A problem",
        content: content("application/problem+json", reference("schemas", "Problem")),
      },
      Refusal: {
        description: "Refused by the gateway",
        content: content("application/json", reference("schemas", "GatewayMessage")),
      },
    },
    securitySchemes: {
      token: {
        type: "http",
        scheme: "bearer",
        bearerFormat: "JWT",
        description: "An access token with any one of the operation's scopes.",
      },
    },
  },
});
