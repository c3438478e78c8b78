import { expect } from "chai";
import { openApiDocument, type RouteDeclaration } from "../../../components/internal/openapi.ts";
import { parseRouteKey, routeName, routeShape } from "../../../components/internal/routes.ts";

const WHO = { noun: "HttpApi", name: "api" };

const route = (key: string, changes: Partial<RouteDeclaration> = {}): RouteDeclaration => ({
  key: parseRouteKey(WHO, key),
  name: "a-route",
  request: {},
  responses: {},
  ...changes,
});

type Operation = Record<string, unknown> & {
  parameters: Record<string, unknown>[];
  responses: Record<string, unknown>;
};

const operation = (declaration: RouteDeclaration, path: string, method: string): Operation => {
  const { paths } = openApiDocument({ title: "T", version: "1.0.0" }, [declaration]);
  return (paths as Record<string, Record<string, Operation>>)[path]?.[method] as Operation;
};

describe("OpenAPI document", () => {
  const READINGS = route("GET /devices/{deviceId}/readings", {
    summary: "Readings",
    scopes: ["telemetry.read"],
    request: {
      path: { type: "object", properties: { deviceId: { type: "string", description: "The device" } } },
      query: {
        type: "object",
        required: ["from"],
        properties: { from: { type: "string" }, limit: { type: "integer", default: 100 } },
      },
    },
    responses: { 200: { type: "object", description: "A page" } },
  });

  it("describes parameters with their schemas, scopes and answers", () => {
    const described = operation(READINGS, "/devices/{deviceId}/readings", "get");

    expect(described.parameters).to.deep.equal([
      {
        name: "deviceId",
        in: "path",
        required: true,
        description: "The device",
        schema: { type: "string", description: "The device" },
      },
      { name: "from", in: "query", required: true, schema: { type: "string" } },
      { name: "limit", in: "query", required: false, schema: { type: "integer", default: 100 } },
    ]);
    expect(described.security).to.deep.equal([{ token: ["telemetry.read"] }]);
    expect(described.responses).to.have.keys("200", "400", "401", "403", "429", "default");
    expect(described.responses[200]).to.deep.include({ description: "A page" });
    expect(described).not.to.have.property("requestBody");
  });

  it("describes a body as required JSON, and an open route as open", () => {
    const described = operation(
      route("POST /telemetry", {
        request: { body: { type: "array" } },
        responses: { 202: { type: "object" } },
      }),
      "/telemetry",
      "post",
    );

    expect(described.requestBody).to.deep.equal({
      required: true,
      content: { "application/json": { schema: { type: "array" } } },
    });
    expect(described.security).to.deep.equal([]);
    expect(described.responses).to.have.keys("202", "400", "413", "415", "429", "default");
    expect(described.responses[202]).to.deep.include({ description: "Accepted" });
  });

  it("keeps catch-all routes out and puts methods of one path together, in a stable order", () => {
    const routes = [
      route("GET /b"),
      route("ANY /{proxy+}"),
      route("$default"),
      route("POST /a"),
      route("GET /a"),
      route("GET /c/{rest+}"),
    ];

    const { paths, openapi } = openApiDocument({ title: "T", version: "1.0.0" }, routes);

    expect(openapi).to.equal("3.1.1");
    expect(Object.entries(paths as object).map(([path, item]) => [path, Object.keys(item)])).to.deep.equal([
      ["/a", ["post", "get"]],
      ["/b", ["get"]],
      ["/c/{rest}", ["get"]],
    ]);
  });

  it("resolves every reference that it makes, and survives JSON", () => {
    const document = openApiDocument({ title: "T", version: "1.0.0", description: "D" }, [READINGS]);
    const text = JSON.stringify(document);

    for (const [, kind, name] of text.matchAll(/"#\/components\/(\w+)\/(\w+)"/g))
      expect((document.components as Record<string, object>)[kind!], name).to.have.property(name!);
    expect(JSON.parse(text)).to.deep.equal(document);
  });
});

describe("Route keys", () => {
  it("become logical names", () => {
    const names = [
      "GET /devices/{deviceId}/readings",
      "GET /openapi.json",
      "ANY /{proxy+}",
      "GET /",
      "$default",
    ];

    expect(names.map((key) => routeName(parseRouteKey(WHO, key)))).to.deep.equal([
      "get-devices-deviceId-readings",
      "get-openapi-json",
      "any-proxy",
      "get-root",
      "default",
    ]);
  });

  it("are the same route when only variables are named differently", () => {
    const shape = (key: string) => routeShape(parseRouteKey(WHO, key));

    expect(shape("GET /a/{x}")).to.equal(shape("GET /a/{y}"));
    expect(shape("GET /a/{x}")).not.to.equal(shape("GET /a/{x+}"));
    expect(shape("GET /a/{x}")).not.to.equal(shape("POST /a/{x}"));
  });
});
