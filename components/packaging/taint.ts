/**
 * Which module-level declarations come from the deployment: those whose source leads to Pulumi.
 */
import type { Source, Sources } from "./source.ts";
import {
  contains,
  eagerVariableUses,
  type Identifier,
  importOf,
  isFunction,
  isTypeOnlyImport,
  type Node,
  specifierOf,
  variableDeclaration,
  variableUses,
} from "./syntax.ts";

type UsesOf = (root: Node) => Identifier[];

/** The answers for one file. */
export class Taint {
  readonly #source: Source;
  readonly #sources: Sources;
  readonly #eager = new Map<Node, boolean>();
  readonly #all = new Map<Node, boolean>();

  constructor(source: Source, sources: Sources) {
    this.#source = source;
    this.#sources = sources;
  }

  /** By what runs when the declaration does. */
  reachesPulumi(declaration: Node): boolean {
    return this.#isTainted(declaration, eagerVariableUses, this.#eager);
  }

  /** Also by what nested functions mention, which may or may not have run. */
  mentionsPulumi(declaration: Node): boolean {
    return this.#isTainted(declaration, variableUses, this.#all);
  }

  #isTainted(declaration: Node, usesOf: UsesOf, known: Map<Node, boolean>): boolean {
    const answer = known.get(declaration);
    if (answer !== undefined) return answer;
    known.set(declaration, false);
    const tainted = importOf(declaration)
      ? this.#isTaintedImport(declaration)
      : this.#uses(declaration, usesOf).some((target) => this.#isTainted(target, usesOf, known));
    known.set(declaration, tainted);
    return tainted;
  }

  #isTaintedImport(declaration: Node): boolean {
    const statement = importOf(declaration);
    if (!statement || isTypeOnlyImport(declaration)) return false;
    return this.#sources.reachesPulumi(specifierOf(statement), this.#source.file);
  }

  /** The file's declarations that this one is made of. */
  #uses(declaration: Node, usesOf: UsesOf): Node[] {
    const root = isFunction(declaration) ? (declaration.body ?? declaration) : declaration;
    return usesOf(root).flatMap((use) => {
      const target = this.#source.declarationOf(use);
      if (!target || contains(root, target)) return [];
      return [variableDeclaration(target) ?? target];
    });
  }
}
