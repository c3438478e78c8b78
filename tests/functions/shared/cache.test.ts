import { createHash } from "node:crypto";
import { createServer, getCACertificates, setDefaultCACertificates } from "node:tls";
import { expect } from "chai";
import { connectValkey } from "../../../functions/shared/cache.ts";
import type { Connection } from "../../../functions/shared/cache-link.ts";
import { connectToken } from "../../../functions/shared/cache-token.ts";
import { type LoopbackServer, listen } from "../../../local/kit/server.ts";
import { loopbackCertificate } from "../../../local/services/certificate.ts";
import { checkSignature, parseScope, presignedText } from "../../../local/services/sigv4.ts";
import { createRespServer, type RespServer } from "../../helpers/resp.ts";

const message = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => "resolved",
    (error: Error) => error.message,
  );

describe("cache client", () => {
  const certificate = loopbackCertificate(Date.now());
  const trusted = getCACertificates("default");
  let server: RespServer;
  let listening: LoopbackServer;
  let connections: Connection[];
  const url = (): string => `rediss://reader@127.0.0.1:${listening.port}/reads`;
  const connect = async (): Promise<Connection> => {
    const connection = await connectValkey(url());
    connections.push(connection);
    return connection;
  };

  beforeEach(async () => {
    setDefaultCACertificates([...trusted, certificate.cert]);
    connections = [];
    server = createRespServer();
    listening = await listen(createServer(certificate, server.serve), 0);
  });
  afterEach(async () => {
    for (const connection of connections) connection.close();
    await listening.close(0);
    setDefaultCACertificates(trusted);
  });

  it("stores for a time and reads over TLS, as the URL's user with a token for the URL's cache", async () => {
    const connection = await connect();
    await connection.set("k", "v", 1_500);
    expect(await connection.get("k")).to.equal("v");
    expect(await connection.get("other")).to.equal(null);
    const [[verb, user, token] = [], ...rest] = server.commands;
    expect([verb, user]).to.deep.equal(["auth", "reader"]);
    expect(token).to.match(/^reads\/\?Action=connect&ResourceType=ServerlessCache&User=reader&/);
    expect(rest).to.deep.equal([
      ["set", "k", "v", "PX", "1500"],
      ["get", "k"],
      ["get", "other"],
    ]);
  });

  it("does not trust another's certificate", async () => {
    setDefaultCACertificates(trusted);
    expect(await message(connectValkey(url()))).to.match(/self.signed|verify/i);
    expect(server.commands).to.deep.equal([]);
  });

  it("rejects, and ends, when the server drops the connection in the middle of an answer", async () => {
    const connection = await connect();
    const ended = new Promise<void>((resolve) => connection.onEnd(resolve));
    server.mode = "drop";
    expect(await message(connection.get("k"))).to.match(/closed/i);
    await ended;
  });

  it("rejects with the server's own words when it is full, and stays connected", async () => {
    const connection = await connect();
    server.mode = "full";
    const refused = await connection.set("k", "v", 1).catch((error: Error) => error);
    expect(refused).to.include({ name: "ReplyError" });
    expect(await connection.get("k")).to.equal(null);
  });

  it("ends when the login is refused", async () => {
    server.locked = true;
    const connection = await connect().catch(() => undefined);
    if (connection) expect(await message(connection.get("k"))).not.to.equal("resolved");
  });

  it("rejects at once where nothing listens, without trying again by itself", async () => {
    await listening.close(0);
    expect(await message(connectValkey(url()))).to.contain("ECONNREFUSED");
  });

  it("signs its token as AWS checks it, session included", () => {
    const token = connectToken({
      cache: "reads",
      user: "reader",
      now: new Date("2026-01-31T12:00:00Z"),
      environment: {
        AWS_REGION: "eu-west-1",
        AWS_ACCESS_KEY_ID: "ASIAX",
        AWS_SECRET_ACCESS_KEY: "secret",
        AWS_SESSION_TOKEN: "a+b/c=",
      },
    });
    const query = new URLSearchParams(token.slice(token.indexOf("?") + 1));
    expect(query.get("X-Amz-Security-Token")).to.equal("a+b/c=");
    expect(query.get("X-Amz-Credential")).to.equal("ASIAX/20260131/eu-west-1/elasticache/aws4_request");
    const headers = { host: "reads", "x-amz-content-sha256": createHash("sha256").update("").digest("hex") };
    const text = presignedText({ method: "GET", target: token.slice("reads".length), headers });
    const scope = parseScope(query.get("X-Amz-Credential") ?? "");
    checkSignature(text, query.get("X-Amz-Signature") ?? "", "secret", scope);
    expect(() => checkSignature(text, query.get("X-Amz-Signature") ?? "", "another", scope)).to.throw();
  });
});

// Not proven here: that ElastiCache takes the token; its page gives no example with a signature to compare.
