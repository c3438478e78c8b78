/**
 * A route that answers with one JSON document, which travels inside the bundle: an environment variable could not hold
 * it (4 KB for all of them).
 */

import { type RouteCallback, type RouteHandler, type RouteOptions, serveRoute } from "./route.ts";

export interface DocumentOptions extends RouteOptions {
  document: unknown;
}

/** Makes the Lambda handler; the callback that every function must have is not called. */
export const serveDocument = (_callback: RouteCallback, options: DocumentOptions): RouteHandler =>
  serveRoute(() => ({ body: options.document }), options);
