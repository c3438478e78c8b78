import { expect } from "chai";
import { nodeProblem } from "../../../local/engine/node.ts";
import { framePath, framesOf, headline, programPosition, rootCause } from "../../../local/engine/source.ts";
import { createUrn, parseUrn } from "../../../local/engine/urn.ts";

const STACK = `Running program '/app/index.ts' failed with an unhandled exception:
\u001b[31mError: Queue "orders": visibilityTimeout 20 s is too short.
Set it to 180 s.\u001b[39m
    at new Queue (file:///app/components/queue.ts:80:11)
    at createOrders (file:///app/stacks/orders.ts:12:3)
    at file:///app/index.ts:7:1
    at async node:internal/modules/esm/loader:1:1
    at Object.<anonymous> (/app/node_modules/@pulumi/pulumi/cmd/run/run.js:3:4)`;

describe("local/engine/source", () => {
  it("finds the error's words and the program's own lines", () => {
    expect(headline(STACK)).to.equal(
      'Queue "orders": visibilityTimeout 20 s is too short.\nSet it to 180 s.',
    );
    expect(programPosition(framesOf(STACK), "/app")).to.equal(
      "components/queue.ts:80:11, called from stacks/orders.ts:12:3",
    );
    expect(rootCause("Error: plain", "/app")).to.equal("plain");
  });

  it("undoes Pulumi's turning of URLs into URLs", () => {
    expect(framePath("file:///app/file:/app/stacks/api.ts")).to.equal("/app/stacks/api.ts");
    expect(framePath("file:///app/a%20b/api.ts")).to.equal("/app/a b/api.ts");
    expect(framePath("/app/api.ts")).to.equal("/app/api.ts");
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
