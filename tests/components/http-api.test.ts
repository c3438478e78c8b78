import * as pulumi from "@pulumi/pulumi";
import { expect } from "chai";
import { Type } from "typebox";
import { sealed } from "../../components/finaliser.ts";
import { HttpApi, type HttpApiArgs } from "../../components/http-api.ts";
import { forgiveLateOutputs } from "../helpers/mocks.ts";

interface Registered {
  type: string;
  name: string;
  inputs: Record<string, unknown>;
}

const EXECUTION_ARN = "arn:aws:execute-api:us-east-1:000000000000:a1b2c3";

/** Stands for the engine: records what is registered and answers with what a provider would add. */
const record = (): Registered[] => {
  const resources: Registered[] = [];
  pulumi.runtime.setMocks(
    {
      newResource: ({ type, name, inputs }) => {
        resources.push({ type, name, inputs });
        const extra = {
          name: `${name}-1234567`,
          arn: `arn:aws:test:::${name}`,
          invokeArn: `invoke:${name}`,
          apiEndpoint: "https://a1b2c3.execute-api.us-east-1.amazonaws.com",
          executionArn: EXECUTION_ARN,
        };
        return { id: `${name}-id`, state: { ...extra, ...inputs } };
      },
      call: ({ inputs }) => inputs,
    },
    "project",
    "test",
    false,
  );
  forgiveLateOutputs();
  return resources;
};

const IDENTITY = {
  issuer: "https://issuer.example",
  audience: "client-1",
  scopeName: (scope: string) => `api/${scope}`,
};

const ok = { callback: async () => ({ body: { ok: true } }) };
const open = { ...ok, auth: "none" as const };

describe("HttpApi: infrastructure", () => {
  let resources: Registered[];

  before(async () => {
    resources = record();
    const api = new HttpApi("api", {
      identity: IDENTITY,
      cors: { origins: ["https://app.example"] },
      openApi: { title: "Things", version: "1.0.0" },
      logRetentionDays: 90,
    });
    api.route("GET /things/{thingId}", {
      request: { path: Type.Object({ thingId: Type.String({ minLength: 1 }) }) },
      responses: { 200: Type.Object({ thingId: Type.String() }) },
      scopes: ["things.read"],
      throttle: { rate: 5, burst: 10 },
      timeout: 29,
      summary: "One thing",
      callback: async ({ path }) => ({ body: { thingId: path.thingId.toUpperCase() } }),
    });
    api.route("ANY /{proxy+}", {
      ...open,
      logRetentionDays: 7,
      request: { path: Type.Object({ proxy: Type.String() }) },
    });
    sealed();
    await pulumi.runtime.disconnect();
  });

  const named = (name: string) => resources.find((resource) => resource.name === name)?.inputs ?? {};

  it("creates exactly the API, its stage, authorizer and logs, and per route function, integration, route, permission", () => {
    const own = resources.filter(({ type }) =>
      /apigatewayv2|permission:Permission|function:Function$/.test(type),
    );
    const perRoute = ["api-get-things-thingId", "api-any-proxy", "api-openapi"].flatMap((name) => [
      `${name}-function`,
      `${name}-integration`,
      `${name}-permission`,
      `${name}-route`,
    ]);

    expect(own.map(({ name }) => name)).to.have.members([
      ...perRoute,
      "api-api",
      "api-authorizer",
      "api-stage",
    ]);
    expect(resources.map(({ name }) => name)).to.include("api-access-logs");
  });

  it("checks tokens on every route but those that are written open", () => {
    expect(named("api-authorizer")).to.deep.include({
      authorizerType: "JWT",
      identitySources: ["$request.header.Authorization"],
      jwtConfiguration: { issuer: "https://issuer.example", audiences: ["client-1"] },
    });
    expect(named("api-get-things-thingId-route")).to.include({
      routeKey: "GET /things/{thingId}",
      authorizationType: "JWT",
      authorizerId: "api-authorizer-id",
      target: "integrations/api-get-things-thingId-integration-id",
    });
    expect(named("api-get-things-thingId-route").authorizationScopes).to.deep.equal(["api/things.read"]);
    expect(named("api-any-proxy-route").authorizationType).to.equal("NONE");
  });

  it("lets API Gateway invoke each function for its own route only", () => {
    expect(named("api-get-things-thingId-permission")).to.deep.include({
      action: "lambda:InvokeFunction",
      principal: "apigateway.amazonaws.com",
      function: "api-get-things-thingId-function-1234567",
      sourceArn: `${EXECUTION_ARN}/$default/GET/things/{thingId}`,
    });
    expect(named("api-any-proxy-permission").sourceArn).to.equal(`${EXECUTION_ARN}/$default/*/{proxy+}`);
  });

  it("integrates with payload format 2.0 within the gateway's 30 s", () => {
    expect(named("api-get-things-thingId-integration")).to.deep.include({
      integrationType: "AWS_PROXY",
      integrationUri: "invoke:api-get-things-thingId-function",
      payloadFormatVersion: "2.0",
      timeoutMilliseconds: 30_000,
    });
    expect(named("api-any-proxy-integration").timeoutMilliseconds).to.equal(11_000);
    expect(named("api-any-proxy-function").timeout).to.equal(10);
  });

  it("throttles all routes, one of them by its own limits, and logs every request as JSON", () => {
    const stage = named("api-stage");

    expect(stage).to.include({ name: "$default", autoDeploy: true });
    expect(stage.defaultRouteSettings).to.deep.equal({
      throttlingRateLimit: 500,
      throttlingBurstLimit: 250,
      detailedMetricsEnabled: true,
    });
    expect(stage.routeSettings).to.deep.equal([
      {
        routeKey: "GET /things/{thingId}",
        throttlingRateLimit: 5,
        throttlingBurstLimit: 10,
        detailedMetricsEnabled: true,
      },
    ]);
    const { destinationArn, format } = stage.accessLogSettings as { destinationArn: string; format: string };
    expect(destinationArn).to.equal("arn:aws:test:::api-access-logs");
    expect(format.length).to.be.below(3_072);
    expect(JSON.parse(format)).to.include({
      status: "$context.status",
      functionStatus: "$context.integration.status",
      integrationStatus: "$context.integrationStatus",
      integrationErrorMessage: "$context.integrationErrorMessage",
      authorizerError: "$context.authorizer.error",
      errorMessage: "$context.error.message",
    });
  });

  it("keeps the logs of every route, its own ones included, as long as the API says where the route does not", () => {
    expect(named("api-access-logs")).to.include({
      retentionInDays: 90,
      name: "/aws/vendedlogs/api-api-api-id",
    });
    expect(named("api-get-things-thingId-logs").retentionInDays).to.equal(90);
    expect(named("api-openapi-logs").retentionInDays).to.equal(90);
    expect(named("api-any-proxy-logs").retentionInDays).to.equal(7);
  });

  it("allows the named origins and no others", () => {
    expect(named("api-api").corsConfiguration).to.deep.include({
      allowOrigins: ["https://app.example"],
      allowCredentials: false,
    });
  });
});

describe("HttpApi: what it refuses", () => {
  beforeEach(() => record());

  const apiWith = (args: HttpApiArgs = { identity: IDENTITY }) => new HttpApi("api", args);
  const path = Type.Object({ id: Type.String() });

  it("names the route and the cure", () => {
    const api = apiWith();
    const attempts: [() => unknown, string][] = [
      [() => apiWith({ logRetentionDays: 8 }), 'HttpApi "api": logRetentionDays is 8'],
      [() => api.route("FETCH /a", open), 'HttpApi "api": route key "FETCH /a" is not valid'],
      [() => api.route("GET /a/", open), "empty segment"],
      [() => api.route("GET /a//b", open), "empty segment"],
      [() => api.route("GET /{a+}/b", open), "greedy variable"],
      [() => api.route("GET /a-{b}", open), "one whole variable"],
      [() => api.route("GET /{a}/{a}", open), "twice"],
      [() => api.route("GET /{id}", open), "does not describe {id}"],
      [() => api.route("GET /a", { ...open, request: { path } }), 'describes "id"'],
      [() => api.route("GET /a", { ...open, request: { body: Type.Object({}) } }), "GET has no body"],
      [() => api.route("POST /a", { ...open, cacheSeconds: 1 }), "cacheSeconds is for GET"],
      [() => api.route("GET /a", ok), 'auth: "none"'],
      [() => api.route("GET /a", { ...open, scopes: ["x"] }), "Remove one of them"],
      [
        () => api.route("GET /a", { ...open, timeout: 30 }),
        "timeout is 30; it must be a whole number from 1 to 29",
      ],
      [() => api.route("GET /a", { ...open, maxBody: 5_000_000 }), "maxBody is 5000000"],
      [() => api.route("GET /a", { ...open, throttle: { rate: 0, burst: 1 } }), "throttle.rate is 0"],
      [() => api.route("GET /a", { ...open, scope: [] } as never), 'unknown argument "scope"'],
      [() => apiWith({}).route("GET /a", { ...ok, scopes: ["x"] }), "the API has no identity"],
      [() => apiWith({ cors: { origins: ["*"] } }), "name exact origins"],
      [() => apiWith({ cors: { origins: ["https://a.example/"] } }), "name exact origins"],
      [() => apiWith({ stage: "x" } as never), 'unknown argument "stage"'],
    ];

    for (const [attempt, message] of attempts) expect(attempt, message).to.throw(message);
  });

  it("refuses a route for every method that would keep browsers' preflights out", () => {
    const cors = { origins: ["https://app.example"] };
    const proxy = { ...ok, request: { path: Type.Object({ proxy: Type.String() }) } };
    const rest = { ...ok, request: { path: Type.Object({ rest: Type.String() }) } };
    apiWith({ identity: IDENTITY, cors }).route("ANY /{proxy+}", { ...proxy, scopes: ["x"] });
    expect(() => sealed()).to.throw('add the route "OPTIONS /{proxy+}" with auth: "none"');
    apiWith({ identity: IDENTITY, cors }).route("$default", { ...ok, scopes: ["x"] });
    expect(() => sealed()).to.throw('route "$default" would refuse the preflights of browsers');

    const helped = apiWith({ identity: IDENTITY, cors });
    helped.route("ANY /{proxy+}", { ...proxy, scopes: ["x"] });
    helped.route("OPTIONS /{rest+}", { ...rest, auth: "none" });
    expect(() => sealed()).not.to.throw();
    apiWith().route("ANY /{proxy+}", { ...proxy, scopes: ["x"] });
    expect(() => sealed(), "no web page calls an API without cors").not.to.throw();
  });

  it("refuses a second route of the same shape, and one after the API was completed", () => {
    const api = apiWith();
    api.route("GET /a/{id}", { ...open, request: { path } });

    expect(() => api.route("GET /a/{id}", { ...open, request: { path } })).to.throw("is the same route");
    expect(() =>
      api.route("GET /a/{other}", { ...open, request: { path: Type.Object({ other: Type.String() }) } }),
    ).to.throw('"GET /a/{id}" is the same route');
    sealed();
    expect(() => api.route("GET /late", open)).to.throw("Declare it earlier");
  });
});

// Not proven here: that AWS takes these resources; the local engine's checks and a deployment prove that. What the
// functions answer is proven in runtime/route.test.ts, with the gateway in tests/sources/http-api.test.ts.
