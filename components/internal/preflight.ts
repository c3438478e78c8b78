/**
 * Preflights, which browsers send without a token.
 * Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-cors.html
 */
import { argumentError, type Culprit } from "./arguments.ts";
import type { RouteDeclaration } from "./openapi.ts";
import { routeShape } from "./routes.ts";

const preflightKey = (path: string): string => `OPTIONS ${path === "" ? "/{proxy+}" : path}`;

/**
 * API Gateway answers preflights itself, unless a route takes every method: then they need that route's token.
 * @throws Error naming the route and the cure
 */
export const checkPreflight = (who: Culprit, routes: RouteDeclaration[]): void => {
  const open = new Set(routes.filter(({ scopes }) => scopes === undefined).map(({ key }) => routeShape(key)));
  const blocking = routes.find(
    ({ key, scopes }) =>
      scopes !== undefined && key.method === "ANY" && !open.has(routeShape({ key: preflightKey(key.path) })),
  );
  if (blocking === undefined) return;
  throw argumentError(
    who,
    `with cors, route "${blocking.key.key}" would refuse the preflights of browsers. Declare its methods one by one, or add the route "${preflightKey(blocking.key.path)}" with auth: "none".`,
  );
};
