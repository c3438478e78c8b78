/**
 * The JWT authorizer: token -> claims, or why not.
 *
 * Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-jwt-authorizer.html (order of checks,
 * `client_id` only where `aud` is absent, any one scope suffices, from `scope` or `scp`) and
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html (1,500 ms and 150,000 bytes for
 * the issuer's documents). Only RS256 is taken, of the RSA family that the service takes: Cognito and the usual
 * issuers sign with nothing else.
 */

import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTPayload, jwtVerify } from "jose";

export interface AuthorizerSettings {
  issuer: string;
  audiences: string[];
  /** `$request.header.Authorization` or `$request.querystring.<name>`. */
  identitySource: string;
}

export type Authorisation =
  | { allowed: true; claims: Record<string, unknown>; scopes: string[] }
  | { allowed: false; status: 401 | 403; challenge: string; error: string };

/** Reads an issuer's documents, bounded in time and size. */
export type ReadJson = (url: string) => Promise<unknown>;

/** Keys may be cached for two hours. */
const CACHE_MS = 2 * 60 * 60 * 1_000;
/** An unknown key id reads the issuer again, but not at the pace of an attacker. */
const REFRESH_MS = 10_000;

/** Tokens remembered as verified, so that a client's next request costs no signature check. */
const MAX_VERIFIED = 1_000;

type KeySet = ReturnType<typeof createLocalJWKSet>;

/** The signing keys of one issuer, read on first use. */
export class IssuerKeys {
  readonly #issuer: string;
  readonly #readJson: ReadJson;
  readonly #now: () => number;
  #keys: Promise<KeySet> | undefined;
  #readAt = Number.NEGATIVE_INFINITY;
  /** Claims by token; only as good as the keys that verified them, so both go together. */
  readonly #verified = new Map<string, JWTPayload>();

  constructor(issuer: string, readJson: ReadJson, now: () => number) {
    this.#issuer = issuer.replace(/\/$/, "");
    this.#readJson = readJson;
    this.#now = now;
  }

  /** The claims of a token that these keys have verified and whose time it still is. */
  recall(token: string): JWTPayload | undefined {
    const claims = this.#verified.get(token);
    const now = this.#now();
    if (claims === undefined || now - this.#readAt >= CACHE_MS) return undefined;
    const { exp = 0, nbf = 0 } = claims;
    return exp * 1_000 > now && nbf * 1_000 <= now ? claims : undefined;
  }

  /** Remembers a verified token; the oldest one goes when there are too many. */
  remember(token: string, claims: JWTPayload): void {
    const [oldest] = this.#verified.keys();
    if (this.#verified.size >= MAX_VERIFIED && oldest !== undefined) this.#verified.delete(oldest);
    this.#verified.set(token, claims);
  }

  /** The cached keys, or fresh ones when the cache is too old. */
  keys(): Promise<KeySet> {
    if (this.#now() - this.#readAt >= CACHE_MS) this.#keys = undefined;
    this.#keys ??= this.#read();
    return this.#keys;
  }

  /** Keys read again after an unknown key id: undefined when that was done a moment ago. */
  refreshed(): Promise<KeySet> | undefined {
    if (this.#now() - this.#readAt < REFRESH_MS) return undefined;
    this.#keys = this.#read();
    return this.#keys;
  }

  #read(): Promise<KeySet> {
    this.#readAt = this.#now();
    this.#verified.clear();
    const keys = this.#fetch();
    // A failed read must not be cached: the next request tries again.
    keys.catch(() => {
      if (this.#keys === keys) this.#keys = undefined;
    });
    return keys;
  }

  async #fetch(): Promise<KeySet> {
    const discovery = (await this.#readJson(`${this.#issuer}/.well-known/openid-configuration`)) as {
      jwks_uri?: unknown;
    };
    if (typeof discovery?.jwks_uri !== "string") throw new Error("the issuer's discovery names no jwks_uri");
    return createLocalJWKSet((await this.#readJson(discovery.jwks_uri)) as JSONWebKeySet);
  }
}

class InvalidToken extends Error {}

const check = (condition: boolean, message: string): void => {
  if (!condition) throw new InvalidToken(message);
};

const DESCRIPTIONS: [new (...args: never[]) => Error, string][] = [
  [errors.JWTExpired, "the token has expired"],
  [errors.JWSSignatureVerificationFailed, "the signature is invalid"],
  [errors.JOSEAlgNotAllowed, "signing method is invalid"],
  [errors.JWKSNoMatchingKey, "no key matches the token's kid"],
  [errors.JWTInvalid, "the token is malformed"],
  [errors.JWSInvalid, "the token is malformed"],
];

const describe = (error: unknown): string => {
  if (error instanceof InvalidToken) return error.message;
  if (error instanceof errors.JWTClaimValidationFailed) return `the claim ${error.claim} is invalid`;
  const known = DESCRIPTIONS.find(([type]) => error instanceof type);
  return known?.[1] ?? "the token cannot be verified";
};

const listOf = (value: unknown): string[] => {
  if (Array.isArray(value)) return value.map(String);
  return typeof value === "string" ? value.split(" ").filter((part) => part !== "") : [];
};

const audienceOf = ({ aud, client_id }: JWTPayload): string[] => {
  if (aud !== undefined) return [aud].flat();
  return typeof client_id === "string" ? [client_id] : [];
};

const checkClaims = (claims: JWTPayload, settings: AuthorizerSettings, now: number): void => {
  check(
    audienceOf(claims).some((audience) => settings.audiences.includes(audience)),
    "the token does not have a valid audience",
  );
  check(claims.iat === undefined || claims.iat * 1_000 <= now, "the token was issued in the future");
};

const verify = async (
  token: string,
  settings: AuthorizerSettings,
  keys: IssuerKeys,
  now: number,
): Promise<JWTPayload> => {
  const known = keys.recall(token);
  if (known !== undefined) return known;
  const claims = await verifySignature(token, settings, keys, now);
  keys.remember(token, claims);
  return claims;
};

const verifySignature = async (
  token: string,
  settings: AuthorizerSettings,
  keys: IssuerKeys,
  now: number,
): Promise<JWTPayload> => {
  const options = {
    algorithms: ["RS256"],
    issuer: settings.issuer,
    currentDate: new Date(now),
    requiredClaims: ["exp"],
  };
  try {
    return (await jwtVerify(token, await keys.keys(), options)).payload;
  } catch (error) {
    const fresh = error instanceof errors.JWKSNoMatchingKey ? keys.refreshed() : undefined;
    if (fresh === undefined) throw error;
    return (await jwtVerify(token, await fresh, options)).payload;
  }
};

const challenge = (scopes: string[], error: string, description: string): string =>
  `Bearer scope="${scopes.join(" ")}" error="${error}" error_description="${description}"`;

/**
 * Decides on one request.
 *
 * @param token what the identity source held, with or without `Bearer `; undefined when it held nothing
 * @param required the route's scopes; any one of them suffices, none means that the token is enough
 * @param now milliseconds since the epoch
 */
export const authorise = async (
  token: string | undefined,
  required: string[],
  authorizer: { settings: AuthorizerSettings; keys: IssuerKeys },
  now: number,
): Promise<Authorisation> => {
  const bare = (token ?? "").replace(/^bearer(?: +|$)/i, "").trim();
  if (bare === "") return { allowed: false, status: 401, challenge: "Bearer", error: "no token was sent" };
  try {
    const claims = await verify(bare, authorizer.settings, authorizer.keys, now);
    checkClaims(claims, authorizer.settings, now);
    const scopes = listOf(claims.scope ?? claims.scp);
    if (required.length === 0 || required.some((scope) => scopes.includes(scope)))
      return { allowed: true, claims, scopes };
    const error = "the token has none of the route's scopes";
    return {
      allowed: false,
      status: 403,
      challenge: challenge(required, "insufficient_scope", error),
      error,
    };
  } catch (failure) {
    const error = describe(failure);
    return { allowed: false, status: 401, challenge: challenge(required, "invalid_token", error), error };
  }
};

const MAX_DOCUMENT_BYTES = 150_000;
const DOCUMENT_TIMEOUT_MS = 1_500;

/** Reads the issuer's documents over HTTP, at the address that stands for the AWS host. */
export const readJsonFrom =
  (resolveHost: (url: string) => string): ReadJson =>
  async (url) => {
    const response = await fetch(resolveHost(url), { signal: AbortSignal.timeout(DOCUMENT_TIMEOUT_MS) });
    const text = await response.text();
    if (!response.ok || text.length > MAX_DOCUMENT_BYTES)
      throw new Error(`${url} answered ${response.status} with ${text.length} bytes`);
    return JSON.parse(text);
  };
