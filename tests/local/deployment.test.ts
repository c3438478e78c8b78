import { expect } from "chai";
import { type Applier, Deployment } from "../../local/deployment.ts";
import type { ResourceNode } from "../../local/engine/graph.ts";
import { graphOf, resourceNode } from "../helpers/graph.ts";

const node = (name: string, size = 1): ResourceNode =>
  resourceNode(name.startsWith("trigger") ? "trigger" : "data", name, {
    urn: `urn:${name}`,
    inputs: { size },
  });

function prepare() {
  const log: string[] = [];
  const applier: Applier = {
    fingerprint: ({ inputs }) => JSON.stringify(inputs),
    create: async ({ name }) => {
      log.push(`+${name}`);
      return async () => {
        log.push(`-${name}`);
      };
    },
  };
  const phase = (type: string) => (resource: ResourceNode) => (resource.type === type ? applier : undefined);
  return { log, deployment: new Deployment([phase("data"), phase("trigger")]) };
}

describe("deployment", () => {
  it("makes the resources phase by phase and undoes them in reverse", async () => {
    const { log, deployment } = prepare();
    await deployment.apply(graphOf(node("trigger"), node("table"), node("stream")));
    await deployment.apply(graphOf());
    expect(log).to.deep.equal(["+table", "+stream", "+trigger", "-trigger", "-stream", "-table"]);
  });

  it("leaves alone what did not change, and replaces what did", async () => {
    const { log, deployment } = prepare();
    await deployment.apply(graphOf(node("table"), node("trigger", 1)));
    const changes = await deployment.apply(graphOf(node("table"), node("trigger", 2), node("stream")));
    expect(log.slice(2)).to.deep.equal(["+stream", "-trigger", "+trigger"]);
    expect(changes).to.deep.equal({ created: ["urn:stream"], replaced: ["urn:trigger"], removed: [] });
  });

  it("undoes what vanished from the program first", async () => {
    const { log, deployment } = prepare();
    await deployment.apply(graphOf(node("table"), node("trigger")));
    const changes = await deployment.apply(graphOf(node("table")));
    expect(log.slice(2)).to.deep.equal(["-trigger"]);
    expect(changes.removed).to.deep.equal(["urn:trigger"]);
  });

  it("rejects only once nothing is under way, and makes up for it the next time", async () => {
    const slow = Promise.withResolvers<void>();
    const log: string[] = [];
    const applier: Applier = {
      fingerprint: ({ inputs }) => JSON.stringify(inputs),
      create: async ({ name, inputs }) => {
        if (inputs.size === 2) throw new Error(`${name} cannot be made`);
        if (name === "slow") await slow.promise;
        log.push(`+${name}`);
        return async () => {
          log.push(`-${name}`);
        };
      },
    };
    const deployment = new Deployment([() => applier]);
    await deployment.apply(graphOf(node("bad")));
    const applied = deployment.apply(graphOf(node("bad", 2), node("slow"))).catch((error: Error) => {
      log.push(error.message);
    });
    slow.resolve();
    await applied;
    expect(log).to.deep.equal(["+bad", "-bad", "+slow", "bad cannot be made"]);
    const changes = await deployment.apply(graphOf(node("bad")));
    expect(changes).to.deep.equal({ created: ["urn:bad"], replaced: [], removed: ["urn:slow"] });
  });
});
