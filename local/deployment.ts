import type { Graph, ResourceNode } from "./engine/graph.ts";

/** What it takes to make one registered resource real on this machine. */
export interface Applier {
  /**
   * What the resource is made from, as text: when it changes between two evaluations, the resource is made anew.
   * Data outlives a change of settings, so a stream or table gives its name only.
   */
  fingerprint(node: ResourceNode, graph: Graph): string;
  /** Makes it; resolves with how to undo that. */
  create(node: ResourceNode, graph: Graph): Promise<() => Promise<void>>;
}

interface Applied {
  fingerprint: string;
  undo: () => Promise<void>;
}

/** URNs of the resources that an evaluation changed. */
export interface Changes {
  created: string[];
  replaced: string[];
  removed: string[];
}

/**
 * Brings this machine to what a graph says: what vanished is undone, what changed is made anew, what is new is
 * made, the rest is left as it is. Phases run one after the other (data before functions before triggers), the
 * resources of one phase at once. When one fails, `apply` rejects as soon as nothing is under way any more.
 */
export class Deployment {
  readonly #phases: ((node: ResourceNode) => Applier | undefined)[];
  readonly #applied = new Map<string, Applied>();

  constructor(phases: ((node: ResourceNode) => Applier | undefined)[]) {
    this.#phases = phases;
  }

  async apply(graph: Graph): Promise<Changes> {
    const changes: Changes = { created: [], replaced: [], removed: [] };
    const present = new Set(graph.resources.map(({ urn }) => urn));
    for (const urn of [...this.#applied.keys()].reverse()) {
      if (present.has(urn)) continue;
      await this.#undo(urn);
      changes.removed.push(urn);
    }
    for (const phase of this.#phases) {
      await allSettled(graph.resources.map((node) => this.#applyNode(node, phase(node), graph, changes)));
    }
    return changes;
  }

  async #applyNode(
    node: ResourceNode,
    applier: Applier | undefined,
    graph: Graph,
    changes: Changes,
  ): Promise<void> {
    if (!applier) return;
    const fingerprint = applier.fingerprint(node, graph);
    const before = this.#applied.get(node.urn);
    if (before?.fingerprint === fingerprint) return;
    if (before) await this.#undo(node.urn);
    const undo = await applier.create(node, graph);
    this.#applied.set(node.urn, { fingerprint, undo });
    changes[before ? "replaced" : "created"].push(node.urn);
  }

  async #undo(urn: string): Promise<void> {
    const applied = this.#applied.get(urn);
    this.#applied.delete(urn);
    await applied?.undo();
  }
}

/**
 * Like `Promise.all`, but a failure is told only once all have ended: whoever cleans up after it must not be
 * overtaken by a server that starts listening a moment later.
 */
export async function allSettled<T>(work: Promise<T>[]): Promise<T[]> {
  const results = await Promise.allSettled(work);
  return results.map((result) => {
    if (result.status === "rejected") throw result.reason;
    return result.value;
  });
}
