import { expect } from "chai";
import { answerInvoke } from "../../../local/engine/invokes.ts";

const environment = {
  project: "p",
  stack: "dev",
  account: "000000000000",
  region: "eu-central-1",
  dryRun: false,
};
const invoke = (token: string, args = {}) => answerInvoke(token, args, environment);

describe("local/engine/invokes", () => {
  it("answers who and where the program is", () => {
    expect(invoke("aws:index/getCallerIdentity:getCallerIdentity").accountId).to.equal("000000000000");
    expect(invoke("aws:index/getRegion:getRegion")).to.include({
      region: "eu-central-1",
      name: "eu-central-1",
    });
    expect(invoke("aws:index/getPartition:getPartition")).to.include({
      partition: "aws",
      dnsSuffix: "amazonaws.com",
      reverseDnsPrefix: "com.amazonaws",
    });
  });

  it("names three zones with their ids", () => {
    const zones = invoke("aws:index/getAvailabilityZones:getAvailabilityZones", { region: "ap-southeast-2" });

    expect(zones.names).to.deep.equal(["ap-southeast-2a", "ap-southeast-2b", "ap-southeast-2c"]);
    expect(zones.zoneIds).to.deep.equal(["apse2-az1", "apse2-az2", "apse2-az3"]);
    expect(invoke("aws:index/getAvailabilityZones:getAvailabilityZones").zoneIds).to.include("euc1-az1");
  });

  it("renders a policy document as the AWS provider does", () => {
    const { json, minifiedJson } = invoke("aws:iam/getPolicyDocument:getPolicyDocument", {
      statements: [
        {
          sid: "Read",
          actions: ["s3:GetObject", "s3:ListBucket"],
          resources: ["arn:aws:s3:::b", "arn:aws:s3:::b/&{aws:username}"],
          conditions: [{ test: "StringLike", variable: "s3:prefix", values: ["home/"] }],
        },
        { effect: "Deny", actions: ["*"], principals: [{ type: "*", identifiers: ["*"] }] },
      ],
    });

    expect(json).to.equal(`{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Sid": "Read",
      "Effect": "Allow",
      "Action": [
        "s3:ListBucket",
        "s3:GetObject"
      ],
      "Resource": [
        "arn:aws:s3:::b/\${aws:username}",
        "arn:aws:s3:::b"
      ],
      "Condition": {
        "StringLike": {
          "s3:prefix": "home/"
        }
      }
    },
    {
      "Effect": "Deny",
      "Action": "*",
      "Principal": "*"
    }
  ]
}`);
    expect(JSON.parse(String(minifiedJson))).to.deep.equal(JSON.parse(String(json)));
  });

  it("lets a later document override a statement of the same Sid", () => {
    const source = JSON.stringify({ Statement: [{ Sid: "A", Effect: "Allow", Action: "s3:GetObject" }] });
    const override = JSON.stringify({ Statement: { Sid: "A", Effect: "Deny", Action: "s3:GetObject" } });

    const { json } = invoke("aws:iam/getPolicyDocument:getPolicyDocument", {
      sourcePolicyDocuments: [source],
      overridePolicyDocuments: [override],
    });

    expect(JSON.parse(String(json)).Statement).to.deep.equal([
      { Sid: "A", Effect: "Deny", Action: "s3:GetObject" },
    ]);
  });

  it("tells a subnet's route table, each its own", () => {
    const table = (subnetId: string) => invoke("aws:ec2/getRouteTable:getRouteTable", { subnetId });
    expect(table("subnet-1").routeTableId).to.match(/^rtb-0[0-9a-f]{16}$/);
    expect(table("subnet-1")).to.deep.equal(table("subnet-1"));
    expect(table("subnet-1").routeTableId).not.to.equal(table("subnet-2").routeTableId);
  });

  it("refuses an invoke without a local answer, tricks with prototypes included", () => {
    expect(() => invoke("aws:ec2/getAmi:getAmi")).to.throw('"aws:ec2/getAmi:getAmi"');
    expect(() => invoke("constructor")).to.throw('"constructor"');
  });
});
