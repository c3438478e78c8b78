/**
 * A password for ElastiCache out of a function's own credentials: a presigned request, which is made here and sent to
 * nobody but the cache. Pure.
 * Source: https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/auth-iam.html
 */
import { createHash, createHmac } from "node:crypto";

export interface TokenRequest {
  /** Name of the serverless cache. */
  cache: string;
  /** Id of the ElastiCache user, which for IAM is its name too. */
  user: string;
  now: Date;
  /** With Lambda's `AWS_*` variables. */
  environment: Readonly<Record<string, string | undefined>>;
}

const ALGORITHM = "AWS4-HMAC-SHA256";
const SERVICE = "elasticache";
/** Seconds; ElastiCache takes no longer. */
const LIFETIME = "900";

const hmac = (key: string | Buffer, text: string): Buffer => createHmac("sha256", key).update(text).digest();
const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");
const encode = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);

/** `<cache>/?Action=connect&...&X-Amz-Signature=...`, good for 15 minutes. */
export function connectToken({ cache, user, now, environment }: TokenRequest): string {
  const { AWS_REGION: region = "", AWS_SESSION_TOKEN: session } = environment;
  const { AWS_ACCESS_KEY_ID: keyId = "", AWS_SECRET_ACCESS_KEY: secret = "" } = environment;
  const time = now.toISOString().replace(/[-:]|\.\d+/g, "");
  const scope = [time.slice(0, 8), region, SERVICE, "aws4_request"];
  const query = Object.entries({
    Action: "connect",
    ResourceType: "ServerlessCache",
    User: user,
    "X-Amz-Algorithm": ALGORITHM,
    "X-Amz-Credential": [keyId, ...scope].join("/"),
    "X-Amz-Date": time,
    "X-Amz-Expires": LIFETIME,
    ...(session ? { "X-Amz-Security-Token": session } : {}),
    "X-Amz-SignedHeaders": "host",
  })
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .join("&");
  const request = ["GET", "/", query, `host:${cache}`, "", "host", sha256("")].join("\n");
  const text = [ALGORITHM, time, scope.join("/"), sha256(request)].join("\n");
  const key = scope.reduce<string | Buffer>(hmac, `AWS4${secret}`);
  return `${cache}/?${query}&X-Amz-Signature=${createHmac("sha256", key).update(text).digest("hex")}`;
}
