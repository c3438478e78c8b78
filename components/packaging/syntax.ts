/**
 * Questions about TypeScript syntax that the slice asks: which identifiers are values, what surrounds them.
 * Pure functions over the AST.
 */
import { createRequire } from "node:module";
import type * as typescript from "typescript";

/**
 * The compiler. `@pulumi/pulumi` has loaded this very copy through `require` already, so it costs nothing;
 * an `import` would parse its 9 MB a second time.
 */
export const ts: typeof typescript = createRequire(import.meta.url)("typescript");

export type Node = typescript.Node;
export type Identifier = typescript.Identifier;
export type FunctionNode = typescript.FunctionLikeDeclaration;
export type { typescript };

/** True for the syntax that type stripping removes, so that nothing below it exists at run time. */
function isErased(node: Node): boolean {
  if (ts.isExpressionWithTypeArguments(node)) return false;
  return (
    ts.isTypeNode(node) ||
    ts.isTypeParameterDeclaration(node) ||
    ts.isInterfaceDeclaration(node) ||
    ts.isTypeAliasDeclaration(node)
  );
}

/** Calls `visit` for every node that exists at run time, `root` included; `false` keeps out of its children. */
function walk(root: Node, visit: (node: Node) => boolean | undefined): void {
  const step = (node: Node): void => {
    if (isErased(node) || isImplementsClause(node)) return;
    if (visit(node) === false) return;
    ts.forEachChild(node, step);
  };
  step(root);
}

function isImplementsClause(node: Node): boolean {
  return ts.isHeritageClause(node) && node.token === ts.SyntaxKind.ImplementsKeyword;
}

/** Whether the identifier stands for a variable, not for a property's or a label's name. */
function isVariableUse(node: Identifier): boolean {
  const { parent } = node;
  if (ts.isPropertyAccessExpression(parent)) return parent.name !== node;
  if (ts.isBindingElement(parent)) return parent.propertyName !== node;
  if (isMember(parent)) return parent.name !== node;
  const isLabel = ts.isLabeledStatement(parent) || ts.isBreakOrContinueStatement(parent);
  return !(isLabel || ts.isMetaProperty(parent));
}

function isMember(node: Node): node is typescript.Node & { name: Node } {
  return (
    ts.isPropertyAssignment(node) ||
    ts.isMethodDeclaration(node) ||
    ts.isPropertyDeclaration(node) ||
    ts.isAccessor(node)
  );
}

/** Every identifier below `root` that names a variable at run time. */
export function variableUses(root: Node): Identifier[] {
  const uses: Identifier[] = [];
  walk(root, (node) => {
    if (ts.isIdentifier(node) && isVariableUse(node)) uses.push(node);
    return true;
  });
  return uses;
}

/** Whether the code asks for `typeof name` anywhere. */
export function isProbed(root: Node, name: string): boolean {
  return variableUses(root).some((use) => use.text === name && ts.isTypeOfExpression(use.parent));
}

/** Every such identifier of what runs when `root` does: nested functions only run later. */
export function eagerVariableUses(root: Node): Identifier[] {
  const uses: Identifier[] = [];
  walk(root, (node) => {
    if (node !== root && isFunction(node)) return false;
    if (ts.isIdentifier(node) && isVariableUse(node)) uses.push(node);
    return true;
  });
  return uses;
}

export function isFunction(node: Node): node is FunctionNode {
  return ts.isFunctionLike(node) && "body" in node;
}

export function contains(outer: Node, inner: Node): boolean {
  return inner.pos >= outer.pos && inner.end <= outer.end;
}

/** Where the text of `export const x` or `export default function f` starts without its `export`. */
export function startWithoutExport(node: Node, source: { text: string; start(node: Node): number }): number {
  const modifiers = ts.canHaveModifiers(node) ? (ts.getModifiers(node) ?? []) : [];
  const exporting = modifiers.filter(
    ({ kind }) => kind === ts.SyntaxKind.ExportKeyword || kind === ts.SyntaxKind.DefaultKeyword,
  );
  const last = exporting.at(-1);
  if (!last) return source.start(node);
  return last.end + source.text.slice(last.end).search(/\S/);
}

/** The statement of the file that a node is part of. */
export function topLevelStatement(node: Node): Node {
  let current = node;
  while (current.parent && !ts.isSourceFile(current.parent)) current = current.parent;
  return current;
}

/** The `x = ...` part around a name, through any destructuring; undefined for other declarations. */
export function variableDeclaration(node: Node): typescript.VariableDeclaration | undefined {
  let current = node;
  while (
    ts.isBindingElement(current) ||
    ts.isObjectBindingPattern(current) ||
    ts.isArrayBindingPattern(current)
  ) {
    current = current.parent;
  }
  return ts.isVariableDeclaration(current) ? current : undefined;
}

/** Whether a declaration stands at the top of its file (imports not counted). */
export function isTopLevel(declaration: Node): boolean {
  const variable = variableDeclaration(declaration);
  if (!variable) return ts.isSourceFile(declaration.parent);
  return ts.isVariableStatement(variable.parent.parent) && ts.isSourceFile(variable.parent.parent.parent);
}

export function importOf(declaration: Node): typescript.ImportDeclaration | undefined {
  let current: Node | undefined = declaration;
  while (current && !ts.isImportDeclaration(current)) {
    if (ts.isStatement(current) || ts.isSourceFile(current)) return undefined;
    current = current.parent;
  }
  return current;
}

export function specifierOf(statement: typescript.ImportDeclaration): string {
  return ts.isStringLiteral(statement.moduleSpecifier) ? statement.moduleSpecifier.text : "";
}

export function isTypeOnlyImport(declaration: Node): boolean {
  if (ts.isImportSpecifier(declaration) && declaration.isTypeOnly) return true;
  return importOf(declaration)?.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword;
}

/** Climbs out of parentheses, `as`, `satisfies` and `!`, which change nothing at run time. */
function outermost(node: Node): Node {
  let current = node;
  while (isTransparent(current.parent)) current = current.parent;
  return current;
}

function isTransparent(node: Node): boolean {
  return (
    ts.isParenthesizedExpression(node) ||
    ts.isAsExpression(node) ||
    ts.isSatisfiesExpression(node) ||
    ts.isNonNullExpression(node) ||
    ts.isTypeAssertionExpression(node)
  );
}

/** A property read with a name known from the text: `x.name`, `x?.name`, `x["name"]`, `x[0]`. */
export interface Access {
  node: Node;
  name: string;
}

/** The property read from `node`'s value, if that is all that happens to it. */
export function accessOn(node: Node): Access | undefined {
  const value = outermost(node);
  const { parent } = value;
  if (ts.isPropertyAccessExpression(parent) && parent.expression === value) {
    return { node: parent, name: parent.name.text };
  }
  if (!ts.isElementAccessExpression(parent) || parent.expression !== value) return undefined;
  const index = parent.argumentExpression;
  return ts.isStringLiteralLike(index) || ts.isNumericLiteral(index)
    ? { node: parent, name: index.text }
    : undefined;
}

/** The call of `node`, if it is what gets called. */
export function callOf(node: Node): typescript.CallExpression | undefined {
  const callee = outermost(node);
  return ts.isCallExpression(callee.parent) && callee.parent.expression === callee
    ? callee.parent
    : undefined;
}

/** Whether the expression, or a property of it, is assigned, counted up or deleted. */
export function isWritten(node: Node): boolean {
  let current = outermost(node);
  for (let access = accessOn(current); access; access = accessOn(current)) current = outermost(access.node);
  const { parent } = current;
  if (ts.isBinaryExpression(parent))
    return parent.left === current && isAssignment(parent.operatorToken.kind);
  if (ts.isPrefixUnaryExpression(parent) || ts.isPostfixUnaryExpression(parent)) {
    return (
      parent.operator === ts.SyntaxKind.PlusPlusToken || parent.operator === ts.SyntaxKind.MinusMinusToken
    );
  }
  if (ts.isDeleteExpression(parent)) return true;
  if (ts.isForInStatement(parent) || ts.isForOfStatement(parent)) return parent.initializer === current;
  return isDestructuringTarget(current);
}

function isAssignment(kind: typescript.SyntaxKind): boolean {
  return kind >= ts.SyntaxKind.FirstAssignment && kind <= ts.SyntaxKind.LastAssignment;
}

/** `[x] = ...`, `({ a: x } = ...)`: literals that stand left of an assignment. */
function isDestructuringTarget(node: Node): boolean {
  let current = node;
  while (isLiteralPart(current.parent, current)) current = current.parent;
  if (current === node) return false;
  const target = outermost(current);
  const { parent } = target;
  return ts.isBinaryExpression(parent) && parent.left === target && isAssignment(parent.operatorToken.kind);
}

function isLiteralPart(parent: Node, child: Node): boolean {
  if (ts.isPropertyAssignment(parent)) return parent.initializer === child;
  return (
    ts.isArrayLiteralExpression(parent) ||
    ts.isObjectLiteralExpression(parent) ||
    ts.isShorthandPropertyAssignment(parent) ||
    ts.isSpreadElement(parent) ||
    ts.isSpreadAssignment(parent)
  );
}

/** `this`, `super` or `arguments` that belong to what surrounds the function. */
export function outerThis(callback: FunctionNode): Node | undefined {
  let found: Node | undefined;
  walk(callback, (node) => {
    if (node !== callback && (ts.isClassLike(node) || (isFunction(node) && !ts.isArrowFunction(node))))
      return false;
    const isArguments =
      ts.isArrowFunction(callback) &&
      ts.isIdentifier(node) &&
      node.text === "arguments" &&
      isVariableUse(node);
    const isThis = node.kind === ts.SyntaxKind.ThisKeyword || node.kind === ts.SyntaxKind.SuperKeyword;
    if (isThis || isArguments) found ??= node;
    return true;
  });
  return found;
}

/** What a CommonJS bundle cannot run: `import.meta` anywhere, `await` outside functions. */
export function unbundleable(root: Node): Node | undefined {
  let found: Node | undefined;
  walk(root, (node) => {
    if (ts.isMetaProperty(node) && node.keywordToken === ts.SyntaxKind.ImportKeyword) found ??= node;
    return true;
  });
  return found ?? topLevelAwait(root);
}

function topLevelAwait(root: Node): Node | undefined {
  let found: Node | undefined;
  walk(root, (node) => {
    if (isFunction(node)) return false;
    if (ts.isAwaitExpression(node) || (ts.isForOfStatement(node) && node.awaitModifier)) found ??= node;
    return true;
  });
  return found;
}

/** The variable at the left of what a statement changes: `x` in `x.set(1)`, `x.y = 2`, `x += 3`. */
export function changedVariables(statement: Node): Identifier[] {
  return eagerVariableUses(statement).filter((use) => isWritten(use) || isMethodCallOn(use));
}

function isMethodCallOn(use: Identifier): boolean {
  let access = accessOn(use);
  while (access && !callOf(access.node)) access = accessOn(access.node);
  return access !== undefined;
}
