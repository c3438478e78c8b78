import { once } from "node:events";
import { connect as connectHttp2, constants } from "node:http2";
import { connect, type Socket } from "node:net";
import { DescribeStreamSummaryCommand, PutRecordCommand } from "@aws-sdk/client-kinesis";
import { expect } from "chai";
import { VirtualClock } from "../../../local/kit/clock.ts";
import { Trace } from "../../../local/kit/trace.ts";
import { protocolOf } from "../../../local/services/dual-server.ts";
import type { Endpoint } from "../../../local/services/endpoint.ts";
import { Kinesis } from "../../../local/services/kinesis.ts";
import { authorization, callJson, failure, kinesisClient, PLACE, start } from "./aws.ts";

const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const EMPTY_SETTINGS = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);

describe("The AWS endpoint", () => {
  let endpoint: Endpoint;
  let kinesis: Kinesis;
  let trace: Trace;

  beforeEach(async () => {
    kinesis = new Kinesis({ ...PLACE, clock: new VirtualClock() });
    kinesis.createStream({ name: "s" });
    trace = new Trace();
    endpoint = await start({
      json: [kinesis],
      trace,
      authorise: (accessKeyId, action, resource) =>
        accessKeyId === "limited" && action !== "kinesis:PutRecord"
          ? {
              allowed: false,
              message: `User: f is not authorized to perform: ${action} on resource: ${resource}`,
            }
          : { allowed: true },
    });
  });

  afterEach(() => endpoint.close());

  const raw = async (): Promise<Socket> => {
    const socket = connect({ port: endpoint.port, host: "127.0.0.1", noDelay: true });
    await once(socket, "connect");
    return socket;
  };

  it("tells HTTP/2 from HTTP/1.1 by the whole preface", () => {
    const judged = [
      "P",
      "PR",
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r",
      PREFACE,
      "PROPFIND / H",
      "GET",
      "PRI * HTTP/1.1",
    ];
    expect(judged.map((text) => protocolOf(Buffer.from(text)))).to.deep.equal([
      "undecided",
      "undecided",
      "undecided",
      "http2",
      "http1",
      "http1",
      "http1",
    ]);
  });

  it("understands a preface that arrives byte by byte", async () => {
    const socket = await raw();
    for (const byte of Buffer.from(PREFACE)) {
      await new Promise<void>((resolve) => socket.write(Buffer.from([byte]), () => setImmediate(resolve)));
    }
    socket.write(EMPTY_SETTINGS);
    const [answer] = (await once(socket, "data")) as [Buffer];
    socket.destroy();

    expect(answer[3], "a SETTINGS frame").to.equal(4);
  });

  it("answers HTTP/1.1 that arrives in pieces", async () => {
    const socket = await raw();
    socket.write("P");
    await new Promise((resolve) => setImmediate(resolve));
    socket.write(`OST / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Amz-Target: Kinesis_20131202.ListStreams\r\n`);
    socket.write(`Authorization: ${authorization("kinesis")}\r\nContent-Length: 2\r\n\r\n{}`);
    const [answer] = (await once(socket, "data")) as [Buffer];
    socket.destroy();

    expect(answer.toString()).to.match(/^HTTP\/1.1 200 OK/);
  });

  it("serves HTTP/2 with prior knowledge", async () => {
    const session = connectHttp2(endpoint.url);
    const stream = session.request({
      [constants.HTTP2_HEADER_METHOD]: "POST",
      "x-amz-target": "Kinesis_20131202.ListStreams",
      authorization: authorization("kinesis"),
    });
    stream.end("{}");
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk);
    session.destroy();

    expect(JSON.parse(Buffer.concat(chunks).toString())).to.deep.include({ StreamNames: ["s"] });
  });

  it("ends within a second while clients keep HTTP/1.1, HTTP/2 and silent connections open", async () => {
    const silent = await raw();
    const session = connectHttp2(endpoint.url);
    session.on("error", () => {});
    await once(session, "connect");
    await callJson(endpoint, "Kinesis_20131202.ListStreams", "{}");
    const started = performance.now();
    await endpoint.close();

    expect(performance.now() - started).to.be.below(1_000);
    silent.destroy();
    session.destroy();
  });

  it("lives through clients that leave in the middle of a request", async () => {
    for (const bytes of [
      "",
      "P",
      PREFACE,
      "POST / HTTP/1.1\r\nContent-Length: 100\r\nHost: localhost\r\n\r\n{",
    ]) {
      const socket = await raw();
      socket.end(bytes);
      socket.resume();
      await once(socket, "close");
    }
    expect((await callJson(endpoint, "Kinesis_20131202.ListStreams", "{}")).status).to.equal(200);
  });

  it("refuses requests nobody signed, and credentials it cannot read", async () => {
    const unsigned = await fetch(endpoint.url, {
      method: "POST",
      headers: { "x-amz-target": "Kinesis_20131202.ListStreams" },
    });
    const odd = await callJson(endpoint, "Kinesis_20131202.ListStreams", "{}", {
      authorization: "Basic abc",
    });

    expect([unsigned.status, await unsigned.json()]).to.deep.equal([
      400,
      { __type: "MissingAuthenticationTokenException", message: "Request is missing Authentication Token" },
    ]);
    expect([odd.status, odd.body.__type]).to.deep.equal([400, "IncompleteSignatureException"]);
  });

  it("checks the caller's policies before the service sees the request", async () => {
    const client = kinesisClient(endpoint, "limited");
    await client.send(new PutRecordCommand({ StreamName: "s", PartitionKey: "k", Data: Buffer.from("x") }));
    const denied = await failure(client.send(new DescribeStreamSummaryCommand({ StreamName: "s" })));
    client.destroy();

    expect(denied.name).to.equal("AccessDeniedException");
    expect(denied.message).to.equal(
      "User: f is not authorized to perform: kinesis:DescribeStreamSummary on resource: " +
        "arn:aws:kinesis:us-east-1:000000000000:stream/s",
    );
  });

  it("bounds the body", async () => {
    const answer = await callJson(endpoint, "Kinesis_20131202.PutRecords", " ".repeat(16 * 1024 * 1024));
    expect([answer.status, answer.body.__type]).to.deep.equal([413, "RequestEntityTooLargeException"]);
  });

  it("says 501 with the name of a service or operation that is not here", async () => {
    const json = await callJson(endpoint, "AWSEvents.PutEvents", "{}", {
      authorization: authorization("events"),
    });
    const query = await fetch(endpoint.url, {
      method: "POST",
      headers: { authorization: authorization("iam"), "content-type": "application/x-www-form-urlencoded" },
      body: "Action=ListRoles&Version=2010-05-08",
    });
    const rest = await fetch(`${endpoint.url}/2015-03-31/functions/`, {
      headers: { authorization: authorization("lambda") },
    });
    const cbor = await fetch(endpoint.url, {
      method: "POST",
      headers: {
        authorization: authorization("kinesis"),
        "content-type": "application/x-amz-cbor-1.1",
        "x-amz-target": "Kinesis_20131202.ListStreams",
      },
    });

    expect([json.status, json.body.message]).to.deep.equal([
      501,
      "The local runtime does not serve events:PutEvents.",
    ]);
    expect([query.status, await query.text()].join(" ")).to.match(/^501 <ErrorResponse>.*iam:ListRoles/);
    expect([rest.status, await rest.text()].join(" ")).to.match(
      /^501 .*lambda:GET \/2015-03-31\/functions\//,
    );
    expect([cbor.status, await cbor.text()].join(" ")).to.match(/^501 .*CBOR_ENABLED=false/);
  });

  it("does not answer for hosts that are not this machine", async () => {
    const socket = await raw();
    socket.write(`GET / HTTP/1.1\r\nHost: evil.example:${endpoint.port}\r\n\r\n`);
    const [answer] = (await once(socket, "data")) as [Buffer];
    socket.destroy();
    expect(answer.toString()).to.match(/^HTTP\/1.1 421 /);
  });

  it("does not answer web pages from elsewhere, which may send forms to any address", async () => {
    const status = async (origin: string): Promise<number> => {
      const headers = { origin, authorization: authorization("kinesis") };
      const target = { "x-amz-target": "Kinesis_20131202.ListStreams" };
      return (await fetch(endpoint.url, { method: "POST", headers: { ...headers, ...target } })).status;
    };
    const [own, evil, nobody] = [
      await status("http://localhost:3000"),
      await status("https://evil.example"),
      await status("null"),
    ];
    expect([own, evil, nobody]).to.deep.equal([200, 403, 403]);
  });

  it("traces every request", async () => {
    await callJson(endpoint, "Kinesis_20131202.ListStreams", "{}");
    const event = await trace.waitFor(({ kind }) => kind === "aws", { timeoutMs: 1_000 });
    expect(event).to.include({ service: "kinesis", operation: "ListStreams", status: 200 });
  });

  it("names the port and the cure when the port is taken", async () => {
    const error = await failure(start({ port: endpoint.port }));
    expect(error.message).to.contain(`Port ${endpoint.port} on 127.0.0.1 is in use.`);
  });
});
