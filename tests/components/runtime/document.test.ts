import type { APIGatewayProxyEventV2 } from "aws-lambda";
import { expect } from "chai";
import { serveDocument } from "../../../components/runtime/document.ts";

describe("serveDocument", () => {
  it("answers with the document, cacheable, and never calls the callback", async () => {
    const document = { openapi: "3.1.1", paths: {} };
    const handler = serveDocument(
      () => {
        throw new Error("called");
      },
      { route: "GET /openapi.json", maxBody: 1, cacheSeconds: 300, document: JSON.stringify(document) },
    );
    const event = {
      rawPath: "/openapi.json",
      headers: {},
      requestContext: { requestId: "r", http: { method: "GET" } },
    } as unknown as APIGatewayProxyEventV2;

    const { statusCode, headers, body } = await handler(event);

    expect(statusCode).to.equal(200);
    expect(JSON.parse(body ?? "")).to.deep.equal(document);
    expect(headers).to.include({
      "cache-control": "public, max-age=300",
      "content-type": "application/json",
    });
  });
});
