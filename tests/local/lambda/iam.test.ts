import { expect } from "chai";
import { Callers, evaluatePolicies, type PolicyStatement, parsePolicy } from "../../../local/lambda/iam.ts";

const TABLE = "arn:aws:dynamodb:eu-west-1:000000000000:table/readings";
const evaluate = (statements: PolicyStatement[], action: string, resource: string, context = {}) =>
  evaluatePolicies([{ Version: "2012-10-17", Statement: statements }], action, resource, context);
const allow = (rest: Partial<PolicyStatement>): PolicyStatement => ({ Effect: "Allow", ...rest });

describe("evaluatePolicies", () => {
  it("allows what a statement names, and denies the rest implicitly", () => {
    const statements = [allow({ Action: ["dynamodb:PutItem", "dynamodb:GetItem"], Resource: TABLE })];
    expect(evaluate(statements, "dynamodb:PutItem", TABLE)).to.equal("allow");
    expect(evaluate(statements, "dynamodb:putitem", TABLE)).to.equal("allow");
    expect(evaluate(statements, "dynamodb:DeleteItem", TABLE)).to.equal("implicitDeny");
    expect(evaluate(statements, "dynamodb:PutItem", `${TABLE}/index/x`)).to.equal("implicitDeny");
    expect(evaluate(statements, "dynamodb:PutItem", TABLE.toUpperCase())).to.equal("implicitDeny");
    expect(evaluate([], "dynamodb:PutItem", TABLE)).to.equal("implicitDeny");
  });

  it("knows * and ? in actions and resources, and takes other characters as they are", () => {
    const statements = [allow({ Action: "s3:Get*", Resource: "arn:aws:s3:::b.c/lake/??/*" })];
    expect(evaluate(statements, "s3:GetObject", "arn:aws:s3:::b.c/lake/01/x/y")).to.equal("allow");
    expect(evaluate(statements, "s3:GetObject", "arn:aws:s3:::bxc/lake/01/x")).to.equal("implicitDeny");
    expect(evaluate(statements, "s3:GetObject", "arn:aws:s3:::b.c/lake/1/x")).to.equal("implicitDeny");
  });

  it("lets a denial win, wherever it stands", () => {
    const statements = [
      allow({ Action: "*", Resource: "*" }),
      { Effect: "Deny", Action: "s3:Delete*", Resource: "*" },
    ];
    expect(evaluate(statements, "s3:DeleteObject", "arn:aws:s3:::b/k")).to.equal("deny");
    expect(evaluate(statements.reverse(), "s3:DeleteObject", "arn:aws:s3:::b/k")).to.equal("deny");
    expect(evaluate(statements, "s3:GetObject", "arn:aws:s3:::b/k")).to.equal("allow");
  });

  it("knows NotAction and NotResource", () => {
    const statements = [allow({ NotAction: "iam:*", NotResource: `${TABLE}*` })];
    expect(evaluate(statements, "s3:GetObject", "arn:aws:s3:::b/k")).to.equal("allow");
    expect(evaluate(statements, "iam:PassRole", "arn:aws:s3:::b/k")).to.equal("implicitDeny");
    expect(evaluate(statements, "s3:GetObject", TABLE)).to.equal("implicitDeny");
  });

  it("evaluates the supported conditions, IfExists and negation included", () => {
    const when = (Condition: PolicyStatement["Condition"], context: Record<string, string>) =>
      evaluate([allow({ Action: "*", Resource: "*", Condition })], "a:B", "r", context);
    expect(when({ StringEquals: { "aws:x": ["1", "2"] } }, { "AWS:X": "2" })).to.equal("allow");
    expect(when({ StringEquals: { "aws:x": "1" } }, {})).to.equal("implicitDeny");
    expect(when({ StringEqualsIfExists: { "aws:x": "1" } }, {})).to.equal("allow");
    expect(when({ StringNotLike: { "aws:x": "a*" } }, { "aws:x": "abc" })).to.equal("implicitDeny");
    expect(when({ StringNotLike: { "aws:x": "a*" } }, {})).to.equal("allow");
    expect(
      when({ ArnLike: { "aws:SourceArn": "arn:aws:s3:*" } }, { "aws:SourceArn": "arn:aws:s3:::b" }),
    ).to.equal("allow");
    expect(when({ Bool: { "aws:SecureTransport": false } }, { "aws:SecureTransport": "true" })).to.equal(
      "implicitDeny",
    );
  });

  it("names what it does not support instead of guessing", () => {
    const condition = { IpAddress: { "aws:SourceIp": "10.0.0.0/8" } };
    expect(() =>
      evaluate([allow({ Action: "*", Resource: "*", Condition: condition })], "a:B", "r"),
    ).to.throw(/condition operator "IpAddress" is not supported locally/);
    const variable = allow({ Action: "*", Resource: `arn:aws:s3:::b/${"$"}{aws:username}` });
    expect(() => evaluate([variable], "a:B", "r")).to.throw(/policy variable/);
    expect(() => evaluate([allow({ Resource: "*" })], "a:B", "r")).to.throw(
      /exactly one of Action and NotAction/,
    );
    expect(() =>
      evaluate([{ ...allow({ Action: "*", Resource: "*" }), Effect: "allow" }], "a:B", "r"),
    ).to.throw(/Effect/);
    expect(() => parsePolicy("[]")).to.throw(/Statement/);
  });
});

describe("Callers", () => {
  const callers = new Callers();
  callers.register("AKIAREAD", {
    functionName: "api-get",
    roleArn: "arn:aws:iam::000000000000:role/service/api-get-role",
    policies: [
      parsePolicy(
        JSON.stringify({
          Statement: [
            { Effect: "Allow", Action: "dynamodb:*", Resource: TABLE },
            { Effect: "Deny", Action: "dynamodb:DeleteTable", Resource: "*" },
          ],
        }),
      ),
    ],
  });

  it("lets a function do what its role allows, and refuses the rest in AWS's words", () => {
    expect(callers.authorise("AKIAREAD", "dynamodb:Query", TABLE)).to.deep.equal({ allowed: true });
    expect(callers.authorise("AKIAREAD", "s3:GetObject", "arn:aws:s3:::b/k")).to.deep.equal({
      allowed: false,
      message:
        "User: arn:aws:sts::000000000000:assumed-role/api-get-role/api-get is not authorized to perform: s3:GetObject on resource: arn:aws:s3:::b/k because no identity-based policy allows the s3:GetObject action",
    });
    expect(callers.authorise("AKIAREAD", "dynamodb:DeleteTable", TABLE)).to.deep.include({
      message: `User: arn:aws:sts::000000000000:assumed-role/api-get-role/api-get is not authorized to perform: dynamodb:DeleteTable on resource: ${TABLE} with an explicit deny in an identity-based policy`,
    });
  });

  it("takes any other key for the account's owner", () => {
    expect(callers.authorise("test", "s3:DeleteBucket", "arn:aws:s3:::b")).to.deep.equal({ allowed: true });
  });

  it("answers for the function as well as for its key", () => {
    expect(callers.functionOf("AKIAREAD")).to.equal("api-get");
    expect(callers.authoriseFunction("api-get", "sqs:SendMessage", "q").allowed).to.equal(false);
  });

  it("forgets what it decided when the policies change", () => {
    const register = (Action: string) =>
      callers.register("AKIACHANGE", {
        functionName: "change",
        roleArn: "arn:aws:iam::000000000000:role/r",
        policies: [{ Statement: { Effect: "Allow", Action, Resource: "*" } }],
      });
    register("s3:GetObject");
    expect(callers.authorise("AKIACHANGE", "s3:PutObject", "x").allowed).to.equal(false);
    register("s3:*");
    expect(callers.authorise("AKIACHANGE", "s3:PutObject", "x").allowed).to.equal(true);
  });

  it("names the function whose policy it cannot read", () => {
    const bad = {
      Statement: { Effect: "Allow", Action: "*", Resource: "*", Condition: { Odd: { k: "v" } } },
    };
    const register = () => callers.register("K", { functionName: "odd", roleArn: "r", policies: [bad] });
    expect(register).to.throw(/Policy of function "odd": The condition operator "Odd"/);
  });
});
