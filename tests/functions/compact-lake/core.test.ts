import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { zstdCompressSync } from "node:zlib";
import { DuckDBInstance } from "@duckdb/node-api";
import { expect } from "chai";
import fc from "fast-check";
import { Compaction, type CompactionCounts, type Refused } from "../../../functions/compact-lake/core.ts";
import { dayName } from "../../../functions/shared/lake/layout.ts";
import { sequence } from "../fakes.ts";

const HOUR_START = Date.UTC(2026, 0, 31, 12);
const HOUR = 3_600_000;

interface Line {
  deviceId: string;
  metric: string;
  value: number;
  at: string;
  eventId?: string;
  correlationId?: string;
  arrivedAt: string;
  shard: string;
  sequence: string;
  index: number;
}

function line(number: number, over: Partial<Line> = {}): Line {
  const arrivedAt = new Date(HOUR_START + number).toISOString();
  const { eventId, correlationId, ...rest } = over;
  const { deviceId = "d1", metric = "m", value = 1.5, at = arrivedAt, ...origin } = rest;
  const reading = { deviceId, metric, value, at, eventId, correlationId };
  return { ...reading, arrivedAt, shard: "shardId-0", sequence: sequence(number), index: 0, ...origin };
}

interface Compacted {
  files: Map<string, Buffer>;
  counts: CompactionCounts;
  refused: Refused[];
}

let directory = "";

function compact(objects: (Line | string)[][], share: { bucket?: number; buckets?: number } = {}): Compacted {
  const { bucket = 0, buckets = 1 } = share;
  const compaction = new Compaction({ hourStart: HOUR_START, bucket, buckets }, join(directory, "runs"));
  const refused = objects.flatMap((lines) => {
    const text = lines.map((entry) => (typeof entry === "string" ? entry : JSON.stringify(entry))).join("\n");
    return compaction.addObject(zstdCompressSync(`${text}\n`));
  });
  const files = new Map<string, Buffer>();
  compaction.finish((day) => {
    const parts: Buffer[] = [];
    const finish = () => files.set(dayName(day), Buffer.concat(parts));
    return { day, sink: (bytes) => parts.push(Buffer.from(bytes)), finish };
  });
  return { files, counts: compaction.counts, refused };
}

async function read({ files }: Compacted): Promise<Record<string, unknown>[]> {
  const folder = mkdtempSync(join(directory, "read-"));
  for (const [day, bytes] of files) writeFileSync(join(folder, `${day}.parquet`), bytes);
  if (files.size === 0) return [];
  const connection = await (await DuckDBInstance.create(":memory:")).connect();
  const reader = await connection.runAndReadAll(
    `SELECT deviceId, metric, value, epoch_ms("at") AS "at", eventId, correlationId, epoch_ms(arrivedAt) AS arrivedAt,
     shard, sequence, "index", repeats FROM read_parquet('${folder}/*.parquet', filename = true, file_row_number = true)
     ORDER BY filename, file_row_number`,
  );
  return reader
    .getRowObjects()
    .map((row) => ({ ...row, at: Number(row.at), arrivedAt: Number(row.arrivedAt) }));
}

const toRow = (entry: Line, repeats = 0): Record<string, unknown> => ({
  ...entry,
  at: Date.parse(entry.at),
  arrivedAt: Date.parse(entry.arrivedAt),
  eventId: entry.eventId ?? null,
  correlationId: entry.correlationId ?? null,
  repeats,
});

const placeOf = ({ shard, sequence: number, index }: Line): string => `${shard} ${number} ${index}`;
const eventOf = ({ deviceId, metric, at, eventId }: Line): string =>
  JSON.stringify([deviceId, metric, at, eventId]);

/** The same in the plainest way: everything in memory, objects and comparisons of texts. */
function expected(lines: Line[]): Record<string, unknown>[] {
  const once = [...new Map(lines.map((entry) => [placeOf(entry), entry])).values()];
  const order = (entry: Line): string =>
    [entry.at.slice(0, 10), entry.deviceId, entry.at, entry.metric, entry.eventId ?? ""].join("\0") +
    ["", entry.arrivedAt, entry.shard, entry.sequence, String(entry.index).padStart(3, "0")].join("\0");
  const sorted = once.sort((left, right) => (order(left) < order(right) ? -1 : 1));
  const rows: { entry: Line; repeats: number }[] = [];
  for (const entry of sorted) {
    const kept = rows.at(-1);
    if (kept && entry.eventId !== undefined && eventOf(kept.entry) === eventOf(entry)) kept.repeats++;
    else rows.push({ entry, repeats: 0 });
  }
  return rows.map(({ entry, repeats }) => toRow(entry, repeats));
}

const bytesOf = ({ files }: Compacted): [string, string][] =>
  [...files].map(([day, bytes]) => [day, bytes.toString("base64")]);

describe("compact-lake", function () {
  this.timeout(30_000);

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "compact-"));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  it("writes what DuckDB reads back, row for row, sorted by device and time, a file per day of the readings", async () => {
    const lines = [
      line(1, { deviceId: "b", eventId: 'odd"\\id', correlationId: "c-1", value: -0.1 }),
      line(2, { deviceId: "a", at: "2026-01-31T12:00:05Z" }),
      line(3, { deviceId: "a", at: "2026-01-31T12:00:04.123Z", value: 1e-7 }),
      line(4, { deviceId: "z", at: "2026-01-30T23:59:59.999Z", value: 1e15, index: 499 }),
    ];
    const compacted = compact([lines.slice(0, 2), lines.slice(2)]);
    expect([...compacted.files.keys()]).to.deep.equal(["2026-01-30", "2026-01-31"]);
    const rows = await read(compacted);
    expect(rows).to.deep.equal([3, 2, 1, 0].map((index) => toRow(lines[index] as Line)));
    expect(compacted.counts).to.deep.equal({ rows: 4, redelivered: 0, repeated: 0, refused: 0 });
  });

  it("writes a line that was delivered twice once, and a reading that was sent twice once with its repeats", async () => {
    const [first, again] = [
      line(1, { eventId: "e", at: "2026-01-31T12:00:00Z" }),
      line(2, { eventId: "e", at: "2026-01-31T12:00:00Z", value: 9 }),
    ];
    const other = line(3, { eventId: "e", at: "2026-01-31T12:00:00Z", metric: "n" });
    const compacted = compact([[first, again], [again, other, first], [again]]);
    expect(await read(compacted)).to.deep.equal([toRow(first, 1), toRow(other)]);
    expect(compacted.counts).to.deep.equal({ rows: 2, redelivered: 3, repeated: 1, refused: 0 });
  });

  it("refuses what is no reading with its reason and bytes, and an object that is not zstd; neighbours go on", async () => {
    const good = line(1);
    const bad = [
      "{",
      JSON.stringify({ ...line(2), value: "hot" }),
      JSON.stringify({ ...line(3), index: -1 }),
      "[]",
      JSON.stringify({ ...line(4), arrivedAt: "2026-01-31T13:00:00.000Z" }),
      '{"deviceId":"d1","metric":"m","value":01}',
    ];
    const compaction = compact([[...bad, good]]);
    expect(compaction.refused.map(({ line: number }) => number)).to.deep.equal([1, 2, 3, 4, 5, 6]);
    expect(compaction.refused.map(({ reason }) => reason.slice(0, 22))).to.deep.equal(
      [
        "not JSON",
        "value must be a number",
        "index is missing or no",
        "not an object",
        "arrivedAt is not in the",
        "not JSON",
      ].map((reason) => reason.slice(0, 22)),
    );
    expect(compaction.refused[0]?.data).to.equal(Buffer.from("{").toString("base64"));
    expect(await read(compaction)).to.deep.equal([toRow(good)]);
    const broken = new Compaction({ hourStart: HOUR_START, bucket: 0, buckets: 1 }, join(directory, "runs"));
    expect(broken.addObject(Buffer.from("no zstd"))[0])
      .to.include({ line: null })
      .and.property("reason")
      .matches(/^not zstd/);
  });

  it("gives the same bytes whatever the order and number of deliveries", () => {
    const lines = Array.from({ length: 300 }, (_, index) =>
      line(index, {
        deviceId: `d${index % 7}`,
        eventId: index % 3 ? `e${index % 50}` : undefined,
        at: new Date(HOUR_START - (index % 11) * 1000).toISOString(),
      }),
    );
    const once = bytesOf(compact([lines]));
    expect(bytesOf(compact([lines.toReversed(), lines]))).to.deep.equal(once);
    expect(bytesOf(compact(lines.map((entry) => [entry])))).to.deep.equal(once);
  });

  it("splits the devices of an hour into buckets: together they hold every row once", async () => {
    const lines = Array.from({ length: 200 }, (_, index) =>
      line(index, { deviceId: `device-${index % 40}` }),
    );
    const parts = await Promise.all(
      [0, 1, 2, 3].map((bucket) => read(compact([lines], { bucket, buckets: 4 }))),
    );
    expect(parts.every((rows) => rows.length > 0)).to.equal(true);
    const rows = parts.flat().sort((left, right) => Number(left.arrivedAt) - Number(right.arrivedAt));
    expect(rows).to.deep.equal(lines.map((entry) => toRow(entry)));
  });

  it("agrees with sorting and dropping repeats in memory, for any lines", async () => {
    const id = fc.constantFrom("a", "b", "b.1", "B", "a:x");
    const entries = fc.array(
      fc.record({
        number: fc.integer({ min: 0, max: 40 }),
        device: id,
        metric: id,
        at: fc.integer({ min: -40 * HOUR, max: 20 * HOUR }),
        value: fc.oneof(fc.double({ min: -1e15, max: 1e15, noNaN: true }), fc.integer({ min: -5, max: 5 })),
        event: fc.option(fc.constantFrom("e1", "e2", 'q"'), { nil: undefined }),
      }),
      { maxLength: 60 },
    );
    await fc.assert(
      fc.asyncProperty(entries, async (drawn) => {
        const lines = drawn.map(({ device, metric, at, value, event, number }, index) =>
          line(number, {
            deviceId: device,
            metric,
            value: value === 0 ? 0 : value,
            eventId: event,
            index,
            at: new Date(HOUR_START + Math.round(at / 5e6) * 5e6).toISOString(),
          }),
        );
        expect(await read(compact([lines, lines.slice(0, 5)]))).to.deep.equal(expected(lines));
      }),
      { numRuns: 25 },
    );
  });

  it("sorts what exceeds its memory through a file, which it removes", async () => {
    const count = 150_000;
    const lines = Array.from({ length: count }, (_, index) =>
      line(index, { deviceId: `d${(index * 7919) % 1000}`, value: index }),
    );
    const compacted = compact([lines, lines.slice(-1000)]);
    expect(readdirSync(directory)).to.deep.equal([]);
    expect(compacted.counts).to.include({ rows: count, redelivered: 1000 });
    const rows = await read(compacted);
    expect(rows.length).to.equal(count);
    for (let index = 1; index < count; index++) {
      const [before, after] = [rows[index - 1], rows[index]];
      if (String(before?.deviceId) > String(after?.deviceId)) throw new Error(`row ${index} is out of order`);
    }
    expect(rows.reduce((sum, { value }) => sum + Number(value), 0)).to.equal((count * (count - 1)) / 2);
  });
});

// Not proven here: objects and manifests on S3 and DynamoDB, which the running system's test goes through.
