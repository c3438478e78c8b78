import { expect } from "chai";
import { health } from "../../../functions/health/handler.ts";
import { request } from "../fakes.ts";

describe("health", () => {
  it("says which version of which stack answers", async () => {
    expect(await health(request({}), { stack: "dev", version: "1.2.3" })).to.deep.equal({
      headers: { "cache-control": "no-store" },
      body: { status: "ok", stack: "dev", version: "1.2.3" },
    });
  });
});
