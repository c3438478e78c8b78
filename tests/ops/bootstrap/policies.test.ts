import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect } from "chai";
import { type Graph, plain } from "../../../local/engine/graph.ts";
import { evaluate } from "../../../local/engine/program.ts";
import { readSettings } from "../../../local/engine/settings.ts";
import { aliasOf } from "../../../ops/bootstrap/key.ts";
import { MORE_RIGHTS } from "../../../ops/bootstrap/more-rights.ts";
import {
  type Document,
  deployDocument,
  type Needs,
  needsOf,
  packed,
  readDocument,
  type Statement,
  stateDocument,
  subjectsOf,
  trustOf,
} from "../../../ops/bootstrap/policies.ts";
import { askGitHub, parseNumbers, parseRepository } from "../../../ops/bootstrap/repository.ts";
import { BUCKET_NAMES, RIGHTS, ROLE_NAMES } from "../../../ops/bootstrap/rights.ts";
import { graphOf, resourceNode } from "../../helpers/graph.ts";
import { ROOT } from "../../helpers/source-files.ts";

const ALL = [...RIGHTS, ...MORE_RIGHTS];
const EVERYTHING: Needs = {
  types: new Set(ALL.flatMap(({ types }) => types)),
  services: ["lambda.amazonaws.com"],
};
const PLACE = { partition: "aws", account: "123456789012", region: "us-east-1", regions: ["us-east-1"] };
const REPOSITORY = { owner: "octo", name: "shop", ownerId: "11", id: "22" };

const list = (value: string | readonly string[] | undefined): readonly string[] =>
  value === undefined || typeof value === "string" ? [value ?? ""] : value;
const actionsOf = ({ Statement: statements }: Document): string[] =>
  statements.flatMap(({ Action }) => list(Action));

/** An IAM pattern as a regular expression. */
const matcher = (pattern: string): RegExp =>
  new RegExp(
    `^${pattern
      .replaceAll(/[.+^$()[\]{}|\\]/g, "\\$&")
      .replaceAll("*", ".*")
      .replaceAll("?", ".")}$`,
  );

describe("bootstrap: who may take a role", () => {
  it("is a job of the repository, in both forms of its tokens' subject, for STS, in these contexts", () => {
    const subjects = subjectsOf(REPOSITORY, ["environment:dev", "pull_request"]);

    expect(trustOf(PLACE, subjects)).to.deep.equal({
      Version: "2012-10-17",
      Statement: [
        {
          Sid: "JobsOfTheRepository",
          Effect: "Allow",
          Principal: {
            Federated: "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com",
          },
          Action: "sts:AssumeRoleWithWebIdentity",
          Condition: {
            StringEquals: {
              "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
              "token.actions.githubusercontent.com:sub": [
                "repo:octo/shop:environment:dev",
                "repo:octo@11/shop@22:environment:dev",
                "repo:octo/shop:pull_request",
                "repo:octo@11/shop@22:pull_request",
              ],
            },
          },
        },
      ],
    });
  });
});

describe("bootstrap: what a role may do", () => {
  it("names every action that changes something, and every data action, in full", () => {
    for (const { types, read, write, unbound = [] } of ALL) {
      for (const action of write) expect(action, types[0]).to.match(/^[a-z0-9-]+:[A-Za-z]+$/);
      for (const action of [...read, ...unbound])
        expect(action, types[0]).to.match(/^[a-z0-9-]+:(?:[A-Za-z]+|(?:Describe|Get|GetBucket|List)\*)$/);
    }
  });

  it("lets the previewing role change nothing and read no data", () => {
    const actions = actionsOf(readDocument(EVERYTHING, PLACE));
    expect(actions.length).to.be.greaterThan(40);
    for (const action of actions) expect(action).to.match(/:(?:Describe|Get|List|ViewBudget|GET)/);
    const data = [
      "s3:GetObject",
      "dynamodb:GetItem",
      "dynamodb:Query",
      "kinesis:GetRecords",
      "sqs:ReceiveMessage",
      "logs:GetLogEvents",
      "athena:GetQueryResults",
      "glue:GetPartitions",
      "secretsmanager:GetSecretValue",
    ];
    for (const action of data)
      expect(
        actions.filter((pattern) => matcher(pattern).test(action)),
        action,
      ).to.deep.equal([]);
  });

  it("binds every right to account and region, or to what AWS binds to nothing", () => {
    const { Statement: statements } = deployDocument(EVERYTHING, PLACE);
    const holding = (pattern: RegExp) =>
      statements.filter(({ Resource }) => list(Resource).some((resource) => pattern.test(resource)));

    expect(holding(/[{}]/)).to.deep.equal([]);
    const named = /^(?:\*|arn:aws:s3:::.+|arn:aws:[a-z0-9-]+:(?:us-east-1)?:(?:123456789012)?:.+)$/;
    expect(
      statements.flatMap(({ Resource }) => list(Resource)).filter((each) => !named.test(each)),
    ).to.deep.equal([]);
    expect(holding(/^\*$/).map(({ Sid, Condition }) => ({ Sid, Condition }))).to.deep.equal([
      { Sid: "WithoutResource", Condition: { StringEquals: { "aws:RequestedRegion": ["us-east-1"] } } },
    ]);
    for (const { Sid, Condition } of holding(/^arn:aws:s3:::/))
      expect(Condition, Sid).to.deep.equal({ StringEquals: { "aws:ResourceAccount": "123456789012" } });
  });

  it("keeps the roles and the state that the bootstrap made out of the deploying role's reach", () => {
    const { Statement: statements } = deployDocument(EVERYTHING, PLACE);
    const reaches = (arn: string) =>
      statements.filter(({ Resource }) =>
        list(Resource).some((pattern) => pattern !== "*" && matcher(pattern).test(arn)),
      );
    for (const arn of [
      "arn:aws:iam::123456789012:role/shop-deploy",
      "arn:aws:iam::123456789012:role/shop-preview",
      "arn:aws:iam::123456789012:policy/shop-deploy-1",
      "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com",
      "arn:aws:s3:::shop-state-123456789012-us-east-1",
      "arn:aws:s3:::shop-state-123456789012-us-east-1/.pulumi/stacks/prod.json",
    ])
      expect(reaches(arn), arn).to.deep.equal([]);
    expect(reaches("arn:aws:iam::123456789012:role/orders-fulfil-role-0e4452d")).not.to.deep.equal([]);
    // Nothing in a key's ARN tells the state's from another.
    const keys = reaches("arn:aws:kms:us-east-1:123456789012:key/1234");
    expect(keys.map(({ Condition }) => Condition)).to.deep.equal([
      { "ForAllValues:StringNotLike": { "kms:ResourceAliases": "alias/*-secrets" } },
    ]);
    expect(aliasOf("shop")).to.match(matcher("alias/*-secrets"));
  });

  it("passes roles only to the services that the program's roles are for", () => {
    const { Statement: statements } = deployDocument(EVERYTHING, PLACE);
    const passing = statements.filter(({ Action }) => list(Action).includes("iam:PassRole"));
    expect(passing.map(({ Condition }) => Condition)).to.deep.equal([
      { StringEquals: { "iam:PassedToService": ["lambda.amazonaws.com"] } },
    ]);
  });

  it("covers every region of the stacks", () => {
    const place = { ...PLACE, regions: ["us-east-1", "eu-central-1"] };
    const needs = { types: new Set(["aws:kinesis/stream:Stream"]), services: [] };
    const [statement] = readDocument(needs, place).Statement;
    expect(statement?.Resource).to.deep.equal([
      "arn:aws:kinesis:us-east-1:123456789012:stream/*",
      "arn:aws:kinesis:eu-central-1:123456789012:stream/*",
    ]);
  });

  it("gives rights only for what the program is made of", () => {
    const document = deployDocument({ types: new Set(["aws:sqs/queue:Queue"]), services: [] }, PLACE);
    expect(new Set(actionsOf(document).map((action) => action.split(":")[0]))).to.deep.equal(
      new Set(["sqs"]),
    );
  });

  it("lets the previewing role read the state and its key, and the deploying one write both", () => {
    const [bucket, key] = ["arn:aws:s3:::state", "arn:aws:kms:us-east-1:1:key/k"];
    expect(actionsOf(stateDocument(bucket, key, false))).to.deep.equal([
      "s3:GetBucketLocation",
      "s3:ListBucket",
      "s3:GetObject",
      "kms:Decrypt",
      "kms:DescribeKey",
    ]);
    expect(actionsOf(stateDocument(bucket, key, true))).to.include.members([
      "s3:PutObject",
      "s3:DeleteObject",
      "kms:GenerateDataKey",
    ]);
  });

  it("fits the policies that IAM takes, with everything that there are rights for", () => {
    const state = stateDocument("arn:aws:s3:::state", "arn:aws:kms:us-east-1:123456789012:key/k", true);
    const policies = packed([state, deployDocument(EVERYTHING, PLACE)]);

    expect(policies.length).to.be.within(2, 4);
    for (const policy of policies) {
      expect(JSON.stringify(policy).length).to.be.at.most(6_144);
      const names = policy.Statement.map(({ Sid }) => Sid);
      expect(new Set(names).size, names.join(" ")).to.equal(names.length);
      for (const name of names) expect(name).to.match(/^[A-Za-z0-9]+$/);
    }
  });

  it("refuses rights that no role could hold", () => {
    const huge: Statement = { Sid: "A", Effect: "Allow", Action: "a:b", Resource: "x".repeat(6_000) };
    const document: Document = { Version: "2012-10-17", Statement: Array(7).fill(huge) };
    expect(() => packed([document])).to.throw(/^The rights need 7 policies; a role gets at most 6\./);
  });

  it("refuses a type that it has no rights for, by name", () => {
    const graph = graphOf(
      resourceNode("aws:sqs/queue:Queue", "orders"),
      resourceNode("aws:rds/cluster:Cluster", "db"),
      resourceNode("aws:s3/bucket:Bucket", "found", { external: true }),
    );
    expect(() => needsOf([graph])).to.throw(/^No rights are written for aws:rds\/cluster:Cluster\. Add /);
  });

  it("has one place for every type", () => {
    const types = ALL.flatMap((rights) => rights.types);
    expect(types).to.have.length(new Set(types).size);
  });
});

describe("bootstrap: the program", function () {
  this.timeout(60_000);
  let graph: Graph;

  before(async () => {
    graph = await evaluate({
      directory: ROOT,
      stack: "prod",
      dryRun: false,
      settings: await readSettings(ROOT, "prod"),
    });
  });

  it("is made of types that there are rights for", () => {
    const needs = needsOf([graph]);
    expect(needs.types.size).to.be.greaterThan(30);
    expect(needs.services).to.include.members(["lambda.amazonaws.com", "scheduler.amazonaws.com"]);
  });

  it("names its roles and buckets as the rights expect", () => {
    for (const [type, pattern] of [
      ["aws:iam/role:Role", ROLE_NAMES],
      ["aws:s3/bucket:Bucket", BUCKET_NAMES],
    ] as const) {
      const named = graph.resources.filter((node) => node.type === type && !node.external);
      expect(named.length).to.be.greaterThan(3);
      for (const { outputs } of named)
        expect(String(plain(outputs.bucket ?? outputs.name ?? ""))).to.match(matcher(pattern));
    }
  });
});

describe("bootstrap: the repository", () => {
  it("is GitHub's owner/name and nothing else", () => {
    expect(parseRepository("octo-org/my.shop_1")).to.deep.equal({ owner: "octo-org", name: "my.shop_1" });
    for (const text of [
      "",
      "o",
      "o/",
      "/n",
      "o/n/x",
      "https://github.com/o/n",
      "-o/n",
      "o-/n",
      "o--p/n",
      "o/..",
      "o/n.git",
      "o/n n",
      "$(x)/n",
      "o/*",
      `${"o".repeat(40)}/n`,
    ])
      expect(() => parseRepository(text), text).to.throw(/^--repo is .*; it must be GitHub's owner\/name/);
  });

  it("has two numbers", () => {
    expect(parseNumbers("11/22")).to.deep.equal({ ownerId: "11", id: "22" });
    for (const text of ["", "1", "1/", "0/2", "1/2/3", "a/b", "1/*", "-1/2"])
      expect(() => parseNumbers(text), text).to.throw(/^--repo-ids is /);
  });

  it("is asked of GitHub, which spells the names as its tokens do", async () => {
    const answers: Record<string, unknown> = {
      "/repos/Octo/Shop": { id: 22, name: "shop", owner: { id: 11, login: "octo" }, more: true },
      "/repos/octo/odd": { id: "22" },
    };
    const server = createServer(({ url = "" }, response) => {
      const answer = answers[url];
      response.writeHead(answer ? 200 : 404, { "content-type": "application/json" });
      response.end(JSON.stringify(answer ?? { message: "Not Found" }));
    });
    await new Promise<void>((resolve) => {
      server.listen(0, "127.0.0.1", resolve);
    });
    const api = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const ask = (owner: string, name: string, at = api) =>
      askGitHub({ owner, name }, { api: at, token: undefined });
    const refusal = (asked: Promise<unknown>) => asked.catch(({ message }: Error) => message);
    try {
      expect(await ask("Octo", "Shop")).to.deep.equal(REPOSITORY);
      for (const name of ["none", "odd"])
        expect(await refusal(ask("octo", name))).to.match(
          new RegExp(`^GitHub does not show octo/${name} \\(it answered \\d+\\).*--repo-ids`),
        );
      expect(await refusal(ask("octo", "shop", "http://127.0.0.1:1"))).to.match(
        /cannot be reached\. Give the numbers/,
      );
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });
});
