/**
 * A callback's own source and what it reaches: its text, the imports and the module-level declarations it
 * needs, with every deployment-time value replaced. Everything else of the program stays behind.
 */
import { basename } from "node:path";
import { PackagingError } from "../internal/errors.ts";
import { type Capture, Captures } from "./captures.ts";
import type { Callback, Inspected, Inspector } from "./locate.ts";
import { ModuleText } from "./module-text.ts";
import { type FileSlice, FunctionSlicer, type SlicedFunction } from "./slice-function.ts";
import type { Source, Sources } from "./source.ts";
import { type FunctionNode, isTopLevel, topLevelStatement, ts } from "./syntax.ts";
import { Taint } from "./taint.ts";

/** One virtual module. */
export interface SliceModule {
  /** Absolute path of the file it is cut from; its relative imports resolve from there. */
  file: string;
  code: string;
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

/** All modules of one function. */
class Slicer {
  readonly functionName: string;
  readonly sources: Sources;
  readonly captures = new Captures();
  readonly #inspector: Inspector;
  readonly #key: string;
  readonly #files = new Map<string, FileSlice>();
  readonly #direct = new Map<string, SliceModule>();
  readonly #functions = new Map<Callback, SlicedFunction>();

  constructor(functionName: string, key: string, tools: SliceTools) {
    this.functionName = functionName;
    this.sources = tools.sources;
    this.#inspector = tools.inspector;
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
    const inspected = this.#inspector.inspect(callback);
    if (!inspected.file) throw new PackagingError(this.functionName, NO_SOURCE);
    const source = this.sources.read(inspected.file);
    const node = source.functionAt(inspected.line, inspected.column, callback.toString());
    if (!node) throw new PackagingError(this.functionName, noFunction(source.path, inspected.line));
    return this.#importable(callback, source, node) ?? this.#cut(callback, node, inspected);
  }

  /** An exported function of a module without Pulumi is imported as it is. */
  #importable(callback: Callback, source: Source, node: FunctionNode): SlicedFunction | undefined {
    const name = exportedName(node);
    if (!name || this.sources.fileReachesPulumi(source.file)) return undefined;
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
    const source = this.sources.read(path);
    const file = {
      id: `slice:${source.path}#${this.#key}`,
      source,
      text: new ModuleText(source),
      taint: new Taint(source, this.sources),
    };
    this.#files.set(path, file);
    return file;
  }
}

const NO_SOURCE =
  "the callback is a native or bound function, which has no source to package. Write it inline: callback: async (event) => ...";

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
