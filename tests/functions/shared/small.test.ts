import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect } from "chai";
import fc from "fast-check";
import { readLimit } from "../../../functions/shared/http.ts";
import {
  bucketKey,
  bucketStart,
  deviceIndexPartitions,
  deviceKey,
  expiryOf,
  latestKey,
  startOfBucketKey,
} from "../../../functions/shared/keys.ts";
import { createLogger, requestLogger, type Write } from "../../../functions/shared/logger.ts";
import { LruMap } from "../../../functions/shared/lru.ts";
import { emitMetrics, emitValues } from "../../../functions/shared/metrics.ts";
import { roundingError } from "../../../functions/shared/sum.ts";
import { NOW } from "../fakes.ts";

describe("functions/shared: keys", () => {
  const at = Date.UTC(2026, 0, 31, 11, 59, 30, 5);
  const names = {
    minute: "minute#2026-01-31T11:59",
    hour: "hour#2026-01-31T11",
    day: "day#2026-01-31",
  } as const;
  for (const resolution of ["minute", "hour", "day"] as const) {
    it(`names a ${resolution} by its start, and reads it back`, () => {
      const start = bucketStart(resolution, at);
      expect(bucketKey(resolution, start)).to.equal(names[resolution]);
      expect(startOfBucketKey(names[resolution])).to.equal(start);
    });
  }

  it("keeps minutes 31 days and hours a year, both with a week's grace, and days for ever", () => {
    const days = (seconds: number | undefined) => ((seconds ?? 0) * 1000 - NOW) / 86_400_000;
    expect(days(expiryOf("minute", NOW))).to.equal(38);
    expect(days(expiryOf("hour", NOW))).to.equal(372);
    expect(expiryOf("day", NOW)).to.equal(undefined);
  });

  it("spreads devices over every partition of the index", () => {
    const used = new Set(Array.from({ length: 500 }, (_, index) => deviceKey(`device-${index}`).pk));
    expect([...used].sort()).to.deep.equal(deviceIndexPartitions());
  });

  it("names a latest reading by device and metric", () => {
    expect(latestKey("d1", "temperature")).to.deep.equal({ pk: "d1", sk: "latest#temperature" });
  });
});

describe("functions/shared: lru", () => {
  it("forgets what was used longest ago", () => {
    const map = new LruMap<number>(2);
    map.set("a", 1);
    map.set("b", 2);
    map.get("a");
    map.set("c", 3);
    expect([map.get("a"), map.get("b"), map.get("c"), map.size]).to.deep.equal([1, undefined, 3, 2]);
    map.delete("a");
    expect(map.get("a")).to.equal(undefined);
  });
});

describe("functions/shared: sum", () => {
  it("gives back what an addition loses", () => {
    fc.assert(
      fc.property(fc.integer({ min: -2e9, max: 2e9 }), fc.integer({ min: 1, max: 60 }), (a, shift) => {
        const b = a * 2 ** -shift;
        const sum = a * 2 ** 40 + b;
        expect(sum - a * 2 ** 40 + roundingError(a * 2 ** 40, b, sum)).to.equal(b);
      }),
    );
    expect(roundingError(1e16, 1, 1e16 + 1)).to.equal(1);
  });
});

describe("functions/shared: logger", () => {
  function capture() {
    const lines: string[] = [];
    return {
      lines,
      logger: createLogger({ service: "s", now: () => NOW, write: (line) => lines.push(line) }),
    };
  }

  it("writes one JSON object a line", () => {
    const { lines, logger } = capture();
    logger.with({ correlationId: "c1" }).warn("two\nlines", { count: 1n });
    expect(JSON.parse(lines[0]!)).to.deep.equal({
      correlationId: "c1",
      count: "1",
      timestamp: "2026-01-31T12:00:00.000Z",
      level: "WARN",
      service: "s",
      message: "two\nlines",
    });
    expect(lines[0]).to.not.include("\n");
  });

  it("writes an error without what hangs on it", () => {
    const { lines, logger } = capture();
    logger.error("failed", {
      cause: Object.assign(new Error("boom"), { headers: { authorization: "secret" } }),
    });
    expect(lines[0]).to.include("boom").and.not.include("secret");
  });

  it("survives what JSON cannot hold", () => {
    const { lines, logger } = capture();
    const circular: Record<string, unknown> = { id: 1 };
    circular.self = circular;
    logger.info("round", { circular });
    expect(JSON.parse(lines[0]!)).to.deep.include({ message: "round", circular: { id: 1 } });
  });

  it("keeps its own fields, and says which would have replaced them", () => {
    const { lines, logger } = capture();
    logger.info("mine", { message: "theirs", level: "none", other: 1 });
    const written = lines.map((line) => JSON.parse(line));
    expect(written.map(({ level }) => level)).to.deep.equal(["WARN", "WARN", "INFO"]);
    expect(written[0].message).to.include('"message" is a reserved key');
    expect(written[2]).to.include({ message: "mine", level: "INFO", other: 1 });
  });

  it("replaces a field of the same name, whatever it holds", () => {
    const { lines, logger } = capture();
    const outer = logger.with({ correlationIds: ["a", "b"] });
    outer.with({ correlationIds: ["c"] }).info("inner");
    outer.info("outer");
    expect(lines.map((line) => JSON.parse(line).correlationIds)).to.deep.equal([["c"], ["a", "b"]]);
  });

  it("writes every level to standard output by itself", async () => {
    const module = new URL("../../../functions/shared/logger.ts", import.meta.url).href;
    const code = `import { createLogger } from ${JSON.stringify(module)};
      const logger = createLogger({ service: "s" });
      for (const level of ["info", "warn", "error"]) logger[level](level);`;
    const args = ["--no-warnings", "--input-type=module", "--eval", code];
    const { stdout, stderr } = await promisify(execFile)(process.execPath, args, { env: {} });
    expect(stderr).to.equal("");
    const lines = stdout.trim().split("\n");
    expect(lines.map((line) => JSON.parse(line).message)).to.deep.equal(["info", "warn", "error"]);
  });
});

describe("functions/shared: a request's logger", () => {
  it("names the correlation id and the id that the access log has", () => {
    const lines: string[] = [];
    const logger = createLogger({ service: "s", now: () => NOW, write: (line) => lines.push(line) });
    requestLogger(logger, { correlationId: "c1", requestId: "r1" }).info("done");
    expect(JSON.parse(lines[0]!)).to.include({ correlationId: "c1", requestId: "r1" });
  });
});

describe("functions/shared: metrics", () => {
  /** Powertools warns of times that CloudWatch would not take. */
  const now = Date.now() - 86_400_000;

  /** @returns the documents that it writes */
  const written = (act: (options: { now: number; write: Write }) => void): Record<string, unknown>[] => {
    const lines: string[] = [];
    act({ now, write: (line) => lines.push(line) });
    return lines.map((line) => JSON.parse(line));
  };
  const writtenOf = (values: readonly number[]) =>
    written((options) => emitValues("s", ["lag", values], { ...options, unit: "Milliseconds" }));
  const directive = (...Metrics: object[]) => ({
    Timestamp: now,
    CloudWatchMetrics: [{ Namespace: "Telemetry", Dimensions: [["service"]], Metrics }],
  });

  it("writes up to 100 values of one metric as they are, so that CloudWatch knows percentiles", () => {
    const hundred = Array.from({ length: 100 }, (_, index) => 100 - index);
    expect(writtenOf([30, 10, 20])).to.deep.equal([
      { _aws: directive({ Name: "lag", Unit: "Milliseconds" }), service: "s", lag: [30, 10, 20] },
    ]);
    expect(writtenOf(hundred).map(({ lag }) => lag)).to.deep.equal([hundred]);
  });

  it("keeps percentiles, the smallest and the largest of more than 100 values", () => {
    const many = fc.array(fc.integer({ min: 0, max: 1e9 }), { minLength: 101, maxLength: 5_000 });
    fc.assert(
      fc.property(many, (values) => {
        const documents = writtenOf(values);
        const kept = documents[0]?.lag as number[];
        const sorted = [...values].sort((a, b) => a - b);
        expect(documents).to.have.length(1);
        expect(kept).to.have.length(100);
        expect([kept[0], kept[99]]).to.deep.equal([sorted[0], sorted.at(-1)]);
        for (const share of [0.25, 0.5, 0.9, 0.99]) {
          const value = kept[Math.round(share * 99)] as number;
          const at = (rank: number): number => sorted[Math.round(rank * (sorted.length - 1))] as number;
          expect(value).to.be.within(at(Math.max(0, share - 0.011)), at(Math.min(1, share + 0.011)));
        }
      }),
    );
  });

  it("writes figures as one embedded metric document, of the time and the service that they are of", () => {
    const [yesterday, today] = written((options) => {
      emitMetrics("s", { readings: 3, devices: 2 }, options);
      emitMetrics("t", { readings: 4 }, { ...options, now: now + 1 });
    });
    const metrics = ["readings", "devices"].map((Name) => ({ Name, Unit: "Count" }));
    expect(yesterday).to.deep.equal({ _aws: directive(...metrics), service: "s", readings: 3, devices: 2 });
    expect(today).to.include({ service: "t", readings: 4 }).and.not.have.property("devices");
    expect(today?._aws).to.include({ Timestamp: now + 1 });
  });

  it("writes more than 100 metrics as documents of at most 100, all of the same time", () => {
    const values = Object.fromEntries(Array.from({ length: 201 }, (_, index) => [`m${index}`, index]));
    const documents = written((options) => emitMetrics("s", values, options)).map(
      ({ _aws, service, ...figures }) => ({ at: (_aws as { Timestamp: number }).Timestamp, figures }),
    );
    expect(documents.map(({ at, figures }) => [at, Object.keys(figures).length])).to.deep.equal([
      [now, 100],
      [now, 100],
      [now, 1],
    ]);
    expect(Object.assign({}, ...documents.map(({ figures }) => figures))).to.deep.equal(values);
  });

  it("writes nothing of nothing, and nothing of what an earlier call could not", () => {
    expect(writtenOf([])).to.deep.equal([]);
    expect(written((options) => emitMetrics("s", {}, options))).to.deep.equal([]);
    const refused = { good: 1, bad: "no number" as unknown as number };
    expect(() => emitMetrics("s", refused, { now })).to.throw("not a valid number");
    expect(written((options) => emitMetrics("s", { other: 1 }, options))[0]).to.not.have.property("good");
  });
});

describe("functions/shared: http", () => {
  it("reads a limit as a number or its text, and nothing else", () => {
    const read = (value: unknown) => readLimit(value, { fallback: 10, max: 100 });
    expect([undefined, 1, "100", 50].map(read)).to.deep.equal([10, 1, 100, 50]);
    for (const bad of [0, 101, 1.5, "", "x", null, -1, Number.NaN, {}]) expect(read(bad)).to.equal(undefined);
  });
});
