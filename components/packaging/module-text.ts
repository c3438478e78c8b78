/**
 * Writes a slice as a module. Kept pieces stand on the lines they have in the program's file, so a stack
 * trace through the source map names the right line.
 */
import { type Node, startWithoutExport, ts, type typescript } from "./syntax.ts";

/** The module behind `capture`; slices import it under this name. */
const CAPTURE_MODULE = "capture:runtime";
const CAPTURE_FUNCTION = "$capture";
const CAPTURE_IMPORT = `import { capture as ${CAPTURE_FUNCTION} } from ${JSON.stringify(CAPTURE_MODULE)};`;

interface Edit {
  start: number;
  end: number;
  text: string;
}

/** A node that is kept, with something around it, and its own replacements. */
export class Piece {
  readonly node: Node;
  readonly start: number;
  readonly line: number;
  readonly #before: string;
  readonly #after: string;
  readonly #source: TextSource;
  readonly #edits = new Map<number, Edit>();

  constructor(node: Node, source: TextSource, [before, after]: [before: string, after: string]) {
    this.node = node;
    this.start = startWithoutExport(node, source);
    this.line = source.lineOf(node);
    this.#source = source;
    this.#before = before;
    this.#after = after;
  }

  /** Puts `text` in the place of a node; a shorthand property keeps its name. */
  replace(node: Node, text: string): void {
    const start = this.#source.start(node);
    const name = ts.isShorthandPropertyAssignment(node.parent) ? `${node.getText()}: ` : "";
    this.#edits.set(start, { start, end: node.end, text: `${name}${text}` });
  }

  toString(): string {
    const { text } = this.#source;
    let result = this.#before;
    let position = this.start;
    for (const edit of [...this.#edits.values()].sort((left, right) => left.start - right.start)) {
      result += text.slice(position, edit.start) + edit.text;
      position = edit.end;
    }
    return result + text.slice(position, this.node.end) + this.#after;
  }
}

/** What of the file the text is cut from. */
export interface TextSource {
  readonly text: string;
  start(node: Node): number;
  lineOf(node: Node): number;
}

export class ModuleText {
  readonly #source: TextSource;
  readonly #declarations = new Map<Node, Piece>();
  readonly #functions: Piece[] = [];
  readonly #exports: string[] = [];
  readonly #imports = new Map<typescript.ImportDeclaration, Set<Node>>();
  readonly #functionImports = new Map<string, { name: string; module: string; exported: string }>();
  readonly #values = new Map<unknown, { name: string; expression: string }>();
  #names = 0;
  #usesCaptures = false;

  constructor(source: TextSource) {
    this.#source = source;
  }

  /** Keeps a declaration or statement of the file, once; undefined when it was kept before. */
  keep(node: Node, before = "", after = ""): Piece | undefined {
    if (this.#declarations.has(node)) return undefined;
    const piece = new Piece(node, this.#source, [before, after]);
    this.#declarations.set(node, piece);
    return piece;
  }

  /** Keeps a function as an export; the same text may stand for several, each with its own values. */
  keepFunction(node: Node, name: string, [before, after]: [before: string, after: string]): Piece {
    const around: [string, string] = [`const ${name} = ${before}`, `${after};\nexport { ${name} };`];
    const piece = new Piece(node, this.#source, around);
    this.#functions.push(piece);
    return piece;
  }

  /** Keeps a function declaration under its own name as an export. */
  exportDeclaration(name: string, exported: string): void {
    this.#exports.push(`export { ${name} as ${exported} };`);
  }

  /** Keeps one name of an import. */
  keepImport(declaration: typescript.ImportDeclaration, name: Node): void {
    const names = this.#imports.get(declaration) ?? new Set();
    this.#imports.set(declaration, names.add(name));
  }

  /** The local name of a function that another module exports. */
  importFunction(module: string, exported: string): string {
    const key = `${module} ${exported}`;
    const name = this.#functionImports.get(key)?.name ?? this.unusedName("slice");
    this.#functionImports.set(key, { name, module, exported });
    return name;
  }

  /** The local name of a constant; one object stays one object, and equal ones stay apart. */
  constant(value: unknown, expression: string): string {
    const key = typeof value === "object" && value !== null ? value : expression;
    const known = this.#values.get(key);
    if (known) return known.name;
    const name = this.unusedName("value");
    this.#values.set(key, { name, expression });
    return name;
  }

  /** The local name of the function that reads a capture. */
  captureFunction(): string {
    this.#usesCaptures = true;
    return CAPTURE_FUNCTION;
  }

  toString(): string {
    const pieces = [...this.#declarations.values(), ...this.#functions].sort(
      (left, right) => left.start - right.start,
    );
    let text = this.#header();
    let line = 0;
    for (const piece of pieces) {
      const body = `${"\n".repeat(Math.max(0, piece.line - line))}${piece}`;
      text += `${body}\n`;
      line += body.split("\n").length;
    }
    return text + this.#exports.join("\n");
  }

  /** A name that the file does not use. */
  unusedName(kind: string): string {
    let name: string;
    do {
      this.#names += 1;
      name = `$${kind}${this.#names}`;
    } while (this.#source.text.includes(name));
    return name;
  }

  /** All on the first line. */
  #header(): string {
    const imports = [...this.#imports].map(([declaration, names]) => importText(declaration, names));
    const functions = [...this.#functionImports.values()].map(
      ({ name, module, exported }) => `import { ${exported} as ${name} } from ${JSON.stringify(module)};`,
    );
    const values = [...this.#values.values()].map(({ name, expression }) => `const ${name} = ${expression};`);
    const captures = this.#usesCaptures ? [CAPTURE_IMPORT] : [];
    return [...imports, ...functions, ...captures, ...values].join(" ");
  }
}

function importText(declaration: typescript.ImportDeclaration, names: Set<Node>): string {
  const clause = declaration.importClause;
  const bindings = clause?.namedBindings;
  const parts: string[] = [];
  if (clause?.name && names.has(clause)) parts.push(clause.name.text);
  if (bindings && ts.isNamespaceImport(bindings) && names.has(bindings))
    parts.push(`* as ${bindings.name.text}`);
  if (bindings && ts.isNamedImports(bindings)) {
    const named = bindings.elements
      .filter((element) => names.has(element))
      .map((element) => element.getText());
    if (named.length > 0) parts.push(`{ ${named.join(", ")} }`);
  }
  const attributes = declaration.attributes ? ` ${declaration.attributes.getText()}` : "";
  return `import ${parts.join(", ")} from ${declaration.moduleSpecifier.getText()}${attributes};`;
}
