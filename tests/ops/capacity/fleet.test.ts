import { expect } from "chai";
import type { ResourceNode } from "../../../local/engine/graph.ts";
import { type Demand, demandsOf } from "../../../ops/capacity/demand.ts";
import { createFleetReport } from "../../../ops/capacity/fleet.ts";
import { fleetText } from "../../../ops/capacity/fleet-report.ts";
import { needsOf } from "../../../ops/capacity/needs.ts";
import { QUOTAS, QUOTAS_DATE } from "../../../ops/capacity/quotas.ts";
import { bindingsOf } from "../../../ops/capacity/scale.ts";
import { SETTINGS } from "../../../ops/capacity/settings.ts";
import type { Baseline } from "../../../ops/shared/baseline.ts";
import { completeLoad, type Load } from "../../../ops/shared/load.ts";
import { createWorkload } from "../../../ops/shared/workload.ts";
import { createModel } from "../../../ops/shared/workload-model.ts";
import { graphOf } from "../../helpers/graph.ts";
import { lambda, mapping, measured, node, quiet, route, T, telemetryProgram } from "../cost/sketch.ts";

const program = telemetryProgram({ streamModeDetails: { streamMode: "ON_DEMAND" } });
const fleet = (devices: number, differs: Partial<Load> = {}): Load =>
  completeLoad({ devices, everySeconds: 10, ...differs }, "a test");

const contextOf = (graph: typeof program, load: Load, baseline?: Baseline, account = 1_000) => {
  const { view } = createModel(graph);
  return { view, account, workload: createWorkload(graph, baseline)(load) };
};

const find = (demands: readonly Demand[], name: Demand["name"], of?: string): Demand => {
  const found = demands.find((demand) => demand.name === name && (of === undefined || demand.of === of));
  if (!found)
    throw new Error(`No demand "${name}" of ${of}: ${demands.map((each) => each.name).join(", ")}.`);
  return found;
};

describe("a fleet's demands", () => {
  const demands = demandsOf(contextOf(program, fleet(1e6)));

  it("count shards and records of the stream", () => {
    // 100,000 records a second fill 100 shards; an on-demand stream keeps twice that.
    expect(find(demands, "kinesisShards")).to.include({ demand: 200, limit: 20_000, share: 0.01 });
    expect(find(demands, "kinesisOnDemandRecords")).to.include({ demand: 100_000, of: "telemetry-stream" });
    expect(find(demands, "kinesisOnDemand").demand).to.equal(100_000 * 150);
  });

  it("count the device index among the table's writes, and its hottest key against what one key takes", () => {
    // Of a million devices an environment forgets all but 20,000; eight keys share the rest.
    const index = 100_000 * 0.98;
    expect(find(demands, "partitionWrites").demand).to.be.closeTo(index / 8, 1e-6);
    expect(find(demands, "tableWrites", "readings-table").demand).to.be.closeTo(4 * 100_000 + index, 1e-6);
  });

  it("spare the index while an environment remembers the whole fleet", () => {
    const small = demandsOf(contextOf(program, fleet(20_000)));
    expect(small.map(({ name }) => name)).not.to.include("partitionWrites");
  });

  it("hold busy environments against the account by Little's law", () => {
    const [queue, target] = [node(T.queue, "jobs"), lambda("work")];
    const graph = graphOf(queue, ...target, mapping(queue, target, { batchSize: 1 }));
    const load = quiet({ sources: { jobs: 40 } });
    const asked = demandsOf(contextOf(graph, load, measured({ work: 500 }), 10));
    expect(find(asked, "lambdaConcurrency")).to.include({ demand: 20, limit: 10, share: 2 });
    expect(find(asked, "queuePollers", "jobs")).to.include({ demand: 20, limit: 1_250 });
  });

  it("hold them against the stack's own bounds too: reservation, maximum of the mapping, timeout, throttle", () => {
    const [queue, api] = [node(T.queue, "jobs"), node(T.api, "api")];
    const target = lambda("work", { timeout: 1 });
    const [own] = target as [ResourceNode];
    own.outputs = { ...own.outputs, reservedConcurrentExecutions: 4 };
    const stage = node(
      T.stage,
      "stage",
      { defaultRouteSettings: { throttlingRateLimit: 50 } },
      { apiId: api },
    );
    const graph = graphOf(
      ...[queue, api, stage],
      ...target,
      mapping(queue, target, { batchSize: 1, scalingConfig: { maximumConcurrency: 5 } }),
      ...route(api, "GET /a", lambda("answer")),
    );
    const load = quiet({ sources: { jobs: 20, "GET /a": 100 } });
    const asked = demandsOf(contextOf(graph, load, measured({ work: 500 })));
    expect(find(asked, "pollers", "jobs")).to.include({ demand: 10, limit: 5, share: 2, kind: "setting" });
    expect(find(asked, "reservation", "work")).to.include({ demand: 10, limit: 4, share: 2.5 });
    expect(find(asked, "timeout", "work")).to.include({ demand: 0.5, limit: 1 });
    expect(find(asked, "apiThrottle", "stage")).to.include({ demand: 100, limit: 50, share: 2 });
    expect(find(asked, "apiRequests")).to.include({ demand: 100 });
  });

  it("count a token for each caller, and for each device that sends by HTTP, as often as one ends", () => {
    const callers = fleet(1e6, { apiCallers: 7_200 });
    expect(find(demandsOf(contextOf(program, callers)), "tokens").demand).to.equal(2);
    const senders = fleet(1e6, { apiCallers: 7_200, httpShare: 0.36 });
    expect(find(demandsOf(contextOf(program, senders)), "tokens")).to.include({ demand: 102, limit: 150 });

    const short = node(T.client, "client", {
      allowedOauthFlows: ["client_credentials"],
      accessTokenValidity: 10,
      tokenValidityUnits: { accessToken: "minutes" },
    });
    const people = node(T.client, "web", { allowedOauthFlows: ["code"] });
    const [client] = demandsOf(contextOf(graphOf(short, people), callers));
    expect(client).to.include({ name: "tokens", demand: 12 });
  });

  it("count devices that publish by MQTT as connections, messages and rules", () => {
    const asked = demandsOf(contextOf(program, fleet(1e6, { mqttShare: 0.5 })));
    expect(find(asked, "iotConnections")).to.include({ demand: 500_000, share: 1 });
    expect(find(asked, "iotPublishes")).to.include({ demand: 50_000, share: 2.5 });
    expect(find(asked, "iotRules").demand).to.equal(50_000);
  });

  it("hold a stream of fixed shards against what it must take", () => {
    const provisioned = telemetryProgram({ shardCount: 4 });
    const asked = demandsOf(contextOf(provisioned, fleet(80_000)));
    expect(find(asked, "provisionedShards")).to.include({ demand: 8, limit: 4, share: 2 });
    const large = demandsOf(contextOf(provisioned, fleet(80_000, { readingBytes: 2 ** 19 })));
    expect(find(large, "provisionedShards").demand).to.equal(4_000);
    // A part of a shard, so that one shard that is hardly used does not bind.
    const small = demandsOf(contextOf(provisioned, fleet(800)));
    expect(find(small, "provisionedShards").demand).to.be.closeTo(0.08, 1e-9);
  });

  it("come nearest to their limit first", () => {
    const shares = demands.map(({ share }) => share);
    expect(shares).to.deep.equal(shares.toSorted((left, right) => right - left));
  });

  it("never fall when the fleet grows", () => {
    let before = new Map<string, number>();
    for (const devices of [1e3, 1e4, 1e5, 1e6, 1e7, 1e8]) {
      const now = demandsOf(contextOf(program, fleet(devices))).map(
        ({ name, of, share }) => [`${name} ${of}`, share] as const,
      );
      for (const [key, share] of now) expect(share, key).to.be.at.least((before.get(key) ?? 0) * (1 - 1e-5));
      before = new Map(now);
    }
  });
});

describe("what resources need", () => {
  it("is told for every resource that the load reaches", () => {
    const needs = needsOf(contextOf(program, fleet(1e6)));
    const stream = needs.find(({ name }) => name === "telemetry-stream");
    expect(stream?.figures).to.include({ shards: 200, shardsNeeded: 100 });
    const table = needs.find(({ name }) => name === "readings-table");
    expect(table?.figures.partitions).to.be.at.least(498);
    expect(needs.map(({ name }) => name)).to.include.members(["lake-bucket", "reads-cache"]);
  });
});

describe("where limits bind", () => {
  const limit = (name: Demand["name"], share: number): Demand => ({
    ...{
      name,
      what: name,
      of: "x",
      demand: share,
      limit: 1,
      share,
      unit: "",
      kind: "hard",
      change: "",
      page: "",
    },
  });

  it("is found between the steps, for demands that grow with the fleet or by its power", () => {
    const [linear, root] = bindingsOf((devices) => [
      limit("kinesisShards", devices / 12_345),
      limit("tableWrites", Math.sqrt(devices / 7e6)),
    ]);
    expect(linear?.devices).to.be.closeTo(12_345, 1);
    expect(root?.devices).to.be.closeTo(7e6, 1e3);
  });

  it("is nowhere for what stays below its limit, and at the start for what is above it from there", () => {
    const bindings = bindingsOf(() => [limit("kinesisShards", 0.9), limit("tableWrites", 3)]);
    expect(bindings.map(({ name, devices }) => [name, devices])).to.deep.equal([["tableWrites", 100]]);
  });
});

describe("the capacity report", () => {
  const report = createFleetReport({
    model: createModel(program),
    baseline: undefined,
    account: 1_000,
    loadOf: (devices = 5e5) => fleet(devices),
  });
  const text = fleetText(report);

  it("names what binds first at each size of the fleet, with what to change", () => {
    expect(report.fleets.map(({ devices }) => devices)).to.deep.equal([1e4, 1e6, 1e8]);
    expect(text).to.match(
      /1 M devices: the first to bind is DynamoDB: write units of an on-demand table \(readings-table\), at \d+ k\./,
    );
    expect(text).to.include(`#devices#N): ${QUOTAS.partitionWrites.change}`);
  });

  it("says what its durations are when nobody measured", () => {
    expect(text).to.include("Durations are assumptions");
    expect(text).to.include("not measured");
  });

  it("survives being written as JSON: every figure is finite", () => {
    const figures = report.demands.flatMap(({ demand, limit, share }) => [demand, limit, share]);
    expect(figures.every(Number.isFinite)).to.equal(true);
  });
});

describe("the table of quotas", () => {
  it("has a page, a positive value and a change for each, and a date", () => {
    expect(QUOTAS_DATE).to.match(/^\d{4}-\d{2}-\d{2}$/);
    for (const [name, { value, page, change }] of Object.entries(QUOTAS)) {
      expect(value, name).to.be.greaterThan(0);
      expect(page, name).to.match(/^https:\/\/docs\.aws\.amazon\.com\//);
      expect(change, name).not.to.equal("");
    }
    for (const [name, { page }] of Object.entries(SETTINGS))
      expect(page, name).to.match(/^https:\/\/docs\.aws\.amazon\.com\//);
  });
});

// Not proven here: that the assumptions behind the workload are right (tests/ops/workload.test.ts holds what follows from
// them), and that AWS's pages still say what they said.
