/**
 * Cognito user pools on this machine: each one an OIDC issuer on a loopback port, with discovery, signing keys and the
 * token endpoint for the client credentials grant. Tokens look like Cognito's and carry the pool's AWS issuer, so the
 * API's authorizer checks them as it would there.
 *
 * Differs from AWS: no users, no hosted pages, no refresh tokens; the signing key lives as long as the process.
 */

import { generateKeyPair, type KeyObject, randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { promisify } from "node:util";
import { calculateJwkThumbprint, exportJWK, type JWK, SignJWT } from "jose";
import type { ResourceNode } from "../engine/graph.ts";
import type { Clock } from "../kit/clock.ts";
import { listen, readBody } from "../kit/server.ts";
import {
  accessClaims,
  decideGrant,
  discovery,
  type Grant,
  type PoolModel,
  readPool,
} from "./identity/pool.ts";
import type { RunningSource, Source, SourceContext } from "./source.ts";

/** A token request is a few hundred bytes. */
const MAX_FORM_BYTES = 16_384;
const FORM_TYPE = "application/x-www-form-urlencoded";

interface SigningKey {
  privateKey: KeyObject;
  kid: string;
  jwk: JWK;
}

interface Answer {
  status: number;
  body: unknown;
  headers?: Record<string, string>;
}

const NOT_FOUND: Answer = { status: 404, body: { message: "Not Found" } };
const NOT_ALLOWED: Answer = { status: 405, body: { error: "invalid_request" } };

const createKey = async (): Promise<SigningKey> => {
  const { privateKey, publicKey } = await promisify(generateKeyPair)("rsa", { modulusLength: 2_048 });
  const jwk = await exportJWK(publicKey);
  const kid = await calculateJwkThumbprint(jwk);
  return { privateKey, kid, jwk: { ...jwk, alg: "RS256", use: "sig", kid } };
};

/** One pool's issuer. */
class Issuer {
  readonly #pool: PoolModel;
  readonly #clock: Clock;
  #key: Promise<SigningKey> | undefined;

  constructor(pool: PoolModel, clock: Clock) {
    this.#pool = pool;
    this.#clock = clock;
  }

  /** Made on first use: 2,048-bit keys take up to 150 ms, which nobody should wait for at start. */
  key(): Promise<SigningKey> {
    this.#key ??= createKey();
    return this.#key;
  }

  /** @param url loopback address of this issuer */
  async answer(request: IncomingMessage, url: string): Promise<Answer> {
    const path = this.#path(request.url ?? "/");
    if (path === "/oauth2/token") return request.method === "POST" ? this.#token(request) : NOT_ALLOWED;
    if (request.method !== "GET") return NOT_FOUND;
    if (path === "/.well-known/openid-configuration")
      return { status: 200, body: discovery(this.#pool, url) };
    if (path === "/.well-known/jwks.json") return { status: 200, body: { keys: [(await this.key()).jwk] } };
    return NOT_FOUND;
  }

  /** AWS has the pool's id in the path of the shared host; on its own port it may be left out. */
  #path(url: string): string {
    const [path = "/"] = url.split("?");
    return path.startsWith(`/${this.#pool.id}/`) ? path.slice(this.#pool.id.length + 1) : path;
  }

  async #token(request: IncomingMessage): Promise<Answer> {
    const [type = ""] = (request.headers["content-type"] ?? "").split(";");
    if (type.trim().toLowerCase() !== FORM_TYPE) return { status: 400, body: { error: "invalid_request" } };
    const body = (await readBody(request, MAX_FORM_BYTES)).toString("utf8");
    const grant = decideGrant(this.#pool, request.headers.authorization, body);
    if ("error" in grant) return { status: 400, body: grant };
    return { status: 200, body: await this.#sign(grant), headers: { pragma: "no-cache" } };
  }

  async #sign(grant: Exclude<Grant, { error: string }>): Promise<Record<string, unknown>> {
    const { privateKey, kid } = await this.key();
    const now = Math.floor(this.#clock.now() / 1_000);
    const token = await new SignJWT(accessClaims(this.#pool, grant, { now, id: randomUUID() }))
      .setProtectedHeader({ kid, alg: "RS256" })
      .sign(privateKey);
    return { access_token: token, expires_in: grant.client.tokenLifetime, token_type: "Bearer" };
  }
}

const send = (response: ServerResponse, { status, body, headers }: Answer): void => {
  const text = JSON.stringify(body);
  response.writeHead(status, {
    "content-type": "application/json;charset=UTF-8",
    "content-length": Buffer.byteLength(text),
    "cache-control": "no-store",
    ...headers,
  });
  response.end(text);
};

/** All pools of a region share a host and differ in the path; the bare host stands for the only pool there is. */
const issuerHosts = (pool: PoolModel): string[] => {
  const { host, pathname } = new URL(pool.issuer);
  return [`${host}${pathname}`, host, ...pool.domains];
};

const start = async (node: ResourceNode, context: SourceContext): Promise<RunningSource> => {
  const pool = readPool(node, context.graph);
  const issuer = new Issuer(pool, context.clock);
  const address = { url: "" };
  const server = createServer((request, response) => {
    issuer.answer(request, address.url).then(
      (answer) => send(response, answer),
      // Too long, or the client went away: nothing of a token request belongs into a log.
      () => send(response, { status: 400, body: { error: "invalid_request" } }),
    );
  });
  const listening = await listen(server, context.ports.next());
  address.url = listening.url;
  return {
    name: node.name,
    url: listening.url,
    hosts: issuerHosts(pool),
    stop: () => listening.close(),
  };
};

export const source: Source = {
  types: ["aws:cognito/userPool:UserPool"],
  family: ["aws:cognito/"],
  start,
};
