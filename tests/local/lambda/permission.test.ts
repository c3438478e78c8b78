import { expect } from "chai";
import type { Graph, PropertyMap } from "../../../local/engine/graph.ts";
import { functionNameOf, mayInvoke } from "../../../local/lambda/permission.ts";
import { resourceNode } from "../../helpers/graph.ts";

const RULE = "arn:aws:events:eu-west-1:000000000000:rule/orders/placed";
const FUNCTION = "arn:aws:lambda:eu-west-1:000000000000:function:work";

const graphWith = (permission: PropertyMap): Graph => ({
  project: "test",
  stack: "dev",
  dryRun: false,
  resources: [
    resourceNode("aws:lambda/permission:Permission", "grant", {
      inputs: permission,
      outputs: permission,
    }),
  ],
  outputs: {},
  durationMs: 0,
});

const GRANT: PropertyMap = {
  action: "lambda:InvokeFunction",
  function: "work",
  principal: "events.amazonaws.com",
  sourceArn: RULE,
};

const allows = (permission: PropertyMap, sourceArn = RULE): boolean =>
  mayInvoke(graphWith(permission), "work", { service: "events.amazonaws.com", sourceArn });

describe("a function's permissions", () => {
  it("let in the service for the resource that they name, by the function's name or ARN", () => {
    expect(allows(GRANT)).to.equal(true);
    expect(allows({ ...GRANT, function: FUNCTION })).to.equal(true);
    expect(allows({ ...GRANT, sourceArn: "arn:aws:events:eu-west-1:000000000000:rule/orders/*" })).to.equal(
      true,
    );
  });

  it("let an alias be invoked only where they name it", () => {
    const invoked = (target: string, permission: PropertyMap) =>
      mayInvoke(graphWith(permission), target, { service: "events.amazonaws.com", sourceArn: RULE });
    expect(invoked(`${FUNCTION}:live`, { ...GRANT, qualifier: "live" })).to.equal(true);
    expect(invoked(`${FUNCTION}:live`, { ...GRANT, function: `${FUNCTION}:live` })).to.equal(true);
    expect(invoked(`${FUNCTION}:live`, GRANT)).to.equal(false);
    expect(invoked(FUNCTION, { ...GRANT, qualifier: "live" })).to.equal(false);
  });

  const refused: [string, PropertyMap][] = [
    ["another function", { function: "other" }],
    ["another service", { principal: "s3.amazonaws.com" }],
    ["another resource", { sourceArn: `${RULE}-2` }],
    ["another action", { action: "lambda:GetFunction" }],
    ["another account", { sourceAccount: "111111111111" }],
  ];
  for (const [noun, change] of refused) {
    it(`for ${noun} let nothing in`, () => {
      expect(allows({ ...GRANT, ...change })).to.equal(false);
    });
  }

  it("name a function by its name, its ARN, or a version's", () => {
    expect(["work", "work:1", FUNCTION, `${FUNCTION}:live`].map(functionNameOf)).to.deep.equal(
      Array(4).fill("work"),
    );
  });
});
