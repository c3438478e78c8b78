import { Readable } from "node:stream";
import { gzipSync, zstdDecompressSync } from "node:zlib";
import { GetObjectCommand, PutObjectCommand, type S3Client } from "@aws-sdk/client-s3";
import { expect } from "chai";
import { Figures } from "../../../functions/process-logs/figures.ts";
import { processLogFile } from "../../../functions/process-logs/files.ts";
import { type LineBatch, processLogLines } from "../../../functions/process-logs/lines.ts";
import type { AccessEntry } from "../../../functions/shared/access-entry.ts";
import { silent } from "../fakes.ts";

const NOW = Date.UTC(2026, 0, 31, 12, 30);
const ETAG = "0123456789abcdef";

const named = (name: string): Error => Object.assign(new Error(name), { name });

/** S3 in memory; `broken` fails the n-th write. */
class Bucket {
  readonly objects = new Map<string, Buffer>();
  readonly writes: string[] = [];
  source: Buffer | Error | AsyncIterable<Uint8Array> = Buffer.alloc(0);
  broken: ((key: string) => boolean) | undefined;

  readonly client = { send: (command: unknown) => this.#send(command) } as unknown as S3Client;

  text(key: string): string {
    const bytes = this.objects.get(key) ?? Buffer.alloc(0);
    return (key.endsWith(".zst") ? zstdDecompressSync(bytes) : bytes).toString();
  }

  /** Parsed lines of all objects with a prefix. */
  lines(prefix: string): Record<string, unknown>[] {
    return [...this.objects.keys()]
      .filter((key) => key.startsWith(prefix))
      .sort()
      .flatMap((key) => this.text(key).trimEnd().split("\n"))
      .map((line) => JSON.parse(line));
  }

  get manifest(): Record<string, unknown> {
    const [key = "", ...others] = [...this.objects.keys()].filter((name) => name.startsWith("manifests/"));
    expect(others).to.deep.equal([]);
    return JSON.parse(this.text(key));
  }

  async #send(command: unknown): Promise<object> {
    if (command instanceof GetObjectCommand) {
      expect(command.input).to.deep.include({ Bucket: "logs", IfMatch: `"${ETAG}"` });
      if (this.source instanceof Error) throw this.source;
      return { Body: Buffer.isBuffer(this.source) ? Readable.from(pieces(this.source)) : this.source };
    }
    if (!(command instanceof PutObjectCommand)) throw new Error("unknown command");
    const { Key: key = "", Body: body, IfNoneMatch: condition } = command.input;
    this.writes.push(key);
    if (this.broken?.(key)) throw named("SlowDown");
    if (condition === "*" && this.objects.has(key)) throw named("PreconditionFailed");
    this.objects.set(key, Buffer.from(body as Buffer));
    return {};
  }
}

function* pieces(bytes: Buffer): Generator<Buffer> {
  // One byte first: content must be told from more than the first piece.
  yield bytes.subarray(0, 1);
  for (let at = 1; at < bytes.length; at += 10_007) yield bytes.subarray(at, at + 10_007);
}

interface Metric {
  service: string;
  values: Record<string, number>;
  now?: number;
  unit?: string;
}

function prepare() {
  const bucket = new Bucket();
  const metrics: Metric[] = [];
  const deps = {
    lake: "lake",
    source: "logs",
    client: bucket.client,
    logger: silent,
    emit: (
      service: string,
      values: Record<string, number>,
      { now, unit }: { now?: number; unit?: string } = {},
    ) => void metrics.push({ service, values, ...(now && { now }), ...(unit && { unit }) }),
    now: () => NOW,
  };
  return { bucket, metrics, deps };
}

const access = (at: number, changes: object = {}): string =>
  JSON.stringify({
    timeEpoch: String(at),
    method: "GET",
    path: "/health",
    status: "200",
    responseLatency: "5",
    ...changes,
  });
const combined = (day: string, status = 200): string =>
  `10.0.0.1 - - [${day}/Jan/2026:10:00:00 +0000] "GET /a HTTP/1.1" ${status} 12 "-" "curl"`;

const batch = (...messages: string[]): LineBatch => ({
  logGroup: "/aws/vendedlogs/api",
  logStream: "s",
  lines: messages.map((message, index) => ({ id: String(index).padStart(56, "0"), timestamp: NOW, message })),
});

const FILE = { bucket: "logs", key: "in/access log+1.gz", eTag: ETAG };

describe("process-logs: lines of the API's access log", () => {
  it("go to the lake by their own hour, bad ones to quarantine with reason and bytes, each with its origin", async () => {
    const { bucket, deps } = prepare();
    await processLogLines(batch(access(NOW), "garbage", access(NOW - 3_600_000, { status: "503" })), deps);
    const origin = (index: number) => ({
      logGroup: "/aws/vendedlogs/api",
      logStream: "s",
      eventId: String(index).padStart(56, "0"),
    });
    expect(bucket.lines("logs/dt=2026-01-31/hour=12/")).to.have.length(1);
    expect(bucket.lines("logs/dt=2026-01-31/hour=12/")[0]).to.deep.include({
      status: 200,
      latencyMs: 5,
      ...origin(0),
    });
    expect(bucket.lines("logs/dt=2026-01-31/hour=11/")[0]).to.deep.include({ status: 503, ...origin(2) });
    expect(bucket.lines("quarantine/logs/")).to.deep.equal([
      {
        reason: "neither JSON nor common nor combined format",
        ...origin(1),
        data: Buffer.from("garbage").toString("base64"),
      },
    ]);
    expect(bucket.manifest).to.deep.include({ parsed: 2, quarantined: 1 });
  });

  it("become figures per minute: status classes and latency", async () => {
    const { metrics, deps } = prepare();
    const minute = Math.floor(NOW / 60_000) * 60_000;
    await processLogLines(
      batch(
        access(minute, { responseLatency: "10" }),
        access(minute + 59_999, { status: "404", responseLatency: "20" }),
        access(minute + 60_000, { status: "500", responseLatency: "-" }),
      ),
      deps,
    );
    const none = { status1xx: 0, status2xx: 0, status3xx: 0, status4xx: 0, status5xx: 0 };
    expect(metrics[0]).to.deep.equal({
      service: "access-log",
      now: minute,
      values: { requests: 2, ...none, status2xx: 1, status4xx: 1 },
    });
    expect(metrics[1]).to.deep.include({ service: "access-log", now: minute, unit: "Milliseconds" });
    expect(metrics[1]?.values.latencyMax).to.equal(20);
    expect(metrics[1]?.values.latencyP50).to.be.closeTo(10, 0.5);
    expect(metrics[2]?.values).to.deep.equal({ requests: 1, ...none, status5xx: 1 });
    expect(metrics[3]).to.deep.equal({
      service: "process-logs",
      values: { parsedLines: 3, quarantinedLines: 0 },
    });
    expect(metrics).to.have.length(4);
  });

  it("are the same objects and counted once when every batch comes twice and out of order", async () => {
    const [first, second] = [batch(access(NOW), "bad"), batch(access(NOW + 1), access(NOW + 2))];
    second.lines.forEach((line, index) => {
      line.id = String(100 + index).padStart(56, "0");
    });
    const once = prepare();
    for (const each of [first, second]) await processLogLines(each, once.deps);
    const twice = prepare();
    for (const each of [second, first, first, second, first]) await processLogLines(each, twice.deps);
    const contents = ({ bucket }: typeof once) => [...bucket.objects].sort(([a], [b]) => (a < b ? -1 : 1));
    expect(contents(twice)).to.deep.equal(contents(once));
    const sorted = ({ metrics }: typeof once) => metrics.map((metric) => JSON.stringify(metric)).sort();
    expect(sorted(twice)).to.deep.equal(sorted(once));
  });

  it("come again when an object cannot be written, and are then counted once", async () => {
    const { bucket, metrics, deps } = prepare();
    bucket.broken = (key) => key.startsWith("quarantine/");
    const lines = batch(access(NOW), "bad");
    const problem = await processLogLines(lines, deps).catch((error: Error) => error);
    expect((problem as Error).message).to.match(/Could not write "quarantine\/logs\/.*come again/);
    expect(metrics).to.deep.equal([]);
    bucket.broken = undefined;
    await processLogLines(lines, deps);
    expect(metrics.at(-1)?.values).to.deep.equal({ parsedLines: 1, quarantinedLines: 1 });
  });

  it("of two simultaneous deliveries are counted once", async () => {
    const { metrics, deps } = prepare();
    const lines = batch(access(NOW));
    await Promise.all([processLogLines(lines, deps), processLogLines(lines, deps)]);
    expect(metrics.filter(({ service }) => service === "process-logs")).to.have.length(1);
  });
});

describe("process-logs: files", () => {
  const process = async (source: Buffer | Error | AsyncIterable<Uint8Array>, mostBytes?: number) => {
    const made = prepare();
    made.bucket.source = source;
    await processLogFile(FILE, { ...made.deps, mostBytes });
    return made;
  };
  const counts = ({ bucket }: { bucket: Bucket }) => {
    const { parsed, quarantined, reasons } = bucket.manifest;
    return { parsed, quarantined, reasons };
  };

  const text = [combined("30"), "", access(NOW), "garbage", `${combined("31", 404)}\r`, ""].join("\n");

  for (const [how, bytes] of [
    ["plain", Buffer.from(text)],
    ["gzip", gzipSync(text)],
    ["with a byte order mark", Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from(text)])],
    ["gzip of several members", Buffer.concat([gzipSync(text.slice(0, 60)), gzipSync(text.slice(60))])],
  ] as [string, Buffer][]) {
    it(`${how}: formats are told line by line, and each line by its number`, async () => {
      const made = await process(bytes);
      expect(counts(made)).to.deep.equal({
        parsed: 3,
        quarantined: 1,
        reasons: { "neither JSON nor common nor combined format": 1 },
      });
      const origin = { bucket: "logs", key: FILE.key, eTag: ETAG };
      expect(made.bucket.lines("logs/").map(({ line, status }) => [line, status])).to.have.deep.members([
        [1, 200],
        [3, 200],
        [5, 404],
      ]);
      expect(made.bucket.lines("quarantine/")[0]).to.deep.include({ ...origin, line: 4 });
      expect(
        [...made.bucket.objects.keys()].every((key) =>
          /^(logs|quarantine\/logs|manifests\/logs)\//.test(key),
        ),
      ).to.equal(true);
    });
  }

  it("of nothing, or of blank lines, come to nothing", async () => {
    for (const bytes of [Buffer.alloc(0), Buffer.from("\n\r\n\n"), gzipSync("")]) {
      expect(counts(await process(bytes))).to.deep.equal({ parsed: 0, quarantined: 0, reasons: {} });
    }
  });

  it("with a break in their gzip keep the lines before it", async () => {
    const lines = Array.from({ length: 2_000 }, (_, index) =>
      access(NOW + index, { requestId: String(index ** 3) }),
    );
    const packed = gzipSync(lines.join("\n"));
    const truncated = await process(packed.subarray(0, packed.length - 2_000));
    const kept = truncated.bucket.lines("logs/");
    expect(kept.length).to.be.within(1_000, 1_999);
    expect(counts(truncated)).to.deep.equal({
      parsed: kept.length,
      quarantined: 1,
      reasons: { "gzip: unexpected end of file": 1 },
    });
    expect(truncated.bucket.lines("quarantine/")[0]).to.deep.include({ line: kept.length + 1 });
    const corrupt = Buffer.from(packed);
    corrupt.fill(0xff, packed.length - 2_000, packed.length - 1_000);
    const broken = counts(await process(corrupt));
    expect(broken.quarantined).to.be.greaterThan(0);
    expect(Object.keys(broken.reasons as object).some((reason) => reason.startsWith("gzip: "))).to.equal(
      true,
    );
    expect(broken.parsed).to.be.greaterThan(900);
    const header = await process(Buffer.concat([Buffer.from([0x1f, 0x8b]), Buffer.from("not gzip at all")]));
    expect(counts(header)).to.deep.include({ parsed: 0, quarantined: 1 });
  });

  it("that are bombs are given up, with what came before", async () => {
    const bomb = gzipSync(Buffer.concat([Buffer.from(`${combined("30")}\n`), Buffer.alloc(50_000_000, "a")]));
    expect(bomb.length).to.be.lessThan(100_000);
    expect(counts(await process(bomb, 1_000_000))).to.deep.equal({
      parsed: 1,
      quarantined: 1,
      reasons: { "file is over 1000000 bytes, unpacked": 1 },
    });
  });

  it("with lines of 1 MB and binary garbage lose only those", async () => {
    const garbage = Buffer.from([0, 1, 2, 0xff, 0xfe, 0x80, 0x81]);
    const made = await process(
      Buffer.concat([
        Buffer.from(`${combined("30")}\n${"x".repeat(1_048_576)}\n`),
        garbage,
        Buffer.from(`\n${combined("31")}\n{"a":"${"y".repeat(70_000)}`),
      ]),
    );
    expect(counts(made)).to.deep.equal({
      parsed: 2,
      quarantined: 3,
      reasons: { "line is over 65536 bytes": 2, "not UTF-8": 1 },
    });
    const [long, binary] = made.bucket.lines("quarantine/") as { data: string; line: number }[];
    expect(Buffer.from(long?.data ?? "", "base64")).to.have.length(1_024);
    expect(Buffer.from(binary?.data ?? "", "base64")).to.deep.equal(garbage);
    expect([long?.line, binary?.line]).to.deep.equal([2, 3]);
  });

  it("spread over more than 744 hours keep a month's", async () => {
    const lines = Array.from({ length: 800 }, (_, hour) => access(NOW - hour * 3_600_000));
    expect(counts(await process(Buffer.from(lines.join("\n"))))).to.deep.equal({
      parsed: 744,
      quarantined: 56,
      reasons: { "more than 744 hours in one file": 56 },
    });
  });

  it("are the same objects, counted once, when each comes twice and out of order", async () => {
    const other = { ...FILE, key: "other" };
    const sources: Record<string, Buffer> = {
      [FILE.key]: gzipSync(text),
      other: Buffer.from(combined("29")),
    };
    const run = async (files: (typeof FILE)[]) => {
      const made = prepare();
      for (const file of files) {
        made.bucket.source = sources[file.key] ?? Buffer.alloc(0);
        await processLogFile(file, made.deps);
      }
      return {
        objects: [...made.bucket.objects].sort(([a], [b]) => (a < b ? -1 : 1)),
        metrics: made.metrics.map((metric) => JSON.stringify(metric)).sort(),
      };
    };
    expect(await run([other, FILE, FILE, other, FILE])).to.deep.equal(await run([FILE, other]));
  });

  it("give no metrics of more than two weeks ago, which CloudWatch refuses", async () => {
    const { metrics } = await process(
      Buffer.from(`${access(NOW - 15 * 86_400_000)}\n${access(NOW - 13 * 86_400_000)}`),
    );
    expect(metrics.filter(({ service, unit }) => service === "log-files" && !unit)).to.have.length(1);
  });

  it("that are gone or replaced are passed over; other failures come again", async () => {
    for (const name of ["NoSuchKey", "PreconditionFailed"]) {
      expect([...(await process(named(name))).bucket.objects]).to.deep.equal([]);
    }
    const broken = async function* (): AsyncGenerator<Buffer> {
      yield gzipSync(text).subarray(0, 40);
      throw named("ECONNRESET");
    };
    for (const source of [named("AccessDenied"), broken()]) {
      const problem = await process(source).catch((error: Error) => error);
      expect(problem).to.be.an.instanceOf(Error);
      expect((problem as Error).name).to.be.oneOf(["AccessDenied", "ECONNRESET"]);
    }
    const elsewhere = await processLogFile({ ...FILE, bucket: "other" }, prepare().deps).catch(
      (error: Error) => error,
    );
    expect((elsewhere as Error).message).to.match(/not in the logs bucket/);
  });

  it("are written part by part: what is held does not grow with the file", async () => {
    const piece = Buffer.from(`${access(NOW, { path: `/${"p".repeat(200)}` })}\n`.repeat(1_000));
    const largestPart = async (thousands: number): Promise<number> => {
      const made = await process(Readable.from(Array.from({ length: thousands }, () => piece)));
      expect(counts(made)).to.deep.include({ parsed: thousands * 1_000 });
      const parts = [...made.bucket.objects.keys()].filter((key) => key.startsWith("logs/"));
      expect(parts.length).to.be.greaterThan(1);
      return Math.max(...parts.map((key) => made.bucket.text(key).length));
    };
    const [small, large] = [await largestPart(12), await largestPart(36)];
    expect(large).to.equal(small);
    expect(large).to.be.lessThan(4.3e6);
  });
});

describe("process-logs: figures", () => {
  it("tell percentiles to within 5 %, and the maximum exactly", () => {
    const figures = new Figures();
    for (let latencyMs = 1; latencyMs <= 10_000; latencyMs += 1) {
      figures.add({ at: new Date(NOW).toISOString(), status: 200, latencyMs } as AccessEntry);
    }
    const [minute] = figures.minutes();
    for (const [name, exact] of [
      ["latencyP50", 5_000],
      ["latencyP95", 9_500],
      ["latencyP99", 9_900],
    ] as const) {
      expect(minute?.latency?.[name]).to.be.closeTo(exact, exact * 0.05);
    }
    expect(minute?.latency?.latencyMax).to.equal(10_000);
  });
});
