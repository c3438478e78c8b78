import { spawn } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { expect } from "chai";
import { checkGraph } from "../../../local/engine/checks.ts";
import {
  type Graph,
  isSecret,
  plain,
  redact,
  SECRET,
  SIGNATURE,
  UNKNOWN,
} from "../../../local/engine/graph.ts";
import { inheritedEnvironment, type LogEntry, ProgramError } from "../../../local/engine/program.ts";
import { evaluateFixture, evaluateSource, failureOf, fixture, resource, writeProgram } from "./support.ts";

const IMPORTS = 'import * as aws from "@pulumi/aws";\nimport * as pulumi from "@pulumi/pulumi";\n';
const FUNCTION = "aws:lambda/function:Function";
const PARENT = "urn:pulumi:dev::fixture::pulumi:pulumi:Stack::fixture-dev";

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

describe("local/engine/program: a program that succeeds", () => {
  const logs: LogEntry[] = [];
  let real: Graph;
  let preview: Graph;

  before("evaluate the fixture, for real and as a preview", async () => {
    real = await evaluateFixture(fixture("spine"), { onLog: (entry) => logs.push(entry) });
    preview = await evaluateFixture(fixture("spine"), { dryRun: true });
  });

  it("comes out with real ids, ARNs and stack outputs", () => {
    const graph = real;

    const lambda = resource(graph, FUNCTION, "aggregate");
    expect(graph.resources[0]?.urn).to.equal(PARENT);
    expect(lambda.outputs.arn).to.match(
      /^arn:aws:lambda:eu-central-1:000000000000:function:aggregate-[0-9a-f]{7}$/,
    );
    expect(graph.outputs.functionArn).to.equal(lambda.outputs.arn);
    expect(graph.outputs.account).to.equal("000000000000");
    expect(graph.outputs.deadLetters, "an option left out reads as unset").to.equal("none");
    expect(logs).to.deep.include({ severity: "info", message: "hello from the program" });
  });

  it("records parents, dependencies, options and what transforms made of the inputs", () => {
    const graph = preview;

    const lambda = resource(graph, FUNCTION, "aggregate");
    const table = resource(graph, "aws:dynamodb/table:Table", "readings");
    const policy = resource(graph, "aws:iam/rolePolicy:RolePolicy", "aggregate-policy");
    const queue = resource(graph, "aws:sqs/queue:Queue", "orders-queue");
    expect(lambda.inputs.memorySize).to.equal(512);
    expect(lambda.dependencies).to.include.members([policy.urn, table.urn]);
    expect(lambda.propertyDependencies.environment).to.deep.equal([table.urn]);
    expect(lambda.aliases).to.deep.equal([`name=aggregator,parent=${PARENT}`]);
    expect(table.protect).to.equal(true);
    expect(queue.urn).to.equal(
      "urn:pulumi:dev::fixture::fixture:index:Group$aws:sqs/queue:Queue::orders-queue",
    );
    expect(queue.sourcePosition).to.equal("index.ts:66:18");
  });

  it("keeps unknown in a preview what only AWS knows, and names known", () => {
    const graph = preview;

    const lambda = resource(graph, FUNCTION, "aggregate");
    expect(lambda.id).to.equal("");
    expect(lambda.outputs.arn).to.equal(UNKNOWN);
    expect(graph.outputs.functionArn).to.equal(UNKNOWN);
    expect(graph.outputs.streamName).to.match(/^telemetry-[0-9a-f]{7}$/);
  });

  it("keeps secrets secret, those of the provider included", () => {
    const graph = real;

    const lambda = resource(graph, FUNCTION, "aggregate");
    const client = resource(graph, "aws:cognito/userPoolClient:UserPoolClient", "machine");
    expect(graph.outputs.token).to.deep.equal({ [SIGNATURE]: SECRET, value: "s3cret" });
    expect(isSecret(client.outputs.clientSecret ?? null)).to.equal(true);
    expect(isSecret(graph.outputs.clientSecret ?? null)).to.equal(true);
    expect(JSON.stringify(redact(lambda.inputs))).to.not.contain("s3cret");
    expect(JSON.stringify(plain(lambda.inputs))).to.contain("s3cret");
  });

  it("is the same every time", async () => {
    const again = await evaluateFixture(fixture("spine"));

    const sorted = (graph: Graph) => [...graph.resources].sort((a, b) => (a.urn < b.urn ? -1 : 1));
    expect(sorted(again)).to.deep.equal(sorted(real));
  });

  it("applies transforms of the resource, of its ancestors and of the stack, in that order", async () => {
    const graph = await evaluateSource(`${IMPORTS}
      const mark = (text: string): pulumi.ResourceTransform => (args) =>
        ({ props: { ...args.props, tags: { trail: (args.props.tags?.trail ?? "") + text } }, opts: args.opts });
      pulumi.runtime.registerResourceTransform((args) => args.custom ? mark("stack")(args) : undefined);
      const group = new pulumi.ComponentResource("test:index:Group", "group", {}, { transforms: [mark("group ")] });
      new aws.sqs.Queue("jobs", {}, { parent: group, transforms: [mark("own ")] });
    `);

    expect(resource(graph, "aws:sqs/queue:Queue", "jobs").inputs.tags).to.deep.equal({
      trail: "own group stack",
    });
  });

  it("follows an explicit provider's region, looks up what exists, and takes a remote component as one node", async () => {
    const graph = await evaluateSource(`${IMPORTS}
      const provider = new aws.Provider("far", { region: "ap-southeast-2" });
      new aws.sns.Topic("news", {}, { provider });
      export const bucket = aws.s3.Bucket.get("old", "old-uploads").arn;
      class Vpc extends pulumi.ComponentResource {
        declare vpcId: pulumi.Output<string>;
        constructor(name: string) { super("awsx:ec2:Vpc", name, { vpcId: undefined }, {}, true); }
      }
      export const vpcId = new Vpc("net").vpcId;
    `);

    const topic = resource(graph, "aws:sns/topic:Topic", "news");
    expect(topic.outputs.arn).to.match(/^arn:aws:sns:ap-southeast-2:000000000000:news-/);
    expect(graph.outputs.bucket).to.equal("arn:aws:s3:::old-uploads");
    expect(resource(graph, "aws:s3/bucket:Bucket", "old").external).to.equal(true);
    expect(graph.outputs.vpcId).to.match(/^vpc-0[0-9a-f]{16}$/);
    expect(resource(graph, "awsx:ec2:Vpc", "net").remote).to.equal(true);
  });

  it("runs in the folder of the entry point that Pulumi.yaml names", async () => {
    const program = writeProgram({
      "infra/main.ts": 'import path from "node:path";\nexport const folder = path.basename(process.cwd());',
    });
    const settings = { project: "fixture", stack: "dev", config: {}, secretKeys: [] };

    const graph = await evaluateFixture(program.directory, {
      settings: { ...settings, main: "infra/main.ts" },
    });
    const message = await failureOf(
      evaluateFixture(program.directory, { settings: { ...settings, main: "elsewhere" } }),
    );

    program.remove();
    expect(graph.outputs.folder).to.equal("infra");
    expect(message).to.match(/^Pulumi\.yaml says `main: elsewhere`, but .* does not exist\.$/);
  });

  it("runs resources made at the very end, on beforeExit", async () => {
    const graph = await evaluateSource(`${IMPORTS}
      process.once("beforeExit", () => { new aws.sqs.Queue("late"); });
    `);

    expect(resource(graph, "aws:sqs/queue:Queue", "late").outputs.url).to.be.a("string");
  });

  it("takes many resources, none of which AWS would refuse", async () => {
    const graph = await evaluateFixture(fixture("many"));

    expect(graph.resources).to.have.length(91);
    expect(checkGraph(graph)).to.deep.equal([]);
  });

  it("loads a package of Pulumi's late and not differently", async () => {
    const graph = await evaluateSource(`${IMPORTS}
      import { createRequire } from "node:module";
      const arborist = createRequire(import.meta.url)("@npmcli/arborist");
      export const names = [new arborist({ path: "." }).constructor.name, arborist.Arborist.name];
    `);

    expect(graph.outputs.names).to.deep.equal(["Arborist", "Arborist"]);
  });

  it("hides the caller's AWS and Pulumi settings from the program", () => {
    const environment = inheritedEnvironment({
      PATH: "/bin",
      AWS_REGION: "mars",
      PULUMI_ACCESS_TOKEN: "x",
      NODE_OPTIONS: "--inspect",
      GIT_SHA: "abc",
    });

    expect(environment).to.deep.equal({ PATH: "/bin", GIT_SHA: "abc" });
  });
});

describe("local/engine/program: a program that fails", () => {
  it("reports a refused resource once, with the rule and the place in the program", async () => {
    const program = writeProgram({
      "stacks/jobs.ts": `import * as aws from "@pulumi/aws";
export const createJobs = () => new aws.sqs.Queue("jobs-${"x".repeat(80)}");
`,
      "index.ts": 'import { createJobs } from "./stacks/jobs.ts";\ncreateJobs();\n',
    });

    const message = await failureOf(evaluateFixture(program.directory, { dryRun: true }));

    program.remove();
    expect(message).to.match(/^aws:sqs\/queue:Queue "jobs-x+": name "jobs-x+-[0-9a-f]{7}" has 93 characters/);
    expect(message).to.contain("AWS takes 80");
    expect(message).to.contain("(stacks/jobs.ts:2:");
  });

  it("refuses a URN that is taken", async () => {
    const message = await failureOf(
      evaluateSource(`${IMPORTS}new aws.sqs.Queue("jobs");\nnew aws.sqs.Queue("jobs");`),
    );

    expect(message).to.contain('aws:sqs/queue:Queue "jobs" is registered twice');
    expect(message).to.match(/\(index\.ts:\d+:1\)$/);
  });

  it("reports an exception with its own line", async () => {
    const message = await failureOf(
      evaluateSource(`${IMPORTS}\nconst read = () => { throw new Error("no such thing"); };\nread();`),
      ProgramError,
    );

    expect(message).to.equal("no such thing (index.ts:4:28)");
  });

  it("reports an exception inside apply", async () => {
    const message = await failureOf(
      evaluateSource(`${IMPORTS}
new aws.sqs.Queue("jobs").arn.apply(() => { throw new TypeError("cannot read it"); });`),
    );

    expect(message).to.equal("TypeError: cannot read it (index.ts:4:51)");
  });

  it("names a module that is not there, and a syntax error's place", async () => {
    const missing = await failureOf(evaluateSource('import "./nowhere.ts";'));
    const broken = await failureOf(evaluateSource("const a = ;\n"));

    expect(missing).to.contain("nowhere.ts");
    expect(broken).to.contain("index.ts");
  });

  it("names an invoke that has no local answer", async () => {
    const message = await failureOf(
      evaluateSource(
        `${IMPORTS}export const zone = aws.route53.getZoneOutput({ name: "example.com" }).zoneId;`,
      ),
    );

    expect(message).to.contain('"aws:route53/getZone:getZone"');
    expect(message).to.contain("Take the value from the stack's config instead");
  });

  it("fails loudly when an output that nothing provides is used", async () => {
    const message = await failureOf(
      evaluateSource(`${IMPORTS}
const repository = new aws.ecr.Repository("images");
new aws.sqs.Queue("jobs", { tags: { repository: repository.repositoryUrl } });`),
    );

    expect(message).to.contain('aws:sqs/queue:Queue "jobs": input "tags.repository" has no value');
    expect(message).to.contain('aws:ecr/repository:Repository "images"');
  });

  it("refuses, in a preview, to look up by name what the same program makes", async () => {
    const message = await failureOf(
      evaluateSource(
        `${IMPORTS}const uploads = new aws.s3.Bucket("uploads");\naws.s3.Bucket.get("again", uploads.bucket);`,
        { dryRun: true },
      ),
    );

    expect(message).to.contain("a preview would not find it");
  });

  it("says which resource a transform failed for", async () => {
    const message = await failureOf(
      evaluateSource(`${IMPORTS}
new aws.sqs.Queue("jobs", {}, { transforms: [() => { throw new Error("no tags"); }] });`),
    );

    expect(message).to.contain('aws:sqs/queue:Queue "jobs": transform failed: Error: no tags');
  });

  it("tells an early process.exit from success", async () => {
    expect(await failureOf(evaluateSource("process.exit(0);"))).to.contain("called process.exit");
    expect(await failureOf(evaluateSource("process.exit(3);"))).to.contain("exit code 3");
  });

  it("names the resource whose input never comes", async () => {
    const bucket = 'new aws.s3.Bucket("never", { bucket: new Promise<string>(() => {}) });';

    const message = await failureOf(evaluateSource(`${IMPORTS}${bucket}`));

    expect(message).to.contain('"never" [aws:s3/bucket:Bucket] was waiting for the value of its input');
  });

  it("says that the program was killed", async () => {
    const message = await failureOf(evaluateSource('process.kill(process.pid, "SIGKILL");'));

    expect(message).to.equal("The program was killed (SIGKILL) before it had finished.");
  });

  it("ends a program that hangs when its time is up, and leaves no process behind", async () => {
    const pids: number[] = [];
    const onLog = (entry: LogEntry) => {
      if (entry.message.startsWith("pid ")) pids.push(Number(entry.message.slice(4)));
    };

    const message = await failureOf(
      evaluateSource(`${IMPORTS}console.log("pid " + process.pid);\nsetInterval(() => {}, 1000);`, {
        onLog,
        timeoutMs: 4_000,
      }),
    );

    expect(message).to.contain("did not end within 4 s");
    expect(pids).to.have.length(1);
    expect(isAlive(pids[0] ?? 0)).to.equal(false);
  });

  it("stops when the caller aborts, and leaves no process behind", async () => {
    const controller = new AbortController();
    const pids: number[] = [];
    const onLog = (entry: LogEntry) => {
      if (!entry.message.startsWith("pid ")) return;
      pids.push(Number(entry.message.slice(4)));
      controller.abort(new Error("stopped by the test"));
    };

    const message = await failureOf(
      evaluateSource(
        'console.log("pid " + process.pid);\nawait new Promise((resolve) => setTimeout(resolve, 60_000));',
        {
          onLog,
          signal: controller.signal,
        },
      ),
    );

    expect(message).to.equal("stopped by the test");
    expect(isAlive(pids[0] ?? 0)).to.equal(false);
  });

  it("dies with the process that evaluates it, even by kill -9", async () => {
    const program = writeProgram({
      "index.ts":
        'import net from "node:net";\nnet.connect(Number(process.env.PORT), "127.0.0.1");\nawait new Promise(() => {});',
    });
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const parent = spawn(process.execPath, [fixture("parent.ts"), program.directory, String(port)]);

    const [socket] = (await once(server, "connection")) as [Socket];
    socket.on("error", () => undefined).resume();
    const closed = once(socket, "close");
    parent.kill("SIGKILL");
    await closed;

    server.close();
    program.remove();
  });
});

// Not proven here: that AWS itself would accept the program; `checks.test.ts` covers what is known to be refused.
