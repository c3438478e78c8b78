/**
 * Signature Version 4 of what a browser sends for somebody else: presigned URLs and the policies of POST forms. Pure.
 * Sources: https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html,
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-UsingHTTPPOST.html
 */
import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { ServiceError } from "./faults.ts";

/** `<access key>/<yyyymmdd>/<region>/<service>/aws4_request` */
export interface Scope {
  accessKeyId: string;
  date: string;
  region: string;
  service: string;
}

const hmac = (key: string | Buffer, text: string): Buffer => createHmac("sha256", key).update(text).digest();

export const parseScope = (credential: string): Scope => {
  const [accessKeyId = "", date = "", region = "", service = ""] = credential.split("/");
  return { accessKeyId, date, region, service };
};

/** Hexadecimal. */
const sign = (text: string, secret: string, { date, region, service }: Scope): string => {
  const key = hmac(hmac(hmac(hmac(`AWS4${secret}`, date), region), service), "aws4_request");
  return hmac(key, text).toString("hex");
};

const mismatch = (): ServiceError =>
  new ServiceError(
    "SignatureDoesNotMatch",
    "The request signature we calculated does not match the signature you provided. Check your key and signing method.",
    { status: 403 },
  );

/** @throws ServiceError SignatureDoesNotMatch (403) unless the text was signed with the secret */
export const checkSignature = (text: string, signature: string, secret: string, scope: Scope): void => {
  const [wanted, given] = [Buffer.from(sign(text, secret, scope)), Buffer.from(signature)];
  if (wanted.length !== given.length || !timingSafeEqual(wanted, given)) throw mismatch();
};

/** As AWS encodes: everything but letters, digits and `-._~`. */
const encode = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);

const canonicalQuery = (query: URLSearchParams): string =>
  [...query]
    .filter(([name]) => name !== "X-Amz-Signature")
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .sort()
    .join("&");

export interface PresignedRequest {
  method: string;
  /** Path and query, as they came over the wire. */
  target: string;
  headers: Readonly<Record<string, string | string[] | undefined>>;
}

/** What was signed for a presigned URL. */
export const presignedText = ({ method, target, headers }: PresignedRequest): string => {
  const at = target.indexOf("?");
  const query = new URLSearchParams(target.slice(at + 1));
  const signed = (query.get("X-Amz-SignedHeaders") ?? "host").split(";");
  const lines = signed.map((name) => {
    const value = name === "host" ? (headers.host ?? headers[":authority"]) : headers[name];
    return `${name}:${String(value ?? "").trim()}\n`;
  });
  const payload = query.get("X-Amz-Content-Sha256") ?? headers["x-amz-content-sha256"] ?? "UNSIGNED-PAYLOAD";
  const canonical = [
    method,
    target.slice(0, at),
    canonicalQuery(query),
    lines.join(""),
    signed.join(";"),
    String(payload),
  ].join("\n");
  const [, ...scope] = (query.get("X-Amz-Credential") ?? "").split("/");
  const hash = createHash("sha256").update(canonical).digest("hex");
  return ["AWS4-HMAC-SHA256", query.get("X-Amz-Date") ?? "", scope.join("/"), hash].join("\n");
};
