import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import fc from "fast-check";
import { DayReport } from "../../../functions/build-daily-report/core.ts";
import { SampleFile, Samples } from "../../../functions/build-daily-report/samples.ts";
import { TEXT, writeRecord } from "../../../functions/shared/lake/records.ts";
import { ReadingSorter } from "../../../functions/shared/lake/sorter.ts";
import type { SeriesReport } from "../../../functions/shared/report.ts";

const DAY_START = Date.UTC(2026, 0, 31);
const MINUTE = 60_000;

interface Row {
  deviceId?: string;
  metric?: string;
  value: number;
  /** Minutes from the day's start. */
  minute: number;
  eventId?: string;
  arrivedAt?: number;
  repeats?: number;
}

let directory = "";

function report(rows: Row[]): SeriesReport[] {
  const sorter = new ReadingSorter(join(directory, "runs"));
  for (const {
    deviceId = "d",
    metric = "m",
    value,
    minute,
    eventId = "",
    arrivedAt = 0,
    repeats = 0,
  } of rows) {
    const [starts, ends] = [new Int32Array(6), new Int32Array(6)];
    let text = "";
    for (const [number, part] of [
      [TEXT.device, deviceId],
      [TEXT.metric, metric],
      [TEXT.event, eventId],
    ] as const) {
      starts[number] = text.length;
      text += part;
      ends[number] = text.length;
    }
    const numbers = { at: DAY_START + minute * MINUTE, value, arrivedAt, index: 0, repeats };
    sorter.took(writeRecord(sorter.next(), numbers, Buffer.from(text), { starts, ends }));
  }
  const reports: SeriesReport[] = [];
  const fold = new DayReport(DAY_START, new SampleFile(join(directory, "samples")), (series) =>
    reports.push(series),
  );
  sorter.drain((record) => fold.take(record));
  fold.end();
  return reports;
}

function percentile(values: number[], percent: number): number {
  const sorted = [...values].sort((left, right) => left - right);
  return sorted[Math.ceil((percent / 100) * sorted.length) - 1] as number;
}

describe("build-daily-report", () => {
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "report-"));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  it("gives the figures of each device and metric, in their order", () => {
    const rows = [4, 1, 3, 2].map((value, minute) => ({ value, minute }));
    expect(report([...rows, { deviceId: "a", metric: "z", value: -1, minute: 5 }])).to.deep.equal([
      {
        ...{ deviceId: "a", metric: "z", count: 1, min: -1, max: -1, mean: -1, p50: -1, p95: -1, gaps: 0 },
        ...{ longestIntervalSeconds: 0, repeats: 0 },
        ...{ firstAt: "2026-01-31T00:05:00.000Z", lastAt: "2026-01-31T00:05:00.000Z" },
      },
      {
        ...{ deviceId: "d", metric: "m", count: 4, min: 1, max: 4, mean: 2.5, p50: 2, p95: 4, gaps: 0 },
        ...{ longestIntervalSeconds: 60, repeats: 0 },
        ...{ firstAt: "2026-01-31T00:00:00.000Z", lastAt: "2026-01-31T00:03:00.000Z" },
      },
    ]);
  });

  it("counts the intervals that are more than twice the median one as gaps", () => {
    const minutes = [0, 1, 2, 4, 5, 8, 9];
    const [series] = report(minutes.map((minute) => ({ value: 1, minute })));
    expect(series).to.include({ gaps: 1, longestIntervalSeconds: 180 });
  });

  it("drops what was sent again in another hour, keeps the first to arrive, and adds what compaction dropped", () => {
    const [series] = report([
      { value: 9, minute: 1, eventId: "e", arrivedAt: 2, repeats: 3 },
      { value: 5, minute: 1, eventId: "e", arrivedAt: 1 },
      { value: 5, minute: 1 },
      { value: 5, minute: 1 },
    ]);
    expect(series).to.include({ count: 3, max: 5, repeats: 4 });
  });

  it("leaves readings of another day out", () => {
    expect(
      report([
        { value: 1, minute: -1 },
        { value: 1, minute: 1440 },
      ]),
    ).to.deep.equal([]);
  });

  it("gives the same report whatever the order of the readings", () => {
    const row = fc.record({
      deviceId: fc.constantFrom("a", "b"),
      value: fc.double({ min: -1e6, max: 1e6, noNaN: true }),
      minute: fc.integer({ min: 0, max: 9 }),
      eventId: fc.constantFrom("e", "f", undefined),
      arrivedAt: fc.integer({ min: 0, max: 1e6 }),
    });
    const rows = fc.uniqueArray(row, { selector: ({ arrivedAt }) => arrivedAt, maxLength: 30 });
    fc.assert(
      fc.property(rows, (drawn) => {
        expect(report(drawn.toReversed())).to.deep.equal(report(drawn));
      }),
      { numRuns: 30 },
    );
  });

  it("finds the exact ranks of more numbers than it holds in memory", () => {
    const path = join(directory, "samples");
    const file = new SampleFile(path);
    const samples = new Samples(file);
    const values = Array.from({ length: 600_000 }, (_, index) => (((index * 7919) % 600_011) - 300_000) / 7);
    for (const value of values) samples.add(value);
    expect(existsSync(path)).to.equal(true);
    for (const percent of [0, 1, 50, 95, 100]) {
      expect(samples.percentile(percent), String(percent)).to.equal(
        percentile(values, Math.max(percent, 1e-9)),
      );
    }
    expect(samples.countAbove(1000)).to.equal(values.filter((value) => value > 1000).length);
    file.reset();
    expect(existsSync(path)).to.equal(false);
  }).timeout(30_000);
});

// Not proven here: files and tables, which the running system's test goes through.
