import { generateKeyPair, type KeyObject } from "node:crypto";
import { Agent, type IncomingHttpHeaders, request } from "node:http";
import { connect } from "node:net";
import { promisify } from "node:util";
import { expect } from "chai";
import fc from "fast-check";
import { exportJWK, SignJWT } from "jose";
import type { Graph, PropertyMap, ResourceNode } from "../../local/engine/graph.ts";
import { VirtualClock } from "../../local/kit/clock.ts";
import { Trace } from "../../local/kit/trace.ts";
import { commonLogTime, compileFormat } from "../../local/sources/http-api/access-log.ts";
import {
  type EventContext,
  type GatewayRequest,
  joinHeaders,
  toEvent,
} from "../../local/sources/http-api/event.ts";
import {
  compareRoutes,
  parseRouteKey,
  readTarget,
  selectRoute,
} from "../../local/sources/http-api/matching.ts";
import { toResponse } from "../../local/sources/http-api/response.ts";
import { TokenBucket } from "../../local/sources/http-api/throttle.ts";
import { source } from "../../local/sources/http-api.ts";
import type { RunningSource, SourceContext } from "../../local/sources/source.ts";
import { documented } from "../helpers/events.ts";
import { resourceNode } from "../helpers/graph.ts";

const EXECUTION_ARN = "arn:aws:execute-api:us-east-1:000000000000:a1b2c3";
const DOMAIN = "a1b2c3.execute-api.us-east-1.amazonaws.com";
const ISSUER = "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_pool";

const resource = (type: string, name: string, id: string, values: PropertyMap): ResourceNode =>
  resourceNode(type, name, { id, inputs: values, outputs: { id, ...values } });

interface RouteFixture {
  key: string;
  functionName: string;
  secured?: boolean;
  scopes?: string[];
  permitted?: boolean;
}

const routeResources = ({ key, functionName, secured, scopes, permitted }: RouteFixture): ResourceNode[] => {
  const path = key === "$default" ? "$default" : key.replace(" ", "").replace("ANY", "*");
  return [
    resource("aws:apigatewayv2/integration:Integration", functionName, `int-${functionName}`, {
      apiId: "a1b2c3",
      integrationType: "AWS_PROXY",
      integrationUri: `arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:aws:lambda:us-east-1:000000000000:function:${functionName}/invocations`,
      payloadFormatVersion: "2.0",
    }),
    resource("aws:apigatewayv2/route:Route", functionName, `route-${functionName}`, {
      apiId: "a1b2c3",
      routeKey: key,
      target: `integrations/int-${functionName}`,
      authorizationType: secured ? "JWT" : "NONE",
      ...(secured ? { authorizerId: "auth1", authorizationScopes: scopes ?? [] } : {}),
    }),
    ...(permitted === false
      ? []
      : [
          resource("aws:lambda/permission:Permission", functionName, `perm-${functionName}`, {
            action: "lambda:InvokeFunction",
            principal: "apigateway.amazonaws.com",
            function: functionName,
            sourceArn: `${EXECUTION_ARN}/$default/${path}`,
          }),
        ]),
  ];
};

const FORMAT =
  '{"status":"$context.status","route":"$context.routeKey","agent":"$context.identity.userAgent","authorizer":"$context.authorizer.error","integration":"$context.integrationErrorMessage","lambda":"$context.integrationStatus","function":"$context.integration.status"}';

const graphOf = (routes: RouteFixture[], extra: { api?: PropertyMap; stage?: PropertyMap } = {}): Graph => ({
  project: "test",
  stack: "test",
  dryRun: false,
  resources: [
    resource("aws:apigatewayv2/api:Api", "api", "a1b2c3", {
      name: "api-1234567",
      protocolType: "HTTP",
      apiEndpoint: `https://${DOMAIN}`,
      executionArn: EXECUTION_ARN,
      ...extra.api,
    }),
    resource("aws:apigatewayv2/stage:Stage", "stage", "$default", {
      apiId: "a1b2c3",
      name: "$default",
      accessLogSettings: {
        destinationArn: "arn:aws:logs:us-east-1:000000000000:log-group:api-access-1",
        format: FORMAT,
      },
      ...extra.stage,
    }),
    resource("aws:apigatewayv2/authorizer:Authorizer", "jwt", "auth1", {
      apiId: "a1b2c3",
      authorizerType: "JWT",
      identitySources: ["$request.header.Authorization"],
      jwtConfiguration: { issuer: ISSUER, audiences: ["client-1"] },
    }),
    ...routes.flatMap(routeResources),
  ],
  outputs: {},
  durationMs: 0,
});

type Handler = (
  event: Record<string, unknown>,
  functionName: string,
  options?: { traceId?: string; invokedFunctionArn?: string },
) => unknown;

interface Bench {
  url: string;
  port: number;
  clock: VirtualClock;
  trace: Trace;
  invoked: string[];
  lines: string[];
  stop(): Promise<void>;
}

const ok = (payload: unknown) => ({
  requestId: "r-1",
  status: "ok",
  payload: JSON.stringify(payload ?? null),
  coldStart: false,
  durationMs: 1,
});

const begin = async (
  graph: Graph,
  handler: Handler = () => ({ ok: true }),
  readIssuer: (url: string) => string = (url) => url,
): Promise<Bench> => {
  const clock = new VirtualClock(Date.UTC(2026, 0, 1));
  const trace = new Trace({ now: () => clock.now() });
  const invoked: string[] = [];
  const lines: string[] = [];
  const context = {
    graph,
    clock,
    trace,
    random: () => 0.5,
    ports: { next: () => 0 },
    resolveHost: readIssuer,
    services: {
      logs: {
        append: (_group: string, _stream: string, entries: { message: string }[]) =>
          lines.push(...entries.map(({ message }) => message)),
      },
    },
    pool: {
      invoke: async (
        functionName: string,
        payload: string,
        options?: { traceId?: string; invokedFunctionArn?: string },
      ) => {
        invoked.push(functionName);
        const result = await handler(JSON.parse(payload), functionName, options);
        return (result as { raw?: unknown })?.raw ?? ok(result);
      },
    },
  } as unknown as SourceContext;
  const running = (await source.start(graph.resources[0]!, context)) as RunningSource;
  const port = Number(new URL(running.url ?? "").port);
  return { url: running.url ?? "", port, clock, trace, invoked, lines, stop: () => running.stop() };
};

interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}

/** node:http sends the path as it is, where fetch would tidy it up. */
const call = (
  bench: Bench,
  options: {
    method?: string;
    path: string;
    headers?: Record<string, string | string[]>;
    body?: string | Buffer;
    agent?: Agent;
  },
): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const outgoing = request(
      {
        host: "127.0.0.1",
        port: bench.port,
        method: options.method ?? "GET",
        path: options.path,
        headers: options.headers,
        agent: options.agent,
      },
      (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on("data", (chunk) => chunks.push(chunk));
        incoming.on("end", () =>
          resolve({
            status: incoming.statusCode ?? 0,
            headers: incoming.headers,
            body: Buffer.concat(chunks).toString(),
          }),
        );
      },
    );
    outgoing.on("error", reject);
    outgoing.end(options.body);
  });

/** Bytes on the wire, for what no client library would send. */
const callRaw = (bench: Bench, text: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = connect(bench.port, "127.0.0.1", () => socket.end(text));
    let received = "";
    socket.on("data", (chunk) => {
      received += chunk;
    });
    socket.on("end", () => resolve(received));
    socket.on("error", reject);
  });

describe("HTTP API source: routes", () => {
  const select = (keys: string[], method: string, path: string) => {
    const target = readTarget(path);
    const routes = keys.map(parseRouteKey).sort(compareRoutes);
    const match = target && selectRoute(routes, method, target.segments);
    return match && { key: match.route.routeKey, parameters: match.parameters };
  };
  const KEYS = [
    "$default",
    "ANY /{proxy+}",
    "GET /pets/{proxy+}",
    "GET /pets/{id}",
    "GET /pets/dog",
    "ANY /pets/dog",
    "GET /",
  ];

  it("prefers the most specific path, then the exact method, then $default", () => {
    expect(select(KEYS, "GET", "/pets/dog")?.key).to.equal("GET /pets/dog");
    expect(select(KEYS, "POST", "/pets/dog")?.key).to.equal("ANY /pets/dog");
    expect(select(KEYS, "GET", "/pets/7")).to.deep.equal({ key: "GET /pets/{id}", parameters: { id: "7" } });
    expect(select(KEYS, "GET", "/pets/7/toys")).to.deep.equal({
      key: "GET /pets/{proxy+}",
      parameters: { proxy: "7/toys" },
    });
    expect(select(KEYS, "DELETE", "/pets/7")?.key).to.equal("ANY /{proxy+}");
    expect(select(KEYS, "GET", "/")?.key).to.equal("GET /");
    expect(select(KEYS, "POST", "/")?.key).to.equal("$default");
  });

  it("decodes before it matches, so an encoded slash separates segments", () => {
    expect(select(["GET /pets/{id}"], "GET", "/pets/a%20b")?.parameters).to.deep.equal({ id: "a b" });
    expect(select(["GET /pets/{id}"], "GET", "/pets/a%2Fb")).to.equal(undefined);
    expect(readTarget("/pets/a%3Fb?x=1")).to.deep.equal({
      path: "/pets/a",
      segments: ["pets", "a"],
      query: "x=1",
    });
  });

  it("matches no empty parameter, no trailing slash and no doubled slash", () => {
    for (const path of ["/pets/", "/pets/7/", "//pets/7", "/pets//7"])
      expect(select(["GET /pets/{id}"], "GET", path), path).to.equal(undefined);
  });

  it("refuses broken encodings and climbing paths", () => {
    for (const path of [
      "/%",
      "/%zz",
      "/%ff",
      "/%c0%ae",
      "/a?x=%",
      "/a?x=%ff",
      "/..",
      "/a/../b",
      "/%2e%2e/b",
      "*",
      "http://x/",
    ])
      expect(readTarget(path), path).to.equal(undefined);
  });

  it("keeps prototype names as plain parameters", () => {
    const parameters = select(["GET /{__proto__}/{constructor}"], "GET", "/a/b")?.parameters ?? {};
    expect(Object.entries(parameters)).to.deep.equal([
      ["__proto__", "a"],
      ["constructor", "b"],
    ]);
  });

  it("refuses a route key that API Gateway would not take", () => {
    expect(() => parseRouteKey("FETCH /a")).to.throw('Route key "FETCH /a" is not valid');
    expect(() => parseRouteKey("GET /{proxy+}/x")).to.throw("must be the last segment");
  });
});

describe("HTTP API source: event", () => {
  it("equals the documented event of payload format 2.0", async () => {
    const raw = [
      "Host",
      "127.0.0.1:3000",
      "Accept",
      "*/*",
      "User-Agent",
      "curl/8.5.0",
      "X-Dup",
      "a",
      "X-Dup",
      "b",
      "Connection",
      "keep-alive",
      "Cookie",
      "session=abc; theme=dark",
    ];
    const gatewayRequest: GatewayRequest = {
      method: "GET",
      target: readTarget(
        "/devices/boiler%201/readings?metric=temperature&metric=pressure&from=2026-01-01T00%3A00%3A00Z",
      )!,
      ...joinHeaders(raw),
      body: Buffer.alloc(0),
      sourceIp: "205.255.255.176",
      protocol: "HTTP/1.1",
      requestId: "JKJaXmPLvHcESHA=",
      traceId: "Root=1-5e6722a7-cc56xmpl46db7ae02d4da47e",
      receivedAt: 1583817383220,
    };
    const context: EventContext = {
      accountId: "123456789012",
      apiId: "r3pmxmplak",
      domainName: "r3pmxmplak.execute-api.us-east-2.amazonaws.com",
      stage: "$default",
      routeKey: "GET /devices/{deviceId}/readings",
      parameters: { deviceId: "boiler 1" },
    };

    const event = toEvent(gatewayRequest, context);

    expect(event).to.deep.equal(documented("http-api-v2").event);
  });

  it("equals the recorded event of an authorised route: claims as text, scopes null without route scopes", async () => {
    const body = Buffer.from('{"readings":1}');
    const raw = [
      "Accept",
      "*/*",
      "Authorization",
      "Bearer redacted",
      "Content-Length",
      "14",
      "Content-Type",
      "application/json",
      "Host",
      "x",
      "User-Agent",
      "PostmanRuntime/7.56.1",
    ];
    const event = toEvent(
      {
        method: "POST",
        target: readTarget("/telemetry")!,
        ...joinHeaders(raw),
        body,
        sourceIp: "203.0.113.7",
        protocol: "HTTP/1.1",
        requestId: "T5bVnhkMIAMEPqQ=",
        traceId: "Root=1-6a9299d8-49fa1ebe4ba1ae342ee07e3a",
        receivedAt: 1787898808000,
      },
      {
        accountId: "947734355387",
        apiId: "6ldrvk5tk5",
        domainName: "6ldrvk5tk5.execute-api.us-east-1.amazonaws.com",
        stage: "$default",
        routeKey: "POST /telemetry",
        parameters: {},
        authorizer: {
          claims: {
            auth_time: 1787992402,
            client_id: "5kek0i61pgkokoob4fsm9fo9it",
            "cognito:groups": ["admin", "operator"],
            exp: 1787996002,
            iat: 1787992402,
            iss: "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_HblcSIjTD",
            jti: "afa8fe33-607e-4fdb-99ac-81c27d1ddc73",
            scope: "telemetry/write telemetry/read",
            sub: "5kek0i61pgkokoob4fsm9fo9it",
            token_use: "access",
            version: 2,
            nothing: null,
          },
          scopes: null,
        },
      },
    );

    expect(event).to.deep.equal(documented("http-api-v2-jwt").event);
  });

  it("delivers only text, JSON, XML and JavaScript bodies as text", async () => {
    const bench = await begin(graphOf([{ key: "POST /b", functionName: "b" }]), (event) => ({
      base64: event.isBase64Encoded,
    }));
    const send = async (headers: Record<string, string>) =>
      JSON.parse((await call(bench, { method: "POST", path: "/b", headers, body: "x=1" })).body).base64;

    expect(await send({ "content-type": "application/json; charset=utf-8" })).to.equal(false);
    expect(await send({ "content-type": "text/csv" })).to.equal(false);
    expect(await send({ "content-type": "application/x-www-form-urlencoded" })).to.equal(true);
    expect(await send({})).to.equal(true);
    await bench.stop();
  });
});

describe("HTTP API source: response", () => {
  it("infers 200 and JSON from a result without a statusCode", () => {
    expect(toResponse('{"a":1}')).to.deep.include({
      status: 200,
      headers: { "content-type": "application/json" },
    });
    expect(toResponse('"hello"')?.body.toString()).to.equal("hello");
    expect(toResponse("null")?.status).to.equal(200);
  });

  it("passes status, headers, cookies and a base64 body on", () => {
    const response = toResponse(
      JSON.stringify({
        statusCode: 201,
        headers: { "X-A": 1, "Content-Length": 999, Connection: "close" },
        cookies: ["a=1"],
        body: Buffer.from([1, 2]).toString("base64"),
        isBase64Encoded: true,
      }),
    );

    expect(response).to.deep.equal({
      status: 201,
      headers: { "content-type": "text/plain;charset=UTF-8", "x-a": "1" },
      cookies: ["a=1"],
      body: Buffer.from([1, 2]),
    });
  });

  it("refuses what HTTP cannot carry", () => {
    const bad = [
      "not json",
      '{"statusCode":"ok"}',
      '{"statusCode":99}',
      '{"statusCode":200,"body":{}}',
      '{"statusCode":200,"headers":{"a":"x\\r\\nSet-Cookie: b=1"}}',
      '{"statusCode":200,"headers":{"a b":"x"}}',
      '{"statusCode":200,"cookies":["a\\r\\nb"]}',
      '{"statusCode":200,"headers":[]}',
    ];
    for (const payload of bad) expect(toResponse(payload), payload).to.equal(undefined);
  });
});

describe("HTTP API source: throttling and access log", () => {
  it("refills a bucket at the rate, up to the burst", () => {
    const bucket = new TokenBucket({ rate: 2, burst: 2 }, 0);

    expect([bucket.take(0), bucket.take(0), bucket.take(0)]).to.deep.equal([true, true, false]);
    expect([bucket.take(499), bucket.take(500)]).to.deep.equal([false, true]);
    expect([bucket.take(60_000), bucket.take(60_000), bucket.take(60_000)]).to.deep.equal([
      true,
      true,
      false,
    ]);
  });

  it("writes unset variables as a dash and keeps hostile values inside their quotes", () => {
    const format = compileFormat(
      '{"agent":"$context.identity.userAgent","status":"$context.status","x":"$context.x"}',
    );

    const line = format({ "identity.userAgent": 'a"}\n{"forged":"1', status: 200 });

    expect(JSON.parse(line)).to.deep.equal({ agent: 'a"}\n{"forged":"1', status: "200", x: "-" });
    expect(line).not.to.include("\n");
    expect(commonLogTime(Date.UTC(2020, 2, 12, 19, 3, 58))).to.equal("12/Mar/2020:19:03:58 +0000");
  });
});

describe("HTTP API source: gateway", () => {
  let bench: Bench;
  afterEach(() => bench.stop());

  it("answers from the function and writes one access log line", async () => {
    bench = await begin(
      graphOf([{ key: "GET /devices/{deviceId}", functionName: "get-device" }]),
      (event) => ({
        statusCode: 200,
        headers: { "content-type": "application/json" },
        body: JSON.stringify(event.pathParameters),
      }),
    );

    const answer = await call(bench, { path: "/devices/a", headers: { "user-agent": "test" } });

    expect(answer.status).to.equal(200);
    expect(answer.body).to.equal('{"deviceId":"a"}');
    expect(answer.headers["apigw-requestid"]).to.match(/^.{15}=$/);
    const entry = await bench.trace.waitFor(({ kind }) => kind === "access-log");
    expect(entry).to.include({ logGroup: "api-access-1", status: 200, routeKey: "GET /devices/{deviceId}" });
    expect(JSON.parse(bench.lines[0]!)).to.include({
      agent: "test",
      status: "200",
      lambda: "200",
      function: "200",
    });
  });

  it("answers 404 to an unknown route and 400 to a broken path, without invoking", async () => {
    bench = await begin(graphOf([{ key: "GET /devices/{deviceId}", functionName: "f" }]));

    const statuses = [];
    for (const path of [
      "/nowhere",
      "/devices/",
      "//devices/a",
      "/devices/a%2F..",
      "/devices/%",
      "/devices/%ff",
      "/devices/..",
      "/devices/a?x=%",
    ])
      statuses.push((await call(bench, { path })).status);

    expect(statuses).to.deep.equal([404, 404, 404, 400, 400, 400, 400, 400]);
    expect((await call(bench, { path: "/nowhere" })).body).to.equal('{"message":"Not Found"}');
    expect(
      await callRaw(bench, "GET http://evil/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
    ).to.match(/^HTTP\/1.1 400/);
    expect(bench.invoked).to.deep.equal([]);
  });

  it("answers any path and query below 500, and hands only decoded text on", async () => {
    bench = await begin(
      graphOf([
        { key: "GET /devices/{deviceId}", functionName: "f" },
        { key: "GET /all/{proxy+}", functionName: "g" },
      ]),
      (event) => ({ path: event.rawPath }),
    );
    const agent = new Agent({ keepAlive: true });
    const pieces = [
      "%",
      "%2F",
      "%2e",
      "%00",
      "%ff",
      "%E2%82%AC",
      "%ud800",
      "/",
      "..",
      ".",
      "?",
      "&",
      "=",
      "#",
      ";",
      "+",
      "\\",
      "a",
      "devices",
      "all",
      "{",
      "__proto__",
    ];
    const path = fc.array(fc.constantFrom(...pieces), { maxLength: 12 }).map((parts) => `/${parts.join("")}`);

    await fc.assert(
      fc.asyncProperty(path, async (text) => {
        const { status } = await call(bench, { path: text, agent });
        expect(status).to.be.oneOf([200, 400, 404]);
      }),
      { numRuns: 300 },
    );
    agent.destroy();
  });

  it("answers 500 when the function fails, answers nonsense or may not be invoked", async () => {
    bench = await begin(
      graphOf([
        { key: "GET /fails", functionName: "fails" },
        { key: "GET /nonsense", functionName: "nonsense" },
        { key: "GET /forbidden", functionName: "forbidden", permitted: false },
      ]),
      (_, name) =>
        name === "fails"
          ? {
              raw: {
                requestId: "r",
                status: "error",
                payload: '{"errorMessage":"secret"}',
                errorType: "TypeError",
              },
            }
          : { statusCode: "nonsense" },
    );

    for (const path of ["/fails", "/nonsense", "/forbidden"]) {
      const answer = await call(bench, { path });
      expect([answer.status, answer.body]).to.deep.equal([500, '{"message":"Internal Server Error"}']);
    }

    expect(bench.invoked).to.deep.equal(["fails", "nonsense"]);
    const messages = bench.lines.map((line) => JSON.parse(line).integration);
    expect(messages[0]).to.include("TypeError").and.not.include("secret");
    expect(messages[2]).to.include("permissions");
  });

  it("answers 503 after 30 s, and when Lambda throttles", async () => {
    const throttle = Object.assign(new Error("Rate Exceeded."), { name: "TooManyRequestsException" });
    bench = await begin(
      graphOf([
        { key: "GET /slow", functionName: "slow" },
        { key: "GET /busy", functionName: "busy" },
      ]),
      (_, name) => (name === "slow" ? new Promise(() => {}) : Promise.reject(throttle)),
    );

    const slow = call(bench, { path: "/slow" });
    await bench.clock.waitForSleepers();
    expect(bench.clock.nextWake).to.equal(bench.clock.now() + 30_000);
    await bench.clock.advance(30_000);

    expect((await slow).body).to.equal('{"message":"Service Unavailable"}');
    expect((await call(bench, { path: "/busy" })).status).to.equal(503);
  });

  it("throttles per route with 429 and refills with time", async () => {
    bench = await begin(
      graphOf(
        [
          { key: "GET /a", functionName: "a" },
          { key: "GET /b", functionName: "b" },
        ],
        {
          stage: {
            defaultRouteSettings: { throttlingRateLimit: 100, throttlingBurstLimit: 50 },
            routeSettings: [{ routeKey: "GET /a", throttlingRateLimit: 1, throttlingBurstLimit: 1 }],
          },
        },
      ),
    );
    const statuses = async () => [
      (await call(bench, { path: "/a" })).status,
      (await call(bench, { path: "/b" })).status,
    ];

    expect(await statuses()).to.deep.equal([200, 200]);
    expect(await statuses()).to.deep.equal([429, 200]);
    expect((await call(bench, { path: "/a" })).body).to.equal('{"message":"Too Many Requests"}');
    await bench.clock.advance(1_000);
    expect(await statuses()).to.deep.equal([200, 200]);
  });

  it("bounds headers at 10,240 bytes and bodies at what Lambda takes", async () => {
    bench = await begin(graphOf([{ key: "POST /b", functionName: "b" }]));
    const post = (headers: Record<string, string>, body: Buffer | string) =>
      call(bench, { method: "POST", path: "/b", headers, body });

    expect((await post({ big: "x".repeat(10_300) }, "")).status).to.equal(431);
    expect((await post({ "content-type": "text/plain" }, Buffer.alloc(6_000_000, "a"))).status).to.equal(200);
    expect((await post({}, Buffer.alloc(5_000_000))).status).to.equal(413);
    expect((await post({ "content-type": "text/plain" }, Buffer.alloc(11_000_000, "a"))).status).to.equal(
      413,
    );
    expect(bench.invoked).to.deep.equal(["b"]);
  });

  it("keeps connections open and never lets one request's headers reach the next", async () => {
    bench = await begin(graphOf([{ key: "GET /h", functionName: "h" }]), (event) => event.headers as object);
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });

    const first = await call(bench, { path: "/h", headers: { "x-secret": "1" }, agent });
    const second = await call(bench, { path: "/h", agent });

    expect(JSON.parse(first.body)).to.have.property("x-secret", "1");
    expect(JSON.parse(second.body)).not.to.have.property("x-secret");
    expect(JSON.parse(second.body).host).to.equal(DOMAIN);
    expect(first.headers.connection).to.equal("keep-alive");
    agent.destroy();
  });

  it("names one trace to the function's event and to Lambda: the caller's, or a new one", async () => {
    const seen: unknown[] = [];
    bench = await begin(graphOf([{ key: "GET /t", functionName: "t" }]), (event, _, options) => {
      seen.push([(event.headers as Record<string, string>)["x-amzn-trace-id"], options?.traceId]);
    });
    const sent = "Root=1-67891233-abcdef012345678912345678;Sampled=1";

    await call(bench, { path: "/t", headers: { "x-amzn-trace-id": sent } });
    await call(bench, { path: "/t", headers: { "x-amzn-trace-id": 'no "trace"' } });

    expect(seen[0]).to.deep.equal([sent, sent]);
    const [inEvent, toLambda] = seen[1] as [string, string];
    expect(inEvent)
      .to.match(/^Root=1-[0-9a-f]{8}-[0-9a-f]{24}$/)
      .and.equal(toLambda);
  });

  it("refuses smuggled and folded headers as malformed", async () => {
    bench = await begin(graphOf([{ key: "POST /h", functionName: "h" }]));
    const both =
      "POST /h HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    const folded = "POST /h HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\nContent-Length: 0\r\n\r\n";

    expect(await callRaw(bench, both)).to.match(/^HTTP\/1.1 400/);
    expect(await callRaw(bench, folded)).to.match(/^HTTP\/1.1 400/);
    expect(bench.invoked).to.deep.equal([]);
  });

  it("invokes an alias as the integration names it, with a permission that names it too", async () => {
    const live = "arn:aws:lambda:us-east-1:000000000000:function:a:live";
    const graph = graphOf([{ key: "GET /a", functionName: "a:live", permitted: false }]);
    const grant = (qualifier: PropertyMap) =>
      resource("aws:lambda/permission:Permission", "p", "p", {
        action: "lambda:InvokeFunction",
        principal: "apigateway.amazonaws.com",
        function: "a",
        ...qualifier,
        sourceArn: `${EXECUTION_ARN}/*/GET/a`,
      });
    const answers = async (qualifier: PropertyMap) => {
      bench = await begin(
        { ...graph, resources: [...graph.resources, grant(qualifier)] },
        (_, name, options) => [name, options?.invokedFunctionArn],
      );
      const { status, body } = await call(bench, { path: "/a" });
      await bench.stop();
      return [status, JSON.parse(body)];
    };
    expect(await answers({ qualifier: "live" })).to.deep.equal([200, ["a", live]]);
    expect(await answers({})).to.deep.equal([500, { message: "Internal Server Error" }]);
  });

  it("serves a named stage under its own path prefix", async () => {
    const graph = graphOf([{ key: "GET /a", functionName: "a", permitted: false }], {
      stage: { name: "v1" },
    });
    graph.resources.push(
      resource("aws:lambda/permission:Permission", "p", "p", {
        action: "lambda:InvokeFunction",
        principal: "apigateway.amazonaws.com",
        function: "arn:aws:lambda:us-east-1:000000000000:function:a",
        sourceArn: `${EXECUTION_ARN}/*/GET/a`,
      }),
    );
    bench = await begin(graph, (event) => ({ path: event.rawPath }));

    expect((await call(bench, { path: "/v1/a" })).body).to.equal('{"path":"/v1/a"}');
    expect((await call(bench, { path: "/a" })).status).to.equal(404);
  });
});

describe("HTTP API source: CORS", () => {
  const CORS = {
    corsConfiguration: {
      allowOrigins: ["https://app.example"],
      allowMethods: ["GET", "POST"],
      allowHeaders: ["authorization"],
      exposeHeaders: ["etag"],
      maxAge: 600,
      allowCredentials: true,
    },
  };
  const PREFLIGHT = { origin: "https://app.example", "access-control-request-method": "GET" };
  let bench: Bench;
  afterEach(() => bench.stop());

  it("answers a preflight itself, with headers for allowed origins only", async () => {
    bench = await begin(graphOf([{ key: "GET /a", functionName: "a", secured: true }], { api: CORS }));

    const allowed = await call(bench, { method: "OPTIONS", path: "/a", headers: PREFLIGHT });
    const foreign = await call(bench, {
      method: "OPTIONS",
      path: "/a",
      headers: { ...PREFLIGHT, origin: "https://evil" },
    });

    expect(allowed.status).to.equal(204);
    expect(allowed.headers).to.include({
      "access-control-allow-origin": "https://app.example",
      "access-control-allow-methods": "GET,POST",
      "access-control-allow-headers": "authorization",
      "access-control-max-age": "600",
      "access-control-allow-credentials": "true",
    });
    expect(foreign.status).to.equal(204);
    expect(foreign.headers).not.to.have.property("access-control-allow-origin");
    expect(bench.invoked).to.deep.equal([]);
  });

  it("replaces the function's own CORS headers", async () => {
    bench = await begin(graphOf([{ key: "GET /a", functionName: "a" }], { api: CORS }), () => ({
      statusCode: 200,
      headers: { "Access-Control-Allow-Origin": "*", "X-A": "1" },
    }));

    const answer = await call(bench, { path: "/a", headers: { origin: "https://app.example" } });
    const foreign = await call(bench, { path: "/a", headers: { origin: "https://evil" } });

    expect(answer.headers).to.include({
      "access-control-allow-origin": "https://app.example",
      "access-control-expose-headers": "etag",
      "x-a": "1",
    });
    expect(foreign.headers).not.to.have.property("access-control-allow-origin");
  });

  it("lets an authorised catch-all route block the preflight, unless OPTIONS is open", async () => {
    const caught = { key: "ANY /{proxy+}", functionName: "all", secured: true };
    bench = await begin(graphOf([caught], { api: CORS }));
    expect((await call(bench, { method: "OPTIONS", path: "/a", headers: PREFLIGHT })).status).to.equal(401);
    await bench.stop();

    bench = await begin(graphOf([caught, { key: "OPTIONS /{proxy+}", functionName: "open" }], { api: CORS }));
    expect((await call(bench, { method: "OPTIONS", path: "/a", headers: PREFLIGHT })).status).to.equal(204);
  });
});

describe("HTTP API source: JWT authorizer", () => {
  let privateKey: KeyObject;
  let documents: Record<string, string>;
  let reads: string[];
  let bench: Bench;

  before(async () => {
    const pair = await promisify(generateKeyPair)("rsa", { modulusLength: 2048 });
    privateKey = pair.privateKey;
    const jwk = { ...(await exportJWK(pair.publicKey)), kid: "k1", alg: "RS256", use: "sig" };
    const dataUrl = (value: unknown) => `data:application/json,${encodeURIComponent(JSON.stringify(value))}`;
    documents = {
      [`${ISSUER}/.well-known/openid-configuration`]: dataUrl({ issuer: ISSUER, jwks_uri: `${ISSUER}/keys` }),
      [`${ISSUER}/keys`]: dataUrl({ keys: [jwk] }),
    };
  });

  beforeEach(async () => {
    reads = [];
    const graph = graphOf([
      { key: "GET /any", functionName: "any", secured: true },
      {
        key: "GET /read",
        functionName: "read",
        secured: true,
        scopes: ["telemetry/read", "telemetry/admin"],
      },
    ]);
    bench = await begin(
      graph,
      (event) => (event.requestContext as { authorizer: object }).authorizer,
      (url) => {
        reads.push(url);
        return documents[url] ?? url;
      },
    );
  });
  afterEach(() => bench.stop());

  const token = (
    claims: Record<string, unknown> = {},
    header: Record<string, string> = {},
  ): Promise<string> => {
    const now = Math.floor(bench.clock.now() / 1000);
    const all = {
      iss: ISSUER,
      client_id: "client-1",
      exp: now + 3600,
      iat: now,
      scope: "telemetry/read",
      ...claims,
    };
    const defined = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
    return new SignJWT(defined).setProtectedHeader({ alg: "RS256", kid: "k1", ...header }).sign(privateKey);
  };
  const get = (path: string, authorization?: string) =>
    call(bench, { path, headers: authorization === undefined ? {} : { authorization } });

  it("lets a valid token in, with or without Bearer, and hands its claims to the function", async () => {
    const valid = await token();

    const answer = await get("/read", `Bearer ${valid}`);

    expect(answer.status).to.equal(200);
    expect(JSON.parse(answer.body).jwt).to.deep.include({ scopes: ["telemetry/read"] });
    expect((await get("/any", valid)).status).to.equal(200);
    expect(JSON.parse((await get("/any", valid)).body).jwt.scopes).to.equal(null);
    expect(JSON.parse(answer.body).jwt.claims.exp).to.be.a("string");
  });

  it("answers 401 and does not invoke, whatever is wrong with the token", async () => {
    const now = Math.floor(bench.clock.now() / 1000);
    const other = await promisify(generateKeyPair)("rsa", { modulusLength: 2048 });
    const [head, , signature] = (await token()).split(".");
    const bad: Record<string, string | undefined> = {
      missing: undefined,
      empty: "Bearer ",
      noise: "Bearer abc.def.ghi",
      expired: await token({ exp: now }),
      "not yet valid": await token({ nbf: now + 10 }),
      "issued ahead": await token({ iat: now + 10 }),
      "no expiry": await token({ exp: undefined }),
      issuer: await token({ iss: "https://evil" }),
      audience: await token({ client_id: "client-2" }),
      "aud before client_id": await token({ aud: "other" }),
      "no audience": await token({ client_id: undefined }),
      "unknown key": await token({}, { kid: "k2" }),
      "foreign signature": await new SignJWT({ iss: ISSUER, client_id: "client-1", exp: now + 60 })
        .setProtectedHeader({ alg: "RS256", kid: "k1" })
        .sign(other.privateKey),
      "changed claims": `${head}.${Buffer.from('{"iss":"x"}').toString("base64url")}.${signature}`,
      "alg none": `${Buffer.from('{"alg":"none","kid":"k1"}').toString("base64url")}.${Buffer.from("{}").toString("base64url")}.`,
      "alg HS256": await new SignJWT({ iss: ISSUER, client_id: "client-1", exp: now + 60 })
        .setProtectedHeader({ alg: "HS256", kid: "k1" })
        .sign(Buffer.alloc(32)),
    };

    for (const [what, value] of Object.entries(bad)) {
      const answer = await get("/any", value);
      expect([answer.status, answer.body], what).to.deep.equal([401, '{"message":"Unauthorized"}']);
      const expected =
        what === "missing" || what === "empty" ? /^Bearer$/ : /^Bearer .*error="invalid_token"/;
      expect(answer.headers["www-authenticate"], what).to.match(expected);
    }
    expect(bench.invoked).to.deep.equal([]);
    expect(JSON.parse(bench.lines[3]!).authorizer).to.equal("the token has expired");
  });

  it("answers 403 without invoking when the token has none of the route's scopes; one of them suffices", async () => {
    const denied = await get("/read", await token({ scope: "telemetry/write" }));
    const scp = await get("/read", await token({ scope: undefined, scp: ["telemetry/admin"] }));

    expect([denied.status, denied.body]).to.deep.equal([403, '{"message":"Forbidden"}']);
    expect(denied.headers["www-authenticate"]).to.include('error="insufficient_scope"');
    expect(scp.status).to.equal(200);
    expect(bench.invoked).to.deep.equal(["read"]);
  });

  it("reads the issuer once in two hours, and not at the pace of unknown keys", async () => {
    for (let count = 0; count < 3; count += 1) await get("/any", await token());
    for (let count = 0; count < 3; count += 1) await get("/any", await token({}, { kid: "k2" }));
    expect(reads).to.have.length(2);

    await bench.clock.advance(2 * 60 * 60 * 1000);
    await get("/any", await token());
    expect(reads).to.have.length(4);
  });

  it("stops taking a token that it has taken before, once it has expired", async () => {
    const short = await token({ exp: Math.floor(bench.clock.now() / 1000) + 60 });

    const statuses = [(await get("/any", short)).status, (await get("/any", short)).status];
    await bench.clock.advance(60_000);
    statuses.push((await get("/any", short)).status);

    expect(statuses).to.deep.equal([200, 200, 401]);
  });

  it("answers 401 while the issuer cannot be read, and recovers", async () => {
    const kept = documents;
    documents = { [`${ISSUER}/.well-known/openid-configuration`]: "data:text/plain,nothing" };
    expect((await get("/any", await token())).status).to.equal(401);

    documents = kept;
    expect((await get("/any", await token())).status).to.equal(200);
  });
});

describe("HTTP API source: start", () => {
  it("names the resource that it does not stand for", async () => {
    const websocket = graphOf([], { api: { protocolType: "WEBSOCKET" } });
    const iam = graphOf([{ key: "GET /a", functionName: "a" }]);
    iam.resources.find(({ type }) => type.endsWith(":Route"))!.inputs.authorizationType = "AWS_IAM";
    iam.resources.find(({ type }) => type.endsWith(":Route"))!.outputs.authorizationType = "AWS_IAM";

    const failure = (graph: Graph) =>
      begin(graph).then(
        () => "",
        (error: Error) => error.message,
      );

    expect(await failure(websocket)).to.include('Api "api": protocolType is WEBSOCKET');
    expect(await failure(iam)).to.include('Route "a": authorizationType is AWS_IAM');
  });
});

// Not proven here: TLS and HTTP/2 towards clients, the account's shared throttle, and AWS's exact wording of
// `error_description`, which is not documented.
