/**
 * A route that answers with one JSON document, which travels inside the bundle: an environment variable could not hold
 * it (4 KB for all of them).
 */

import type { RouteOptions } from "./request.ts";
import { type RouteCallback, type RouteHandler, serveRoute } from "./route.ts";

export interface DocumentOptions extends RouteOptions {
  /** JSON text: one string to the bundler however deep the document is. */
  document: string;
}

/** Makes the Lambda handler; the callback that every function must have is not called. */
export const serveDocument = (_callback: RouteCallback, options: DocumentOptions): RouteHandler => {
  const body: unknown = JSON.parse(options.document);
  return serveRoute(() => ({ body }), options);
};
