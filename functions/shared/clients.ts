/**
 * How functions talk to AWS: fail soon, try again, stay far below the function's own timeout.
 *
 * The SDK's defaults have no request timeout, so one dead connection would hold a whole batch until Lambda ends
 * the environment. Connections are kept alive by default.
 * Source: https://docs.aws.amazon.com/sdk-for-javascript/v3/developer-guide/clients.html
 */
export const CLIENT_OPTIONS = {
  maxAttempts: 4,
  requestHandler: { connectionTimeout: 1000, requestTimeout: 5000, throwOnRequestTimeout: true },
} as const;

/** Kinesis speaks HTTP/2, whose handler knows one timeout; requests share one connection. */
export const HTTP2_CLIENT_OPTIONS = {
  maxAttempts: 4,
  requestHandler: { requestTimeout: 5000, disableConcurrentStreams: false },
} as const;
