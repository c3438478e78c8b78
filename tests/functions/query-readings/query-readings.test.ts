import { expect } from "chai";
import type { Point, QueryParameters } from "../../../functions/query-readings/core.ts";
import { queryReadings } from "../../../functions/query-readings/handler.ts";
import { DAY, HOUR } from "../../../functions/shared/instant.ts";
import { NOW, reading, request } from "../fakes.ts";
import { tableWith } from "../table.ts";

const iso = (ms: number) => new Date(ms).toISOString();
const hourly = Array.from({ length: 10 }, (_, hour) =>
  reading({ value: hour, at: iso(NOW - (hour + 1) * HOUR) }),
);

interface PageBody {
  points: Point[];
  cursor?: string;
  [key: string]: unknown;
}

describe("query-readings", () => {
  async function query(parameters: QueryParameters, readings: unknown[] = hourly, deviceId = "d1") {
    const { deps } = await tableWith(readings);
    return queryReadings(
      request({ path: { deviceId }, query: { metric: "temperature", ...parameters } }),
      deps,
    );
  }

  it("answers with the last day by hour when nothing else is asked", async () => {
    const { body } = await query({});
    const { points, ...rest } = body as PageBody;
    expect(rest).to.deep.equal({
      deviceId: "d1",
      metric: "temperature",
      resolution: "hour",
      from: iso(NOW - DAY),
      to: iso(NOW),
      cursor: undefined,
    });
    expect(points.map(({ last }) => last)).to.deep.equal([9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
  });

  it("shapes a point", async () => {
    const two = [reading({ value: 1 }), reading({ value: 2, at: "2026-01-31T11:59:31Z" })];
    const { body } = await query({ resolution: "minute" }, two);
    expect((body as PageBody).points).to.deep.equal([
      {
        start: "2026-01-31T11:59:00.000Z",
        count: 2,
        sum: 3,
        min: 1,
        max: 2,
        mean: 1.5,
        last: 2,
        lastAt: "2026-01-31T11:59:31.000Z",
      },
    ]);
  });

  it("takes each point that overlaps [from, to)", async () => {
    const starts = async (from: string, to: string) => {
      const { body } = await query({ from, to });
      return (body as PageBody).points.map(({ start }) => start.slice(11, 13));
    };
    expect(await starts("2026-01-31T08:30:00Z", "2026-01-31T10:00:00Z")).to.deep.equal(["08", "09"]);
    expect(await starts("2026-01-31T09:00:00Z", "2026-01-31T10:00:00.001Z")).to.deep.equal(["09", "10"]);
  });

  it("pages through everything once, and keeps the range of the first page", async () => {
    // Prepare
    const { deps } = await tableWith(hourly);
    const seen: string[] = [];
    let cursor: string | undefined;
    let now = NOW;

    // Act
    do {
      const asked = request({ query: { metric: "temperature", limit: 3, cursor } });
      const { body } = await queryReadings(asked, { ...deps, now: () => now });
      const page = body as PageBody;
      expect(page.to).to.equal(iso(NOW));
      seen.push(...page.points.map(({ start }) => start));
      cursor = page.cursor;
      now += 60_000;
    } while (cursor !== undefined);

    // Assess
    expect(seen).to.deep.equal(hourly.map(({ at }) => at).reverse());
  });

  it("refuses a cursor of another query", async () => {
    const { deps } = await tableWith(hourly);
    const ask = (query: QueryParameters, deviceId = "d1") =>
      queryReadings(
        request({ path: { deviceId }, query: { metric: "temperature", limit: 3, ...query } }),
        deps,
      );
    const { cursor } = (await ask({})).body as PageBody;
    const others = [
      await ask({ cursor, resolution: "day" }),
      await ask({ cursor }, "d2"),
      await ask({ cursor: "x" }),
    ];
    for (const { status, problem } of others) {
      expect(status).to.equal(400);
      expect(problem?.errors?.[0]).to.include({ parameter: "cursor" });
    }
  });

  it("names everything that is wrong at once", async () => {
    const wrong = { metric: "", from: "yesterday", to: 5, resolution: "second", limit: 0, cursor: "junk" };
    const { status, problem } = await query(wrong);
    expect(status).to.equal(400);
    expect(problem?.errors?.map(({ parameter }) => parameter)).to.deep.equal([
      ...["metric", "resolution", "to", "from", "limit", "cursor"],
    ]);
  });

  const ranges: [string, QueryParameters, string | undefined][] = [
    ["from after to", { from: iso(NOW), to: iso(NOW - 1) }, "from must be before to"],
    ["from equal to to", { from: iso(NOW), to: iso(NOW) }, "from must be before to"],
    ["31 days of minutes", { from: iso(NOW - 31 * DAY), resolution: "minute" }, undefined],
    [
      "more than 31 days of minutes",
      { from: iso(NOW - 31 * DAY - 1), resolution: "minute" },
      "a range of 31.01 days is over the 31 of minute resolution: use resolution=hour (up to 366 days) or a shorter range",
    ],
    [
      "two years of minutes",
      { from: iso(NOW - 730 * DAY), resolution: "minute" },
      "a range of 730 days is over the 31 of minute resolution: use resolution=day (up to 3660 days) or a shorter range",
    ],
    [
      "367 days of hours",
      { from: iso(NOW - 367 * DAY) },
      "a range of 367 days is over the 366 of hour resolution: use resolution=day (up to 3660 days) or a shorter range",
    ],
    [
      "a century of days",
      { from: "1926-01-31T12:00:00Z", resolution: "day" },
      "a range of 36525 days is over the 3660 of day resolution: ask for a shorter range",
    ],
  ];
  for (const [name, parameters, detail] of ranges) {
    it(`${detail === undefined ? "takes" : "refuses"} ${name}`, async () => {
      const { status = 200, problem } = await query(parameters);
      expect([status, problem?.errors?.[0]?.detail]).to.deep.equal([
        detail === undefined ? 200 : 400,
        detail,
      ]);
    });
  }

  it("answers an empty range of a known metric with no points, and 404 for what never came", async () => {
    const empty = await query({ from: "2020-01-01T00:00:00Z", to: "2020-01-02T00:00:00Z" });
    expect((empty.body as PageBody).points).to.deep.equal([]);
    expect(await query({}, hourly, "d9")).to.include({ status: 404 });
    const metric = await query({ metric: "wind" });
    expect(metric.problem?.detail).to.equal('No reading of metric "wind" from device "d1" has arrived.');
  });
});
