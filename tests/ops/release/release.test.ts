import { execFile } from "node:child_process";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { CodeDeployClient } from "@aws-sdk/client-codedeploy";
import { LambdaClient } from "@aws-sdk/client-lambda";
import { expect } from "chai";
import type { Clients } from "../../../ops/release/aws.ts";
import { release } from "../../../ops/release/release.ts";
import { revisionOf, type Unit, unitsOf } from "../../../ops/release/units.ts";
import { ROOT } from "../../helpers/source-files.ts";
import { FakeAws } from "./fake-aws.ts";

const unit = (name: string, target = "2"): Unit => ({
  name,
  application: `${name}-deployments`,
  group: name,
  functionName: `${name}-function`,
  alias: "live",
  target,
  region: "us-east-1",
});

/** The state of a stack with one released function, as `pulumi stack export` prints it. */
const exported = (version: string): object => {
  const parent = "urn:pulumi:prod::shop::serverless:index:Function::reads";
  const resource = (type: string, outputs: object) => ({ urn: `${parent}$${type}`, type, parent, outputs });
  return {
    deployment: {
      resources: [
        { urn: parent, type: "serverless:index:Function" },
        resource("aws:lambda/function:Function", {
          name: "reads-function",
          version,
          arn: "arn:aws:lambda:eu-west-1:123456789012:function:reads-function",
        }),
        resource("aws:lambda/alias:Alias", { name: "live" }),
        resource("aws:codedeploy/deploymentGroup:DeploymentGroup", {
          appName: "reads-deployments-1234567",
          deploymentGroupName: "reads",
        }),
      ],
    },
  };
};

describe("a release", () => {
  let aws: FakeAws;
  let endpoint: string;
  let clients: Clients;

  beforeEach(async () => {
    aws = new FakeAws();
    endpoint = await aws.start();
    const config = {
      endpoint,
      region: "us-east-1",
      credentials: { accessKeyId: "a", secretAccessKey: "b" },
      maxAttempts: 1,
    };
    clients = { codedeploy: new CodeDeployClient(config), lambda: new LambdaClient(config) };
  });

  afterEach(() => aws.stop());

  const run = async (...units: Unit[]) => {
    const [steps, notes]: [string[], string[]] = [[], []];
    const outcome = await release(units, clients, {
      wait: async () => {},
      step: (text) => steps.push(text),
      note: (text) => notes.push(text),
    });
    return { ...outcome, steps, notes };
  };

  it("moves every changed function to its newest version, and tells how far it is", async () => {
    const { released, unchanged, takenBack, steps } = await run(
      unit("reads"),
      unit("writes"),
      unit("same", "1"),
    );
    expect({ released, unchanged, takenBack }).to.deep.equal({
      released: ["reads", "writes"],
      unchanged: ["same"],
      takenBack: [],
    });
    expect(steps[0]).to.equal("0 of 2 shifted; reads 10 %, writes 10 %");
    expect(aws.aliases.get("reads-function")).to.deep.equal({ version: "2", weights: {} });
  });

  it("takes all back when one is, and says why", async () => {
    aws.alarming.add("reads");
    aws.slow.add("writes");
    const { released, takenBack, notes } = await run(unit("reads"), unit("writes"));
    expect({ released, takenBack }).to.deep.equal({
      released: [],
      takenBack: [
        { name: "reads", reason: "ALARM_ACTIVE: One or more alarms have been activated" },
        { name: "writes", reason: "MANUAL_STOP: The deployment was stopped" },
      ],
    });
    expect(aws.changes.at(-1)).to.equal("StopDeployment writes");
    expect(aws.aliases.get("writes-function")).to.deep.equal({ version: "1", weights: {} });
    expect(notes.at(-1)).to.match(/^reads was taken back \(ALARM_ACTIVE: .*\); the others follow\.$/);
  });

  it("tells which have the new version when another is taken back too late to stop them", async () => {
    aws.alarming.add("reads");
    const { released, takenBack } = await run(unit("reads"), unit("writes"));
    expect(released).to.deep.equal(["writes"]);
    expect(takenBack.map(({ name }) => name)).to.deep.equal(["reads"]);
  });

  it("outlives an AWS that does not answer every other time", async () => {
    let waits = 0;
    const steps: string[] = [];
    const { released } = await release([unit("reads")], clients, {
      wait: async () => {
        waits += 1;
        if (waits % 2 === 1) aws.silent.set("GetDeployment", 1).set("GetAlias", 1);
      },
      step: (text) => steps.push(text),
      note: () => {},
    });
    expect(released).to.deep.equal(["reads"]);
    expect(steps).to.include("0 of 1 shifted; reads").and.include("0 of 1 shifted; reads 10 %");
  });

  it("that AWS says nothing of for a minute is left to CodeDeploy, by name", async () => {
    aws.slow.add("reads");
    const waits: number[] = [];
    const refusal = await release([unit("reads")], clients, {
      wait: async (milliseconds) => {
        waits.push(milliseconds);
        aws.silent.set("GetDeployment", 1);
      },
      step: () => {},
      note: () => {},
    }).catch((error: Error) => error.message);
    expect(refusal).to.match(
      /^AWS has not said for a minute .* CodeDeploy goes on with reads \(d-1\) under its alarms/,
    );
    expect(waits.reduce((sum, each) => sum + each, 0)).to.be.within(60_000, 70_000);
    expect(aws.deployments[0]?.status).to.equal("InProgress");
  });

  it("is not begun while another is under way, and changes nothing", async () => {
    await run(unit("reads"));
    aws.deployments.push({
      id: "d-9",
      group: "writes",
      functionName: "writes-function",
      from: "1",
      to: "2",
      status: "InProgress",
      looks: 0,
    });
    const before = aws.changes.length;
    const refusal = await run(unit("reads", "3"), unit("writes")).catch((error: Error) => error.message);
    expect(refusal).to.match(
      /A release of writes is under way already \(d-9\)\. Wait for it, or stop it: aws deploy/,
    );
    expect(aws.changes.length).to.equal(before);
  });

  it("is not begun for an alias that somebody left between two versions", async () => {
    aws.aliases.set("reads-function", { version: "1", weights: { "5": 0.5 } });
    const refusal = await run(unit("reads")).catch((error: Error) => error.message);
    expect(refusal).to.match(/reads shares its traffic between the versions 1 and 5, and no release/);
    expect(aws.changes).to.deep.equal([]);
  });

  it("that cannot be started for one function is taken back for those before it", async () => {
    aws.refusing.add("writes");
    const refusal = await run(unit("reads"), unit("writes")).catch((error: Error) => error.name);
    expect(refusal).to.equal("DeploymentGroupDoesNotExistException");
    expect(aws.changes).to.deep.equal([
      "CreateDeployment reads",
      "CreateDeployment writes",
      "StopDeployment reads",
    ]);
    expect(aws.aliases.get("reads-function")).to.deep.equal({ version: "1", weights: {} });
  });

  it("tells CodeDeploy which alias moves from which version to which", () => {
    const { content, sha256 } = revisionOf(unit("reads"), "1");
    expect(JSON.parse(content).Resources[0].reads.Properties).to.deep.equal({
      Name: "reads-function",
      Alias: "live",
      CurrentVersion: "1",
      TargetVersion: "2",
    });
    expect(sha256).to.match(/^[0-9a-f]{64}$/);
  });

  it("does not guess what belongs to a deployment group", () => {
    const group = {
      urn: "urn:group",
      type: "aws:codedeploy/deploymentGroup:DeploymentGroup",
      parent: "urn:reads",
      outputs: { appName: "a", deploymentGroupName: "reads" },
    };
    expect(() => unitsOf([group])).to.throw(/^urn:group has no aws:lambda\/function:Function beside it/);
  });

  describe("by the command", function () {
    this.timeout(30_000);
    let bin: string;

    beforeEach(async () => {
      bin = await mkdtemp(join(tmpdir(), "pulumi-"));
    });

    afterEach(() => rm(bin, { recursive: true, force: true }));

    /** Runs it with a `pulumi` on PATH that prints this. */
    const command = async (state: object, env: NodeJS.ProcessEnv = {}): Promise<[number, string]> => {
      await writeFile(join(bin, "pulumi"), `#!/bin/sh\ncat <<'END'\n${JSON.stringify(state)}\nEND\n`);
      await chmod(join(bin, "pulumi"), 0o755);
      return new Promise((resolve) => {
        execFile(
          process.execPath,
          ["ops/run.mjs", "ops/release/main.ts", "--stack", "prod"],
          {
            cwd: ROOT,
            env: {
              PATH: [bin, process.env.PATH].join(delimiter),
              HOME: bin,
              AWS_EC2_METADATA_DISABLED: "true",
              AWS_ENDPOINT_URL: endpoint,
              ...env,
            },
          },
          (error, stdout, stderr) => resolve([Number(error?.code ?? 0), stdout + stderr]),
        );
      });
    };

    it("needs a deployed stack", async () => {
      expect(await command({ deployment: {} })).to.deep.equal([
        1,
        'Stack "prod" is not deployed. Deploy it first: npm run up -- --stack prod.\n',
      ]);
    });

    it("needs credentials", async () => {
      const [code, said] = await command(exported("2"));
      expect(code).to.equal(1);
      expect(said).to.match(/^There are no AWS credentials: sign in .* start CodeDeploy's deployments/);
    });

    it("has nothing to do where the newest version has its traffic, and says so", async () => {
      const credentials = { AWS_ACCESS_KEY_ID: "a", AWS_SECRET_ACCESS_KEY: "b" };
      expect(await command(exported("1"), credentials)).to.deep.equal([0, "Unchanged: reads.\n"]);
    });
  });
});

// Not proven here: what CodeDeploy itself does in a shift; that is AWS's.
