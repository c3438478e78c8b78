import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect } from "chai";
import { SECRET, SIGNATURE, UNKNOWN } from "../../../local/engine/graph.ts";
import { checkPolicy, mandatoryOf, policyText } from "../../../ops/policy/check.ts";
import { SUPPRESSIONS } from "../../../policy/suppressions.ts";
import { graphOf, resourceNode } from "../../helpers/graph.ts";
import { ROOT } from "../../helpers/source-files.ts";
import { writeProgram } from "../../local/engine/support.ts";

const QUEUE = "aws:sqs/queue:Queue";

const run = async (directory: string, ...args: string[]) => {
  const argv = [join(ROOT, "ops/plan/main.ts"), ...args];
  try {
    return { code: 0, ...(await promisify(execFile)(process.execPath, argv, { cwd: directory })) };
  } catch (error) {
    return error as { code: number; stdout: string; stderr: string };
  }
};

describe("ops/policy", () => {
  it("tells rule, resource, what is wrong, why, the cure, and who else asks for it", () => {
    const graph = graphOf(resourceNode(QUEUE, "orders", { inputs: { sqsManagedSseEnabled: false } }));

    const result = checkPolicy(graph);

    expect(policyText(result).split("\n").slice(1, 3)).to.deep.equal([
      "  mandatory queue-encrypted: aws:sqs:Queue orders keeps its messages unencrypted.",
      "    Messages wait for up to 14 days, dead letters longest, and hold what the events held. Set sqsManagedSseEnabled to true, or kmsMasterKeyId to a key. (CKV_AWS_27)",
    ]);
    expect(mandatoryOf(result).map(({ resource }) => resource)).to.deep.equal(["orders"]);
  });

  it("says nothing of what is unknown, secret or not the program's own", () => {
    const secret = { [SIGNATURE]: SECRET, value: true };
    const graph = graphOf(
      resourceNode(QUEUE, "unknown", { inputs: { sqsManagedSseEnabled: UNKNOWN } }),
      resourceNode(QUEUE, "secret", { inputs: { sqsManagedSseEnabled: secret } }),
      resourceNode(QUEUE, "found", { inputs: {}, external: true }),
    );

    expect(checkPolicy(graph).violations).to.deep.equal([]);
  });

  it("reports a suppression that suppresses nothing", () => {
    const { unused } = checkPolicy(graphOf());

    // The rules for production do not apply to this stack, and their suppressions are not missed.
    const everywhere = SUPPRESSIONS.filter(({ rule }) => rule !== "bucket-versioned");
    expect(unused).to.deep.equal(everywhere);
    expect(policyText(checkPolicy(graphOf()))).to.contain('for "api-openapi-route" suppresses nothing');
  });

  it("lets an advisory rule pass", () => {
    const result = checkPolicy(graphOf(resourceNode("aws:sns/topic:Topic", "alarms")));

    expect(result.violations.map(({ rule }) => rule)).to.deep.equal(["topic-encrypted"]);
    expect(mandatoryOf(result)).to.deep.equal([]);
  });
});

describe("plan --policy", function () {
  this.timeout(60_000);
  const program = (encrypted: boolean) =>
    writeProgram({
      "Pulumi.yaml": "name: queues\nruntime: nodejs\n",
      "Pulumi.dev.yaml": "config:\n  aws:region: us-east-1\n",
      "index.ts": `import * as aws from "@pulumi/aws";\nnew aws.sqs.Queue("orders", { sqsManagedSseEnabled: ${encrypted} });\n`,
    });

  it("ends with 1 after the plan when a mandatory rule is broken, and with 0 when none is", async () => {
    const broken = program(false);
    const kept = program(true);
    try {
      const [bad, good] = await Promise.all(
        [broken, kept].map(({ directory }) => run(directory, "--policy")),
      );

      expect(bad?.stdout).to.contain("mandatory queue-encrypted: aws:sqs:Queue orders");
      expect(bad?.stderr).to.equal("Mandatory rules of the policy pack are broken (1); see above.\n");
      expect(bad?.code).to.equal(1);
      expect(good?.stdout).to.contain("0 broken, 0 broken on purpose.");
      expect(good?.code).to.equal(0);
    } finally {
      broken.remove();
      kept.remove();
    }
  });

  it("puts the result into the JSON, and leaves it out when it was not asked for", async () => {
    const { directory, remove } = program(false);
    try {
      const asked = JSON.parse((await run(directory, "--policy", "--json")).stdout);
      const plain = await run(directory, "--json");

      expect(asked.policy.violations).to.have.length(1);
      expect(asked.policy.violations[0]).to.include({ rule: "queue-encrypted", level: "mandatory" });
      expect(plain.code).to.equal(0);
      expect(JSON.parse(plain.stdout)).not.to.have.property("policy");
    } finally {
      remove();
    }
  });
});
