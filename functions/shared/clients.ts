/**
 * How functions talk to AWS: fail soon, try again, stay far below the function's own timeout.
 *
 * The SDK's defaults have no request timeout, so one dead connection would hold a whole batch until Lambda ends
 * the environment. Connections are kept alive by default.
 * Source: https://docs.aws.amazon.com/sdk-for-javascript/v3/developer-guide/clients.html
 */
/** For consumers of batches, which have a minute: a call gives up after 20 s. */
export const CLIENT_OPTIONS = {
  maxAttempts: 4,
  requestHandler: { connectionTimeout: 1000, requestTimeout: 5000, throwOnRequestTimeout: true },
} as const;

/** For routes, which have 10 s, so that the caller gets their answer and not the gateway's: a call gives up after 6 s. */
export const ROUTE_CLIENT_OPTIONS = {
  maxAttempts: 3,
  requestHandler: { connectionTimeout: 1000, requestTimeout: 2000, throwOnRequestTimeout: true },
} as const;

/** The same for Kinesis, which speaks HTTP/2: its handler knows one timeout, and requests share one connection. */
export const ROUTE_HTTP2_CLIENT_OPTIONS = {
  maxAttempts: 3,
  requestHandler: { requestTimeout: 2000, disableConcurrentStreams: false },
} as const;
