import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { IAMClient } from "@aws-sdk/client-iam";
import { KMSClient } from "@aws-sdk/client-kms";
import { S3Client } from "@aws-sdk/client-s3";
import { STSClient } from "@aws-sdk/client-sts";
import { expect } from "chai";
import { type Clients, explain, whoAmI } from "../../../ops/bootstrap/account.ts";
import { nextSteps, type Target, tasksOf } from "../../../ops/bootstrap/plan.ts";
import { bringAbout } from "../../../ops/bootstrap/run.ts";
import { saysTheSame } from "../../../ops/bootstrap/task.ts";
import { ROOT } from "../../helpers/source-files.ts";
import { ACCOUNT, FakeAws } from "./fake-aws.ts";

const BUCKET = `shop-state-${ACCOUNT}-us-east-1`;
const PROVIDER = `arn:aws:iam::${ACCOUNT}:oidc-provider/token.actions.githubusercontent.com`;

const target = (differs: Partial<Target> = {}): Target => ({
  project: "shop",
  stacks: ["dev", "prod"],
  place: { account: ACCOUNT, partition: "aws", region: "us-east-1", regions: ["us-east-1"] },
  repository: { owner: "octo", name: "shop", ownerId: "11", id: "22" },
  needs: {
    types: new Set(["aws:sqs/queue:Queue", "aws:s3/bucket:Bucket", "aws:iam/role:Role"]),
    services: ["lambda.amazonaws.com"],
  },
  ...differs,
});

const clientsOf = (endpoint: string): Clients => {
  const config = {
    endpoint,
    region: "us-east-1",
    credentials: { accessKeyId: "a", secretAccessKey: "b" },
    maxAttempts: 1,
  };
  return {
    iam: new IAMClient(config),
    kms: new KMSClient(config),
    s3: new S3Client({ ...config, forcePathStyle: true }),
    sts: new STSClient(config),
  };
};

describe("bootstrap", () => {
  let aws: FakeAws;
  let clients: Clients;

  const bootstrap = async (options: { agrees?: boolean; target?: Target } = {}) => {
    const lines: string[] = [];
    const outcome = await bringAbout(tasksOf(clients, options.target ?? target()), {
      say: (line) => lines.push(line),
      agrees: async () => options.agrees ?? true,
    });
    return { ...outcome, lines };
  };

  const fresh = async (): Promise<void> => {
    aws = new FakeAws();
    await aws.listen();
    clients = clientsOf(aws.endpoint);
  };

  beforeEach(fresh);
  afterEach(() => aws.close());

  it("shows what it will do, and does nothing unless it is told to", async () => {
    const { needed, done, lines } = await bootstrap({ agrees: false });

    expect(done).to.deep.equal([]);
    expect(aws.changes).to.deep.equal([]);
    expect(lines).to.have.length(needed.length + 1);
    expect(needed).to.include.members([
      'create a KMS key for the state and its secrets ("State and secrets of shop")',
      "name the key alias/shop-secrets",
      `create the bucket ${BUCKET} for the state, in us-east-1`,
      "block public access to the bucket in all four ways",
      "keep every version of the state",
      "refuse plain HTTP to the bucket",
      "trust GitHub's identity provider, token.actions.githubusercontent.com",
      "create the role shop-preview: Looks at the stacks, for pull requests and the check for drift",
      "create the role shop-deploy: Deploys the stacks, from the repository's environments",
      "give the role shop-deploy the rights in the policy shop-deploy-1",
    ]);
  });

  it("makes everything in the first run", async () => {
    await bootstrap();

    const bucket = aws.buckets.get(BUCKET);
    expect(bucket?.region).to.equal("us-east-1");
    expect(bucket?.versioning).to.contain("<Status>Enabled</Status>");
    expect(bucket?.encryption).to.contain(`<KMSMasterKeyID>arn:aws:kms:us-east-1:${ACCOUNT}:key/key-1<`);
    expect(bucket?.block?.match(/>true</g)).to.have.length(4);
    expect(bucket?.policy).to.contain("aws:SecureTransport");
    expect([...aws.keys.values()].map(({ rotates }) => rotates)).to.deep.equal([true]);
    expect([...aws.aliases]).to.deep.equal([["alias/shop-secrets", "key-1"]]);
    expect([...aws.providers]).to.deep.equal([[PROVIDER, ["sts.amazonaws.com"]]]);
    expect([...aws.roles.keys()]).to.deep.equal(["shop-preview", "shop-deploy"]);
    for (const { attached, session } of aws.roles.values()) {
      expect(attached).to.have.length.greaterThan(0);
      expect(session).to.equal(7_200);
    }
  });

  it("changes nothing in the second run", async () => {
    await bootstrap();
    const before = aws.changes.length;

    const { needed, lines } = await bootstrap();

    expect(needed).to.deep.equal([]);
    expect(aws.changes).to.have.length(before);
    expect(lines).to.deep.equal(["Everything is as it should be; nothing to do."]);
  });

  it("completes what a run left half done, wherever it stopped", async () => {
    await bootstrap();
    const whole = aws.contents();
    const { length } = aws.changes;
    for (let stop = 0; stop < length; stop += 1) {
      await aws.close();
      await fresh();
      aws.refuse = stop;

      const failure = await bootstrap().catch((error: Error) => error);
      await bootstrap();

      expect(failure, `change ${stop}`).to.be.instanceOf(Error);
      expect(aws.contents(), `change ${stop}`).to.deep.equal(whole);
    }
  }).timeout(30_000);

  it("puts back what somebody has changed, and nothing else", async () => {
    await bootstrap();
    const bucket = aws.buckets.get(BUCKET);
    const role = aws.roles.get("shop-deploy");
    if (bucket)
      bucket.versioning = "<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>";
    if (role) role.trust = '{"Version":"2012-10-17","Statement":[]}';
    const before = aws.changes.length;

    await bootstrap();

    expect(aws.changes.slice(before)).to.deep.equal(["PutBucket:versioning", "UpdateAssumeRolePolicy"]);
  });

  it("follows the program: new types give new rights, in a new version of the policy", async () => {
    await bootstrap();
    const before = aws.changes.length;
    const needs = {
      ...target().needs,
      types: new Set([...target().needs.types, "aws:kinesis/stream:Stream"]),
    };

    await bootstrap({ target: target({ needs }) });

    expect(aws.changes.slice(before)).to.include("CreatePolicyVersion");
    const deploy = aws.policies.get(`arn:aws:iam::${ACCOUNT}:policy/shop-deploy-1`);
    expect(deploy?.versions.get("v2")).to.contain("kinesis:CreateStream");
  });

  it("makes room when a policy has five versions, and never drops the one in force", async () => {
    await bootstrap();
    const arn = `arn:aws:iam::${ACCOUNT}:policy/shop-deploy-1`;
    const policy = aws.policies.get(arn);
    for (const id of ["v2", "v3", "v4", "v5"]) policy?.versions.set(id, "{}");
    Object.assign(policy ?? {}, { next: 6, standard: "v1" });
    policy?.versions.set("v1", "{}");

    await bootstrap();

    expect([...(policy?.versions.keys() ?? [])]).to.deep.equal(["v1", "v3", "v4", "v5", "v6"]);
    expect(policy?.standard).to.equal("v6");
  });

  it("takes away a policy that the rights no longer need", async () => {
    await bootstrap();
    const surplus = `arn:aws:iam::${ACCOUNT}:policy/shop-deploy-3`;
    aws.roles.get("shop-deploy")?.attached.push(surplus);

    const { done } = await bootstrap();

    expect(done).to.deep.equal(["take away the role shop-deploy the rights in the policy shop-deploy-3"]);
    expect(aws.roles.get("shop-deploy")?.attached).not.to.include(surplus);
  });

  it("shares GitHub's provider with whoever set it up, and takes nothing of theirs away", async () => {
    aws.providers.set(PROVIDER, ["theirs"]);
    await bootstrap();
    expect(aws.providers.get(PROVIDER)).to.deep.equal(["theirs", "sts.amazonaws.com"]);
  });

  it("makes the bucket where it is told to", async () => {
    const place = { ...target().place, region: "eu-central-1" };
    await bootstrap({ target: target({ place }) });
    expect(aws.buckets.get(`shop-state-${ACCOUNT}-eu-central-1`)?.region).to.equal("eu-central-1");
  });

  it("refuses a bucket of another account, and a key that is being deleted, before it changes anything", async () => {
    aws.foreign.add(BUCKET);
    const bucket = await bootstrap().catch(({ message }: Error) => message);
    expect(bucket).to.match(new RegExp(`^The bucket ${BUCKET} exists and cannot be used from account \\d+`));

    aws.aliases.set("alias/shop-secrets", "key-1");
    aws.keys.set("key-1", { description: "", state: "PendingDeletion", rotates: true });
    const key = await bootstrap().catch(({ message }: Error) => message);
    expect(key).to.match(/^The key behind alias\/shop-secrets is in state PendingDeletion: bring it back/);
    expect(aws.changes).to.deep.equal([]);
  });

  it("refuses a project whose name leaves no room for the bucket's", () => {
    expect(() => tasksOf(clients, target({ project: "x".repeat(60) }))).to.throw(
      /S3 takes 63\. Shorten `name` in Pulumi\.yaml\.$/,
    );
  });

  it("says who it is, and what AWS's refusals mean", async () => {
    expect(await whoAmI(clients)).to.include({ account: ACCOUNT, partition: "aws" });
    aws.refuse = 0;
    const refused = await bootstrap().catch((error: unknown) => explain(error).message);
    expect(refused).to.equal(
      "AWS refused: not authorized to perform CreateKey. Sign in as someone who may make IAM roles, a KMS key and a bucket.",
    );
    for (const [name, sentence] of [
      ["CredentialsProviderError", /^There are no AWS credentials: sign in/],
      ["ExpiredToken", /have expired/],
      ["InvalidClientTokenId", /does not know these credentials/],
    ] as const)
      expect(explain(Object.assign(new Error("x"), { name })).message).to.match(sentence);
  });

  it("ends with what is left to do by hand", () => {
    const text = nextSteps(target());
    expect(text).to.contain(
      `gh variable set AWS_DEPLOY_ROLE --repo octo/shop --body 'arn:aws:iam::${ACCOUNT}:role/shop-deploy'`,
    );
    expect(text).to.contain(`s3://${BUCKET}?region=us-east-1`);
    expect(text).to.contain("--secrets-provider 'awskms://alias/shop-secrets?region=us-east-1'");
  });

  it("reads a policy as AWS gives it: encoded, lists of one as texts, in any order", () => {
    const wanted = { Action: ["b", "a"], Resource: ["x"], Condition: { StringEquals: { k: ["v"] } } };
    const had = { Condition: { StringEquals: { k: "v" } }, Resource: "x", Action: ["a", "b"] };
    expect(saysTheSame(JSON.stringify(had), wanted)).to.equal(true);
    expect(saysTheSame(encodeURIComponent(JSON.stringify(had)), wanted)).to.equal(true);
    expect(saysTheSame(JSON.stringify({ ...had, Action: "a" }), wanted)).to.equal(false);
    for (const text of [undefined, "", "{", "%"]) expect(saysTheSame(text, wanted)).to.equal(false);
  });

  describe("the command", () => {
    const command = async (args: string[], environment: Record<string, string> = {}) => {
      const argv = [join(ROOT, "ops/bootstrap/main.ts"), ...args];
      const env = {
        PATH: process.env.PATH ?? "",
        AWS_EC2_METADATA_DISABLED: "true",
        AWS_SHARED_CREDENTIALS_FILE: "/nonexistent",
        AWS_CONFIG_FILE: "/nonexistent",
        ...environment,
      };
      try {
        return { code: 0, ...(await promisify(execFile)(process.execPath, argv, { env, cwd: ROOT })) };
      } catch (error) {
        return error as { code: number; stdout: string; stderr: string };
      }
    };
    const given = ["--repo", "octo/shop", "--repo-ids", "11/22"];
    const signedIn = () => ({
      AWS_ENDPOINT_URL: aws.endpoint,
      AWS_ACCESS_KEY_ID: "a",
      AWS_SECRET_ACCESS_KEY: "b",
    });

    it("sets up this project's account: shown first, made with --yes, from the program's own stacks", async () => {
      const shown = await command(given, signedIn());
      expect(shown.code, shown.stderr).to.equal(0);
      expect(shown.stdout).to.contain("create the role serverless-first-deploy");
      expect(shown.stdout).to.match(/Nothing was done\. Add --yes to do it\.\n$/);
      expect(aws.changes).to.deep.equal([]);

      const made = await command([...given, "--yes"], signedIn());
      expect(made.code, made.stderr).to.equal(0);
      expect(made.stdout).to.contain("done: create the role serverless-first-deploy");
      expect(made.stdout).to.contain("gh variable set AWS_PREVIEW_ROLE --repo octo/shop");
      expect(aws.roles.get("serverless-first-deploy")?.trust).to.contain("repo:octo/shop:environment:prod");
    }).timeout(60_000);

    it("says in one sentence that there are no credentials", async () => {
      const { code, stderr } = await command(given);
      expect(code).to.equal(1);
      expect(stderr).to.match(/^There are no AWS credentials: sign in [^\n]+\n$/);
    }).timeout(20_000);

    it("refuses a wrong call in one sentence and with exit code 2, before it asks anybody anything", async () => {
      const calls = [
        [],
        ["--repo", "o"],
        ["--repo", "o/n", "--region", "mars"],
        ["--repo", "o/n", "--bogus"],
      ];
      for (const args of calls) {
        const { code, stderr } = await command(args);
        expect(code, args.join(" ")).to.equal(2);
        expect(stderr.trim().split("\n"), args.join(" ")).to.have.length(1);
      }
    }).timeout(30_000);
  });
});

// Not proven here: AWS's own answers. The fake gives what the API references document, and IAM's few seconds until a
// new role is known everywhere have no counterpart.
