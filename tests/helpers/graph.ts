import type { Graph, ResourceNode } from "../../local/engine/graph.ts";

/** A registered resource as tests sketch it: type, name, and whatever differs from the plainest one. */
export function resourceNode(type: string, name: string, differs: Partial<ResourceNode> = {}): ResourceNode {
  return {
    urn: `urn:pulumi:test::test::${type}::${name}`,
    type,
    name,
    custom: true,
    remote: false,
    parent: "",
    id: name,
    inputs: {},
    outputs: {},
    dependencies: [],
    propertyDependencies: {},
    protect: false,
    deleteBeforeReplace: false,
    ignoreChanges: [],
    aliases: [],
    ...differs,
  };
}

/** A graph of these resources. */
export const graphOf = (...resources: ResourceNode[]): Graph => ({
  project: "test",
  stack: "test",
  dryRun: false,
  resources,
  outputs: {},
  durationMs: 0,
});
