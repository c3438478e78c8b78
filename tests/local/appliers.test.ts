import { expect } from "chai";
import { sourceAppliers } from "../../local/appliers.ts";
import type { ResourceNode } from "../../local/engine/graph.ts";
import { Hosts } from "../../local/hosts.ts";
import type { SourceContext } from "../../local/sources/source.ts";
import { graphOf, resourceNode } from "../helpers/graph.ts";

const node = (type: string, name: string, size = 1): ResourceNode =>
  resourceNode(type, name, { urn: `urn:${name}`, inputs: { size } });

const applierOf = sourceAppliers(
  [{ types: ["aws:api:Api"], family: ["aws:api:"], start: async () => undefined }],
  { context: () => ({}) as SourceContext, hosts: new Hosts(), running: new Map() },
);

describe("a trigger's fingerprint", () => {
  const api = node("aws:api:Api", "api");
  const fingerprint = (...others: ResourceNode[]) =>
    applierOf(api)?.fingerprint(api, graphOf(api, ...others));
  const [a, b] = [node("aws:api:Route", "a"), node("aws:api:Route", "b")];

  it("is the same in whatever order the program has registered its resources", () => {
    expect(fingerprint(a, b)).to.equal(fingerprint(b, a));
  });

  it("changes with its family, and with nothing else", () => {
    expect(fingerprint(a, node("aws:api:Route", "b", 2))).not.to.equal(fingerprint(a, b));
    expect(fingerprint(a, b, node("aws:other:Thing", "c"))).to.equal(fingerprint(a, b));
  });
});
