/**
 * Route keys of an HTTP API: what AWS takes, checked before anything is created.
 * Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html
 */
import { argumentError, type Culprit } from "./arguments.ts";

export interface RouteKey {
  /** As written. */
  key: string;
  /** `GET`, ..., `ANY`; `ANY` for `$default`. */
  method: string;
  /** With its variables, e.g. `/devices/{deviceId}`; empty for `$default`. */
  path: string;
  /** Names of the path's variables, without the `+` of a greedy one. */
  variables: string[];
}

const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "ANY"];

const VARIABLE = /^\{([A-Za-z0-9._-]+)(\+?)\}$/;
const STATIC = /^[A-Za-z0-9._~!$&'()*,;=:@-]+$/;

const segmentsOf = (path: string): string[] => (path === "/" ? [] : path.slice(1).split("/"));

const segmentFault = (segment: string, isLast: boolean): string | undefined => {
  if (segment === "") return "has an empty segment; leave out doubled and trailing slashes";
  const variable = VARIABLE.exec(segment);
  if (variable?.[2] === "+" && !isLast)
    return `has the greedy variable ${segment} in the middle; move it to the end`;
  if (variable || STATIC.test(segment)) return undefined;
  return `has the segment "${segment}"; write plain text or one whole variable such as {deviceId}`;
};

const variablesOf = (segments: string[]): string[] =>
  segments.flatMap((segment) => VARIABLE.exec(segment)?.[1] ?? []);

const pathFault = (path: string): string | undefined => {
  const segments = segmentsOf(path);
  const fault = segments.map((segment, index) => segmentFault(segment, index === segments.length - 1));
  const variables = variablesOf(segments);
  const repeated = variables.find((name, index) => variables.indexOf(name) !== index);
  return (
    fault.find((text) => text !== undefined) ??
    (repeated && `has the variable {${repeated}} twice; name them apart`)
  );
};

/**
 * Reads a route key.
 * @throws Error naming the API, the key and the cure
 */
export function parseRouteKey(who: Culprit, key: string): RouteKey {
  if (key === "$default") return { key, method: "ANY", path: "", variables: [] };
  const [, method = "", path = ""] = /^(\S+) (\/\S*)$/.exec(key) ?? [];
  if (!METHODS.includes(method)) {
    throw argumentError(
      who,
      `route key "${key}" is not valid. Write one of ${METHODS.join(", ")}, a blank and a path, such as "GET /devices/{deviceId}", or "$default".`,
    );
  }
  const fault = pathFault(path);
  if (fault) throw argumentError(who, `route key "${key}" ${fault}.`);
  return { key, method, path, variables: variablesOf(segmentsOf(path)) };
}

/** Two keys with the same shape are one route to AWS, whatever their variables are called. */
export const routeShape = ({ key }: Pick<RouteKey, "key">): string => key.replace(/\{[^}+]+(\+?)\}/g, "{$1}");

/** Part of a logical name: `GET /devices/{deviceId}` becomes `get-devices-deviceId`. */
export function routeName({ key, method, path }: RouteKey): string {
  if (key === "$default") return "default";
  const words = path.split(/[^A-Za-z0-9]+/).filter((word) => word !== "");
  return [method.toLowerCase(), ...(words.length === 0 ? ["root"] : words)].join("-");
}
