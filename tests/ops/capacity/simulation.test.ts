import { expect } from "chai";
import fc from "fast-check";
import { burst, poisson } from "../../../ops/capacity/simulation/arrivals.ts";
import { type DirectSource, NO_RETRY, SDK_RETRY } from "../../../ops/capacity/simulation/direct.ts";
import type { FunctionModel } from "../../../ops/capacity/simulation/environments.ts";
import { type PolledSource, QUEUE_POLLERS } from "../../../ops/capacity/simulation/polled.ts";
import {
  constant,
  type Distribution,
  exponential,
  logNormal,
  meanOf,
  seeded,
} from "../../../ops/capacity/simulation/random.ts";
import { type SimulationResult, simulate } from "../../../ops/capacity/simulation/simulate.ts";

const UNBOUNDED = { burst: Number.POSITIVE_INFINITY, perSecond: 0 };
const ONCE: DirectSource = { kind: "direct", retry: NO_RETRY };

const lambda = (model: Partial<FunctionModel> = {}): FunctionModel => ({
  initMs: constant(0),
  durationMs: constant(100),
  concurrency: Number.POSITIVE_INFINITY,
  provisioned: 0,
  ...model,
});

/** A fixed number of batches at once, as a stream's shards have. */
const pollers = (count: number, source: Partial<PolledSource> = {}): PolledSource => ({
  kind: "polled",
  batchSize: 1,
  pollers: { initial: count, perMinute: 0, maximum: count },
  visibilityMs: Number.POSITIVE_INFINITY,
  maxReceives: Number.POSITIVE_INFINITY,
  ...source,
});

/** Share of the offered requests that c servers without a queue refuse, at a load of `erlangs`. */
const erlangB = (servers: number, erlangs: number): number => {
  let blocked = 1;
  for (let server = 1; server <= servers; server++)
    blocked = (erlangs * blocked) / (server + erlangs * blocked);
  return blocked;
};

/** Share that has to wait when they have a queue. */
const erlangC = (servers: number, erlangs: number): number => {
  const blocked = erlangB(servers, erlangs);
  return blocked / (1 - (erlangs / servers) * (1 - blocked));
};

const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
const sum = (values: number[]): number => values.reduce((total, value) => total + value, 0);

describe("simulation of a burst", () => {
  it("starts one environment for each request that no bound holds back, and ends after start and duration", () => {
    const result = simulate({
      arrivals: burst(5_000),
      lambda: lambda({ initMs: constant(300), durationMs: constant(40), scaling: UNBOUNDED }),
      source: ONCE,
    });
    expect(result).to.include({
      completed: 5_000,
      coldStarts: 5_000,
      coldShare: 1,
      throttles: 0,
      endMs: 340,
    });
    expect(result.latencyMs).to.deep.equal({ p50: 340, p99: 340, max: 340, mean: 340 });
    expect(result.highest).to.deep.equal({ environments: 5_000, inFlight: 5_000, waiting: 0 });
  });

  it("throttles what exceeds the concurrency when nobody tries again", () => {
    const result = simulate({ arrivals: burst(1_200), lambda: lambda({ concurrency: 900 }), source: ONCE });
    expect(result).to.include({ completed: 900, throttles: 300, lost: 300 });
  });

  it("serves as many without a start as are provisioned, within the concurrency", () => {
    const coldWith = (provisioned: number) =>
      simulate({ arrivals: burst(800), lambda: lambda({ concurrency: 1_000, provisioned }), source: ONCE });
    expect(coldWith(500)).to.include({ coldStarts: 300, completed: 800 });
    expect(coldWith(800)).to.include({ coldStarts: 0, completed: 800 });
    expect(coldWith(5_000).highest.environments).to.equal(1_000);
  });

  it("gains 1,000 environments at once and 100 a second, as AWS's scaling rate says", () => {
    const result = simulate({
      arrivals: burst(40_000, 20_000),
      lambda: lambda({ durationMs: constant(3_600_000) }),
      source: ONCE,
    });
    // From 0 to the last arrival, half a millisecond before the 20 s are over.
    expect(result.coldStarts).to.equal(1_000 + Math.floor(100 * 19.9995));
    expect(result.throttles).to.equal(40_000 - result.coldStarts);
  });

  it("refuses more requests a second than ten times the concurrency, however fast the function is", () => {
    const result = simulate({
      arrivals: burst(10_000, 10_000),
      lambda: lambda({ durationMs: constant(1), concurrency: 10 }),
      source: ONCE,
    });
    // A second's worth at once, then a hundred a second until the last arrival.
    expect(result.completed).to.equal(100 + Math.floor(100 * 9.999));
  });

  it("lets the API's throttle refuse first", () => {
    const source: DirectSource = { ...ONCE, gateway: { burst: 200, perSecond: 100 } };
    const result = simulate({ arrivals: burst(1_000), lambda: lambda({ concurrency: 150 }), source });
    expect(result).to.include({ refused: 800, throttles: 50, completed: 150, lost: 850 });
  });

  it("completes what is tried again, later", () => {
    const tries = { attempts: 50, baseMs: 500, longestMs: 20_000 };
    const run = (retry: DirectSource["retry"]) =>
      simulate({
        arrivals: burst(3_000),
        lambda: lambda({ concurrency: 100 }),
        source: { kind: "direct", retry },
      });
    const patient = run(tries);
    expect(patient).to.include({ completed: 3_000, lost: 0 });
    expect(patient.endMs).to.be.at.least(3_000);
    expect(run(SDK_RETRY).completed).to.be.within(101, 2_999);
  });
});

describe("simulation of a queue", () => {
  it("drains in as many rounds as there are batches for each poller", () => {
    const source = pollers(4, { batchSize: 10 });
    const result = simulate({
      arrivals: burst(1_000),
      lambda: lambda({ initMs: constant(250), durationMs: constant(100) }),
      source,
    });
    // 100 batches in 25 rounds; each environment starts once.
    expect(result).to.include({ invocations: 100, coldStarts: 4, completed: 1_000, endMs: 250 + 25 * 100 });
    expect(result.highest).to.deep.equal({ environments: 4, inFlight: 4, waiting: 960 });
  });

  it("adds five pollers a second to the first five, up to 1,250", () => {
    const run = (count: number, durationMs: number) =>
      simulate({
        arrivals: burst(count),
        lambda: lambda({ durationMs: constant(durationMs) }),
        source: { ...pollers(0), pollers: QUEUE_POLLERS },
      });
    // In t seconds 5 t + 2.5 t^2 seconds of work are done: 20,000 of one second need 88.4 s.
    const seconds = (-5 + Math.sqrt(25 + 10 * 20_000)) / 5;
    expect(run(20_000, 1_000).endMs / 1_000).to.be.closeTo(seconds, 0.02 * seconds);
    expect(run(100_000, 10_000).highest.inFlight).to.equal(1_250);
  });

  it("keeps to the mapping's maximum", () => {
    const source = { ...pollers(0), pollers: { ...QUEUE_POLLERS, maximum: 2 } };
    const result = simulate({ arrivals: burst(100), lambda: lambda(), source });
    expect(result).to.include({ endMs: 50 * 100 });
    expect(result.highest.inFlight).to.equal(2);
  });

  it("makes dead letters of messages that were throttled for as many visibilities as may be received", () => {
    const source = pollers(10, { visibilityMs: 60_000, maxReceives: 3 });
    const result = simulate({ arrivals: burst(10), lambda: lambda({ concurrency: 0 }), source });
    expect(result).to.include({ completed: 0, lost: 10, endMs: 3 * 60_000 });
    expect(result.throttles).to.be.greaterThan(30);
  });

  it("works on with what the reserved concurrency allows, and loses nothing for it", () => {
    const source = { ...pollers(0), pollers: QUEUE_POLLERS, visibilityMs: 180_000, maxReceives: 5 };
    const result = simulate({
      arrivals: burst(5_000),
      lambda: lambda({ concurrency: 20, durationMs: constant(500) }),
      source,
    });
    expect(result).to.include({ completed: 5_000, lost: 0 });
    expect(result.highest.inFlight).to.equal(20);
    expect(result.throttles).to.be.greaterThan(0);
    // Never faster than 20 at once can be.
    expect(result.endMs).to.be.at.least((5_000 / 20) * 500);
  });
});

describe("simulation of what nothing can run", () => {
  const DAY_MS = 24 * 3_600_000;
  const never = { arrivals: burst(10, 1_000), lambda: lambda({ concurrency: 0 }) };

  it("ends a day after the last arrival, with what a stream holds still waiting", () => {
    const result = simulate({ ...never, source: pollers(4) });

    expect(result).to.include({ completed: 0, lost: 0, left: 10, endMs: 900 + DAY_MS });
    expect(result.latencyMs).to.deep.equal({ p50: 0, p99: 0, max: 0, mean: 0 });
    expect(result.highest.waiting).to.equal(6);
  });

  it("ends so for a queue without dead letters, and before it for one that has them", () => {
    const queue = { pollers: QUEUE_POLLERS, visibilityMs: 30_000 };
    expect(simulate({ ...never, source: pollers(0, queue) })).to.include({ lost: 0, left: 10 });

    const patient = simulate({ ...never, source: pollers(0, { ...queue, maxReceives: 1_000 }) });
    expect(patient).to.include({ lost: 10, left: 0 });
    expect(patient.endMs).to.be.within(1_000 * 30_000, DAY_MS);
  });

  it("leaves what a slow function does not come to within the day", () => {
    const slow = lambda({ concurrency: 1, durationMs: constant(DAY_MS / 4) });
    const result = simulate({ arrivals: burst(6), lambda: slow, source: pollers(1) });

    expect(result).to.include({ completed: 4, left: 2, endMs: DAY_MS });
  });
});

describe("simulation in a steady state", () => {
  const steady = (durationMs: Distribution, perSecond: number, servers: number) => ({
    arrivals: poisson(60_000, perSecond, seeded(7)),
    lambda: lambda({ durationMs, concurrency: servers, scaling: UNBOUNDED }),
  });

  it("holds Little's law: in flight are arrivals per second times duration", () => {
    const result = simulate({ ...steady(logNormal({ p50: 200, p99: 900 }), 500, 10_000), source: ONCE });
    const expected = 500 * (meanOf({ p50: 200, p99: 900 }) / 1_000);
    // The first and the last steps fill and empty.
    expect(mean(result.series.inFlight.slice(10, -10))).to.be.closeTo(expected, 0.03 * expected);
  });

  for (const [says, durationMs] of [
    ["exponential", exponential(1_000)],
    ["constant", constant(1_000)],
  ] as const) {
    it(`throttles the share that Erlang's B formula gives, for ${says} durations`, () => {
      const result = simulate({ ...steady(durationMs, 8, 10), source: ONCE });
      const expected = erlangB(10, 8);
      expect(result.throttles / result.requests).to.be.closeTo(expected, 0.04 * expected);
    });
  }

  it("lets messages wait as Erlang's C formula says", () => {
    const result = simulate({ ...steady(exponential(1_000), 8, 10), source: pollers(10) });
    const waitMs = (erlangC(10, 8) / (10 - 8)) * 1_000;
    expect(result.latencyMs.mean).to.be.closeTo(1_000 + waitMs, 0.03 * (1_000 + waitMs));
  });

  it("lets records wait before one shard as Pollaczek and Khinchine say, for constant durations", () => {
    const result = simulate({ ...steady(constant(100), 7, 1), source: pollers(1) });
    const waitMs = (0.7 / (2 * (1 - 0.7))) * 100;
    expect(result.latencyMs.mean).to.be.closeTo(100 + waitMs, 0.03 * (100 + waitMs));
  });
});

describe("any simulation", () => {
  const scenarios = fc.record({
    count: fc.integer({ min: 1, max: 1_500 }),
    overMs: fc.constantFrom(0, 3_000),
    concurrency: fc.integer({ min: 1, max: 300 }),
    provisioned: fc.integer({ min: 0, max: 400 }),
    seed: fc.integer(),
    source: fc.constantFrom<(DirectSource | PolledSource)[]>(
      ONCE,
      { kind: "direct", retry: SDK_RETRY, gateway: { burst: 50, perSecond: 200 } },
      { ...pollers(0), batchSize: 7, pollers: QUEUE_POLLERS, visibilityMs: 5_000, maxReceives: 2 },
      pollers(16, { batchSize: 100 }),
    ),
  });
  type Case = typeof scenarios extends fc.Arbitrary<infer Value> ? Value : never;
  const run = ({ count, overMs, source, seed, ...bounds }: Case) =>
    simulate({
      arrivals: burst(count, overMs),
      lambda: lambda({
        initMs: logNormal({ p50: 200, p99: 800 }),
        durationMs: logNormal({ p50: 50, p99: 400 }),
        ...bounds,
      }),
      source,
      seed,
    });

  it("loses count of nothing, and its series add up to its figures", () => {
    fc.assert(
      fc.property(scenarios, (scenario) => {
        const result: SimulationResult = run(scenario);
        const { series } = result;
        expect(result.left).to.equal(0);
        expect(result.completed + result.lost).to.equal(result.requests);
        expect(result.highest.inFlight).to.be.at.most(scenario.concurrency);
        expect(result.highest.environments).to.equal(
          Math.min(scenario.provisioned, scenario.concurrency) + result.coldStarts,
        );
        expect([sum(series.completed), sum(series.coldStarts), sum(series.throttles)]).to.deep.equal([
          result.completed,
          result.coldStarts,
          result.throttles,
        ]);
        expect(Math.max(...series.inFlight)).to.be.at.most(result.highest.inFlight + 1e-6);
      }),
      { numRuns: 60 },
    );
  });

  it("gives the same result for the same seed, to the last digit", () => {
    fc.assert(
      fc.property(scenarios, (scenario) => {
        expect(run(scenario)).to.deep.equal(run(scenario));
      }),
      { numRuns: 15 },
    );
  });
});

// Not proven here: that AWS behaves so. Its documentation says these rules and no more; what it leaves open is named in
// the simulation's own files.
