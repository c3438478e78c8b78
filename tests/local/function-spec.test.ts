import { expect } from "chai";
import { ARCHIVE, SIGNATURE } from "../../local/engine/graph.ts";
import { functionSpec } from "../../local/function-spec.ts";
import { graphOf, resourceNode } from "../helpers/graph.ts";

const ARN = "arn:aws:lambda:us-east-1:000000000000:function:work";

const place = {
  directory: "/program",
  region: "us-east-1",
  endpointUrl: "http://127.0.0.1:4566",
  localise: (variables: Record<string, string>) => variables,
  secretAccessKey: () => "secret",
};

const lambda = (outputs: Record<string, string | number | boolean> = {}) =>
  resourceNode("aws:lambda/function:Function", "work", {
    inputs: { code: { [SIGNATURE]: ARCHIVE, path: "work.zip" } },
    outputs: { name: "work", arn: ARN, handler: "index.handler", version: "$LATEST", ...outputs },
  });

const provisioned = (functionName: string, count: number) =>
  resourceNode("aws:lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig", functionName, {
    outputs: { functionName, qualifier: "live", provisionedConcurrentExecutions: count },
  });

describe("what the pool learns of a function", () => {
  it("is the version that runs: the published one where there is one", () => {
    const specOf = (node = lambda()) => functionSpec(node, graphOf(node), place);
    expect(specOf().version).to.equal("$LATEST");
    expect(specOf(lambda({ publish: true, version: "1" })).version).to.equal("1");
  });

  it("is how many environments start with the system, whoever names the function", () => {
    const graph = graphOf(
      lambda(),
      provisioned("work", 2),
      provisioned(`${ARN}:live`, 3),
      provisioned("other", 9),
    );
    expect(functionSpec(lambda(), graph, place).provisionedConcurrency).to.equal(5);
    expect(functionSpec(lambda(), graphOf(lambda()), place).provisionedConcurrency).to.equal(0);
  });
});
