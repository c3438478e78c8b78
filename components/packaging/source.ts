/**
 * Source files of the program, parsed once each however many callbacks they hold.
 */
import { existsSync, readFileSync } from "node:fs";
import { dirname, relative, resolve, sep } from "node:path";
import type { SourcePlace } from "../internal/errors.ts";
import { type FunctionNode, type Identifier, isFunction, type Node, ts, type typescript } from "./syntax.ts";

/** What only exists while the program is planned. */
const PULUMI = /^@pulumi\//;
const SCRIPT = /\.[cm]?[jt]sx?$/;

export function isPulumi(specifier: string): boolean {
  return PULUMI.test(specifier);
}

/** One parsed file. */
export class Source {
  readonly file: string;
  readonly text: string;
  readonly #tree: typescript.SourceFile;
  #checker: typescript.TypeChecker | undefined;

  constructor(file: string, text: string) {
    this.file = file;
    this.text = text;
    this.#tree = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  }

  get statements(): readonly Node[] {
    return this.#tree.statements;
  }

  /** The function at V8's position whose text is as long as the one that runs. */
  functionAt(line: number, column: number, length: number): FunctionNode | undefined {
    if (line >= this.#tree.getLineStarts().length) return undefined;
    const position = this.#tree.getPositionOfLineAndCharacter(line, column);
    let found: FunctionNode | undefined;
    const step = (node: Node): void => {
      if (position < node.getFullStart() || position > node.end) return;
      if (isFunction(node) && node.end - this.start(node) === length) found = node;
      ts.forEachChild(node, step);
    };
    step(this.#tree);
    return found;
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
    return { file: projectPath(this.file), line: line + 1, column: character + 1, text };
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

/** Relative to the project, with forward slashes: the same on every machine. */
export function projectPath(file: string): string {
  return relative(process.cwd(), file).split(sep).join("/");
}

/** All files of one run. */
export class Sources {
  readonly #files = new Map<string, Source>();
  readonly #reaching = new Map<string, boolean>();

  read(file: string): Source {
    let source = this.#files.get(file);
    if (!source) {
      source = new Source(file, readFileSync(file, "utf8"));
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
    const reaches = this.#search(file, new Set());
    this.#reaching.set(file, reaches);
    return reaches;
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
