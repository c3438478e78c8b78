import { expect } from "chai";
import { getDevice } from "../../../functions/get-device/handler.ts";
import type { ReadCache } from "../../../functions/shared/read-cache.ts";
import { reading, request } from "../fakes.ts";
import { tableWith } from "../table.ts";

describe("get-device", () => {
  const readings = ["wind", "pressure", "temperature"].map((metric, value) => reading({ metric, value }));

  it("answers with the latest reading of each metric, by name", async () => {
    const { deps } = await tableWith(readings);
    const { body } = await getDevice(request({}), deps);
    const at = "2026-01-31T11:59:30.000Z";
    expect(body).to.deep.equal({
      deviceId: "d1",
      metrics: [
        { metric: "pressure", value: 1, at },
        { metric: "temperature", value: 2, at },
        { metric: "wind", value: 0, at },
      ],
      cursor: undefined,
    });
  });

  it("pages", async () => {
    const { deps } = await tableWith(readings);
    const first = (await getDevice(request({ query: { limit: 2 } }), deps)).body as { cursor: string };
    const second = await getDevice(request({ query: { cursor: first.cursor } }), deps);
    expect(second.body).to.deep.include({ cursor: undefined }).and.have.property("metrics").with.length(1);
    const other = await getDevice(
      request({ path: { deviceId: "d2" }, query: { cursor: first.cursor } }),
      deps,
    );
    expect(other.status).to.equal(400);
  });

  it("answers 404 for a device that never sent", async () => {
    const { deps } = await tableWith(readings);
    const { status, problem } = await getDevice(request({ path: { deviceId: "d2" } }), deps);
    expect([status, problem?.detail]).to.deep.equal([404, 'No reading of device "d2" has arrived.']);
  });

  it("refuses a bad limit", async () => {
    const { deps } = await tableWith(readings);
    expect((await getDevice(request({ query: { limit: "x" } }), deps)).status).to.equal(400);
  });

  it("answers the same out of a cache, pages of it too, and never out of one that holds something else", async () => {
    const { deps } = await tableWith(readings);
    const stored = new Map<string, unknown>();
    const cache: ReadCache = {
      read: async (entry, load) => {
        const key = JSON.stringify(entry.key);
        const found = stored.get(key);
        if (entry.check(found)) return found;
        const value = await load();
        if (entry.keep?.(value)) stored.set(key, JSON.parse(JSON.stringify(value)));
        return value;
      },
    };
    const answers = async (): Promise<unknown[]> =>
      Promise.all(
        [{}, { limit: 2 }].map(
          async (query) => (await getDevice(request({ query }), { ...deps, cache })).body,
        ),
      );
    const first = await answers();
    expect(await answers()).to.deep.equal(first);
    expect(stored.size).to.equal(2);
    for (const key of stored.keys()) stored.set(key, { entries: [{ metric: "wind" }], more: false });
    expect(await answers()).to.deep.equal(first);
    await getDevice(request({ path: { deviceId: "nobody" } }), { ...deps, cache });
    expect(stored.size).to.equal(2);
  });
});
