import { expect } from "chai";
import { listDevices } from "../../../functions/list-devices/handler.ts";
import { reading, request } from "../fakes.ts";
import { tableWith } from "../table.ts";

describe("list-devices", () => {
  const ids = Array.from({ length: 25 }, (_, index) => `device-${String(index).padStart(2, "0")}`);

  it("pages through every device once, by id", async () => {
    const { deps } = await tableWith(ids.map((deviceId) => reading({ deviceId })));
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const { body } = await listDevices(request({ query: { limit: 7, cursor } }), deps);
      const page = body as { devices: { deviceId: string }[]; cursor?: string };
      seen.push(...page.devices.map(({ deviceId }) => deviceId));
      cursor = page.cursor;
    } while (cursor !== undefined);
    expect(seen).to.deep.equal(ids);
  });

  it("is an empty list before the first reading", async () => {
    const { deps } = await tableWith([]);
    const { body } = await listDevices(request({ query: {} }), deps);
    expect(body).to.deep.equal({ devices: [], cursor: undefined });
  });

  it("does not list a device that is named like the index", async () => {
    const { deps } = await tableWith([reading({ deviceId: "devices", metric: "0" })]);
    const { body } = await listDevices(request({ query: {} }), deps);
    expect(body).to.deep.include({ devices: [{ deviceId: "devices" }] });
  });

  it("refuses a bad limit and a cursor that is not its own", async () => {
    const { deps } = await tableWith([]);
    const ask = (query: object) => listDevices(request({ query }), deps);
    expect((await ask({ limit: 1001 })).problem?.errors?.[0]?.parameter).to.equal("limit");
    expect((await ask({ cursor: "x" })).problem?.errors?.[0]?.parameter).to.equal("cursor");
    expect((await ask({ cursor: 5 })).status).to.equal(400);
  });
});
