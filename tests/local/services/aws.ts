/** What the tests of the data planes share: a started endpoint, default SDK clients, raw requests. */

import { KinesisClient } from "@aws-sdk/client-kinesis";
import { type Endpoint, type EndpointOptions, startEndpoint } from "../../../local/services/endpoint.ts";

export const PLACE = { region: "us-east-1", account: "000000000000" } as const;

export const clientConfig = (endpoint: Endpoint, accessKeyId = "test") => ({
  endpoint: endpoint.url,
  region: PLACE.region,
  credentials: { accessKeyId, secretAccessKey: "test" },
  maxAttempts: 1,
});

export const kinesisClient = (endpoint: Endpoint, accessKeyId?: string): KinesisClient =>
  new KinesisClient(clientConfig(endpoint, accessKeyId));

export const start = (options: Partial<EndpointOptions>): Promise<Endpoint> =>
  startEndpoint({ port: 0, json: [], ...options });

/** A signed-looking header: signatures are not verified. */
export const authorization = (service: string, accessKeyId = "test"): string =>
  `AWS4-HMAC-SHA256 Credential=${accessKeyId}/20260101/us-east-1/${service}/aws4_request, ` +
  "SignedHeaders=host;x-amz-date, Signature=00";

export interface JsonAnswer {
  status: number;
  type: string;
  body: Record<string, unknown>;
}

/** One raw AWS JSON request over HTTP/1.1. */
export const callJson = async (
  endpoint: Endpoint,
  target: string,
  body: string,
  headers: Record<string, string> = {},
): Promise<JsonAnswer> => {
  const response = await fetch(endpoint.url, {
    method: "POST",
    headers: {
      "content-type": "application/x-amz-json-1.1",
      "x-amz-target": target,
      authorization: authorization("kinesis"),
      ...headers,
    },
    body,
  });
  const text = await response.text();
  return {
    status: response.status,
    type: response.headers.get("content-type") ?? "",
    body: JSON.parse(text),
  };
};

/** The error that a promise is rejected with. */
export const failure = async (promise: Promise<unknown>): Promise<Error & Record<string, unknown>> => {
  try {
    await promise;
  } catch (error) {
    return error as Error & Record<string, unknown>;
  }
  throw new Error("Expected a rejection.");
};

/** Writes down what is asked for, and refuses what the test says. */
export function askingAuthorise(refuses: (action: string, resource: string) => boolean) {
  const asked: string[] = [];
  const authorise = (_: string, action: string, resource: string) => {
    asked.push(`${action} ${resource}`);
    const message = `User: f is not authorized to perform: ${action} on resource: ${resource}`;
    return refuses(action, resource) ? ({ allowed: false, message } as const) : ({ allowed: true } as const);
  };
  return { asked, authorise };
}
