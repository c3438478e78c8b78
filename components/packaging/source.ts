/**
 * Source files of the program, parsed once each however many callbacks they hold.
 */
import { existsSync, readFileSync } from "node:fs";
import { dirname, relative, resolve, sep } from "node:path";
import type { SourcePlace } from "../internal/errors.ts";
import {
  type FunctionNode,
  type Identifier,
  isFunction,
  type Node,
  startWithoutExport,
  ts,
  type typescript,
} from "./syntax.ts";

/** What only exists while the program is planned. */
const PULUMI = /^@pulumi\//;
const SCRIPT = /\.[cm]?[jt]sx?$/;
/** Any text in quotes that may be a relative import, types and comments included. */
const RELATIVE = /["'](\.{1,2}\/[^"'\n]+)["']/g;

export function isPulumi(specifier: string): boolean {
  return PULUMI.test(specifier);
}

/** One parsed file. */
export class Source {
  /** Absolute. */
  readonly file: string;
  /** Relative to the project, with forward slashes: the same on every machine. */
  readonly path: string;
  readonly text: string;
  readonly #tree: typescript.SourceFile;
  #checker: typescript.TypeChecker | undefined;

  constructor(file: string, text: string, root: string) {
    this.file = file;
    this.path = relative(root, file).split(sep).join("/");
    this.text = text;
    this.#tree = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  }

  get statements(): readonly Node[] {
    return this.#tree.statements;
  }

  /**
   * The function at V8's position whose text is the one that runs.
   * @param running the function's own `toString()`: this file's text with the types blanked out.
   */
  functionAt(line: number, column: number, running: string): FunctionNode | undefined {
    if (line >= this.#tree.getLineStarts().length) return undefined;
    const position = this.#tree.getPositionOfLineAndCharacter(line, column);
    let found: FunctionNode | undefined;
    const step = (node: Node): void => {
      if (position < node.getFullStart() || position > node.end) return;
      if (isFunction(node) && this.#isText(node, running)) found = node;
      ts.forEachChild(node, step);
    };
    step(this.#tree);
    return found;
  }

  /** A type at the very end is not part of the running text, and neither is `export`. */
  #isText(node: Node, running: string): boolean {
    const start = startWithoutExport(node, this);
    const text = this.text.slice(start, start + running.length);
    return start + running.length <= node.end && isStripped(running, text);
  }

  /** Where the variable is declared, if in this file. */
  declarationOf(use: Identifier): Node | undefined {
    const checker = this.#typeChecker();
    const symbol = ts.isShorthandPropertyAssignment(use.parent)
      ? checker.getShorthandAssignmentValueSymbol(use.parent)
      : checker.getSymbolAtLocation(use);
    const declarations = symbol?.declarations ?? [];
    const implementation = declarations.find((each) => isFunction(each) && each.body);
    const declaration = implementation ?? symbol?.valueDeclaration ?? declarations[0];
    return declaration?.getSourceFile() === this.#tree ? declaration : undefined;
  }

  start(node: Node): number {
    return node.getStart(this.#tree);
  }

  textOf(node: Node): string {
    return this.text.slice(this.start(node), node.end);
  }

  /** Line from 0. */
  lineOf(node: Node): number {
    return this.#tree.getLineAndCharacterOfPosition(this.start(node)).line;
  }

  placeOf(node: Node): SourcePlace {
    const { line, character } = this.#tree.getLineAndCharacterOfPosition(this.start(node));
    const text = this.text.split("\n")[line] ?? "";
    return { file: this.path, line: line + 1, column: character + 1, text };
  }

  /** Run-time imports: type-only ones are gone. */
  runtimeImports(): string[] {
    return this.#tree.statements.flatMap((statement) => runtimeSpecifier(statement) ?? []);
  }

  /** Only scopes are needed, so the one-file program has no library and resolves no import. */
  #typeChecker(): typescript.TypeChecker {
    this.#checker ??= ts
      .createProgram(
        [this.#tree.fileName],
        { noLib: true, noResolve: true, types: [], allowJs: true, target: ts.ScriptTarget.Latest },
        this.#host(),
      )
      .getTypeChecker();
    return this.#checker;
  }

  #host(): typescript.CompilerHost {
    return {
      getSourceFile: (name) => (name === this.#tree.fileName ? this.#tree : undefined),
      writeFile: () => undefined,
      getDefaultLibFileName: () => "",
      useCaseSensitiveFileNames: () => true,
      getCanonicalFileName: (name) => name,
      getCurrentDirectory: () => dirname(this.file),
      getNewLine: () => "\n",
      fileExists: (name) => name === this.#tree.fileName,
      readFile: () => undefined,
      directoryExists: () => true,
      getDirectories: () => [],
    };
  }
}

function runtimeSpecifier(statement: Node): string | undefined {
  if (ts.isImportDeclaration(statement) && !isErasedImport(statement))
    return literal(statement.moduleSpecifier);
  if (ts.isExportDeclaration(statement) && !statement.isTypeOnly) return literal(statement.moduleSpecifier);
  return undefined;
}

function isErasedImport(statement: typescript.ImportDeclaration): boolean {
  return statement.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword;
}

function literal(specifier: Node | undefined): string | undefined {
  return specifier && ts.isStringLiteral(specifier) ? specifier.text : undefined;
}

/** Whether `running` is `text` without its types: blanks, and brackets or semicolons that guard line ends. */
function isStripped(running: string, text: string): boolean {
  for (let index = 0; index < running.length; index += 1) {
    const character = running.charAt(index);
    if (character !== text.charAt(index) && !/[\s;)]/.test(character)) return false;
  }
  return true;
}

/** All files of one run. */
export class Sources {
  readonly #root: string;
  readonly #texts = new Map<string, string>();
  readonly #files = new Map<string, Source>();
  readonly #reaching = new Map<string, boolean>();

  /** @param root the project's folder. */
  constructor(root: string) {
    this.#root = root;
  }

  read(file: string): Source {
    let source = this.#files.get(file);
    if (!source) {
      source = new Source(file, this.#textOf(file), this.#root);
      this.#files.set(file, source);
    }
    return source;
  }

  /** Whether importing `specifier` from `importer` loads Pulumi; npm packages are taken not to. */
  reachesPulumi(specifier: string, importer: string): boolean {
    if (isPulumi(specifier)) return true;
    return specifier.startsWith(".") && this.fileReachesPulumi(resolve(dirname(importer), specifier));
  }

  fileReachesPulumi(file: string): boolean {
    const known = this.#reaching.get(file);
    if (known !== undefined) return known;
    const reaches = this.#mayReach(file, new Set()) && this.#search(file, new Set());
    this.#reaching.set(file, reaches);
    return reaches;
  }

  /** False for certain when nothing that the file may import so much as names Pulumi: parsing takes far longer. */
  #mayReach(file: string, seen: Set<string>): boolean {
    if (seen.has(file) || !SCRIPT.test(file) || !existsSync(file)) return false;
    seen.add(file);
    const text = this.#textOf(file);
    if (text.includes("@pulumi/")) return true;
    const imports = [...text.matchAll(RELATIVE)].map(([, specifier = ""]) => specifier);
    return imports.some((specifier) => this.#mayReach(resolve(dirname(file), specifier), seen));
  }

  #textOf(file: string): string {
    const text = this.#texts.get(file) ?? readFileSync(file, "utf8");
    this.#texts.set(file, text);
    return text;
  }

  #search(file: string, seen: Set<string>): boolean {
    if (seen.has(file) || !SCRIPT.test(file) || !existsSync(file)) return false;
    seen.add(file);
    return this.read(file)
      .runtimeImports()
      .some((specifier) => {
        if (isPulumi(specifier)) return true;
        return specifier.startsWith(".") && this.#search(resolve(dirname(file), specifier), seen);
      });
  }
}
