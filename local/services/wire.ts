/**
 * Reading what a request is about: who signed it, which service and operation it names. Signatures themselves are
 * not verified: whoever reaches the loopback port is on this machine. Pure.
 * Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */

import { ServiceError } from "./faults.ts";
import type { Credential } from "./service.ts";

/** `<access key>/<yyyymmdd>/<region>/<service>/aws4_request` */
const SCOPE = /^([^/\s,]{1,128})\/\d{8}\/[^/\s,]{0,64}\/([a-zA-Z0-9-]{1,64})\/aws4_request$/;
const HEADER = /^AWS4-(?:HMAC-SHA256|ECDSA-P256-SHA256)\s+(?:.*[,\s])?Credential=([^,\s]+)/;

const incomplete = (message: string): ServiceError =>
  new ServiceError("IncompleteSignatureException", message, { status: 400 });

const parseScope = (scope: string, presigned: boolean): Credential => {
  const parts = SCOPE.exec(scope);
  if (!parts?.[1] || !parts[2]) {
    throw incomplete(
      `Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '${scope}'`,
    );
  }
  return { accessKeyId: parts[1], service: parts[2].toLowerCase(), presigned };
};

/** The query string of a request target, without `?`. */
const queryOf = (target: string): string => {
  const at = target.indexOf("?");
  return at < 0 ? "" : target.slice(at + 1);
};

/**
 * Who signed a request, by its `Authorization` header or its presigned query string; undefined when nobody did.
 * @throws ServiceError IncompleteSignatureException for a credential that cannot be read.
 */
export const credentialOf = (authorization: string | undefined, target: string): Credential | undefined => {
  if (authorization !== undefined) {
    const scope = HEADER.exec(authorization)?.[1];
    if (scope === undefined) {
      throw incomplete("Authorization header requires 'Credential' parameter with Signature Version 4.");
    }
    return parseScope(scope, false);
  }
  const query = queryOf(target);
  if (!query.includes("X-Amz-Credential=")) return undefined;
  return parseScope(new URLSearchParams(query).get("X-Amz-Credential") ?? "", true);
};

export interface Target {
  /** E.g. `Kinesis_20131202`. */
  readonly prefix: string;
  readonly operation: string;
}

const TARGET = /^([A-Za-z0-9_.]{1,128})\.([A-Za-z0-9]{1,128})$/;

/** `X-Amz-Target`: `<prefix>.<operation>`; undefined when absent or not of that form. */
export const targetOf = (header: string | string[] | undefined): Target | undefined => {
  const parts = typeof header === "string" ? TARGET.exec(header) : null;
  return parts?.[1] && parts[2] ? { prefix: parts[1], operation: parts[2] } : undefined;
};

const LOOPBACK = /^(?:127(?:\.\d{1,3}){3}|localhost|\[::1\]|(?:[a-z0-9.-]+\.)?localhost)$/;
const AWS_HOST = /\.amazonaws\.com$/;

/**
 * Whether a `Host` header may name this endpoint: loopback, or an AWS host that something resolves to loopback. A
 * web page that rebinds its own name to 127.0.0.1 is refused.
 */
export const isKnownHost = (host: string): boolean => {
  const name = host.replace(/:\d+$/, "").toLowerCase();
  return LOOPBACK.test(name) || AWS_HOST.test(name);
};

/**
 * Whether a web page of this origin may talk to the endpoint: one served on this machine. A form is sent by any page
 * to any address, unasked, and the endpoint verifies no signatures.
 */
export const isKnownOrigin = (origin: string): boolean =>
  URL.canParse(origin) && LOOPBACK.test(new URL(origin).hostname);
