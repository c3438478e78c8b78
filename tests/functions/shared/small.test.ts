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
import { createLogger, requestLogger } from "../../../functions/shared/logger.ts";
import { LruMap } from "../../../functions/shared/lru.ts";
import { emitMetrics, emitValues, metricDocument } from "../../../functions/shared/metrics.ts";
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

  it("survives what JSON cannot hold, and fields that would replace its own", () => {
    const { lines, logger } = capture();
    const circular: Record<string, unknown> = {};
    circular.self = circular;
    logger.info("round", { circular });
    logger.info("mine", { message: "theirs", level: "none" });
    expect(JSON.parse(lines[0]!).message).to.equal("round");
    expect(JSON.parse(lines[1]!)).to.include({ message: "mine", level: "INFO" });
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
  const written = (values: readonly number[]): Record<string, unknown>[] => {
    const lines: string[] = [];
    const options = { now: NOW, unit: "Milliseconds", write: (line: string) => lines.push(line) } as const;
    emitValues("s", ["lag", values], options);
    return lines.map((line) => JSON.parse(line));
  };

  it("writes up to 100 values of one metric as they are, so that CloudWatch knows percentiles", () => {
    const [document] = written([30, 10, 20]);
    expect(document?.lag).to.deep.equal([30, 10, 20]);
    expect(document?._aws).to.deep.equal({
      Timestamp: NOW,
      CloudWatchMetrics: [
        {
          Namespace: "Telemetry",
          Dimensions: [["service"]],
          Metrics: [{ Name: "lag", Unit: "Milliseconds" }],
        },
      ],
    });
    expect(written([])).to.deep.equal([]);
  });

  it("keeps percentiles, the smallest and the largest of more than 100 values", () => {
    const many = fc.array(fc.integer({ min: 0, max: 1e9 }), { minLength: 101, maxLength: 5_000 });
    fc.assert(
      fc.property(many, (values) => {
        const kept = written(values)[0]?.lag as number[];
        const sorted = [...values].sort((a, b) => a - b);
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

  it("builds an embedded metric document", () => {
    expect(metricDocument("s", { readings: 3 }, { now: NOW })).to.deep.equal({
      _aws: {
        Timestamp: NOW,
        CloudWatchMetrics: [
          {
            Namespace: "Telemetry",
            Dimensions: [["service"]],
            Metrics: [{ Name: "readings", Unit: "Count" }],
          },
        ],
      },
      service: "s",
      readings: 3,
    });
  });

  it("writes it as one line", () => {
    const lines: string[] = [];
    emitMetrics("s", { a: 1 }, { now: NOW, write: (line) => lines.push(line) });
    expect(JSON.parse(lines[0]!)).to.include({ service: "s", a: 1 });
  });
});

describe("functions/shared: http", () => {
  it("reads a limit as a number or its text, and nothing else", () => {
    const read = (value: unknown) => readLimit(value, { fallback: 10, max: 100 });
    expect([undefined, 1, "100", 50].map(read)).to.deep.equal([10, 1, 100, 50]);
    for (const bad of [0, 101, 1.5, "", "x", null, -1, Number.NaN, {}]) expect(read(bad)).to.equal(undefined);
  });
});
