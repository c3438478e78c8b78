import { expect } from "chai";
import fc from "fast-check";
import { type PropertyMap, SECRET, SIGNATURE, UNKNOWN } from "../../../local/engine/graph.ts";
import { declaredInputs } from "../../../local/engine/optional-inputs.ts";
import { type Environment, isDeclaredOnly, synthesise } from "../../../local/engine/outputs.ts";

const environment: Environment = {
  project: "p",
  stack: "dev",
  account: "000000000000",
  region: "eu-central-1",
  dryRun: false,
};

const make = (type: string, name: string, inputs: PropertyMap = {}, overrides: Partial<Environment> = {}) =>
  synthesise(
    { urn: `urn:pulumi:dev::p::${type}::${name}`, type, name, inputs },
    { ...environment, ...overrides },
  );

describe("local/engine/outputs", () => {
  it("gives the addresses that AWS would serve", () => {
    const api = make("aws:apigatewayv2/api:Api", "api", { protocolType: "HTTP" });
    const stage = make("aws:apigatewayv2/stage:Stage", "stage", { apiId: api.id, name: "$default" });
    const pool = make("aws:cognito/userPool:UserPool", "users");
    const queue = make("aws:sqs/queue:Queue", "jobs");

    expect(api.outputs.apiEndpoint).to.equal(`https://${api.id}.execute-api.eu-central-1.amazonaws.com`);
    expect(api.id).to.match(/^[a-z0-9]{10}$/);
    expect(stage.outputs.invokeUrl).to.equal(`${api.outputs.apiEndpoint}/`);
    expect(pool.outputs.endpoint).to.equal(`cognito-idp.eu-central-1.amazonaws.com/${pool.id}`);
    expect(pool.id).to.match(/^eu-central-1_[A-Za-z0-9]{9}$/);
    expect(queue.id).to.equal(queue.outputs.url);
    expect(queue.outputs.url).to.match(
      /^https:\/\/sqs\.eu-central-1\.amazonaws\.com\/000000000000\/jobs-[0-9a-f]{7}$/,
    );
  });

  it("gives a function its versions and the ARN that API Gateway calls", () => {
    const { outputs } = make("aws:lambda/function:Function", "f", { publish: true });

    const own = outputs.arn;
    expect(outputs).to.include({ version: "1", qualifiedArn: `${own}:1`, timeout: 3, memorySize: 128 });
    expect(outputs.invokeArn).to.equal(
      `arn:aws:apigateway:eu-central-1:lambda:path/2015-03-31/functions/${own}/invocations`,
    );
  });

  it("gives CodeDeploy's resources the ARNs that rights are written for", () => {
    const application = make("aws:codedeploy/application:Application", "releases", {
      computePlatform: "Lambda",
    });
    const group = make("aws:codedeploy/deploymentGroup:DeploymentGroup", "canary", {
      appName: String(application.outputs.name),
      deploymentGroupName: "reads",
    });
    const steps = make("aws:codedeploy/deploymentConfig:DeploymentConfig", "steps");

    const prefix = "arn:aws:codedeploy:eu-central-1:000000000000";
    const { name } = application.outputs;
    expect(name).to.match(/^releases-[0-9a-f]{7}$/);
    expect(application.outputs.arn).to.equal(`${prefix}:application:${name}`);
    expect(group.outputs.arn).to.equal(`${prefix}:deploymentgroup:${name}/reads`);
    expect(steps.outputs.arn).to.equal(`${prefix}:deploymentconfig:${steps.outputs.deploymentConfigName}`);
  });

  it("derives scopes, client secrets and ids as Cognito does", () => {
    const server = make("aws:cognito/resourceServer:ResourceServer", "api", {
      identifier: "https://api",
      userPoolId: "pool",
      scopes: [{ scopeName: "telemetry.read", scopeDescription: "Read" }],
    });
    const client = make("aws:cognito/userPoolClient:UserPoolClient", "machine", { generateSecret: true });

    expect(server.outputs.scopeIdentifiers).to.deep.equal(["https://api/telemetry.read"]);
    expect(client.outputs.clientSecret).to.match(/^[a-z0-9]{52}$/);
    expect(client.secrets).to.deep.equal(["clientSecret"]);
  });

  it("keeps a secret input secret in the outputs, and copies tags", () => {
    const secret = { [SIGNATURE]: SECRET, value: "x" };

    const { outputs } = make("aws:sqs/queue:Queue", "jobs", { tags: { team: "a" }, kmsMasterKeyId: secret });

    expect(outputs.kmsMasterKeyId).to.deep.equal(secret);
    expect(outputs.tagsAll).to.deep.equal({ team: "a" });
  });

  it("tells a preview the name and nothing that only AWS knows", () => {
    const { id, outputs } = make("aws:kinesis/stream:Stream", "telemetry", {}, { dryRun: true });

    expect(id).to.equal("");
    expect(outputs.arn).to.equal(UNKNOWN);
    expect(outputs.name).to.match(/^telemetry-[0-9a-f]{7}$/);
  });

  it("speaks of the partition that the region belongs to", () => {
    const { outputs } = make("aws:sns/topic:Topic", "news", {}, { region: "cn-north-1" });

    expect(outputs.arn).to.match(/^arn:aws-cn:sns:cn-north-1:/);
  });

  it("guesses an ARN for a type it does not know, and says that it is a guess", () => {
    const { id, outputs } = make("aws:xray/group:Group", "lake");

    expect(outputs.arn).to.equal(`arn:aws:xray:eu-central-1:000000000000:group/${id}`);
    expect(isDeclaredOnly("aws:xray/group:Group")).to.equal(true);
    expect(isDeclaredOnly("aws:sqs/queue:Queue")).to.equal(false);
    expect(isDeclaredOnly("serverless:index:Stream")).to.equal(false);
    expect(isDeclaredOnly("pulumi:providers:aws")).to.equal(false);
  });

  describe("names", () => {
    const limits: [string, number, PropertyMap?][] = [
      ["aws:iam/role:Role", 64],
      ["aws:lambda/function:Function", 64],
      ["aws:cloudwatch/eventRule:EventRule", 64],
      ["aws:sqs/queue:Queue", 80],
      ["aws:sqs/queue:Queue", 75, { fifoQueue: true }],
      ["aws:sns/topic:Topic", 80],
      ["aws:s3/bucket:Bucket", 63],
      ["aws:scheduler/schedule:Schedule", 64],
      ["aws:iam/policy:Policy", 128],
    ];

    for (const [type, max, inputs = {}] of limits) {
      it(`never truncates: ${type}${inputs.fifoQueue ? " (FIFO)" : ""} takes ${max - 8} characters and refuses one more`, () => {
        expect(make(type, "x".repeat(max - 8), inputs).id).to.be.a("string");
        expect(() => make(type, "x".repeat(max - 7), inputs)).to.throw(`shorten it to ${max - 8} or fewer`);
      });
    }

    it("lowers the case of a bucket's name and refuses what S3 refuses", () => {
      expect(make("aws:s3/bucket:Bucket", "Uploads").id).to.match(/^uploads-[0-9a-f]{7}$/);
      expect(() => make("aws:s3/bucket:Bucket", "my_uploads")).to.throw("holds a character that AWS refuses");
      expect(() => make("aws:s3/bucket:Bucket", "b", { bucket: "Uploads" })).to.throw("lower-case");
      expect(() => make("aws:s3/bucket:Bucket", "b", { bucket: "10.0.0.1" })).to.throw("AWS refuses");
    });

    it("uses an underscore where a hyphen is refused", () => {
      expect(make("aws:iot/topicRule:TopicRule", "devices").id).to.match(/^devices_[0-9a-f]{7}$/);
      expect(() => make("aws:iot/topicRule:TopicRule", "my-devices")).to.throw("letters, digits and `_`");
    });

    it("wants `.fifo` exactly on FIFO queues", () => {
      expect(make("aws:sqs/queue:Queue", "jobs", { fifoQueue: true }).outputs.name).to.match(/\.fifo$/);
      expect(() => make("aws:sqs/queue:Queue", "q", { name: "q", fifoQueue: true })).to.throw(".fifo");
      expect(() => make("aws:sqs/queue:Queue", "q", { name: "q.fifo" })).to.throw(".fifo");
    });

    it("asks for the domain that nobody makes up", () => {
      expect(() => make("aws:cognito/userPoolDomain:UserPoolDomain", "domain")).to.throw("needs a domain");
      expect(() => make("aws:cognito/userPoolDomain:UserPoolDomain", "d", { domain: "my-aws" })).to.throw(
        "without",
      );
    });

    it("never gives two URNs the same name, nor a name over the limit", () => {
      const logical = fc.stringMatching(/^[a-z][a-z0-9-]{0,40}$/);
      fc.assert(
        fc.property(fc.uniqueArray(logical, { minLength: 2, maxLength: 8 }), (names) => {
          const made = names.map((name) => String(make("aws:sqs/queue:Queue", name).outputs.name));
          expect(new Set(made).size).to.equal(names.length);
          for (const name of made) expect(name.length).to.be.at.most(80);
        }),
      );
    });
  });
});

describe("local/engine/optional-inputs", () => {
  it("tells inputs from outputs in a generated class", () => {
    const source = `
      resourceInputs["arn"] = state?.arn;
      resourceInputs["tags"] = args?.tags;
      resourceInputs["password"] = args?.password ? pulumi.secret(args.password) : undefined;
      resourceInputs["arn"] = undefined /*out*/;
    `;

    expect(declaredInputs(source)).to.deep.equal(["tags", "password"]);
  });
});
