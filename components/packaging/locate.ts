/**
 * Where a function was written, and what it closes over, from V8's inspector.
 *
 * Native type stripping keeps every line and column, so V8's location is the TypeScript source's own.
 * Node's in-process inspector answers a `post` before it returns, which makes all of this synchronous.
 * Source: https://nodejs.org/docs/latest-v24.x/api/inspector.html,
 * https://chromedevtools.github.io/devtools-protocol/v8/Runtime/#method-getProperties (internalProperties).
 */
import { type Runtime, Session } from "node:inspector";
import { fileURLToPath } from "node:url";
import { getCallSites } from "node:util";

/** Any function; what it takes and gives is its component's business. */
export type Callback = (...args: never[]) => unknown;

/** A variable's value, or why there is none. */
export type Lookup =
  | { state: "known"; value: unknown }
  /** Declared, but its line has not run yet. */
  | { state: "uninitialised" }
  | { state: "absent" };

/** A function seen through the inspector. */
export interface Inspected {
  /** Absolute path; empty when the function comes from no file (native, bound, `eval`). */
  file: string;
  /** From 0. */
  line: number;
  /** From 0, in UTF-16 units. */
  column: number;
  /** The value that the function itself sees under a name. */
  lookup(name: string): Lookup;
  /** The value of a module-level variable, however the function's surroundings shadow it. */
  lookupTopLevel(name: string): Lookup;
}

interface ScopeEntry {
  object?: object;
}

/** What passes between this module and the code that the inspector evaluates. */
interface HandOff {
  subject?: unknown;
  scopes?: ArrayLike<ScopeEntry>;
}

const HAND_OFF = "serverless.packaging.handOff";
const HAND_OFF_EXPRESSION = `globalThis[Symbol.for(${JSON.stringify(HAND_OFF)})]`;
const OBJECT_GROUP = "serverless-packaging";
/** The most frames that Node gives. */
const FRAMES = 200;

/** One inspector session; cheap to keep, close it when done. */
export class Inspector {
  readonly #session = new Session();
  /** Script id -> file URL or path. */
  readonly #scripts = new Map<string, string>();

  constructor() {
    this.#session.connect();
  }

  close(): void {
    this.#session.disconnect();
  }

  inspect(callback: Callback): Inspected {
    const handOff: HandOff = { subject: callback };
    const holder = globalThis as unknown as Record<symbol, HandOff | undefined>;
    const key = Symbol.for(HAND_OFF);
    holder[key] = handOff;
    try {
      const internals = this.#internalProperties();
      const location = internals.find(({ name }) => name === "[[FunctionLocation]]")?.value?.value;
      const scopesId = internals.find(({ name }) => name === "[[Scopes]]")?.value?.objectId;
      if (scopesId) this.#takeScopes(scopesId);
      return {
        file: location ? this.#fileOf(location.scriptId) : "",
        line: location?.lineNumber ?? 0,
        column: location?.columnNumber ?? 0,
        lookup: (name) => lookup(scopesOf(handOff), name),
        lookupTopLevel: (name) => lookup(scopesOf(handOff).slice(0, -1).reverse(), name),
      };
    } finally {
      delete holder[key];
      this.#post("Runtime.releaseObjectGroup", { objectGroup: OBJECT_GROUP });
    }
  }

  #internalProperties(): Runtime.InternalPropertyDescriptor[] {
    const { result } = this.#post<Runtime.EvaluateReturnType>("Runtime.evaluate", {
      expression: `${HAND_OFF_EXPRESSION}.subject`,
      objectGroup: OBJECT_GROUP,
      silent: true,
    });
    const properties = this.#post<Runtime.GetPropertiesReturnType>("Runtime.getProperties", {
      objectId: result.objectId,
      ownProperties: true,
    });
    return properties.internalProperties ?? [];
  }

  /** The scope list's entries hold the very objects of the program, not copies: Outputs stay Outputs. */
  #takeScopes(objectId: string): void {
    this.#post("Runtime.callFunctionOn", {
      objectId,
      functionDeclaration: `function () { ${HAND_OFF_EXPRESSION}.scopes = this; }`,
      objectGroup: OBJECT_GROUP,
      silent: true,
    });
  }

  /** The files on the stack come for nothing; a function from elsewhere costs a listing of all scripts. */
  #fileOf(scriptId: string): string {
    if (!this.#scripts.has(scriptId)) {
      for (const site of getCallSites(FRAMES)) this.#scripts.set(site.scriptId, site.scriptName);
    }
    if (!this.#scripts.has(scriptId)) this.#listScripts();
    return toPath(this.#scripts.get(scriptId) ?? "");
  }

  #listScripts(): void {
    const record = ({ params }: { params: { scriptId: string; url: string } }): void => {
      this.#scripts.set(params.scriptId, params.url);
    };
    this.#session.on("Debugger.scriptParsed", record);
    this.#post("Debugger.enable", {});
    this.#post("Debugger.disable", {});
    this.#session.off("Debugger.scriptParsed", record);
  }

  #post<Result = unknown>(method: string, params: object): Result {
    const answer: { error?: Error | null; result?: object } = {};
    this.#session.post(method, params, (error, result) => {
      answer.error = error;
      answer.result = result;
    });
    if (answer.error) throw new Error(`V8 inspector: ${method}: ${answer.error.message}`);
    return answer.result as Result;
  }
}

function toPath(script: string): string {
  if (script.startsWith("file:")) return fileURLToPath(script);
  return script.startsWith("node:") || script.startsWith("evalmachine") ? "" : script;
}

/** Innermost first, the global scope last. */
function scopesOf({ scopes }: HandOff): ScopeEntry[] {
  return Array.from({ length: scopes?.length ?? 0 }, (_, index) => scopes?.[index] ?? {});
}

/** The entries are not ordinary objects: only `in` and indexing are safe on them. */
function lookup(scopes: ScopeEntry[], name: string): Lookup {
  for (const { object } of scopes) {
    if (object && name in object) return read(object as Record<string, unknown>, name);
  }
  return { state: "absent" };
}

function read(scope: Record<string, unknown>, name: string): Lookup {
  try {
    return { state: "known", value: scope[name] };
  } catch {
    return { state: "uninitialised" };
  }
}
