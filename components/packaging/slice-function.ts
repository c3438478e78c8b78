/**
 * One function in its file's module: its text, and all that its free identifiers reach.
 *
 * A free identifier is one of:
 * - an import: kept, unless its module loads Pulumi; then its value is taken;
 * - a module-level declaration: kept and followed, so that it runs once per cold start, unless its value
 *   comes from the deployment; a statement that changes it comes along;
 * - a local of the deployment program: its value is taken.
 * A taken value is an Output read through `.get()`, something JSON-like, or a function (sliced in turn).
 * Imports for their side effect alone are not followed.
 */
import { CaptureError } from "../internal/errors.ts";
import { type Captures, holdsDeployment, literal } from "./captures.ts";
import { isKnownGlobal } from "./known-globals.ts";
import type { Callback, Inspected, Lookup } from "./locate.ts";
import type { ModuleText, Piece } from "./module-text.ts";
import { isPulumi, type Source, type Sources } from "./source.ts";
import {
  changedVariables,
  contains,
  type FunctionNode,
  type Identifier,
  importOf,
  isProbed,
  isTopLevel,
  isTypeOnlyImport,
  type Node,
  outerThis,
  specifierOf,
  ts,
  type typescript,
  unbundleable,
  variableDeclaration,
  variableUses,
} from "./syntax.ts";
import type { Taint } from "./taint.ts";
import { takeValue } from "./values.ts";

/** A function in a virtual module. */
export interface SlicedFunction {
  /** Module id. */
  module: string;
  /** Export. */
  name: string;
}

/** What is cut from one file. */
export interface FileSlice {
  id: string;
  source: Source;
  text: ModuleText;
  taint: Taint;
}

/** The function's package, to which other functions may be added. */
export interface FunctionModules {
  functionName: string;
  sources: Sources;
  captures: Captures;
  add(callback: Callback): SlicedFunction;
}

/** Puts one function, and what it reaches in its file, into the file's module. */
export class FunctionSlicer {
  readonly #modules: FunctionModules;
  readonly #file: FileSlice;
  readonly #inspected: Inspected;

  constructor(modules: FunctionModules, file: FileSlice, inspected: Inspected) {
    this.#modules = modules;
    this.#file = file;
    this.#inspected = inspected;
  }

  run(callback: FunctionNode, name: string): void {
    this.#refuseSurroundings(callback);
    if (ts.isFunctionDeclaration(callback) && callback.name && isTopLevel(callback)) {
      this.#file.text.exportDeclaration(callback.name.text, name);
      this.#keep(callback);
      return;
    }
    const around: [string, string] = ts.isMethodDeclaration(callback)
      ? ["({ ", ` })${memberOf(callback.name)}`]
      : ["", ""];
    this.#follow(this.#file.text.keepFunction(callback, name, around));
  }

  /** `this`, `super`, `arguments` and methods of classes belong to the deployment program. */
  #refuseSurroundings(callback: FunctionNode): void {
    const foreign = outerThis(callback);
    if (foreign) {
      const name = foreign.getText();
      throw this.#error(
        foreign,
        `the callback uses '${name}', which exists only at deployment`,
        `Copy what it needs from '${name}' into a constant beside the callback, and use that.`,
      );
    }
    if (ts.isClassLike(callback.parent) || ts.isAccessor(callback)) {
      const problem = "the callback is a member of a class or an accessor";
      throw this.#error(callback, problem, "Write it inline: callback: async (event) => ...");
    }
  }

  /** Keeps a declaration or statement of the file and all it reaches. */
  #keep(node: Node, before = "", after = ";"): boolean {
    const piece = this.#file.text.keep(node, before, after);
    if (piece) this.#follow(piece);
    return piece !== undefined;
  }

  /** Deals with every free identifier of a kept piece. */
  #follow(piece: Piece): void {
    const root = piece.node;
    const blocked = unbundleable(root);
    if (blocked) throw this.#unbundleable(blocked);
    for (const use of variableUses(root)) {
      const declaration = this.#file.source.declarationOf(use);
      if (!declaration) this.#refuseUndeclared(use, root);
      else if (importOf(declaration)) this.#followImport(use, declaration, piece);
      else if (isTopLevel(declaration)) this.#followTopLevel(use, declaration, piece);
      else if (!contains(root, declaration)) this.#take(use, this.#inspected.lookup(use.text), piece);
    }
  }

  /** A forgotten import would fail in Lambda at the first call; what the code probes for may be missing. */
  #refuseUndeclared(use: Identifier, root: Node): void {
    if (isKnownGlobal(use.text) || isProbed(root, use.text)) return;
    throw this.#error(
      use,
      `'${use.text}' is not declared anywhere, and is no global of Node.js in Lambda`,
      `Import or declare it; where it may be missing, ask first: typeof ${use.text} === "undefined".`,
    );
  }

  #followImport(use: Identifier, declaration: Node, piece: Piece): void {
    const statement = importOf(declaration);
    if (!statement || isTypeOnlyImport(declaration)) return;
    const specifier = specifierOf(statement);
    if (isPulumi(specifier)) throw this.#pulumiUse(use, specifier);
    const found = this.#inspected.lookupTopLevel(use.text);
    const isValue = found.state === "known" && holdsDeployment(found.value);
    if (isValue || this.#modules.sources.reachesPulumi(specifier, this.#file.source.file)) {
      this.#take(use, found, piece);
    } else this.#file.text.keepImport(statement, declaration);
  }

  #followTopLevel(use: Identifier, declaration: Node, piece: Piece): void {
    const variable = variableDeclaration(declaration);
    if (!variable) {
      this.#keep(declaration);
      return;
    }
    const found = this.#inspected.lookupTopLevel(use.text);
    if (this.#isDeployed(variable, found)) this.#take(use, found, piece);
    else this.#keepVariable(variable);
  }

  #keepVariable(variable: typescript.VariableDeclaration): void {
    if (!this.#keep(variable, `${keywordOf(variable)} `)) return;
    for (const statement of this.#file.source.statements) {
      if (this.#changes(statement, variable)) this.#keep(statement);
    }
  }

  /** `routes.set("a", f);` at module level is part of what `routes` is. */
  #changes(statement: Node, variable: Node): boolean {
    if (ts.isVariableStatement(statement) || ts.isFunctionDeclaration(statement)) return false;
    return changedVariables(statement).some((use) => {
      const declaration = this.#file.source.declarationOf(use);
      return declaration !== undefined && variableDeclaration(declaration) === variable;
    });
  }

  /** Whether a module-level variable's value comes from the deployment. */
  #isDeployed(variable: Node, found: Lookup): boolean {
    if (found.state === "known" && holdsDeployment(found.value)) return true;
    if (this.#file.taint.reachesPulumi(variable)) return true;
    if (found.state !== "known" || !this.#file.taint.mentionsPulumi(variable)) return false;
    return typeof found.value !== "function" && literal(found.value) !== undefined;
  }

  #take(use: Identifier, found: Lookup, piece: Piece): void {
    takeValue(use, found, {
      text: this.#file.text,
      piece,
      captures: this.#modules.captures,
      nameOf: (callback) => this.#nameOf(this.#modules.add(callback)),
      error: (node, problem, cure) => this.#error(node, problem, cure),
    });
  }

  #nameOf({ module, name }: SlicedFunction): string {
    return module === this.#file.id ? name : this.#file.text.importFunction(module, name);
  }

  #error(node: Node, problem: string, cure: string): CaptureError {
    const place = this.#file.source.placeOf(node);
    return new CaptureError({ functionName: this.#modules.functionName, place, problem, cure });
  }

  #pulumiUse(use: Identifier, specifier: string): CaptureError {
    return this.#error(
      use,
      `the callback uses '${use.text}' from '${specifier}', which exists only at deployment`,
      "Compute the value outside the callback; an Output is read inside it with .get().",
    );
  }

  #unbundleable(node: Node): CaptureError {
    if (ts.isMetaProperty(node)) {
      return this.#error(
        node,
        "'import.meta' does not exist in Lambda: the bundle is one CommonJS file",
        "Import the file it points to, or pass the value in as a constant.",
      );
    }
    return this.#error(
      node,
      "'await' at the top of a module cannot be bundled: the bundle is one CommonJS file",
      "Keep the promise in the constant, and await it inside the callback.",
    );
  }
}

/** `.name`, or `["name"]` where the name is no identifier. */
function memberOf(name: typescript.PropertyName): string {
  if (ts.isIdentifier(name)) return `.${name.text}`;
  return ts.isComputedPropertyName(name) ? `[${name.expression.getText()}]` : `[${name.getText()}]`;
}

/** `const`, `let`, `var` or `using`, as written. */
function keywordOf(variable: typescript.VariableDeclaration): string {
  const list = variable.parent;
  return list.getFirstToken()?.getText() ?? "const";
}
