/**
 * X-Ray's tracing header: what ties a request to what it caused. The AWS SDK in a function sends it with every call.
 * Source: https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader
 */
import { randomBytes } from "node:crypto";

const ROOT = /(?:^|;)\s*Root=([A-Za-z0-9-]{1,64})/;

/** The id of the whole trace; undefined when the header holds none. */
export const traceRoot = (header: unknown): string | undefined =>
  typeof header === "string" ? ROOT.exec(header)?.[1] : undefined;

/** Of a trace that begins now. */
export const newTraceHeader = (): string => {
  const epoch = Math.floor(Date.now() / 1000).toString(16);
  const random = randomBytes(20).toString("hex");
  return `Root=1-${epoch}-${random.slice(0, 24)};Parent=${random.slice(24)};Sampled=0`;
};
