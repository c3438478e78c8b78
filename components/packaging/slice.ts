/**
 * A callback's own source and what it reaches: its text, the imports and the module-level declarations it
 * needs, with every deployment-time value replaced. Everything else of the program stays behind.
 *
 * A free identifier is one of:
 * - an import: kept, unless its module loads Pulumi; then its value is taken;
 * - a module-level declaration: kept and followed, so that it runs once per cold start, unless its value
 *   comes from the deployment; a statement that changes it comes along;
 * - a local of the deployment program: its value is taken.
 * A taken value is an Output read through `.get()`, something JSON-like, or a function (sliced in turn).
 * Imports for their side effect alone are not followed.
 */
import { basename } from "node:path";
import { CaptureError, PackagingError } from "../internal/errors.ts";
import { type Capture, Captures, holdsDeployment, literal } from "./captures.ts";
import type { Callback, Inspected, Inspector, Lookup } from "./locate.ts";
import { ModuleText, type Piece } from "./module-text.ts";
import { isPulumi, type Source, type Sources } from "./source.ts";
import {
  changedVariables,
  contains,
  type FunctionNode,
  type Identifier,
  importOf,
  isTopLevel,
  isTypeOnlyImport,
  type Node,
  outerThis,
  specifierOf,
  topLevelStatement,
  ts,
  type typescript,
  unbundleable,
  variableDeclaration,
  variableUses,
} from "./syntax.ts";
import { Taint } from "./taint.ts";
import { takeValue } from "./values.ts";

/** One virtual module. */
export interface SliceModule {
  /** Absolute path of the file it is cut from; its relative imports resolve from there. */
  file: string;
  code: string;
}

/** A function in a virtual module. */
interface SlicedFunction {
  /** Module id. */
  module: string;
  /** Export. */
  name: string;
}

/** A callback with all it reaches, ready for the bundler. */
export interface Slice {
  callback: SlicedFunction;
  /** Module id -> text: one for each file that something is cut from, so that module state is not doubled. */
  modules: Map<string, SliceModule>;
  captures: Capture[];
}

export interface SliceTools {
  inspector: Inspector;
  sources: Sources;
}

/** @param key names the function's modules; unique in the program. */
export function slice(callback: Callback, functionName: string, key: string, tools: SliceTools): Slice {
  const slicer = new Slicer(functionName, key, tools);
  const sliced = slicer.add(callback);
  return { callback: sliced, modules: slicer.modules(), captures: slicer.captures.list() };
}

/** What is cut from one file. */
interface FileSlice {
  id: string;
  source: Source;
  text: ModuleText;
  taint: Taint;
}

/** All modules of one function. */
class Slicer {
  readonly functionName: string;
  readonly tools: SliceTools;
  readonly captures = new Captures();
  readonly #key: string;
  readonly #files = new Map<string, FileSlice>();
  readonly #direct = new Map<string, SliceModule>();
  readonly #functions = new Map<Callback, SlicedFunction>();

  constructor(functionName: string, key: string, tools: SliceTools) {
    this.functionName = functionName;
    this.tools = tools;
    this.#key = key;
  }

  modules(): Map<string, SliceModule> {
    const cut = [...this.#files.values()].map(({ id, source, text }): [string, SliceModule] => [
      id,
      { file: source.file, code: text.toString() },
    ]);
    return new Map([...this.#direct, ...cut]);
  }

  /** Slices a function, once. */
  add(callback: Callback): SlicedFunction {
    const known = this.#functions.get(callback);
    if (known) return known;
    const inspected = this.tools.inspector.inspect(callback);
    if (!inspected.file) throw new PackagingError(this.functionName, NO_SOURCE);
    const source = this.tools.sources.read(inspected.file);
    const node = source.functionAt(inspected.line, inspected.column, callback.toString());
    if (!node) throw new PackagingError(this.functionName, noFunction(source.path, inspected.line));
    return this.#importable(callback, source, node) ?? this.#cut(callback, node, inspected);
  }

  /** An exported function of a module without Pulumi is imported as it is. */
  #importable(callback: Callback, source: Source, node: FunctionNode): SlicedFunction | undefined {
    const name = exportedName(node);
    if (!name || this.tools.sources.fileReachesPulumi(source.file)) return undefined;
    const module = `slice:${source.path}#${this.#key}.${name}`;
    const code = `export { ${name} as handler } from ${JSON.stringify(`./${basename(source.file)}`)};`;
    this.#direct.set(module, { file: source.file, code });
    const sliced = { module, name: "handler" };
    this.#functions.set(callback, sliced);
    return sliced;
  }

  /** Its name is known before its text is followed, so that it may reach itself. */
  #cut(callback: Callback, node: FunctionNode, inspected: Inspected): SlicedFunction {
    const file = this.#fileSlice(inspected.file);
    const sliced = { module: file.id, name: file.text.unusedName("callback") };
    this.#functions.set(callback, sliced);
    new FunctionSlicer(this, file, inspected).run(node, sliced.name);
    return sliced;
  }

  #fileSlice(path: string): FileSlice {
    const known = this.#files.get(path);
    if (known) return known;
    const source = this.tools.sources.read(path);
    const file = {
      id: `slice:${source.path}#${this.#key}`,
      source,
      text: new ModuleText(source),
      taint: new Taint(source, this.tools.sources),
    };
    this.#files.set(path, file);
    return file;
  }
}

const NO_SOURCE =
  "the callback is a native or bound function, which has no source to package. Write it inline: callback: async (event) => ...";

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

function noFunction(file: string, line: number): string {
  return `no function is found at ${file}:${line + 1}: it is a class, which belongs at module level or inside the callback, or the file has changed since the program started, which then runs again.`;
}

/** The name under which a module-level function is exported, if it is. */
function exportedName(node: FunctionNode): string | undefined {
  const owner = ts.isVariableDeclaration(node.parent) ? node.parent : node;
  const statement = topLevelStatement(node);
  const isOwn = statement === owner || (owner !== node && isTopLevel(owner));
  const modifiers = ts.canHaveModifiers(statement) ? (ts.getModifiers(statement) ?? []) : [];
  const exported = modifiers.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword);
  const isDefault = modifiers.some(({ kind }) => kind === ts.SyntaxKind.DefaultKeyword);
  if (!isOwn || !exported) return undefined;
  return isDefault ? "default" : owner.name?.getText();
}

/** Puts one function, and what it reaches in its file, into the file's module. */
class FunctionSlicer {
  readonly #slicer: Slicer;
  readonly #file: FileSlice;
  readonly #inspected: Inspected;

  constructor(slicer: Slicer, file: FileSlice, inspected: Inspected) {
    this.#slicer = slicer;
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
      if (!declaration) continue;
      if (importOf(declaration)) this.#followImport(use, declaration, piece);
      else if (isTopLevel(declaration)) this.#followTopLevel(use, declaration, piece);
      else if (!contains(root, declaration)) this.#take(use, this.#inspected.lookup(use.text), piece);
    }
  }

  #followImport(use: Identifier, declaration: Node, piece: Piece): void {
    const statement = importOf(declaration);
    if (!statement || isTypeOnlyImport(declaration)) return;
    const specifier = specifierOf(statement);
    if (isPulumi(specifier)) throw this.#pulumiUse(use, specifier);
    const found = this.#inspected.lookupTopLevel(use.text);
    const isValue = found.state === "known" && holdsDeployment(found.value);
    if (isValue || this.#slicer.tools.sources.reachesPulumi(specifier, this.#file.source.file)) {
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
      captures: this.#slicer.captures,
      nameOf: (callback) => this.#nameOf(this.#slicer.add(callback)),
      error: (node, problem, cure) => this.#error(node, problem, cure),
    });
  }

  #nameOf({ module, name }: SlicedFunction): string {
    return module === this.#file.id ? name : this.#file.text.importFunction(module, name);
  }

  #error(node: Node, problem: string, cure: string): CaptureError {
    const place = this.#file.source.placeOf(node);
    return new CaptureError({ functionName: this.#slicer.functionName, place, problem, cure });
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
