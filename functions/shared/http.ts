/**
 * What a route's handler is given and gives back. The wrapper that runs around it in Lambda has validated path,
 * query and body against the route's schemas, and turns problems into RFC 9457 bodies; both sides agree by shape,
 * so that a handler is called in a test with a plain object.
 */
export interface RouteRequest<
  Path = Record<string, string>,
  Query = Record<string, unknown>,
  Body = unknown,
> {
  path: Path;
  query: Query;
  body: Body;
  /** Names in lower case. */
  headers: Record<string, string | undefined>;
  caller: { clientId?: string; scopes: string[] };
  correlationId: string;
  requestId: string;
  method: string;
  /** Path and query. */
  url: string;
}

/** What is wrong with one part of a request. */
export interface ProblemItem {
  /** Place in the body: a JSON pointer as a URI fragment, e.g. `#/0/value`. */
  pointer?: string;
  /** Name of the path or query parameter. */
  parameter?: string;
  detail: string;
}

export interface RouteResponse {
  /** @default 200 */
  status?: number;
  headers?: Record<string, string>;
  body?: unknown;
  /** RFC 9457: https://www.rfc-editor.org/rfc/rfc9457 */
  problem?: { title: string; detail?: string; errors?: ProblemItem[] };
}

export function badRequest(errors: ProblemItem[]): RouteResponse {
  const title = "The request is not valid";
  return { status: 400, problem: { title, detail: errors.map(({ detail }) => detail).join("; "), errors } };
}

export function notFound(detail: string): RouteResponse {
  return { status: 404, problem: { title: "Not found", detail } };
}

/** A page's size from its query parameter: undefined when it is no whole number within 1 and `max`. */
export function readLimit(
  value: unknown,
  { fallback, max }: { fallback: number; max: number },
): number | undefined {
  if (value === undefined) return fallback;
  const limit = typeof value === "string" && value !== "" ? Number(value) : value;
  return typeof limit === "number" && Number.isInteger(limit) && limit >= 1 && limit <= max
    ? limit
    : undefined;
}

export function limitProblem(max: number): ProblemItem {
  return { parameter: "limit", detail: `limit must be a whole number from 1 to ${max}` };
}

export function cursorProblem(): ProblemItem {
  return { parameter: "cursor", detail: "cursor must be one that this same query gave" };
}
