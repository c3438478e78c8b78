/**
 * A Cognito user pool as an issuer of machine tokens: what it is (from the graph) and what it answers. Pure.
 *
 * Source: https://docs.aws.amazon.com/cognito/latest/developerguide/token-endpoint.html (grant, errors as one word),
 * https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-the-access-token.html
 * (claims; a machine's access token has no `aud`).
 */

import { createHash, timingSafeEqual } from "node:crypto";
import {
  type Graph,
  type PropertyMap,
  type PropertyValue,
  plain,
  type ResourceNode,
} from "../../engine/graph.ts";

export interface ClientModel {
  id: string;
  secret: string;
  /** Full names, as Cognito has them: `<resource server>/<scope>`. */
  scopes: string[];
  flows: string[];
  /** Seconds. */
  tokenLifetime: number;
}

export interface PoolModel {
  id: string;
  /** `https://cognito-idp.<region>.amazonaws.com/<pool>`: every token's `iss`. */
  issuer: string;
  /** AWS hosts of the token endpoint. */
  domains: string[];
  clients: Map<string, ClientModel>;
}

/** The errors of the token endpoint. */
type TokenError =
  | "invalid_request"
  | "invalid_client"
  | "invalid_scope"
  | "unauthorized_client"
  | "unsupported_grant_type";

export type Grant = { client: ClientModel; scopes: string[] } | { error: TokenError };

const DOMAIN = "aws:cognito/userPoolDomain:UserPoolDomain";
const CLIENT = "aws:cognito/userPoolClient:UserPoolClient";

const SECONDS: Record<string, number> = { seconds: 1, minutes: 60, hours: 3_600, days: 86_400 };
const DEFAULT_LIFETIME = 3_600;

const open = (node: ResourceNode): PropertyMap => plain({ ...node.inputs, ...node.outputs }) as PropertyMap;

const textOf = (value: PropertyValue | undefined): string => (typeof value === "string" ? value : "");

const textsOf = (value: PropertyValue | undefined): string[] =>
  Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];

const ofPool = (graph: Graph, type: string, poolId: string): [ResourceNode, PropertyMap][] =>
  graph.resources
    .filter((node) => node.type === type)
    .map((node): [ResourceNode, PropertyMap] => [node, open(node)])
    .filter(([, values]) => values.userPoolId === poolId);

const lifetimeOf = (values: PropertyMap): number => {
  const units = values.tokenValidityUnits;
  const unit =
    typeof units === "object" && units !== null && !Array.isArray(units) ? textOf(units.accessToken) : "";
  const amount = values.accessTokenValidity;
  return typeof amount === "number" && amount > 0
    ? amount * (SECONDS[unit || "hours"] ?? 3_600)
    : DEFAULT_LIFETIME;
};

const clientOf = (node: ResourceNode, values: PropertyMap): ClientModel => ({
  id: node.id || textOf(values.id),
  secret: textOf(values.clientSecret),
  scopes: textsOf(values.allowedOauthScopes),
  flows: textsOf(values.allowedOauthFlows),
  tokenLifetime: lifetimeOf(values),
});

const regionOf = (poolId: string): string => poolId.split("_")[0] ?? "";

/** A prefix is a domain of Cognito's, anything with a dot is the user's own. */
const domainOf = (domain: string, region: string): string =>
  domain.includes(".") ? domain : `${domain}.auth.${region}.amazoncognito.com`;

/** Reads one pool with its domains and clients. */
export const readPool = (node: ResourceNode, graph: Graph): PoolModel => {
  const id = node.id || textOf(open(node).id);
  const region = regionOf(id);
  const clients = ofPool(graph, CLIENT, id).map(([child, values]) => clientOf(child, values));
  return {
    id,
    issuer: `https://cognito-idp.${region}.amazonaws.com/${id}`,
    domains: ofPool(graph, DOMAIN, id).map(([, values]) => domainOf(textOf(values.domain), region)),
    clients: new Map(clients.map((client) => [client.id, client])),
  };
};

interface Credentials {
  id: string;
  secret: string;
}

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
};

/** Basic authentication or the form's own fields; Basic wins, as RFC 6749 section 2.3.1 prefers it. */
const credentialsOf = (authorization: string | undefined, form: URLSearchParams): Credentials => {
  const basic = /^basic +([A-Za-z0-9+/=_-]+)$/i.exec(authorization ?? "")?.[1];
  if (basic === undefined)
    return { id: form.get("client_id") ?? "", secret: form.get("client_secret") ?? "" };
  const [id = "", ...secret] = Buffer.from(basic, "base64").toString("utf8").split(":");
  return { id: decoded(id), secret: decoded(secret.join(":")) };
};

const digest = (text: string): Buffer => createHash("sha256").update(text).digest();

const isSecret = (client: ClientModel, secret: string): boolean =>
  client.secret !== "" && timingSafeEqual(digest(client.secret), digest(secret));

/**
 * Decides on a token request.
 *
 * @param body the form, `application/x-www-form-urlencoded`
 */
export const decideGrant = (pool: PoolModel, authorization: string | undefined, body: string): Grant => {
  const form = new URLSearchParams(body);
  const grantType = form.get("grant_type");
  if (grantType === null) return { error: "invalid_request" };
  const { id, secret } = credentialsOf(authorization, form);
  const client = pool.clients.get(id);
  if (client === undefined || !isSecret(client, secret)) return { error: "invalid_client" };
  if (grantType !== "client_credentials") return { error: "unsupported_grant_type" };
  if (!client.flows.includes("client_credentials")) return { error: "unauthorized_client" };
  const asked = (form.get("scope") ?? "").split(" ").filter((scope) => scope !== "");
  if (asked.some((scope) => !client.scopes.includes(scope))) return { error: "invalid_scope" };
  return { client, scopes: asked.length === 0 ? client.scopes : [...new Set(asked)] };
};

/** The claims of an access token, as Cognito writes them for a machine. */
export const accessClaims = (
  pool: PoolModel,
  { client, scopes }: { client: ClientModel; scopes: string[] },
  { now, id }: { /** Seconds since the epoch. */ now: number; id: string },
): Record<string, string | number> => ({
  sub: client.id,
  token_use: "access",
  scope: scopes.join(" "),
  auth_time: now,
  iss: pool.issuer,
  exp: now + client.tokenLifetime,
  iat: now,
  version: 2,
  jti: id,
  client_id: client.id,
});

/** The discovery document; its endpoints are the addresses that a client on this machine can reach. */
export const discovery = (pool: PoolModel, url: string): Record<string, unknown> => ({
  authorization_endpoint: `${url}/oauth2/authorize`,
  id_token_signing_alg_values_supported: ["RS256"],
  issuer: pool.issuer,
  jwks_uri: `${url}/${pool.id}/.well-known/jwks.json`,
  response_types_supported: ["code", "token"],
  scopes_supported: ["openid", "email", "phone", "profile"],
  subject_types_supported: ["public"],
  token_endpoint: `${url}/oauth2/token`,
  token_endpoint_auth_methods_supported: ["client_secret_basic", "client_secret_post"],
});
