import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect } from "chai";
import { UsageError } from "../../../local/cli.ts";
import { commentBody } from "../../../ops/comment/body.ts";
import { readArguments } from "../../../ops/cost/arguments.ts";
import { brokenBounds, differenceOf } from "../../../ops/cost/diff.ts";
import { plannedCost } from "../../../ops/cost/planned.ts";
import { readPrices } from "../../../ops/cost/prices.ts";
import { statementMarkdown, statementText, summaryLine } from "../../../ops/cost/report.ts";
import { knownOf } from "../../../ops/cost/settings.ts";
import { type Statement, statementOf, summaryOf } from "../../../ops/cost/statement.ts";
import { graphOf } from "../../helpers/graph.ts";
import { ROOT } from "../../helpers/source-files.ts";
import { writeProgram } from "../../local/engine/support.ts";
import { measured, node, telemetryProgram } from "./sketch.ts";

const prices = await readPrices();
const graph = telemetryProgram({ streamModeDetails: { streamMode: "ON_DEMAND" } });
const options = (devices = 1_000) => ({
  graph,
  given: { devices, everySeconds: 10 },
  from: "--devices",
  prices,
  baseline: measured({ "telemetry-aggregate-function": 20 }),
  known: { compactionBuckets: 64 },
});
const statement = statementOf(options());

/** The same a month before, when it cost less. */
const cheaper: Statement = {
  ...statement,
  dollars: statement.dollars - 100,
  services: statement.services.map((each) =>
    each.service === "DynamoDB" ? { ...each, dollars: each.dollars - 100 } : each,
  ),
  functions: statement.functions.map((each) =>
    each.name === "telemetry-aggregate-function" ? { ...each, causes: each.causes - 100 } : each,
  ),
};

describe("ops/cost: the statement", () => {
  it("says load, month, idle month, prices and their date, services, functions and alternatives", () => {
    const text = statementText(statement);

    expect(text).to.match(
      /^Stack test, 1,000 devices, a reading every 10 s each: \$[\d,]+\.\d\d a month, \$\d+\.\d\d while idle\.\n/,
    );
    expect(text).to.contain("Without the free tier; prices of us-east-1, 2026-11-29; a month of 730 hours.");
    for (const part of ["DynamoDB", "telemetry-aggregate-function", "one virtual machine", "Fargate"])
      expect(text).to.contain(part);
    expect(text).to.match(/Priced: \d+ resources\. Free: \d+ of \d+ kinds .+ Not priced: none\n?/);
  });

  it("marks the durations that are assumptions, and says whose they are", () => {
    const text = statementText(statement);

    expect(text).to.match(/telemetry-aggregate-function .+ \d+\.\d ms {2}/);
    expect(text).to.match(/telemetry-archive-function .+ ms \* /);
    expect(text).to.contain("* Durations: measured on 2026-01-01, but for ");
    expect(statementText({ ...statement, unmeasured: [] })).to.contain("Durations: measured on 2026-01-01.");
    const nothing = statementOf({ ...options(), baseline: undefined });
    expect(statementText(nothing)).to.contain("* Durations: no function is measured");
  });

  it("lists what is not priced, and warns of what cannot carry the load", () => {
    const small = telemetryProgram({ shardCount: 1 });
    const strange = node("aws:quantum/computer:Computer", "strange");
    const given = { ...options(1e6), graph: graphOf(...small.resources, strange) };

    const text = statementText(statementOf(given));

    expect(text).to.contain("  aws:quantum:Computer strange: the model has no price for this type");
    expect(text).to.contain('Warning: Stream "telemetry-stream" has 1 shard and needs 100');
    expect(summaryLine(summaryOf(given))).to.contain("; 1 resource is not priced.");
  });

  it("takes what the settings know of the load, below what is given", () => {
    const settings = { project: "p", stack: "s", main: ".", secretKeys: [] };

    expect(knownOf({ ...settings, config: { "p:compactionBuckets": "64" } })).to.deep.equal({
      compactionBuckets: 64,
    });
    expect(knownOf({ ...settings, config: { "p:compactionBuckets": "many" } })).to.deep.equal({});
    expect(statement.load.compactionBuckets).to.equal(64);
    const given = { devices: 1_000, everySeconds: 10, compactionBuckets: 2 };
    expect(summaryOf({ ...options(), given }).load.compactionBuckets).to.equal(2);
  });

  it("refuses a source that the program does not have", () => {
    const given = { devices: 1, everySeconds: 1, sources: { nowhere: 1 } };

    expect(() => summaryOf({ ...options(), given, from: "load.json" })).to.throw(
      'The load in load.json cannot be: stack "test" has no resource or route "nowhere" that events enter by.',
    );
  });
});

describe("ops/cost: the change", () => {
  it("is told in all, by service and by function, the largest first", () => {
    const difference = differenceOf(statement, JSON.parse(JSON.stringify(cheaper)), "base.json");

    expect(difference.total.now - difference.total.before).to.be.closeTo(100, 1e-9);
    expect(difference.services.map(({ name }) => name)).to.deep.equal(["DynamoDB"]);
    expect(difference.functions.map(({ name }) => name)).to.deep.equal(["telemetry-aggregate-function"]);
    expect(statementText(statement, difference)).to.match(/a month +\$[\d,.]+ +\$[\d,.]+ +\+\$100\.00/);
    const markdown = statementMarkdown(statement, difference);
    expect(markdown).to.match(/^test, 1,000 devices, .+: \*\*\$[\d,.]+ a month\*\* \(\+\$100\.00\), /);
    expect(markdown).to.contain("| --- | ---: | ---: | ---: |");
  });

  it("is what the comment on a pull request carries", () => {
    const cost = statementMarkdown(statement, differenceOf(statement, cheaper, "base.json"));

    const body = commentBody({ stacks: [{ stack: "prod" }], cost }, "0123456789abcdef");

    expect(body).to.contain(`#### Cost\n\n${cost}\n`);
  });

  it("is none where nothing changed: one line of Markdown", () => {
    const difference = differenceOf(statement, statement, "base.json");

    expect(statementMarkdown(statement, difference)).to.match(/^test, .+ \(no change\), .+ while idle\.$/);
  });

  it("shows what came and what went", () => {
    const without = { ...statement, services: statement.services.slice(1) };
    const gone = { ...statement, functions: [] };

    expect(differenceOf(without, statement, "base.json").services[0]?.now).to.equal(0);
    expect(differenceOf(statement, gone, "base.json").functions[0]?.before).to.equal(0);
  });

  it("is refused for another kind of file", () => {
    expect(() => differenceOf(statement, {}, "base.json")).to.throw(
      "base.json is not what `npm run cost -- --json` prints: it cannot be compared.",
    );
  });

  const given = { devices: 1_000, everySeconds: 10 };
  const of = (differs: object) => statementOf({ ...options(), given: { ...given, ...differs } });
  const priced = (differs: object) => statementOf({ ...options(), prices: { ...prices, ...differs } });
  const others: [string, Statement, string][] = [
    ["stack", { ...statement, stack: "dev" }, "stack is dev there and test here"],
    ["free tier", { ...statement, freeTier: true }, "free tier is true there and false here"],
    ["share by HTTP", of({ httpShare: 0.5 }), "httpShare is 0.5 there and 0 here"],
    ["gathering", of({ readingsPerRecord: 10 }), "readingsPerRecord is 10 there and 1 here"],
    ["source", of({ sources: { "orders-queue": 5 } }), "sources.orders-queue is 5 there and not given here"],
    ["number of buckets", of({ compactionBuckets: 2 }), "compactionBuckets is 2 there and 1 here"],
    [
      "date of prices",
      priced({ date: "2020-01-01" }),
      `prices' date is 2020-01-01 there and ${prices.date} here`,
    ],
    ["region", priced({ region: "eu-west-1" }), "region is eu-west-1 there and us-east-1 here"],
  ];
  for (const [name, base, difference] of others)
    it(`is refused for another ${name}, which it names`, () => {
      expect(() => differenceOf(statement, base, "base.json")).to.throw(
        `base.json cannot be compared: ${difference}. Make it anew for the same stack, load and prices.`,
      );
    });

  it("names the first few of what differs, the fleet before what follows from it", () => {
    expect(() => differenceOf(statement, statementOf(options(2_000)), "base.json")).to.throw(
      /^base\.json cannot be compared: devices is 2000 there and 1000 here, (.+ here, ){4}and 2 more\. Make it anew/,
    );
  });

  it("takes what the stack's own settings say of the load for a part of the program", () => {
    const base = statementOf({ ...options(), known: { compactionBuckets: 2 } });

    expect(differenceOf(statement, base, "base.json").total.before).to.equal(base.dollars);
  });

  it("breaks a bound on the month, and one on its increase", () => {
    const difference = differenceOf(statement, cheaper, "base.json");

    expect(brokenBounds(statement, difference, {})).to.deep.equal([]);
    expect(brokenBounds(statement, difference, { max: 1e9, maxIncrease: 100.01 })).to.deep.equal([]);
    expect(brokenBounds(statement, difference, { max: 1, maxIncrease: 99 })).to.deep.equal([
      `A month costs $${statement.dollars.toFixed(2)}, over the $1 of --max.`,
      "A month costs $100.00 more than before, over the $99 of --max-increase.",
    ]);
  });

  it("does not let a resource without a price pass, unless asked to", () => {
    const strange = { type: "aws:quantum:Computer", resource: "strange", why: "unknown" };
    const many = Array.from({ length: 7 }, () => strange);

    expect(brokenBounds({ dollars: 1, notPriced: [strange] }, undefined, {})).to.deep.equal([
      "The month is higher than told, as the model has no price for aws:quantum:Computer strange: give it a meter in ops/cost/meters, or let it pass with --allow-unpriced.",
    ]);
    expect(brokenBounds({ dollars: 1, notPriced: many }, undefined, {})[0]).to.contain(", and 2 more:");
    expect(brokenBounds({ dollars: 1, notPriced: many }, undefined, { allowUnpriced: true })).to.deep.equal(
      [],
    );
  });

  it("lets no name of the program become table or HTML", () => {
    const named = { ...statement, notPriced: [{ type: "a|b", resource: "<img>\n@x", why: "" }] };

    expect(statementMarkdown(named).split("\n").at(-1)).to.equal("Not priced: a b  img   x.");
  });
});

describe("plan --cost", () => {
  it("prices the plan's own graph under its stack's settings, in one line", async () => {
    const summary = await plannedCost(ROOT, { ...graph, stack: "prod" }, { devices: 10, everySeconds: 60 });

    expect(summary.load.compactionBuckets).to.equal(64);
    expect(summaryLine(summary)).to.match(
      /^Cost: \$[\d,.]+ a month with 10 devices, a reading every 60 s each; \$[\d,.]+ while idle; prices of us-east-1, .+\.$/,
    );
  });
});

describe("npm run cost", function () {
  this.timeout(60_000);
  const files = mkdtempSync(join(tmpdir(), "cost-"));
  after(() => rmSync(files, { recursive: true, force: true }));
  const file = (name: string, content: unknown): string => {
    const path = join(files, name);
    writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
    return path;
  };
  const run = async (directory: string, ...args: string[]) => {
    const argv = [join(ROOT, "ops/cost/main.ts"), ...args];
    try {
      return { code: 0, ...(await promisify(execFile)(process.execPath, argv, { cwd: directory })) };
    } catch (error) {
      return error as { code: number; stdout: string; stderr: string };
    }
  };

  it("prints the month and ends with 1 when it is over its bound; prints nothing of an unknown stack", async () => {
    const { directory } = writeProgram({
      "Pulumi.yaml": "name: queues\nruntime: nodejs\n",
      "Pulumi.dev.yaml": "config:\n  aws:region: us-east-1\n",
      "index.ts": `import * as aws from "@pulumi/aws";\nnew aws.sqs.Queue("orders", {});\n`,
    });
    const load = file("load.json", { devices: 1, everySeconds: 10, sources: { orders: 1e6 } });

    const [over, unknown] = await Promise.all([
      run(directory, "--load", load, "--json", "--max", "5"),
      run(directory, "--load", load, "--stack", "moon"),
    ]);
    rmSync(directory, { recursive: true, force: true });

    expect(over.code).to.equal(1);
    expect(over.stderr).to.match(/^A month costs \$\d+\.\d\d, over the \$5 of --max\.\n$/);
    // 2,628 thousand million requests: 100 at $0.40 a million, 100 at $0.30, the others at $0.24.
    expect(JSON.parse(over.stdout).dollars).to.be.closeTo(40_000 + 30_000 + 2_428_000 * 0.24, 0.01);
    expect([unknown.code, unknown.stdout]).to.deep.equal([1, ""]);
    expect(unknown.stderr).to.match(/^[^\n]*moon[^\n]*\n$/);
  });

  it("refuses what cannot be, naming it, before anything is evaluated", async () => {
    const cases: [string[], RegExp][] = [
      [[], /^The load must be given, by --devices or by --load\./],
      [["--devices", "1", "--load", "x"], /^The load must be given, by --devices or by --load\./],
      [["--devices", "0"], /^--devices is "0"; it must be a whole number from 1 to/],
      [["--devices=-5"], /^--devices is "-5"; it must be/],
      [["--devices", "1e13"], /^--devices is "1e13"; it must be/],
      [["--devices", "many"], /^--devices is "many"; it must be/],
      [["--devices", "10", "--every", "0s"], /^--every is "0s"; it must be a duration/],
      [["--devices", "10", "--max", "cheap"], /^--max is "cheap"; it must be dollars a month/],
      [["--devices", "10", "--max-increase", "5"], /^--max-increase needs --diff/],
      [["--devices", "10", "--json", "--markdown"], /^--json and --markdown exclude each other/],
      [["--load", "none.json"], /^--load none\.json cannot be read: ENOENT\.$/],
      [["--load", "x.json", "--every", "1s"], /^--every goes with --devices/],
      [["--load", file("broken.json", "{")], /broken\.json is not JSON\.$/],
    ];

    for (const [args, message] of cases) {
      const error = await readArguments(args).catch((reason: unknown) => reason);
      expect(error, args.join(" ")).to.be.instanceOf(UsageError);
      expect((error as Error).message, args.join(" ")).to.match(message);
    }
  });

  it("takes devices and interval, or a file", async () => {
    const load = file("whole.json", { devices: 5, everySeconds: 2 });

    expect((await readArguments(["--devices", "1e6", "--every", "1m"])).load).to.deep.equal({
      devices: 1_000_000,
      everySeconds: 60,
    });
    expect(await readArguments(["--load", load, "--markdown", "--max", "10"])).to.deep.include({
      load: { devices: 5, everySeconds: 2 },
      from: load,
      format: "markdown",
      max: 10,
      stack: "dev",
    });
  });
});
