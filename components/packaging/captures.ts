/**
 * Deployment-time values in a callback: Outputs become environment variables, JSON-like values become text.
 */
import * as pulumi from "@pulumi/pulumi";

/** An Output that a callback reads with `.get()`. */
export interface Capture {
  /** As the program writes it, e.g. `readings.name`. */
  path: string;
  /** The environment variable, e.g. `CAPTURE_READINGS_NAME`. */
  variable: string;
  output: pulumi.Output<unknown>;
}

interface Entry extends Capture {
  /** The captured variable's own value: a lifted Output is a new object at each read. */
  root: unknown;
}

/** The captures of one function. */
export class Captures {
  readonly #entries: Entry[] = [];

  /** The environment variable that will hold the Output. */
  add(path: string, root: unknown, output: pulumi.Output<unknown>): string {
    const known = this.#entries.find(
      (entry) => entry.output === output || (entry.path === path && entry.root === root),
    );
    if (known) return known.variable;
    const variable = this.#unused(variableName(path));
    this.#entries.push({ path, variable, output, root });
    return variable;
  }

  list(): Capture[] {
    return this.#entries.map(({ path, variable, output }) => ({ path, variable, output }));
  }

  #unused(name: string): string {
    const taken = new Set(this.#entries.map((entry) => entry.variable));
    let candidate = name;
    for (let count = 2; taken.has(candidate); count += 1) candidate = `${name}_${count}`;
    return candidate;
  }
}

/** `readingsTable.name` -> `CAPTURE_READINGS_TABLE_NAME`; Lambda allows `[a-zA-Z]([a-zA-Z0-9_])+`. */
function variableName(path: string): string {
  const words = path
    .replace(/([a-z0-9])([A-Z])/g, "$1_$2")
    .replace(/[^A-Za-z0-9]+/g, "_")
    .replace(/^_+|_+$/g, "");
  return `CAPTURE_${words.toUpperCase()}`;
}

/** The environment variable's value. `undefined` travels as null, and `capture` turns it back. */
export function captureText(output: pulumi.Output<unknown>): pulumi.Output<string> {
  return output.apply((value) => JSON.stringify(value ?? null));
}

export function isOutput(value: unknown): value is pulumi.Output<unknown> {
  return pulumi.Output.isInstance(value);
}

export function isResource(value: unknown): value is pulumi.Resource {
  return pulumi.Resource.isInstance(value);
}

export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** Whether an Output or a resource is the value, or in it (arrays, plain objects, module namespaces). */
export function holdsDeployment(value: unknown, seen = new Set<unknown>()): boolean {
  if (isOutput(value) || isResource(value)) return true;
  if (seen.has(value) || !(Array.isArray(value) || isPlainObject(value))) return false;
  seen.add(value);
  return Object.values(value).some((each) => holdsDeployment(each, seen));
}

/**
 * JavaScript source for a JSON-like value: null, undefined, strings, numbers, booleans, bigints, arrays and
 * plain objects of them. Undefined when it is anything else (a Map, a class instance, a cycle).
 * @param inside what the value is part of.
 */
export function literal(value: unknown, inside: unknown[] = []): string | undefined {
  if (typeof value !== "object" || value === null) return primitiveLiteral(value);
  if (inside.includes(value)) return undefined;
  if (Array.isArray(value)) return listLiteral(value, [...inside, value]);
  return isPlainObject(value) ? objectLiteral(value, [...inside, value]) : undefined;
}

function primitiveLiteral(value: unknown): string | undefined {
  if (value === undefined) return "undefined";
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "number") return Object.is(value, -0) ? "-0" : String(value);
  return value === null || typeof value === "string" || typeof value === "boolean"
    ? JSON.stringify(value)
    : undefined;
}

function listLiteral(list: unknown[], inside: unknown[]): string | undefined {
  const items = Array.from(list, (item) => literal(item, inside));
  return items.includes(undefined) ? undefined : `[${items.join(", ")}]`;
}

/** Keys are computed, so that a key `__proto__` stays a key. */
function objectLiteral(object: Record<string, unknown>, inside: unknown[]): string | undefined {
  const members = Object.entries(object).map(([key, value]) => {
    const text = literal(value, inside);
    return text === undefined ? undefined : `[${JSON.stringify(key)}]: ${text}`;
  });
  return members.includes(undefined) ? undefined : `{ ${members.join(", ")} }`;
}

/** What a value is called in an error: "a Map", "a function", "an instance of Settings". */
export function describe(value: unknown): string {
  if (isOutput(value)) return "an Output";
  if (isResource(value)) return `a ${value.constructor.name} resource`;
  if (typeof value === "function") return "a function";
  if (typeof value !== "object" || value === null) return `a ${typeof value}`;
  if (isPlainObject(value) || Array.isArray(value)) return "a value that is not plain JSON";
  return `an instance of ${value.constructor?.name ?? "a class"}`;
}
