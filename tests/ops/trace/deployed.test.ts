import { execFile } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { CloudWatchLogsClient } from "@aws-sdk/client-cloudwatch-logs";
import { expect } from "chai";
import { plain } from "../../../local/engine/graph.ts";
import { evaluate } from "../../../local/engine/program.ts";
import { readSettings } from "../../../local/engine/settings.ts";
import type { Endpoint } from "../../../local/services/endpoint.ts";
import { CloudWatchLogs } from "../../../local/services/logs.ts";
import { eventsOf, type LogEvent, type Search } from "../../../ops/logs/events.ts";
import { deployedSources, type LogSource } from "../../../ops/logs/groups.ts";
import type { ExportedResource } from "../../../ops/shared/exported.ts";
import { type FindLines, gather, searchedSources } from "../../../ops/trace/deployed.ts";
import { traceLines, traceTree } from "../../../ops/trace/tree.ts";
import { ROOT } from "../../helpers/source-files.ts";
import { clientConfig, PLACE, start } from "../../local/services/aws.ts";

const NOW = Date.now();
const [PLACE_ORDER, FULFIL] = ["api-post-orders", "orders-fulfil"];

/** The state that this program has once it is deployed. */
async function deployedProgram(): Promise<ExportedResource[]> {
  const settings = await readSettings(ROOT, "dev");
  const { resources, outputs } = await evaluate({ directory: ROOT, stack: "dev", dryRun: false, settings });
  const own = resources.map(({ urn, type, parent, outputs: of }) => ({
    urn,
    type,
    parent,
    outputs: plain(of) as Record<string, unknown>,
  }));
  const stack = { urn: "urn:pulumi:dev::p::pulumi:pulumi:Stack::p-dev", type: "pulumi:pulumi:Stack" };
  return [...own, { ...stack, parent: "", outputs: plain(outputs) as Record<string, unknown> }];
}

const report = (requestId: string, durationMs: number, initDurationMs?: number) => ({
  type: "platform.report",
  record: { requestId, status: "success", metrics: { durationMs, initDurationMs } },
});

describe("a trace on AWS", function () {
  this.timeout(60_000);
  let folder: string;
  let resources: ExportedResource[];
  let sources: readonly LogSource[];
  let searched: ReturnType<typeof searchedSources>;
  let logs: CloudWatchLogs;
  let endpoint: Endpoint;
  let client: CloudWatchLogsClient;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "trace-deployed-"));
    resources = await deployedProgram();
    sources = deployedSources(resources, "dev").sources;
    searched = searchedSources(resources, sources);
  });

  after(() => rmSync(folder, { recursive: true }));

  beforeEach(async () => {
    logs = new CloudWatchLogs({ ...PLACE, clock: Date });
    endpoint = await start({ json: [logs] });
    client = new CloudWatchLogsClient(clientConfig(endpoint));
    for (const { group } of sources) logs.createGroup({ name: group });
  });

  afterEach(async () => {
    client.destroy();
    await endpoint.close();
  });

  const write = (name: string, stream: string, ...lines: [at: number, fields: object][]): void => {
    const { group } = sources.find((source) => source.name === name) as LogSource;
    const entries = lines.map(([at, fields]) => ({
      timestamp: NOW - 10_000 + at,
      message: JSON.stringify(fields),
    }));
    logs.append(group, stream, entries);
  };

  /** An order: placed over the API by a function in stream `a`, fulfilled by another among a batch. */
  const placeOrder = (): void => {
    const said = { correlationId: "o", requestId: "api=1" };
    write(PLACE_ORDER, "a", [90, report("before", 1)], [100, { message: "order placed", ...said }]);
    write(PLACE_ORDER, "a", [101, { message: "stored", ...said }], [110, report("place-run", 20, 5)]);
    write(PLACE_ORDER, "b", [103, report("another environment's", 1)]);
    write(FULFIL, "c", [150, { message: "order fulfilled", correlationIds: ["n", "o"] }]);
    write(FULFIL, "c", [151, { message: "mentions o only", about: "o", correlationId: "not-o" }]);
    write(FULFIL, "c", [160, report("fulfil-run", 15)]);
    const request = { requestId: "api=1", httpMethod: "POST", path: "/orders", status: "201" };
    write("api-access", "x", [112, { ...request, responseLatency: "30" }]);
  };
  const WAY = [
    "POST /orders        201  30.0 ms",
    "└─ api-post-orders  ok   20.0 ms    order placed, stored (cold start 5.0 ms)",
    "orders-fulfil       ok   15.0 ms    order fulfilled",
  ];

  const findLines: FindLines = (source, search) => eventsOf(client, source, search);

  it("is looked for in the groups of the program's functions, and its requests in its API's", () => {
    const functions = resources.filter(({ type }) => type === "aws:lambda/function:Function");
    expect(searched.functions).to.have.length(functions.length);
    expect(searched.functions.map(({ name }) => name)).to.include.members([PLACE_ORDER, FULFIL]);
    expect(searched.apis.map(({ name }) => name)).to.deep.equal(["api-access"]);
  });

  it("is made of functions' lines, Lambda's reports and the access log, in the order of time", async () => {
    placeOrder();
    const tree = traceTree(await gather({ id: "o", since: 0 }, searched, findLines));
    expect(tree && traceLines(tree)).to.deep.equal(WAY);
  });

  it("is nothing when no function has written about the id", async () => {
    placeOrder();
    expect(await gather({ id: "unknown", since: 0 }, searched, findLines)).to.deep.equal([]);
    expect(await gather({ id: "o", since: NOW - 10_000 + 155 }, searched, findLines)).to.deep.equal([]);
  });

  it("asks for few things at a time, for a stream's reports once, and for requests together", async () => {
    const lines = Array.from({ length: 60 }, (_, index): [number, object][] => [
      [index * 10, { message: "asked", correlationId: "o", requestId: `api-${index}` }],
      [index * 10 + 5, report(`run-${index}`, 1)],
    ]).flat();
    write(PLACE_ORDER, "a", ...lines);
    const asked: Search[] = [];
    let [running, most] = [0, 0];
    const counting: FindLines = async function* (source, search): AsyncGenerator<LogEvent> {
      asked.push(search);
      running += 1;
      most = Math.max(most, running);
      yield* findLines(source, search);
      running -= 1;
    };
    const events = await gather({ id: "o", since: 0 }, searched, counting);
    expect(events.filter(({ kind }) => kind === "invocation")).to.have.length(60);
    expect(most).to.be.within(2, 4);
    expect(asked.filter(({ streams }) => streams !== undefined)).to.have.length(1);
    expect(asked.filter(({ pattern }) => pattern?.includes("$.requestId"))).to.have.length(6);
    expect(asked).to.have.length(searched.functions.length + 7);
    expect(Math.max(...asked.map(({ pattern = "" }) => pattern.length))).to.be.lessThan(1_024);
  });

  const command = async (environment: Record<string, string>) => {
    writeFileSync(join(folder, "state.json"), JSON.stringify({ deployment: { resources } }));
    writeFileSync(join(folder, "pulumi"), `#!/bin/sh\ncat "${join(folder, "state.json")}"\n`);
    chmodSync(join(folder, "pulumi"), 0o755);
    const env = {
      PATH: [folder, process.env.PATH].join(delimiter),
      AWS_EC2_METADATA_DISABLED: "true",
      AWS_SHARED_CREDENTIALS_FILE: "/nonexistent",
      AWS_CONFIG_FILE: "/nonexistent",
      AWS_ENDPOINT_URL: endpoint.url,
      ...environment,
    };
    const argv = ["ops/trace/main.ts", "o", "--aws"];
    return promisify(execFile)(process.execPath, argv, { env, cwd: ROOT }).then(
      ({ stdout }) => stdout,
      ({ stderr }: { stderr: string }) => stderr,
    );
  };

  it("is printed by the command, from the state that the Pulumi CLI has", async () => {
    placeOrder();
    const output = await command({ AWS_ACCESS_KEY_ID: "a", AWS_SECRET_ACCESS_KEY: "b" });
    const [heading, ...way] = output.trimEnd().split("\n");
    expect(way).to.deep.equal(WAY);
    expect(heading).to.match(/^Trace of o: 3 hops in /);
  });

  it("is refused in one sentence where AWS is not signed in to", async () => {
    expect(await command({})).to.match(
      /^There are no AWS credentials: sign in [^\n]+ \(logs:FilterLogEvents\)\.\n$/,
    );
  });
});

// Not proven here: that the access log's line has come by the time it is asked for.
