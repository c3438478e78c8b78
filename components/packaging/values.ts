/**
 * Takes a deployment-time value into a slice: an Output through `.get()`, a JSON-like value, or a function.
 */
import {
  type Captures,
  describe,
  holdsDeployment,
  isOutput,
  isPlainObject,
  isResource,
  literal,
} from "./captures.ts";
import type { Callback, Lookup } from "./locate.ts";
import type { ModuleText, Piece } from "./module-text.ts";
import {
  type Access,
  accessOn,
  callOf,
  type Identifier,
  isWritten,
  type Node,
  type typescript,
} from "./syntax.ts";

/** What a slice offers to its values. */
export interface ValueContext {
  text: ModuleText;
  captures: Captures;
  /** Where the use stands. */
  piece: Piece;
  /** Slices a function and gives its name in the module. */
  nameOf(callback: Callback): string;
  error(node: Node, problem: string, cure: string): Error;
}

/** How far a use has been followed: `readings` -> `readings.name`. */
interface Step {
  node: Node;
  value: unknown;
  path: string;
  /** What the value is a property of. */
  owner?: unknown;
}

/** Replaces one use of a variable by what Lambda needs of it. */
export function takeValue(use: Identifier, found: Lookup, context: ValueContext): void {
  if (found.state !== "known") throw unreadable(use, found, context);
  if (isWritten(use)) {
    throw context.error(
      use,
      `the callback changes '${use.text}', a variable of the deployment program`,
      "Make it a module-level 'let' that nothing of the deployment goes into, or keep it inside the callback.",
    );
  }
  const step = followAccess({ node: use, value: found.value, path: use.text });
  if (isOutput(step.value)) takeOutput(step, found.value, context);
  else takePlain(step, use, context);
}

/** Reads properties off resources and off what holds Outputs, as far as the text says which. */
function followAccess(start: Step): Step {
  let step = start;
  for (let access = nextAccess(step); access; access = nextAccess(step)) {
    step = {
      node: access.node,
      value: (step.value as Record<string, unknown>)[access.name],
      path: `${step.path}.${access.name}`,
      owner: step.value,
    };
  }
  return step;
}

/** What every Output has itself; any other property is read off its future value (Pulumi lifts it). */
const OUTPUT_MEMBERS = new Set([
  "get",
  "apply",
  "allResources",
  "resources",
  "isKnown",
  "isSecret",
  "promise",
]);

function nextAccess({ node, value }: Step): Access | undefined {
  const access = accessOn(node);
  if (!access) return undefined;
  if (isOutput(value)) {
    const isOwn = OUTPUT_MEMBERS.has(access.name) || callOf(access.node) !== undefined;
    return isOwn ? undefined : access;
  }
  return isContainer(value) ? access : undefined;
}

/** Anything whose members are taken one by one, since it cannot be taken whole. */
function isContainer(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  return isResource(value) || holdsDeployment(value) || literal(value) === undefined;
}

function takeOutput({ node, value, path }: Step, root: unknown, context: ValueContext): void {
  const call = getCall(node);
  if (!call) {
    throw context.error(
      node,
      `the Output '${path}' is used without .get(), so it would become "[object Object]" in Lambda`,
      `Write ${path}.get() inside the callback.`,
    );
  }
  const variable = context.captures.add(path, root, value as never);
  context.piece.replace(call, `${context.text.captureFunction()}(${JSON.stringify(variable)})`);
}

/** `x.get()` around `x`. */
function getCall(node: Node): typescript.CallExpression | undefined {
  const access = accessOn(node);
  const call = access?.name === "get" ? callOf(access.node) : undefined;
  return call?.arguments.length === 0 ? call : undefined;
}

function takePlain(step: Step, use: Identifier, context: ValueContext): void {
  const { node, value, path } = step;
  const expression = literal(value);
  if (expression !== undefined) {
    context.piece.replace(node, context.text.constant(value, expression));
    return;
  }
  if (typeof value !== "function") throw untakeable(node, value, path, context);
  if (node !== use && callOf(node) && !isPlainObject(step.owner)) throw methodCall(step, context);
  context.piece.replace(node, context.nameOf(value as Callback));
}

function untakeable(node: Node, value: unknown, path: string, { error }: ValueContext): Error {
  if (isResource(value)) {
    return error(
      node,
      `the callback uses '${path}' as a whole, but it is ${describe(value)}, which exists only at deployment`,
      `Read what you need of it: ${path}.${outputOf(value)}.get().`,
    );
  }
  if (holdsDeployment(value)) {
    return error(
      node,
      `the callback uses '${path}' as a whole, and it holds Outputs or resources`,
      `Read each one by itself, e.g. ${path}.${firstDeployed(value)}.get().`,
    );
  }
  return error(
    node,
    `the callback uses '${path}', ${describe(value)} made at deployment, which cannot travel to Lambda`,
    "Make it inside the callback, or at module level from values that do not come from the deployment.",
  );
}

function methodCall({ node, path, owner }: Step, { error }: ValueContext): Error {
  return error(
    node,
    `the callback calls '${path}' of ${describe(owner)} made at deployment, which cannot travel to Lambda`,
    "Call it outside the callback and use its result, or make the object inside the callback or at module level.",
  );
}

/** An Output that the resource has, for the cure's example. */
function outputOf(resource: object): string {
  const names = Object.entries(resource).flatMap(([name, value]) => (isOutput(value) ? [name] : []));
  return ["name", "arn", "url", "id"].find((name) => names.includes(name)) ?? names[0] ?? "name";
}

function firstDeployed(container: unknown): string {
  const [name, value] = Object.entries(container as object).find(([, each]) => holdsDeployment(each)) ?? [
    "x",
  ];
  return isResource(value) ? `${name}.${outputOf(value)}` : name;
}

function unreadable(use: Identifier, found: Lookup, { error }: ValueContext): Error {
  if (found.state === "uninitialised") {
    return error(
      use,
      `'${use.text}' comes from the deployment, and is declared after the function that uses it`,
      `Move the declaration of '${use.text}' above it.`,
    );
  }
  return error(
    use,
    `'${use.text}' comes from the deployment, and its value cannot be read from here`,
    "Copy it into a constant beside the callback, and use that.",
  );
}
