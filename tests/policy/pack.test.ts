import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import type { Graph, ResourceNode } from "../../local/engine/graph.ts";
import { evaluate } from "../../local/engine/program.ts";
import { readSettings } from "../../local/engine/settings.ts";
import { checkPolicy } from "../../ops/policy/check.ts";
import { RULES } from "../../policy/rules.ts";
import { ROOT } from "../helpers/source-files.ts";
import { type Analyzer, type Diagnostic, startAnalyzer } from "./engine.ts";

const PACK = join(ROOT, "policy");

const programOf = async (stack: string, dryRun: boolean): Promise<Graph> =>
  evaluate({ directory: ROOT, stack, dryRun, settings: await readSettings(ROOT, stack) });

/** Everything the engine would ask about a program. */
const verdict = async (analyzer: Analyzer, graph: Graph): Promise<Diagnostic[]> => [
  ...(await Promise.all(graph.resources.filter(({ custom }) => custom).map(analyzer.analyze))).flat(),
  ...(await analyzer.analyzeStack(graph)),
];

const edit = (graph: Graph, type: string, change: (node: ResourceNode) => Partial<ResourceNode>): Graph => {
  const [first] = graph.resources.filter((node) => node.type === type);
  return {
    ...graph,
    resources: graph.resources.map((node) => (node === first ? { ...node, ...change(node) } : node)),
  };
};

describe("the policy pack, over Pulumi's analyzer protocol", function () {
  this.timeout(120_000);
  let analyzer: Analyzer;
  let prod: Graph;

  before(async () => {
    [analyzer, prod] = await Promise.all([startAnalyzer(PACK), programOf("prod", false)]);
  });

  after(() => analyzer.stop());

  it("is loaded by Pulumi's own loader and lists every rule", async () => {
    const info = await analyzer.info();

    expect(info.name).to.equal("serverless-first");
    expect(info.version).to.match(/^\d+\.\d+\.\d+$/);
    expect(info.policiesList.map(({ name }) => name)).to.deep.equal(RULES.map(({ id }) => id));
    for (const policy of info.policiesList) {
      expect(policy.remediationSteps, policy.name).to.match(/\.$/);
      expect(policy.url, policy.name).to.match(/^https:/);
    }
  });

  it("takes the program in prod, in a preview and deployed", async () => {
    expect(await verdict(analyzer, prod)).to.deep.equal([]);
    expect(await verdict(analyzer, await programOf("prod", true))).to.deep.equal([]);
  });

  it("takes the program in dev", async () => {
    expect(await verdict(analyzer, await programOf("dev", false))).to.deep.equal([]);
  });

  it("stops a resource before it is created", async () => {
    const stream = prod.resources.find(({ type }) => type === "aws:kinesis/stream:Stream") as ResourceNode;

    const found = await analyzer.analyze({ ...stream, inputs: { ...stream.inputs, encryptionType: "NONE" } });

    expect(found).to.deep.equal([
      {
        policy: "stream-encrypted",
        // The engine knows which resource it asked about.
        urn: "",
        message:
          'telemetry-stream keeps its records unencrypted. Set encryptionType to "KMS" and kmsKeyId to "alias/aws/kinesis" or a key of your own. (CKV_AWS_43)',
        mandatory: true,
      },
    ]);
  });

  it("finds what only the whole stack shows, and names the resource", async () => {
    const open = edit(prod, "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock", (node) => ({
      outputs: { ...node.outputs, restrictPublicBuckets: false },
    }));

    const [diagnostic, ...others] = await analyzer.analyzeStack(open);

    expect(others).to.deep.equal([]);
    expect(diagnostic?.policy).to.equal("bucket-not-public");
    expect(diagnostic?.mandatory).to.equal(true);
    expect(diagnostic?.urn).to.match(/aws:s3\/bucket:Bucket::/);
    expect(diagnostic?.message).to.contain("leaves restrictPublicBuckets off");
  });

  it("says offline what it says to the engine", async () => {
    const broken = edit(
      edit(prod, "aws:sqs/queue:Queue", (node) => ({
        inputs: { ...node.inputs, sqsManagedSseEnabled: false },
      })),
      "aws:s3/bucketVersioning:BucketVersioning",
      (node) => ({ outputs: { ...node.outputs, versioningConfiguration: { status: "Suspended" } } }),
    );

    const { violations } = checkPolicy(broken);
    const asked = await verdict(analyzer, broken);

    expect(violations.map(({ rule }) => rule)).to.deep.equal(["queue-encrypted", "bucket-versioned"]);
    expect(asked.map(({ policy }) => policy)).to.deep.equal(["queue-encrypted", "bucket-versioned"]);
    expect(violations.map(({ resource, what }) => `${resource} ${what}.`)).to.deep.equal(
      asked.map(({ message }) => message.split(". ")[0]?.concat(".")),
    );
  });
});

describe("Pulumi's policy loader", function () {
  this.timeout(30_000);

  it("cannot take a TypeScript entry that imports with extensions, so the pack's entry is JavaScript", async () => {
    const scratch = join(ROOT, ".cache", "tests");
    mkdirSync(scratch, { recursive: true });
    const pack = mkdtempSync(join(scratch, "pack-"));
    const manifest = { name: "pack", version: "1.0.0", type: "module", main: "pack.ts" };
    writeFileSync(join(pack, "package.json"), JSON.stringify(manifest));
    writeFileSync(join(pack, "rule.ts"), "export const rule: string = 'r';\n");
    writeFileSync(join(pack, "pack.ts"), 'import { rule } from "./rule.ts";\nconsole.log(rule);\n');
    try {
      const failure = await startAnalyzer(pack).then(
        () => "it was taken",
        (error: Error) => error.message,
      );
      expect(failure).to.contain("TS5097");
    } finally {
      rmSync(pack, { recursive: true, force: true });
    }
  });
});

// Not proven here: the Pulumi CLI itself. What it runs, in which folder and what it sends is taken from its source.
