/**
 * CORS as the gateway answers it. Pure.
 *
 * Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-cors.html: preflight is answered
 * without an integration, and the configured headers replace those of the integration. Whether a gateway's own error
 * carries them is not documented, so it does not: a browser that gets along without them here does so there.
 */

export interface CorsSettings {
  allowOrigins: string[];
  allowMethods: string[];
  allowHeaders: string[];
  exposeHeaders: string[];
  maxAge?: number;
  allowCredentials: boolean;
}

const originMatches = (allowed: string, origin: string): boolean => {
  if (allowed === "*" || allowed === origin) return true;
  return allowed.endsWith("://*") && origin.startsWith(allowed.slice(0, -1));
};

const allowOrigin = (
  settings: CorsSettings,
  origin: string | undefined,
): Record<string, string> | undefined => {
  if (origin === undefined) return undefined;
  const allowed = settings.allowOrigins.find((candidate) => originMatches(candidate, origin));
  if (allowed === undefined) return undefined;
  return {
    "access-control-allow-origin": allowed === "*" ? "*" : origin,
    ...(settings.allowCredentials ? { "access-control-allow-credentials": "true" } : {}),
  };
};

const list = (name: string, values: string[]): Record<string, string> =>
  values.length === 0 ? {} : { [name]: values.join(",") };

export const isPreflight = (method: string, headers: Record<string, string>): boolean =>
  method === "OPTIONS" &&
  headers.origin !== undefined &&
  headers["access-control-request-method"] !== undefined;

/** Headers of the 204 that answers a preflight; none for an origin that is not allowed. */
export const preflightHeaders = (
  settings: CorsSettings,
  origin: string | undefined,
): Record<string, string> => {
  const allowed = allowOrigin(settings, origin);
  if (allowed === undefined) return {};
  return {
    ...allowed,
    ...list("access-control-allow-methods", settings.allowMethods),
    ...list("access-control-allow-headers", settings.allowHeaders),
    ...(settings.maxAge === undefined ? {} : { "access-control-max-age": String(settings.maxAge) }),
  };
};

/** An integration's headers under CORS: its own CORS headers go, the configured ones come. */
export const withCors = (
  settings: CorsSettings,
  origin: string | undefined,
  headers: Record<string, string>,
): Record<string, string> => ({
  ...Object.fromEntries(Object.entries(headers).filter(([name]) => !name.startsWith("access-control-"))),
  ...allowOrigin(settings, origin),
  ...(origin === undefined ? {} : list("access-control-expose-headers", settings.exposeHeaders)),
});
