import { expect } from "chai";
import { nodeProblem } from "../../../local/engine/node.ts";
import { framePath, framesOf, headline, programPosition, rootCause } from "../../../local/engine/source.ts";
import { createUrn, parseUrn } from "../../../local/engine/urn.ts";

const STACK = `Running program '/work/index.ts' failed with an unhandled exception:
\u001b[31mError: Queue "orders": visibilityTimeout 20 s is too short.
Set it to 180 s.\u001b[39m
    at new Queue (file:///work/components/queue.ts:80:11)
    at createOrders (file:///work/stacks/orders.ts:12:3)
    at file:///work/index.ts:7:1
    at async node:internal/modules/esm/loader:1:1
    at Object.<anonymous> (/work/node_modules/@pulumi/pulumi/cmd/run/run.js:3:4)`;

describe("local/engine/source", () => {
  it("finds the error's words and the program's own lines", () => {
    expect(headline(STACK)).to.equal(
      'Queue "orders": visibilityTimeout 20 s is too short.\nSet it to 180 s.',
    );
    expect(programPosition(framesOf(STACK), "/work")).to.equal(
      "components/queue.ts:80:11, called from stacks/orders.ts:12:3",
    );
    expect(rootCause("Error: plain", "/work")).to.equal("plain");
  });

  it("undoes Pulumi's turning of URLs into URLs", () => {
    expect(framePath("file:///work/file:/work/stacks/api.ts")).to.equal("/work/stacks/api.ts");
    expect(framePath("file:///work/a%20b/api.ts")).to.equal("/work/a b/api.ts");
    expect(framePath("/work/api.ts")).to.equal("/work/api.ts");
  });
});

describe("local/engine/urn", () => {
  it("carries the types of all ancestors, and not the stack's", () => {
    const program = { stack: "dev", project: "p" };
    const stack = createUrn(program, { parent: "", type: "pulumi:pulumi:Stack", name: "p-dev" });
    const outer = createUrn(program, { parent: stack, type: "a:index:Outer", name: "o" });
    const inner = createUrn(program, { parent: outer, type: "a:index:Inner", name: "i" });

    expect(outer).to.equal("urn:pulumi:dev::p::a:index:Outer::o");
    expect(inner).to.equal("urn:pulumi:dev::p::a:index:Outer$a:index:Inner::i");
    expect(parseUrn(inner)).to.deep.equal({
      stack: "dev",
      project: "p",
      qualifiedType: "a:index:Outer$a:index:Inner",
      name: "i",
    });
    expect(parseUrn(createUrn(program, { parent: stack, type: "t", name: "GET /a::b" })).name).to.equal(
      "GET /a::b",
    );
    expect(() => parseUrn("arn:aws:s3:::b")).to.throw("is not a Pulumi URN");
  });
});

describe("local/engine/node", () => {
  it("takes every Node that strips types by itself, and no other", () => {
    for (const version of ["22.18.0", "23.6.0", "24.0.0", "26.1.2"])
      expect(nodeProblem(version)).to.equal(undefined);
    for (const version of ["20.20.2", "22.17.1", "23.5.0"]) expect(nodeProblem(version)).to.contain(version);
  });
});
