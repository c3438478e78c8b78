import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";

export const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), "../..");

export interface SourceFile {
  /** Relative to the root, with forward slashes. */
  path: string;
  text: string;
  /** Module specifiers as written, and for relative ones the file they mean, relative to the root. */
  imports: { specifier: string; target: string | undefined; typeOnly: boolean }[];
}

const SKIPPED = new Set(["node_modules", ".cache", ".git", "samples", "fixtures"]);

function listed(directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    if (SKIPPED.has(entry.name)) return [];
    const path = join(directory, entry.name);
    if (entry.isDirectory()) return listed(path);
    return entry.name.endsWith(".ts") ? [path] : [];
  });
}

function importsOf(path: string, text: string): SourceFile["imports"] {
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, false);
  const found: SourceFile["imports"] = [];
  const add = (node: ts.Expression | undefined, typeOnly: boolean) => {
    if (!node || !ts.isStringLiteralLike(node)) return;
    const specifier = node.text;
    const target = specifier.startsWith(".")
      ? relative(ROOT, resolve(dirname(path), specifier)).replaceAll("\\", "/")
      : undefined;
    found.push({ specifier, target, typeOnly });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) add(node.moduleSpecifier, node.importClause?.isTypeOnly ?? false);
    if (ts.isExportDeclaration(node)) add(node.moduleSpecifier, node.isTypeOnly);
    if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      add(node.arguments[0], false);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

/** Every TypeScript file of the project. */
export function sourceFiles(): SourceFile[] {
  return listed(ROOT).map((absolute) => {
    const text = readFileSync(absolute, "utf8");
    const path = relative(ROOT, absolute).replaceAll("\\", "/");
    return { path, text, imports: importsOf(absolute, text) };
  });
}
