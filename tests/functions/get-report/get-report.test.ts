import { expect } from "chai";
import { getReport } from "../../../functions/get-report/handler.ts";
import { numberValue } from "../../../functions/shared/attributes.ts";
import { type SeriesReport, seriesPartition, toSeriesItem } from "../../../functions/shared/report.ts";
import { FakeDynamoDb, request } from "../fakes.ts";

const DATE = "2026-01-31";

function series(deviceId: string): SeriesReport {
  const figures = { count: 2, min: 1, max: 3, mean: 2, p50: 1, p95: 3, gaps: 0, longestIntervalSeconds: 60 };
  const times = { firstAt: `${DATE}T00:00:00.000Z`, lastAt: `${DATE}T00:01:00.000Z` };
  return { deviceId, metric: "m", ...figures, repeats: 0, ...times };
}

/** Two buckets: devices a to c, and d to e. */
function prepare() {
  const table = new FakeDynamoDb();
  const put = (item: ReturnType<typeof toSeriesItem>) => table.items.set(`${item.pk?.S} ${item.sk?.S}`, item);
  for (const [bucket, devices] of [
    ["a", "b", "c"],
    ["d", "e"],
  ].entries()) {
    const sk = String(bucket).padStart(4, "0");
    put({ pk: { S: DATE }, sk: { S: sk }, build: { S: "x" }, series: numberValue(devices.length) });
    for (const device of devices) put(toSeriesItem(seriesPartition(DATE, bucket, "x"), series(device)));
  }
  return { table: "reports", client: table.client, cursorKey: "a secret of some length" };
}

const ask = (date: string, query: { limit?: unknown; cursor?: unknown } = {}) => {
  const { path, ...rest } = request({ query });
  return getReport({ ...rest, path: { ...path, date } }, prepare());
};

describe("get-report", () => {
  it("gives a day's series", async () => {
    const { body } = await ask(DATE);
    expect(body).to.deep.equal({
      date: DATE,
      series: ["a", "b", "c", "d", "e"].map(series),
      cursor: undefined,
    });
  });

  for (const limit of [1, 2, 3, 4]) {
    it(`pages through the buckets, ${limit} at a time`, async () => {
      const devices: string[] = [];
      let cursor: string | undefined;
      do {
        const { body } = await ask(DATE, { limit, cursor });
        const page = body as { series: SeriesReport[]; cursor?: string };
        expect(page.series.length).to.be.within(1, limit);
        devices.push(...page.series.map(({ deviceId }) => deviceId));
        cursor = page.cursor;
      } while (cursor);
      expect(devices.join("")).to.equal("abcde");
    });
  }

  it("answers 404 for a day that is not reported, and 400 for what is no day, page or cursor", async () => {
    expect((await ask("2026-01-30")).status).to.equal(404);
    expect((await ask("2026-02-30")).problem?.errors?.[0]?.parameter).to.equal("date");
    expect((await ask(DATE, { limit: 0 })).problem?.errors?.[0]?.parameter).to.equal("limit");
    expect((await ask(DATE, { cursor: "e30.AAAA" })).problem?.errors?.[0]?.parameter).to.equal("cursor");
  });

  it("refuses another day's cursor", async () => {
    const { body } = await ask(DATE, { limit: 1 });
    const { cursor } = body as { cursor: string };
    expect((await ask("2026-01-30", { cursor })).status).to.equal(400);
  });
});
