/** Route: `GET /health`. Says that the API answers, and which version of which stack; it asks nothing else. */
import type { RouteRequest, RouteResponse } from "../shared/http.ts";

export interface HealthDeps {
  /** Name of the stack, e.g. `dev`. */
  stack: string;
  /** The program's version. */
  version: string;
}

export async function health(_request: RouteRequest, { stack, version }: HealthDeps): Promise<RouteResponse> {
  return { headers: { "cache-control": "no-store" }, body: { status: "ok", stack, version } };
}
