import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { completeLoad, idleLoad, RATIOS } from "../../ops/shared/load.ts";
import { createWorkload, sourceNames, type Workload } from "../../ops/shared/workload.ts";
import { queueBatches, shardsOf, streamBatches } from "../../ops/shared/workload-batches.ts";
import { graphOf } from "../helpers/graph.ts";
import { ROOT } from "../helpers/source-files.ts";
import { lambda, mapping, measured, node, quiet, route, T, telemetryProgram } from "./cost/sketch.ts";

const program = telemetryProgram({ streamModeDetails: { streamMode: "ON_DEMAND" } });
const fleet = (devices: number, everySeconds = 10) => completeLoad({ devices, everySeconds }, "a test");

const runsOf = (workload: Workload, name: string) => {
  const found = workload.functions.find((each) => each.name === name);
  if (!found) throw new Error(`No function "${name}".`);
  return found;
};

const arriving = ({ arrivals }: Workload, name: string): number =>
  [...arrivals].find(([urn]) => urn.endsWith(`::${name}`))?.[1].perSecond ?? 0;

describe("ops/shared: a load", () => {
  it("has every dimension derived from devices and interval, each with a reason", () => {
    const load = fleet(3_600);

    expect(load).to.include({ apiReadsPerSecond: 1, imagesPerDay: 360, ordersPerDay: 36, mqttShare: 0 });
    for (const [name, { why }] of Object.entries(RATIOS)) expect(why, name).to.match(/\w{3}/);
  });

  it("is documented, key by key", () => {
    const text = readFileSync(join(ROOT, "docs/cost.md"), "utf8");

    for (const key of Object.keys(fleet(1))) expect(text, key).to.contain(`| \`${key}\``);
  });

  it("keeps what is given", () => {
    const load = completeLoad({ devices: 1, everySeconds: 1, ordersPerDay: 7, sources: { a: 2 } }, "a test");

    expect(load).to.deep.include({ ordersPerDay: 7, sources: { a: 2 } });
  });

  it("refuses what cannot be, naming key, value and range", () => {
    const refused = (value: unknown): string => {
      try {
        completeLoad(value, "load.json");
      } catch (error) {
        return (error as Error).message;
      }
      return "taken";
    };

    expect(refused([])).to.equal("The load in load.json cannot be: it must be a JSON object.");
    expect(refused({ devices: 1 })).to.equal("The load in load.json cannot be: everySeconds must be given.");
    expect(refused({ devices: 0, everySeconds: 1 })).to.equal(
      "The load in load.json cannot be: devices is 0; it must be a number above 0, at most 1000000000000.",
    );
    expect(refused({ devices: 1e13, everySeconds: 1 })).to.contain("devices is 10000000000000; it must be");
    expect(refused({ devices: 1, everySeconds: "10s" })).to.contain(
      'everySeconds is "10s"; it must be a number',
    );
    expect(refused({ devices: 1, everySeconds: 1, ordersPerDay: -1 })).to.contain(
      "ordersPerDay is -1; it must be a number from 0 to 1000000000000",
    );
    expect(refused({ devices: 1, everySeconds: 1, sources: { a: -2 } })).to.contain(
      "sources.a is -2; it must be a number from 0",
    );
    expect(refused({ devices: 1, everySeconds: 1, device: 2 })).to.contain(
      'unknown key "device"; it knows devices',
    );
    expect(refused({ devices: 1, everySeconds: 1, mqttShare: 0.6, httpShare: 0.6 })).to.contain(
      "mqttShare 0.6 and httpShare 0.6 are more than 1 together",
    );
  });
});

describe("ops/shared: batches", () => {
  const stream = { batchSize: 100, windowSeconds: 0, lanes: 4 };

  it("hold one event at low rates, and are full at high ones", () => {
    expect(streamBatches({ perSecond: 0.1, bytes: 100 }, stream)).to.equal(0.1);
    expect(streamBatches({ perSecond: 40, bytes: 100 }, stream)).to.equal(4);
    expect(streamBatches({ perSecond: 4_000, bytes: 100 }, stream)).to.equal(40);
  });

  it("wait for their window", () => {
    expect(streamBatches({ perSecond: 40, bytes: 100 }, { ...stream, windowSeconds: 60 })).to.equal(0.4);
    expect(queueBatches({ perSecond: 40, bytes: 100 }, { batchSize: 1_000, windowSeconds: 10 })).to.equal(
      0.5,
    );
    expect(queueBatches({ perSecond: 40, bytes: 100 }, { batchSize: 10, windowSeconds: 0 })).to.equal(40);
  });

  it("are no larger than 6 MB", () => {
    const large = streamBatches({ perSecond: 4_000, bytes: 1024 * 1024 }, stream);

    expect(large).to.be.closeTo(4_000 / 4.5, 1e-9);
  });

  it("come from as many shards as the stream has, or has grown to", () => {
    const onDemand = node(T.stream, "s", { streamModeDetails: { streamMode: "ON_DEMAND" } });

    expect(shardsOf(node(T.stream, "s", { shardCount: 7 }), { perSecond: 1e6, bytes: 1 })).to.equal(7);
    expect(shardsOf(onDemand, { perSecond: 10, bytes: 100 })).to.equal(4);
    expect(shardsOf(onDemand, { perSecond: 10_000, bytes: 100 })).to.equal(20);
    expect(shardsOf(onDemand, { perSecond: 1_000, bytes: 10 * 1024 * 1024 })).to.equal(20_000);
  });
});

describe("ops/shared: a workload", () => {
  it("brings readings to the stream's functions, by batch size and window", () => {
    const workload = createWorkload(program, undefined)(fleet(10_000));

    expect(arriving(workload, "telemetry-stream")).to.equal(1_000);
    // 4 shards, looked at every second; 1,000 readings/s of 5,000 in a window of 60 s.
    expect(runsOf(workload, "telemetry-aggregate-function")).to.include({ invocations: 4, events: 1_000 });
    expect(runsOf(workload, "telemetry-archive-function").invocations).to.be.closeTo(0.2, 1e-9);
    expect(arriving(workload, "readings-table")).to.equal(4_000);
  });

  it("folds the readings of one record into its device's series: fewer writes", () => {
    const load = completeLoad({ devices: 10_000, everySeconds: 10, readingsPerRecord: 10 }, "a test");

    const workload = createWorkload(program, undefined)(load);

    // 100 records/s of 10 readings each, of three series: four writes per series.
    expect(arriving(workload, "telemetry-stream")).to.equal(100);
    expect(arriving(workload, "readings-table")).to.equal(1_200);
  });

  it("splits the ways in, and wraps what comes by MQTT", () => {
    const load = completeLoad(
      { devices: 1_000, everySeconds: 1, mqttShare: 0.5, httpShare: 0.2, readingBytes: 300 },
      "a test",
    );

    const workload = createWorkload(program, undefined)(load);

    expect(arriving(workload, "devices_rule")).to.equal(500);
    expect(runsOf(workload, "api-post-telemetry-function").invocations).to.equal(200);
    expect(arriving(workload, "telemetry-stream")).to.equal(1_000);
    const wrapped = workload.uses.find(({ from }) => from.endsWith("::devices_rule"));
    expect(wrapped?.bytes).to.equal(520);
  });

  it("follows an image from its form to its thumbnails", () => {
    const load = { ...fleet(1), imagesPerDay: 86_400 };

    const workload = createWorkload(program, undefined)(load);

    for (const name of ["api-post-images-function", "uploads-thumbnails-function"])
      expect(runsOf(workload, name).invocations, name).to.be.closeTo(1, 1e-9);
    expect(arriving(workload, "thumbnails-bucket")).to.be.closeTo(3, 1e-9);
    expect(runsOf(workload, "api-get-images-imageId-function").invocations).to.be.closeTo(2, 1e-9);
  });

  it("follows a loop until it settles: an order placed is fulfilled once, and both are told", () => {
    const load = { ...fleet(1), ordersPerDay: 86_400 };

    const workload = createWorkload(program, undefined)(load);

    expect(arriving(workload, "orders-queue")).to.be.closeTo(1, 1e-3);
    expect(arriving(workload, "orders-bus")).to.be.closeTo(2, 1e-3);
    expect(arriving(workload, "orders-table")).to.be.closeTo(2, 1e-3);
    expect(workload.warnings).to.deep.equal([]);
  });

  it("says when a loop does not settle", () => {
    const queue = node(T.queue, "again");
    const work = lambda("work", { may: [[queue, ["sqs:SendMessage"]]] });
    const graph = graphOf(queue, ...work, mapping(queue, work));

    const { warnings } = createWorkload(graph, undefined)(quiet({ sources: { work: 1 } }));

    expect(warnings.at(-1)).to.equal("Events go round in this program without end: its figures are too low.");
  });

  it("goes on with the schedules alone while nobody uses it", () => {
    const workload = createWorkload(program, undefined)(idleLoad(fleet(10_000)));

    const busy = workload.functions.filter(({ invocations }) => invocations > 0);
    expect(busy.map(({ name }) => name)).to.deep.equal(["plan-compaction-function"]);
    expect([...workload.stored.values()].every((bytes) => bytes === 0)).to.equal(true);
  });

  it("knows Little's law, and adds to the measured duration what the load makes of it", () => {
    const work = lambda("work", { may: [[node(T.table, "table"), ["dynamodb:GetItem"]]] });
    const graph = graphOf(node(T.table, "table"), ...work);

    const [use] = createWorkload(
      graph,
      measured({ work: 15 }, 120),
    )(quiet({ sources: { work: 50 } })).functions;

    // 15 ms measured on one machine, and 5 ms that a table on AWS takes to answer.
    expect(use).to.include({ durationMs: 20, concurrency: 1, measured: true, initMs: 120 });
  });

  it("gives a program of its own a sensible figure, by its wiring alone", () => {
    const api = node(T.api, "shop", { protocolType: "HTTP" });
    const topic = node(T.topic, "sold");
    const mails = node(T.queue, "mails");
    const sell = lambda("sell", { may: [[topic, ["sns:Publish"]]] });
    const mail = lambda("mail");
    const subscription = node(
      T.subscription,
      "to-mails",
      { protocol: "sqs", endpoint: "arn:mails" },
      { topic, endpoint: mails },
    );
    const graph = graphOf(
      ...[api, topic, mails, ...sell, ...mail, subscription, mapping(mails, mail)],
      ...route(api, "POST /sales", sell),
    );

    const workload = createWorkload(graph, undefined)({ ...fleet(1), apiReadsPerSecond: 12 });

    expect(["sell", "mail"].map((name) => runsOf(workload, name).invocations)).to.deep.equal([12, 12]);
    expect(workload.warnings[0]).to.contain("No stream or topic rule takes devices' readings");
    expect(sourceNames(graph)).to.include.members(["POST /sales", "sold", "mails", "sell"]);
  });

  it("takes the load file's word for what enters where", () => {
    const load = completeLoad(
      { devices: 1_000, everySeconds: 1, sources: { "telemetry-stream": 5, "GET /devices": 7 } },
      "a test",
    );

    const workload = createWorkload(program, undefined)(load);

    expect(arriving(workload, "telemetry-stream")).to.equal(5);
    expect(runsOf(workload, "api-get-devices-function").invocations).to.equal(7);
  });

  it("says which function has no trigger, and what cannot carry the load", () => {
    const graph = graphOf(
      ...lambda("lonely"),
      ...lambda("slow", { timeout: 1 }),
      node(T.stream, "narrow", { shardCount: 1 }),
    );

    const { warnings } = createWorkload(
      graph,
      measured({ slow: 1_500 }),
    )(completeLoad({ devices: 5_000, everySeconds: 1, sources: { slow: 1 } }, "a test"));

    expect(warnings).to.deep.equal([
      'Stream "narrow" has 1 shard and needs 5 for 5000 records/s: it cannot carry this load as it is.',
      'No trigger of "lonely" is in the graph: counted as never invoked. Give its events a second in the load file\'s "sources".',
      'Function "slow" would take 2 s, over its timeout of 1 s: it cannot carry this load as it is.',
    ]);
  });
});
