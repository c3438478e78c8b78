import { expect } from "chai";
import { createRemoteJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from "jose";
import type { Graph, PropertyMap, ResourceNode } from "../../local/engine/graph.ts";
import { SECRET, SIGNATURE } from "../../local/engine/graph.ts";
import { VirtualClock } from "../../local/kit/clock.ts";
import { decideGrant, readPool } from "../../local/sources/identity/pool.ts";
import { source } from "../../local/sources/identity.ts";
import type { RunningSource, SourceContext } from "../../local/sources/source.ts";
import { resourceNode } from "../helpers/graph.ts";

const POOL = "us-east-1_AbCdEf123";
const ISSUER = `https://cognito-idp.us-east-1.amazonaws.com/${POOL}`;

const resource = (type: string, id: string, values: PropertyMap): ResourceNode =>
  resourceNode(type, id, { inputs: values, outputs: { id, ...values } });

const client = (id: string, values: PropertyMap = {}): ResourceNode =>
  resource("aws:cognito/userPoolClient:UserPoolClient", id, {
    userPoolId: POOL,
    clientSecret: { [SIGNATURE]: SECRET, value: "s3cret:with/colon" },
    allowedOauthFlows: ["client_credentials"],
    allowedOauthScopes: ["api/telemetry.read", "api/telemetry.write"],
    accessTokenValidity: 60,
    tokenValidityUnits: { accessToken: "minutes" },
    ...values,
  });

const graph: Graph = {
  project: "test",
  stack: "test",
  dryRun: false,
  resources: [
    resource("aws:cognito/userPool:UserPool", POOL, { name: "pool" }),
    resource("aws:cognito/userPoolDomain:UserPoolDomain", "domain", {
      userPoolId: POOL,
      domain: "telemetry-dev",
    }),
    client("client-1"),
    client("no-flow", { allowedOauthFlows: ["code"] }),
    client("no-secret", { clientSecret: "" }),
    client("other-pool", { userPoolId: "us-east-1_other" }),
  ],
  outputs: {},
  durationMs: 0,
};

describe("Identity source", () => {
  let running: RunningSource;
  let url: string;
  const clock = new VirtualClock(Date.UTC(2026, 0, 1));

  before(async () => {
    const context = { graph, clock, ports: { next: () => 0 } } as unknown as SourceContext;
    running = (await source.start(graph.resources[0]!, context)) as RunningSource;
    url = running.url ?? "";
  });
  after(() => running.stop());

  const basic = (id: string, secret: string) => `Basic ${Buffer.from(`${id}:${secret}`).toString("base64")}`;
  const askToken = async (form: Record<string, string>, authorization?: string) => {
    const response = await fetch(`${url}/oauth2/token`, {
      method: "POST",
      headers: authorization === undefined ? {} : { authorization },
      body: new URLSearchParams(form),
    });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  };
  const GRANT = { grant_type: "client_credentials" };
  const CREDENTIALS = basic("client-1", "s3cret:with/colon");

  it("stands for the issuer's and the token endpoint's AWS hosts", () => {
    expect(running.hosts).to.deep.equal([
      `cognito-idp.us-east-1.amazonaws.com/${POOL}`,
      "cognito-idp.us-east-1.amazonaws.com",
      "telemetry-dev.auth.us-east-1.amazoncognito.com",
    ]);
  });

  it("issues an access token shaped like Cognito's, which its own keys verify", async () => {
    const { status, body } = await askToken({ ...GRANT, scope: "api/telemetry.read" }, CREDENTIALS);

    expect(status).to.equal(200);
    expect(body).to.include({ expires_in: 3600, token_type: "Bearer" });
    const token = String(body.access_token);
    const { jti, ...claims } = decodeJwt(token);
    const now = clock.now() / 1000;
    expect(jti).to.match(/^[0-9a-f-]{36}$/);
    expect(claims).to.deep.equal({
      sub: "client-1",
      token_use: "access",
      scope: "api/telemetry.read",
      auth_time: now,
      iss: ISSUER,
      exp: now + 3600,
      iat: now,
      version: 2,
      client_id: "client-1",
    });
    expect(decodeProtectedHeader(token)).to.have.keys("alg", "kid");
    const keys = createRemoteJWKSet(new URL(`${url}/${POOL}/.well-known/jwks.json`));
    await jwtVerify(token, keys, { issuer: ISSUER, currentDate: new Date(clock.now()) });
  });

  it("grants all of the client's scopes when none is asked for, and takes credentials from the form", async () => {
    const { body } = await askToken({ ...GRANT, client_id: "client-1", client_secret: "s3cret:with/colon" });

    expect(decodeJwt(String(body.access_token)).scope).to.equal("api/telemetry.read api/telemetry.write");
  });

  it("answers the token endpoint's errors in Cognito's words", async () => {
    const answers = {
      "no grant": await askToken({}, CREDENTIALS),
      "wrong secret": await askToken(GRANT, basic("client-1", "wrong")),
      "unknown client": await askToken(GRANT, basic("nobody", "x")),
      "no credentials": await askToken(GRANT),
      "client without a secret": await askToken(GRANT, basic("no-secret", "")),
      "client of another pool": await askToken(GRANT, basic("other-pool", "s3cret:with/colon")),
      "other grant": await askToken({ grant_type: "password" }, CREDENTIALS),
      "grant not allowed": await askToken(GRANT, basic("no-flow", "s3cret:with/colon")),
      "foreign scope": await askToken({ ...GRANT, scope: "api/telemetry.read api/admin" }, CREDENTIALS),
    };

    expect(Object.values(answers).every(({ status }) => status === 400)).to.equal(true);
    expect(Object.values(answers).map(({ body }) => body.error)).to.deep.equal([
      "invalid_request",
      "invalid_client",
      "invalid_client",
      "invalid_client",
      "invalid_client",
      "invalid_client",
      "unsupported_grant_type",
      "unauthorized_client",
      "invalid_scope",
    ]);
  });

  it("refuses other methods, other body types and large bodies", async () => {
    const get = await fetch(`${url}/oauth2/token`);
    const json = await fetch(`${url}/oauth2/token`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: "{}",
    });
    const large = await fetch(`${url}/oauth2/token`, {
      method: "POST",
      body: new URLSearchParams({ ...GRANT, scope: "x".repeat(20_000) }),
    });

    expect([get.status, json.status, large.status]).to.deep.equal([405, 400, 400]);
    expect((await fetch(`${url}/elsewhere`)).status).to.equal(404);
  });

  it("publishes discovery with the AWS issuer and endpoints that answer here", async () => {
    const response = await fetch(`${url}/${POOL}/.well-known/openid-configuration`);
    const document = (await response.json()) as Record<string, string>;

    expect(document.issuer).to.equal(ISSUER);
    expect(document.token_endpoint).to.equal(`${url}/oauth2/token`);
    const { keys } = (await (await fetch(document.jwks_uri ?? "")).json()) as {
      keys: Record<string, string>[];
    };
    expect(keys).to.have.length(1);
    expect(keys[0]).to.have.keys("kty", "n", "e", "alg", "use", "kid");
  });

  it("keeps each pool to its own clients and lifetimes", () => {
    const pool = readPool(graph.resources[0]!, graph);

    expect([...pool.clients.keys()]).to.deep.equal(["client-1", "no-flow", "no-secret"]);
    expect(pool.clients.get("client-1")?.tokenLifetime).to.equal(3600);
    expect(decideGrant(pool, "Basic %%%", "grant_type=client_credentials")).to.deep.equal({
      error: "invalid_client",
    });
  });
});

// Not proven here: users, refresh tokens and hosted pages, which the local issuer does not have.
