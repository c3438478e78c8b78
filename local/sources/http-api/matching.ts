/**
 * Which route answers a request. Pure.
 *
 * Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html (most specific
 * match first, greedy path variables, `$default` last). The path is decoded before it is matched, `%2F` included, as
 * recordings of the service show (https://github.com/aws/aws-lambda-dotnet/pull/1901,
 * https://github.com/middleapi/standard-server/pull/93).
 *
 * Unsettled, and answered the safer way (what works here works there): a trailing slash is a segment of its own and
 * matches no declared route; dot segments are refused instead of resolved.
 */

type Segment = { kind: "static" | "parameter" | "greedy"; name: string };

export interface RoutePattern {
  /** As declared: `GET /devices/{deviceId}`, `ANY /{proxy+}` or `$default`. */
  routeKey: string;
  /** `ANY` matches every method. */
  method: string;
  segments: Segment[];
  isDefault: boolean;
}

export interface Target {
  /** Decoded, cut at a decoded question mark as the service does. */
  path: string;
  segments: string[];
  /** Still encoded, without its question mark. */
  query: string;
}

export interface Match<Route> {
  route: Route;
  parameters: Record<string, string>;
}

const METHODS = new Set(["ANY", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"]);

const toSegment = (text: string): Segment => {
  const variable = /^\{([^{}+]+)(\+?)\}$/.exec(text);
  if (variable?.[1] === undefined) return { kind: "static", name: text };
  return { kind: variable[2] === "+" ? "greedy" : "parameter", name: variable[1] };
};

/** @throws Error naming the key when it is not one that API Gateway takes. */
export const parseRouteKey = (routeKey: string): RoutePattern => {
  if (routeKey === "$default") return { routeKey, method: "ANY", segments: [], isDefault: true };
  const [, method = "", path = ""] = /^([A-Z]+) (\/.*)$/.exec(routeKey) ?? [];
  if (!METHODS.has(method)) {
    throw new Error(
      `Route key "${routeKey}" is not valid. Write a method and a path, such as "GET /devices", or "$default".`,
    );
  }
  const segments = path === "/" ? [] : path.slice(1).split("/").map(toSegment);
  const greedy = segments.findIndex(({ kind }) => kind === "greedy");
  if (greedy !== -1 && greedy !== segments.length - 1)
    throw new Error(`Route key "${routeKey}": a greedy variable such as {proxy+} must be the last segment.`);
  return { routeKey, method, segments, isDefault: false };
};

const RANK = { static: 0, parameter: 1, greedy: 2 } as const;

const comparePaths = (a: Segment[], b: Segment[]): number => {
  for (const [index, segment] of a.entries()) {
    const other = b[index];
    if (other === undefined) break;
    if (segment.kind !== other.kind) return RANK[segment.kind] - RANK[other.kind];
  }
  return b.length - a.length;
};

/** Order in which the first match is the most specific one: path before method, `$default` last. */
export const compareRoutes = (a: RoutePattern, b: RoutePattern): number =>
  Number(a.isDefault) - Number(b.isDefault) ||
  comparePaths(a.segments, b.segments) ||
  Number(a.method === "ANY") - Number(b.method === "ANY");

const matchSegment = ({ kind, name }: Segment, text: string): [string, string][] | undefined => {
  if (kind === "static") return text === name ? [] : undefined;
  return text === "" ? undefined : [[name, text]];
};

/** A greedy variable takes the rest of the path as one text. */
const foldGreedy = (pattern: Segment[], path: string[]): string[] => {
  const last = pattern.length - 1;
  if (pattern[last]?.kind !== "greedy" || path.length <= last) return path;
  return [...path.slice(0, last), path.slice(last).join("/")];
};

const matchSegments = (pattern: Segment[], path: string[]): [string, string][] | undefined => {
  const texts = foldGreedy(pattern, path);
  if (texts.length !== pattern.length) return undefined;
  const matched = pattern.map((segment, index) => matchSegment(segment, texts[index] ?? ""));
  return matched.every((part) => part !== undefined) ? matched.flat() : undefined;
};

/** The first route, of a list ordered with `compareRoutes`, that takes the method and the path. */
export const selectRoute = <Route extends RoutePattern>(
  routes: readonly Route[],
  method: string,
  segments: string[],
): Match<Route> | undefined => {
  for (const route of routes) {
    if (route.isDefault) return { route, parameters: {} };
    if (route.method !== "ANY" && route.method !== method) continue;
    const parameters = matchSegments(route.segments, segments);
    if (parameters !== undefined) return { route, parameters: Object.fromEntries(parameters) };
  }
  return undefined;
};

const decodes = (text: string): boolean => {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
};

/** Splits and decodes a request target; undefined when its encoding is broken or its path climbs. */
export const readTarget = (url: string): Target | undefined => {
  const mark = url.indexOf("?");
  const rawPath = mark === -1 ? url : url.slice(0, mark);
  const query = mark === -1 ? "" : url.slice(mark + 1);
  if (!rawPath.startsWith("/") || !decodes(rawPath) || !decodes(query.replaceAll("+", " "))) return undefined;
  const [path = "/"] = decodeURIComponent(rawPath).split("?");
  const segments = path === "/" ? [] : path.slice(1).split("/");
  return segments.some((segment) => segment === "." || segment === "..")
    ? undefined
    : { path, segments, query };
};
