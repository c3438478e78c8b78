import { expect } from "chai";
import type { PropertyMap, ResourceNode } from "../../../local/engine/graph.ts";
import { type BurstOptions, runBurst } from "../../../ops/capacity/burst.ts";
import { burstsText, burstText } from "../../../ops/capacity/burst-report.ts";
import { findFunction } from "../../../ops/capacity/find-function.ts";
import { sourceOf } from "../../../ops/capacity/function-source.ts";
import { scalingPicture } from "../../../ops/capacity/picture.ts";
import { ASYNC_RETRY, NO_RETRY } from "../../../ops/capacity/simulation/direct.ts";
import { concurrencyOf } from "../../../ops/capacity/starvation.ts";
import { panelsSvg } from "../../../ops/capacity/svg.ts";
import { createWorkload } from "../../../ops/shared/workload.ts";
import { createModel, type Model } from "../../../ops/shared/workload-model.ts";
import { graphOf } from "../../helpers/graph.ts";
import { lambda, mapping, measured, node, quiet, route, T } from "../cost/sketch.ts";

const OPTIONS: BurstOptions = {
  count: 100,
  overMs: 0,
  account: 1_000,
  attempts: 1,
  provisioned: undefined,
  seed: 1,
};

const reserving = (name: string, reserved: number): ResourceNode[] => {
  const [own, ...rest] = lambda(name) as [ResourceNode, ...ResourceNode[]];
  return [{ ...own, outputs: { ...own.outputs, reservedConcurrentExecutions: reserved } }, ...rest];
};

/** An API with a throttle, a queue with dead letters, a stream and a clock, each with its function. */
const sketch = (queueMapping: PropertyMap = {}, extra: ResourceNode[] = []): Model => {
  const [api, stream, table] = [
    node(T.api, "api"),
    node(T.stream, "readings", { shardCount: 3 }),
    node(T.table, "items", { billingMode: "PAY_PER_REQUEST" }),
  ];
  const stage = node(
    T.stage,
    "stage",
    { defaultRouteSettings: { throttlingRateLimit: 10, throttlingBurstLimit: 40 } },
    { apiId: api },
  );
  const queue = node(T.queue, "jobs", {
    visibilityTimeoutSeconds: 90,
    redrivePolicy: JSON.stringify({ deadLetterTargetArn: "arn:dead", maxReceiveCount: 4 }),
  });
  const [answer, work, fold, change, tick] = ["answer", "work", "fold", "change", "tick"].map((name) =>
    lambda(`${name}-function`),
  ) as [ResourceNode[], ResourceNode[], ResourceNode[], ResourceNode[], ResourceNode[]];
  return createModel(
    graphOf(
      ...[api, stage, stream, table, queue],
      ...[answer, work, fold, change, tick].flat(),
      ...route(api, "GET /a", answer),
      mapping(queue, work, { batchSize: 5, ...queueMapping }),
      mapping(stream, fold, { batchSize: 200, parallelizationFactor: 2 }),
      mapping(table, change),
      node(T.schedule, "clock", { scheduleExpression: "rate(1 minute)" }, { target: tick[0]! }),
      ...extra,
    ),
  );
};

const baseline = measured(
  Object.fromEntries(
    ["answer", "work", "fold", "change", "tick", "a", "b"].map((name) => [`${name}-function`, 50]),
  ),
  200,
);
const way = (model: Model, name: string) => sourceOf(model, findFunction(model, name), NO_RETRY);

describe("the way in of a function", () => {
  it("is its API's throttle", () => {
    expect(way(sketch(), "answer").source).to.deep.equal({
      kind: "direct",
      retry: NO_RETRY,
      gateway: { burst: 40, perSecond: 10 },
    });
  });

  it("is its queue, with its dead letters and its mapping's maximum", () => {
    const queue = { kind: "polled", batchSize: 5, visibilityMs: 90_000, maxReceives: 4 };
    expect(way(sketch(), "work").source).to.deep.equal({
      ...queue,
      pollers: { initial: 5, perMinute: 300, maximum: 1_250 },
    });
    const bounded = way(sketch({ scalingConfig: { maximumConcurrency: 7 } }), "work");
    expect(bounded.source).to.have.deep.property("pollers", { initial: 5, perMinute: 300, maximum: 7 });
  });

  it("is its stream's shards, or its table's first partitions", () => {
    expect(way(sketch(), "fold").source).to.deep.include({
      batchSize: 200,
      pollers: { initial: 6, perMinute: 0, maximum: 6 },
    });
    expect(way(sketch(), "change").source).to.have.deep.nested.property("pollers.maximum", 4);
  });

  it("is Lambda's own patience for asynchronous events, one at a time by the clock", () => {
    expect(way(sketch(), "tick")).to.deep.include({
      source: { kind: "direct", retry: ASYNC_RETRY },
      single: true,
    });
  });
});

describe("a burst on a function of a stack", () => {
  const run = (name: string, options: Partial<BurstOptions> = {}, model = sketch()) =>
    runBurst(model, findFunction(model, name), baseline, { ...OPTIONS, ...options });

  it("starts and runs as long as measured", () => {
    const { result } = run("work", { count: 25 });
    // Five batches at once: a start each, which takes at least as long as the fastest, then 50 ms.
    expect(result).to.include({ invocations: 5, coldStarts: 5, completed: 25 });
    expect(result.latencyMs.max).to.be.within(150, 650);
  });

  it("meets the API's throttle first, and then what is left of the account", () => {
    expect(run("answer").result).to.include({ refused: 60, completed: 40, lost: 60 });
    expect(run("answer", { account: 30 }).result).to.include({ refused: 60, throttles: 10, completed: 30 });
  });

  it("takes what the stack keeps warm over all of a function's aliases, or what is given instead", () => {
    const { node: answer } = findFunction(sketch(), "answer");
    const warm = (name: string, provisionedConcurrentExecutions: number) =>
      node(T.provisioned, name, { provisionedConcurrentExecutions }, { functionName: answer });
    const model = sketch({}, [warm("live", 10), warm("next", 5)]);
    expect(run("answer", {}, model).result.coldStarts).to.equal(25);
    expect(run("answer", { provisioned: 40 }, model).result.coldStarts).to.equal(0);
  });

  it("is bounded by the function's reservation, and by what others reserve", () => {
    const queue = node(T.queue, "q");
    const [a, b] = [reserving("a-function", 3), lambda("b-function")];
    const model = createModel(graphOf(queue, ...a, ...b, mapping(queue, a), mapping(queue, b)));
    expect(run("a", {}, model).concurrency).to.equal(3);
    expect(run("b", {}, model).concurrency).to.equal(997);
  });

  it("is refused where nothing of the account is left for the function, naming who reserves it", () => {
    const queue = node(T.queue, "q");
    const [a, b, off] = [reserving("a-function", 30), lambda("b-function"), reserving("off-function", 0)];
    const model = createModel(graphOf(queue, ...a, ...b, ...off, mapping(queue, b)));

    expect(() => run("b", { account: 30 }, model)).to.throw(
      'An account with a concurrency of 30 has nothing left for function "b-function": reserved are 30 of it (a-function 30). Give an --account above 30, or reserve less.',
    );
    expect(() => run("off", {}, model)).to.throw(
      'Function "off-function" reserves a concurrency of 0, with which Lambda runs nothing',
    );
    expect(run("b", { account: 31 }, model).concurrency).to.equal(1);
  });

  it("is told as unfinished where the day of the simulation ends before it", () => {
    const queue = node(T.queue, "q");
    const b = lambda("b-function");
    const model = createModel(graphOf(queue, ...b, mapping(queue, b, { batchSize: 1 })));
    const hours = measured({ "b-function": 14 * 3_600_000 });
    const slow = runBurst(model, findFunction(model, "b"), hours, { ...OPTIONS, account: 1, count: 3 });

    expect(slow.result.left).to.equal(2);
    const says = "Still waiting a day after the last arrival, where the simulation ends: 2 messages";
    expect(burstsText(3, [slow])).to.contain(`${says} (b-function).`);
    expect(burstText(3, [{ says: "none kept warm", run: slow }])).to.contain(`${says} (none kept warm).`);
    expect(burstsText(100, [run("answer")])).not.to.contain("Still waiting");
  });

  it("is refused for a function there is not, naming those there are, and for one that nobody measured", () => {
    expect(() => run("nobody")).to.throw(
      'No function "nobody" in this stack: there are answer, change, fold, tick, work.',
    );
    expect(() => runBurst(sketch(), findFunction(sketch(), "work"), measured({}), OPTIONS)).to.throw(
      'no entry for function "work-function"',
    );
  });

  it("is told as a picture with its figures, or as a line for each function", () => {
    const text = burstText(100, [{ says: "none kept warm", run: run("answer") }]);
    expect(text).to.include(
      "100 requests for answer-function (GET /a, stage, throttled to 10 requests a second, 40 at once)",
    );
    expect(text).to.match(/none kept warm +100 % +60 +60 +40/);
    expect(text).to.include("40 ┤");
    expect(burstsText(100, [run("answer"), run("work")])).to.match(
      /^work-function .* queue jobs, 5 at a time/m,
    );
  });
});

describe("who could take the account's concurrency", () => {
  const concurrency = (model: Model, account = 1_000) =>
    concurrencyOf(model, createWorkload(model.view.graph, baseline)(quiet()).functions, account);

  it("are the functions whose source bounds them by no less than what is unreserved", () => {
    const { reaches } = concurrency(sketch());
    const most = Object.fromEntries(reaches.map(({ name, most: count }) => [name, count]));
    expect(most).to.deep.equal({
      "answer-function": 40,
      "work-function": 1_250,
      "fold-function": 6,
      "change-function": 4,
      "tick-function": 1,
    });
    expect(reaches.filter(({ starves }) => starves).map(({ name }) => name)).to.deep.equal(["work-function"]);
    const bounded = concurrency(sketch({ scalingConfig: { maximumConcurrency: 20 } }));
    expect(bounded.reaches.some(({ starves }) => starves)).to.equal(false);
  });

  it("are warned of when reservations leave fewer than 100", () => {
    const model = createModel(graphOf(...reserving("a", 600), ...reserving("b", 301)));
    const { reserved, unreserved, warnings } = concurrency(model);
    expect({ reserved, unreserved }).to.deep.equal({ reserved: 901, unreserved: 99 });
    expect(warnings).to.have.length(1);
    expect(warnings[0]).to.include("reserve 901 of the account's 1000").and.to.include("at most 900");
    expect(concurrency(model, 1_001).warnings).to.deep.equal([]);
  });
});

describe("the picture of scaling", () => {
  const model = createModel(
    graphOf(...lambda("api-get-devices-deviceId-function"), ...lambda("orders-fulfil-function")),
  );
  const figures = measured({ "api-get-devices-deviceId-function": 20, "orders-fulfil-function": 80 }, 200);

  it("is the same for the same seed, and another for another", () => {
    const [first, again, other] = [1, 1, 2].map((seed) => scalingPicture(model, figures, seed));
    expect(again).to.equal(first);
    expect(other).not.to.equal(first);
  });

  it("has a panel for every burst and way in, and only numbers in its paths", () => {
    const svg = scalingPicture(model, figures, 1);
    expect(svg.match(/100,000 at once/g)).to.have.length(3);
    expect(svg).not.to.match(/NaN|Infinity|undefined/);
  });

  it("escapes what it is told", () => {
    const svg = panelsSvg({ title: "a < b & c", subtitle: "", columns: [], rows: [] });
    expect(svg).to.include("a &lt; b &amp; c").and.not.to.include("a < b");
  });
});
