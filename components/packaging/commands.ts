/**
 * Which AWS SDK commands a function can send: those that its own modules import and that tree-shaking kept.
 */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { serviceCommand } from "../internal/aws-actions.ts";
import { readable } from "./readable.ts";
import { type Node, ts, type typescript } from "./syntax.ts";

/** One AWS SDK command that the function can send. */
export interface UsedCommand {
  /** The service's own command, e.g. `PutItemCommand` for lib-dynamodb's `PutCommand` too. */
  command: string;
  /** The package it comes from, e.g. `@aws-sdk/client-dynamodb`. */
  client: string;
  /** The function's own module whose import keeps it, relative to the project. */
  importer: string;
}

/** A module of the project that is in the bundle. */
export interface OwnModule {
  /** As in the metafile. */
  path: string;
  root: string;
  /** Text of a virtual module. */
  code?: string;
  /** Nothing of it stayed, so what it imports is not its own doing; what it re-exports may be used. */
  isEmpty: boolean;
}

interface SdkImport {
  client: string;
  /** Exported name, or `*` when any may be used. */
  name: string;
}

const SDK = /^@aws-sdk\/(client-|lib-|s3-)[a-z0-9-]+$/;

/**
 * @param modules what stayed in the bundle.
 * @param own the function's modules outside node_modules.
 */
export function usedCommands(modules: { path: string }[], own: OwnModule[]): UsedCommand[] {
  const kept = keptExports(modules.map(({ path }) => path));
  const found = new Map<string, UsedCommand>();
  for (const used of own.flatMap((module) => commandsOf(module, kept))) {
    const key = `${used.client} ${used.command}`;
    if (!found.has(key)) found.set(key, used);
  }
  return [...found.values()].sort(compareCommands);
}

/** What one module imports and keeps. */
function commandsOf(module: OwnModule, kept: Map<string, Set<string>>): UsedCommand[] {
  return sdkImports(module).flatMap(({ client, name }) => {
    const names = name === "*" ? [...(kept.get(client) ?? [])] : [name];
    return names
      .filter((each) => sends(each) && isKept(kept, client, each))
      .map((each) => ({ ...serviceCommand(client, each), importer: readable(module.path) }));
  });
}

function compareCommands(left: UsedCommand, right: UsedCommand): number {
  const [a, b] = [`${left.client} ${left.command}`, `${right.client} ${right.command}`];
  return a < b ? -1 : Number(a > b);
}

/** Names that send requests: commands, helpers, and clients that hold every command. */
function sends(name: string): boolean {
  return /^[A-Za-z]/.test(name) && !/(Client|Input|Output|Exception|\$)$/.test(name);
}

/** Package -> names of its modules in the bundle: the SDK has one module per command, paginator and waiter. */
function keptExports(paths: string[]): Map<string, Set<string>> {
  const kept = new Map<string, Set<string>>();
  for (const path of paths) {
    const match = /node_modules\/(@aws-sdk\/[^/]+)\/(?:.*\/)?([^/]+)\.js$/.exec(path);
    if (!match?.[1] || !match[2]) continue;
    const names = kept.get(match[1]) ?? new Set();
    kept.set(match[1], names.add(exportOf(match[2])));
  }
  return kept;
}

/** `QueryPaginator` -> `paginateQuery`, `waitForTableExists` -> `waitUntilTableExists`. */
function exportOf(module: string): string {
  const paginator = /^(.+)Paginator$/.exec(module);
  if (paginator) return `paginate${paginator[1]}`;
  return module.replace(/^waitFor(?=[A-Z])/, "waitUntil");
}

function isKept(kept: Map<string, Set<string>>, client: string, name: string): boolean {
  const names = kept.get(client);
  if (!names) return false;
  const isWhole = names.has("index");
  return isWhole || names.has(name.replace(/^waitFor(?=[A-Z])/, "waitUntil"));
}

function sdkImports({ path, root, code, isEmpty }: OwnModule): SdkImport[] {
  const text = code ?? readFileSync(resolve(root, path), "utf8");
  if (!text.includes("@aws-sdk/")) return [];
  const tree = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  const statements = tree.statements.filter((each) => !isEmpty || ts.isExportDeclaration(each));
  return statements.flatMap((statement) => importsOf(statement, tree));
}

function importsOf(statement: Node, tree: typescript.SourceFile): SdkImport[] {
  if (!ts.isImportDeclaration(statement) && !ts.isExportDeclaration(statement)) return [];
  const specifier = statement.moduleSpecifier;
  if (!specifier || !ts.isStringLiteral(specifier) || !SDK.test(specifier.text)) return [];
  const names = ts.isImportDeclaration(statement) ? importedNames(statement, tree) : exportedNames(statement);
  return names.map((name) => ({ client: specifier.text, name }));
}

function importedNames(
  { importClause }: typescript.ImportDeclaration,
  tree: typescript.SourceFile,
): string[] {
  const bindings = importClause?.namedBindings;
  if (!bindings || importClause.phaseModifier === ts.SyntaxKind.TypeKeyword) return [];
  if (ts.isNamespaceImport(bindings)) return membersOf(bindings.name.text, tree);
  return bindings.elements
    .filter(({ isTypeOnly }) => !isTypeOnly)
    .map((each) => (each.propertyName ?? each.name).text);
}

function exportedNames({ exportClause, isTypeOnly }: typescript.ExportDeclaration): string[] {
  if (isTypeOnly) return [];
  if (!exportClause || ts.isNamespaceExport(exportClause)) return ["*"];
  return exportClause.elements.map((each) => (each.propertyName ?? each.name).text);
}

/** `ddb.PutItemCommand` of `import * as ddb`; `*` when the namespace goes elsewhere. */
function membersOf(namespace: string, tree: typescript.SourceFile): string[] {
  const names: string[] = [];
  const step = (node: Node): void => {
    if (ts.isIdentifier(node) && node.text === namespace && !ts.isNamespaceImport(node.parent)) {
      names.push(memberOf(node));
    }
    ts.forEachChild(node, step);
  };
  step(tree);
  return names;
}

function memberOf(namespace: Node): string {
  const { parent } = namespace;
  if (ts.isPropertyAccessExpression(parent) && parent.expression === namespace) return parent.name.text;
  return ts.isQualifiedName(parent) ? "" : "*";
}
