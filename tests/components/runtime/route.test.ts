import { Ajv } from "ajv";
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from "aws-lambda";
import { expect } from "chai";
import type { RouteOptions, RouteRequest, RouteValidators } from "../../../components/runtime/request.ts";
import { type RouteCallback, serveRoute } from "../../../components/runtime/route.ts";
import { serverErrorLine } from "../../../components/runtime/server-errors.ts";

const OPTIONS: RouteOptions = { route: "POST /things/{id}", maxBody: 1_000 };

const parameters = new Ajv({ allErrors: true, coerceTypes: true, useDefaults: true });
const bodies = new Ajv({ allErrors: true, useDefaults: true });

const VALIDATORS = {
  path: parameters.compile({
    type: "object",
    required: ["id"],
    properties: { id: { type: "string", pattern: "^[a-z0-9]+$" } },
  }),
  query: parameters.compile({
    type: "object",
    additionalProperties: false,
    required: ["from"],
    properties: {
      from: { type: "string", minLength: 1 },
      limit: { type: "integer", minimum: 1, maximum: 10, default: 5 },
      resolution: { enum: ["minute", "hour"] },
    },
  }),
} as RouteValidators;

const BODY = {
  body: bodies.compile({
    type: "object",
    additionalProperties: false,
    required: ["name", "size"],
    properties: {
      name: { type: "string" },
      size: { type: "number" },
      tags: { type: "array", items: { type: "string" } },
    },
  }),
} as RouteValidators;

const event = (
  changes: Record<string, unknown> = {},
  http: Record<string, unknown> = {},
): APIGatewayProxyEventV2 =>
  ({
    version: "2.0",
    routeKey: "POST /things/{id}",
    rawPath: "/things/a1",
    rawQueryString: "from=2026",
    headers: { "content-type": "application/json" },
    pathParameters: { id: "a1" },
    requestContext: {
      requestId: "request-1",
      http: {
        method: "POST",
        path: "/things/a1",
        protocol: "HTTP/1.1",
        sourceIp: "127.0.0.1",
        userAgent: "test",
        ...http,
      },
    },
    isBase64Encoded: false,
    ...changes,
  }) as unknown as APIGatewayProxyEventV2;

interface Outcome extends APIGatewayProxyStructuredResultV2 {
  json: Record<string, unknown> & { errors?: { parameter?: string; pointer?: string; detail: string }[] };
  seen: RouteRequest[];
  logged: Record<string, unknown>[];
  serverErrors: number;
}

const run = async (
  input: APIGatewayProxyEventV2,
  validators: RouteValidators = {},
  callback: RouteCallback = () => ({ body: { ok: true } }),
  options: Partial<RouteOptions> = {},
): Promise<Outcome> => {
  const seen: RouteRequest[] = [];
  const logged: Record<string, unknown>[] = [];
  let serverErrors = 0;
  const spy: RouteCallback = (request) => {
    seen.push(request);
    return callback(request);
  };
  const handler = serveRoute(spy, { ...OPTIONS, ...options }, validators, {
    newId: () => "generated-id",
    logError: (entry) => logged.push(entry),
    countServerError: () => {
      serverErrors += 1;
    },
  });
  const result = await handler(input);
  return { ...result, json: JSON.parse(result.body ?? "null"), seen, logged, serverErrors };
};

const post = (body: unknown, headers: Record<string, string> = { "content-type": "application/json" }) =>
  event({ body: typeof body === "string" ? body : JSON.stringify(body), headers });

describe("serveRoute: request", () => {
  it("hands over validated, coerced and completed values with the caller and the ids", async () => {
    const claims = { client_id: "client-1", scope: "api/read api/write" };
    const input = event({ rawQueryString: "from=2026-01-01T00%3A00%3A00Z&limit=7" });
    (input.requestContext as { authorizer?: unknown }).authorizer = { jwt: { claims, scopes: null } };

    const { seen, statusCode } = await run(input, VALIDATORS);

    expect(statusCode).to.equal(200);
    expect(seen).to.deep.equal([
      {
        path: { id: "a1" },
        query: { from: "2026-01-01T00:00:00Z", limit: 7 },
        body: undefined,
        headers: { "content-type": "application/json" },
        caller: { clientId: "client-1", scopes: ["api/read", "api/write"] },
        correlationId: "generated-id",
        requestId: "request-1",
        method: "POST",
        url: "/things/a1?from=2026-01-01T00%3A00%3A00Z&limit=7",
      },
    ]);
  });

  it("completes defaults and keeps an unauthorised caller empty", async () => {
    const { seen } = await run(event(), VALIDATORS);

    expect(seen[0]?.query).to.deep.equal({ from: "2026", limit: 5 });
    expect(seen[0]?.caller).to.deep.equal({ scopes: [] });
  });

  it("lists every problem of path, query and body in one 400 and does not call the callback", async () => {
    const input = event({
      pathParameters: { id: "../x" },
      rawQueryString: "limit=99&resolution=year&colour=red",
      body: '{"name":1,"tags":["a",2],"extra":true}',
    });

    const { statusCode, headers, json, seen } = await run(input, { ...VALIDATORS, ...BODY });

    expect(statusCode).to.equal(400);
    expect(headers?.["content-type"]).to.equal("application/problem+json");
    expect(json).to.include({
      type: "about:blank",
      title: "The request is not valid",
      status: 400,
      instance: "/things/a1",
    });
    const places = json.errors?.map(({ parameter, pointer }) => parameter ?? pointer);
    expect(places).to.have.members([
      "id",
      "from",
      "limit",
      "resolution",
      "colour",
      "#/name",
      "#/size",
      "#/tags/1",
      "#/extra",
    ]);
    expect(json.errors).to.deep.include({ parameter: "resolution", detail: "must be one of minute, hour" });
    expect(json.errors).to.deep.include({ parameter: "from", detail: "is required" });
    expect(seen).to.deep.equal([]);
  });

  it("refuses a parameter given twice where one is meant, control characters, and prototype names", async () => {
    const twice = await run(event({ rawQueryString: "from=1&from=2" }), VALIDATORS);
    const control = await run(event({ pathParameters: { id: "a\u0000b" } }));
    const surrogate = await run(event({ pathParameters: { id: "\ud800" } }));
    const prototype = await run(event({ rawQueryString: "__proto__=1&constructor=2" }));

    expect([twice, control, surrogate, prototype].map(({ statusCode }) => statusCode)).to.deep.equal([
      400, 400, 400, 400,
    ]);
    expect(prototype.json.errors?.map(({ parameter }) => parameter)).to.deep.equal([
      "__proto__",
      "constructor",
    ]);
  });

  it("answers broken percent-encoding in the query like any other text", async () => {
    const { statusCode } = await run(event({ rawQueryString: "from=%zz%ff&limit=%" }), VALIDATORS);

    expect(statusCode).to.equal(400);
  });
});

describe("serveRoute: body", () => {
  it("reads JSON, base64 or not, of any JSON type", async () => {
    const value = { name: "é", size: 1 };
    const base64 = event({
      body: Buffer.from(JSON.stringify(value)).toString("base64"),
      isBase64Encoded: true,
      headers: { "content-type": "application/vnd.thing+json; charset=utf-8" },
    });

    expect((await run(post(value), BODY)).seen[0]?.body).to.deep.equal(value);
    expect((await run(base64, BODY)).seen[0]?.body).to.deep.equal(value);
  });

  it("answers 415 to another type, 413 to a body over the route's limit", async () => {
    const wrongType = await run(post("{}", { "content-type": "text/plain" }), BODY);
    const noType = await run(post("{}", {}), BODY);
    const large = await run(post(JSON.stringify({ name: "x".repeat(1_000), size: 1 })), BODY);
    const largeBase64 = await run(
      event({ body: Buffer.alloc(1_001).toString("base64"), isBase64Encoded: true }),
      BODY,
    );

    expect([wrongType, noType, large, largeBase64].map(({ statusCode }) => statusCode)).to.deep.equal([
      415, 415, 413, 413,
    ]);
    expect(wrongType.json.detail).to.equal('Send the body as application/json, not as "text/plain".');
    expect(large.json.detail).to.include("at most 1000");
  });

  it("answers 400 to a missing, broken, too deep or not UTF-8 body, without echoing it", async () => {
    const deep = `${"[".repeat(100)}${"]".repeat(100)}`;
    const answers = [
      await run(event(), BODY),
      await run(post(""), BODY),
      await run(post('{"secret": oops}'), BODY),
      await run(post(deep), BODY),
      await run(event({ body: Buffer.from([0xff, 0xfe]).toString("base64"), isBase64Encoded: true }), BODY),
    ];

    for (const { statusCode, json } of answers) {
      expect(statusCode).to.equal(400);
      expect(JSON.stringify(json)).not.to.include("oops");
      expect(json.errors?.[0]?.pointer).to.equal("#");
    }
    expect(answers[2]?.json.errors?.[0]?.detail).to.match(/^is not valid JSON/);
  });

  it("refuses prototype keys at any depth, or keeps them as plain data where the route says so", async () => {
    const hostile = '{"list":[{"__proto__":{"admin":true}}]}';
    const any = { body: () => true } as unknown as RouteValidators;

    const refused = await run(post(hostile), any);
    const kept = await run(post(hostile), any, undefined, { unsafeKeys: "keep" });

    expect(refused.statusCode).to.equal(400);
    expect(refused.json.errors?.[0]?.detail).to.include("__proto__");
    const [item] = (kept.seen[0]!.body as { list: object[] }).list;
    expect(Object.keys(item ?? {})).to.deep.equal(["__proto__"]);
    expect(({} as { admin?: boolean }).admin).to.equal(undefined);
  });

  it("lists at most 50 errors", async () => {
    const items = bodies.compile({ type: "array", items: { type: "string" } });

    const { json } = await run(
      post(Array.from({ length: 200 }, () => 1)),
      { body: items as never },
      undefined,
      {},
    );

    expect(json.errors).to.have.length(50);
  });
});

describe("serveRoute: response", () => {
  it("sends a body as JSON with the status and headers of the callback", async () => {
    const { statusCode, headers, json } = await run(event(), {}, () => ({
      status: 202,
      headers: { Location: "/things/1" },
      body: { accepted: 2 },
    }));

    expect(statusCode).to.equal(202);
    expect(headers).to.deep.equal({
      "content-type": "application/json",
      location: "/things/1",
      "x-correlation-id": "generated-id",
    });
    expect(json).to.deep.equal({ accepted: 2 });
  });

  it("sends a problem returned as data in RFC 9457's form, never cached", async () => {
    const { statusCode, headers, json } = await run(event(), {}, () => ({
      status: 404,
      problem: { title: "Device not found", detail: "No readings of a1." },
    }));

    expect(statusCode).to.equal(404);
    expect(headers).to.include({ "content-type": "application/problem+json", "cache-control": "no-store" });
    expect(json).to.deep.equal({
      type: "about:blank",
      title: "Device not found",
      status: 404,
      detail: "No readings of a1.",
      instance: "/things/a1",
      correlationId: "generated-id",
    });
  });

  it("answers 500 without details when the callback fails, and logs them under the correlation id", async () => {
    const { statusCode, body, logged } = await run(event(), {}, () => {
      throw new TypeError("secret table name");
    });
    const nothing = await run(event(), {}, () => undefined as never);

    expect(statusCode).to.equal(500);
    expect(body).not.to.include("secret");
    expect(logged[0]).to.deep.include({
      correlationId: "generated-id",
      requestId: "request-1",
    });
    expect(logged[0]?.error).to.include({ name: "TypeError", message: "secret table name" });
    expect(nothing.statusCode).to.equal(500);
  });

  it("counts every answer with 5xx, thrown or told, and no other", async () => {
    const answering = async (callback: RouteCallback) => (await run(event(), {}, callback)).serverErrors;
    const problem = (status: number) => () => ({ status, problem: { title: "No" } });

    expect(
      await answering(() => {
        throw new Error("no");
      }),
    ).to.equal(1);
    expect(await answering(problem(503))).to.equal(1);
    expect(await answering(problem(404))).to.equal(0);
    expect(await answering(() => ({ body: {} }))).to.equal(0);
  });

  it("counts them as a metric of the function's version", () => {
    const line = JSON.parse(serverErrorLine(7, { function: "f", version: "3" }));
    expect(line).to.deep.include({ function: "f", version: "3", serverErrors: 1 });
    expect(line._aws).to.deep.equal({
      Timestamp: 7,
      CloudWatchMetrics: [
        {
          Namespace: "HttpApi",
          Dimensions: [["function", "version"]],
          Metrics: [{ Name: "serverErrors", Unit: "Count" }],
        },
      ],
    });
  });

  it("keeps an acceptable correlation id and replaces any other", async () => {
    const sent = async (id: string) => {
      const { headers } = await run(event({ headers: { "x-correlation-id": id } }));
      return headers?.["x-correlation-id"];
    };

    expect(await sent("order-7:retry.1")).to.equal("order-7:retry.1");
    expect(await sent("a b")).to.equal("generated-id");
    expect(await sent("x\r\nset-cookie: a=1")).to.equal("generated-id");
    expect(await sent("x".repeat(129))).to.equal("generated-id");
  });
});

describe("serveRoute: caching", () => {
  const read = (headers: Record<string, string> = {}, callback?: RouteCallback) =>
    run(event({ headers }, { method: "GET" }), {}, callback, { cacheSeconds: 60 });

  it("adds the same entity tag to the same answer, and 304 without a body to who has it", async () => {
    const first = await read();
    const etag = String(first.headers?.etag);
    const again = await read({ "if-none-match": `"other", W/${etag}` });
    const changed = await read({ "if-none-match": etag }, () => ({ body: { ok: false } }));

    expect(etag).to.match(/^"[\w-]{27}"$/);
    expect(first.headers).to.include({ "cache-control": "public, max-age=60" });
    expect([again.statusCode, again.body]).to.deep.equal([304, undefined]);
    expect(again.headers).to.include({ etag, "cache-control": "public, max-age=60" });
    expect(changed.statusCode).to.equal(200);
    expect((await read({ "if-none-match": "*" })).statusCode).to.equal(304);
  });

  it("keeps an authorised answer out of shared caches", async () => {
    const input = event({}, { method: "GET" });
    (input.requestContext as { authorizer?: unknown }).authorizer = {
      jwt: { claims: { client_id: "c" }, scopes: null },
    };

    const { headers } = await run(input, {}, undefined, { cacheSeconds: 60 });

    expect(headers?.["cache-control"]).to.equal("private, max-age=60");
  });

  it("leaves errors, other methods and routes without cacheSeconds alone", async () => {
    const failed = await read({}, () => ({ status: 404, problem: { title: "x" } }));
    const posted = await run(event(), {}, undefined, { cacheSeconds: 60 });
    const uncached = await run(event({}, { method: "GET" }));

    expect(failed.headers).not.to.have.property("etag");
    expect(posted.headers).not.to.have.property("etag");
    expect(uncached.headers).not.to.have.property("cache-control");
  });
});

// Not proven here: what Ajv's standalone code looks like once bundled; the packaging tests run the real zip.
