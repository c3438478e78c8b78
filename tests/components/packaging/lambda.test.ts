import { mkdirSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { expect } from "chai";
import { save } from "./fixtures/shared-table.ts";
import { loaded, rejection, temporaryFolder } from "./harness.ts";

/** A home whose AWS files must not matter. */
function misleadingHome(): string {
  const home = temporaryFolder();
  mkdirSync(join(home, ".aws"));
  writeFileSync(join(home, ".aws/config"), "[default]\nregion = eu-west-9\nmax_attempts = 9\n");
  writeFileSync(
    join(home, ".aws/credentials"),
    "[default]\naws_access_key_id = HOME\naws_secret_access_key = HOME\n",
  );
  return home;
}

describe("the AWS SDK inside a package", () => {
  const before = { ...process.env };
  // The object itself stays: Node's own modules read the real environment behind it.
  afterEach(() => {
    for (const name of Object.keys(process.env)) if (!(name in before)) delete process.env[name];
    Object.assign(process.env, before);
  });

  it("signs with Lambda's environment credentials and region, and keeps to AWS_ENDPOINT_URL", async () => {
    const requests: IncomingMessage[] = [];
    const server = createServer((request, response) => {
      requests.push(request);
      request.resume().on("end", () => response.end("{}"));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    Object.assign(process.env, {
      HOME: misleadingHome(),
      AWS_REGION: "eu-north-1",
      AWS_ACCESS_KEY_ID: "FUNCTION",
      AWS_SECRET_ACCESS_KEY: "secret",
      AWS_SESSION_TOKEN: "token",
      AWS_ENDPOINT_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    });
    const handler = await loaded(() => save("readings", { pk: "a" }));
    await handler();
    server.close();
    server.closeAllConnections();
    expect(requests[0]?.headers["x-amz-target"]).to.equal("DynamoDB_20120810.PutItem");
    expect(requests[0]?.headers["x-amz-security-token"]).to.equal("token");
    expect(requests[0]?.headers.authorization).to.match(/Credential=FUNCTION\/\d+\/eu-north-1\/dynamodb/);
  });

  it("says what is missing without credentials, and looks nowhere else", async () => {
    Object.assign(process.env, { HOME: misleadingHome(), AWS_REGION: "eu-north-1" });
    delete process.env.AWS_ACCESS_KEY_ID;
    const handler = await loaded(() => save("readings", { pk: "a" }));
    expect((await rejection(handler())).message).to.contain(
      "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set",
    );
  });
});
