import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { expect } from "chai";
import {
  ARCHIVE,
  type Graph,
  type PropertyMap,
  type ResourceNode,
  SECRET,
  SIGNATURE,
  UNKNOWN,
} from "../../local/engine/graph.ts";
import { readCodeReports } from "../../ops/plan/code-reports.ts";
import { withMeasured } from "../../ops/plan/plan.ts";
import { plannedResources, readable, treeLines } from "../../ops/plan/preview.ts";
import { createPlan, planText } from "../../ops/plan/report.ts";
import { type CodeReport, planFunctions } from "../../ops/shared/functions.ts";
import { shortType } from "../../ops/shared/short-type.ts";

const ZIP = ".cache/functions/abc.zip";
const TABLE_ARN = "arn:aws:dynamodb:us-east-1:000000000000:table/readings-1234567";

interface Sketch {
  parent?: string;
  inputs?: PropertyMap;
  outputs?: PropertyMap;
  from?: Record<string, string[]>;
  custom?: boolean;
}

const node = (type: string, name: string, sketch: Sketch = {}): ResourceNode => ({
  urn: `urn:${name}`,
  type,
  name,
  custom: sketch.custom ?? true,
  remote: false,
  parent: sketch.parent ?? "urn:root",
  id: "",
  inputs: sketch.inputs ?? {},
  outputs: { ...sketch.inputs, ...sketch.outputs },
  dependencies: Object.values(sketch.from ?? {})
    .flat()
    .reverse(),
  propertyDependencies: sketch.from ?? {},
  protect: false,
  deleteBeforeReplace: false,
  ignoreChanges: [],
  aliases: [],
});

const policy = (document: unknown): PropertyMap => ({ policy: JSON.stringify(document) });

const STATEMENTS = [
  { Effect: "Allow", Action: ["dynamodb:PutItem"], Resource: [TABLE_ARN, `${TABLE_ARN}/index/*`] },
  { Effect: "Allow", Action: "s3:PutObject", Resource: "arn:aws:s3:::elsewhere/*" },
];

const graphOf = (dryRun: boolean): Graph => ({
  project: "shop",
  stack: "dev",
  dryRun,
  outputs: {},
  durationMs: 1,
  resources: [
    node("pulumi:pulumi:Stack", "root", { parent: "", custom: false }),
    node("serverless:index:Table", "readings", { custom: false }),
    node("aws:dynamodb/table:Table", "readings-table", {
      parent: "urn:readings",
      outputs: { arn: dryRun ? UNKNOWN : TABLE_ARN },
    }),
    node("aws:iam/role:Role", "role"),
    node("aws:iam/rolePolicy:RolePolicy", "policy", {
      inputs: dryRun ? { policy: UNKNOWN } : policy({ Version: "2012-10-17", Statement: STATEMENTS }),
      from: { role: ["urn:role"] },
    }),
    node("aws:cloudwatch/logGroup:LogGroup", "logs"),
    node("aws:lambda/function:Function", "aggregate", {
      inputs: {
        code: { [SIGNATURE]: ARCHIVE, path: ZIP },
        runtime: "nodejs24.x",
        memorySize: 1024,
        timeout: 30,
        environment: {
          variables: { TABLE: "readings-1234567", KEY: { [SIGNATURE]: SECRET, value: "hidden" } },
        },
      },
      from: { role: ["urn:role"], loggingConfig: ["urn:logs"], environment: ["urn:readings-table"] },
    }),
    node("aws:xray/group:Group", "lake"),
  ],
});

const REPORT: CodeReport = {
  size: 42_100,
  modules: [{ path: "a.ts", bytes: 10 }],
  commands: [
    {
      command: "PutItemCommand",
      client: "@aws-sdk/client-dynamodb",
      importer: "functions/aggregate/store.ts",
    },
    { command: "PutObjectCommand", client: "@aws-sdk/client-s3", importer: "functions/aggregate/other.ts" },
  ],
};

const planOf = () => {
  const preview = graphOf(true);
  const functions = planFunctions(preview, graphOf(false), new Map([[ZIP, REPORT]]));
  return { preview, plan: createPlan(preview, functions, []) };
};

describe("ops/plan: what was measured", () => {
  it("shows a function's initialisation and durations with their date, where there is a baseline", () => {
    const { preview, plan } = planOf();
    const figures = { initMs: 71.5, durationMs: { p50: 4.2, p99: 19 } };
    const measuredThen = {
      zipBytes: 1,
      memoryMb: 1,
      compiledBytes: 1,
      heapBytes: 1,
      parts: {},
      ...figures,
    };
    const baseline = {
      measured: "2026-01-31",
      machine: "a laptop",
      node: "v24.0.0",
      functions: { aggregate: measuredThen },
    };
    const functions = plan.functions.map((each) => withMeasured(each, baseline));
    expect(functions[0]?.measured).to.deep.equal({ date: "2026-01-31", ...figures });
    expect(planText({ ...plan, functions }, preview)).to.contain(
      "    init 71.5 ms, then 4.2 ms (p99 19 ms), as measured locally on 2026-01-31\n",
    );
    expect(planText(plan, preview)).not.to.contain("measured locally");
  });
});

describe("ops/plan: the preview", () => {
  it("shows types as Pulumi's console does, children under their parent", () => {
    expect(shortType("aws:kinesis/stream:Stream")).to.equal("aws:kinesis:Stream");
    expect(shortType("serverless:index:Stream")).to.equal("serverless:index:Stream");
    expect(treeLines(graphOf(true)).slice(-3)).to.deep.equal([
      "├─ serverless:index:Table   readings",
      "│  └─ aws:dynamodb:Table    readings-table",
      "└─ aws:iam:Role             role",
    ]);
  });

  it("reads the same however the resources were registered", () => {
    const graph = graphOf(true);
    const shuffled = { ...graph, resources: [...graph.resources].reverse() };

    expect(treeLines(shuffled)).to.deep.equal(treeLines(graph));
    expect(plannedResources(shuffled)).to.deep.equal(plannedResources(graph));
  });

  it("shows no secret, names what is unknown, and gives archives by path", () => {
    expect(
      readable({
        secret: { [SIGNATURE]: SECRET, value: { deep: "hidden" } },
        arn: UNKNOWN,
        list: [UNKNOWN],
        code: { [SIGNATURE]: ARCHIVE, path: ZIP },
        bundle: { [SIGNATURE]: ARCHIVE, assets: {} },
      }),
    ).to.deep.equal({
      secret: "[secret]",
      arn: "[unknown]",
      list: ["[unknown]"],
      code: { fileArchive: ZIP },
      bundle: { assets: {} },
    });
  });
});

describe("ops/plan: functions", () => {
  it("tells what a function is made of and what it may do, and because of which import", () => {
    const [lambda] = planFunctions(graphOf(true), graphOf(false), new Map([[ZIP, REPORT]]));

    expect(lambda).to.deep.equal({
      name: "aggregate",
      urn: "urn:aggregate",
      role: "role",
      logGroup: "logs",
      runtime: "nodejs24.x",
      memorySize: 1024,
      timeout: 30,
      zipPath: ZIP,
      zipBytes: 42_100,
      modules: 1,
      environment: ["KEY", "TABLE"],
      permissions: [
        {
          actions: ["dynamodb:PutItem"],
          resources: ["readings-table", "readings-table/index/*"],
          captured: ["readings-table", "readings-table/index/*"],
          because: ["PutItemCommand in functions/aggregate/store.ts"],
        },
        { actions: ["s3:PutObject"], resources: ["arn:aws:s3:::elsewhere/*"], captured: [], because: [] },
      ],
    });
  });

  it("does without the packager's report", () => {
    const [lambda] = planFunctions(graphOf(true), graphOf(false), new Map());

    expect(lambda?.zipBytes).to.equal(undefined);
    expect(lambda?.permissions[0]?.because).to.deep.equal([]);
  });
});

describe("ops/plan: the report", () => {
  it("counts what would be created and lists the types that are guesses", () => {
    const { plan } = planOf();

    expect(plan.totals).to.deep.equal({ resources: 6, components: 1, functions: 1, zipBytes: 42_100 });
    expect(plan.declaredOnly).to.deep.equal(["aws:xray/group:Group"]);
    expect(plan.remoteComponents).to.deep.equal([]);
  });

  it("says it all in plain text, without secrets", () => {
    const { plan, preview } = planOf();

    const text = planText(plan, preview);

    expect(text).to.contain("aggregate  1,024 MB, 30 s, zip 41.1 KB, 1 module");
    expect(text).to.contain("environment KEY, TABLE");
    expect(text).to.contain("may dynamodb:PutItem\n      on readings-table, readings-table/index/*");
    expect(text).to.contain("aws:xray:Group");
    expect(text).to.match(/6 resources and 1 component to create; 1 function, 41\.1 KB of code\.$/);
    expect(text + JSON.stringify(plan)).to.not.contain("hidden");
  });

  it("lists what AWS would refuse, each with its cure", () => {
    const preview = graphOf(true);
    const problem = { urn: "urn:aggregate", rule: "r", message: "It is too big.", cure: "Make it smaller." };

    const text = planText(createPlan(preview, [], [problem]), preview);

    expect(text).to.contain("AWS would refuse\n  It is too big. Make it smaller.");
  });
});

describe("ops/plan: the packager's reports", () => {
  let directory: string;

  beforeEach(() => {
    directory = mkdtempSync(path.join(os.tmpdir(), "plan-"));
    mkdirSync(path.join(directory, ".cache/functions"), { recursive: true });
    writeFileSync(path.join(directory, ZIP), "0123456789");
  });

  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  it("reads size, modules and commands", async () => {
    const { modules, commands } = REPORT;
    writeFileSync(
      path.join(directory, ".cache/functions/abc.json"),
      JSON.stringify({ modules, commands, more: 1 }),
    );

    const reports = await readCodeReports(directory, [ZIP]);

    expect(reports.get(ZIP)).to.deep.equal({ size: 10, modules, commands });
  });

  it("keeps the size of a zip whose report is missing or malformed, and leaves out a missing zip", async () => {
    writeFileSync(path.join(directory, ".cache/functions/abc.json"), '{"modules": 7}');

    const reports = await readCodeReports(directory, [ZIP, ".cache/functions/none.zip"]);

    expect([...reports]).to.deep.equal([[ZIP, { size: 10, modules: [], commands: [] }]]);
  });
});

describe("ops/plan: the command", () => {
  const root = path.resolve(import.meta.dirname, "../..");
  const plan = (...args: string[]) =>
    promisify(execFile)(process.execPath, [path.join(root, "ops/plan/main.ts"), ...args], { cwd: root });

  it("answers a wrong call with one sentence and a non-zero exit", async () => {
    for (const args of [["--stack", "nowhere"], ["--bogus"]]) {
      const failure = (await plan(...args).catch((error: unknown) => error)) as {
        code: number;
        stderr: string;
      };

      expect(failure.code).to.be.greaterThan(0);
      expect(failure.stderr.trim().split("\n")).to.have.length(1);
    }
  });
});

// Not proven here: the plan of the program itself, which tests/program.test.ts holds against its exact resources.
