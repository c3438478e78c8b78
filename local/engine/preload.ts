/**
 * Loaded in the program's process before Pulumi's loader: ends the program with the process that evaluates it, however
 * that one ends, and halves the time of an evaluation. Nothing that a program calls is changed, only how soon two
 * packages of Pulumi's are loaded, and what is noted about a promise:
 *
 * - `source-map-support` rewrites the stack of every error. Pulumi makes an error per promise, some hundred per
 *   resource, and native type stripping keeps lines exact without it.
 * - `@npmcli/arborist` (a third of Pulumi's own start) is needed by Pulumi's closure serializer alone: loaded on first
 *   use.
 * - Pulumi notes the stack of every promise it makes, some seventy per resource, for PULUMI_DEBUG_PROMISE_LEAKS alone: a
 *   fifth of what a program does. Without that variable the stacks are left out; leaks are reported all the same.
 *
 * A Pulumi that has neither is left as it is.
 */
import { createRequire } from "node:module";
import { Socket } from "node:net";
import { isMainThread } from "node:worker_threads";

/** A pipe that the evaluating process holds open and never writes to: see child.ts. */
const LIFELINE = 3;

/** The pipe ends when the other side does, even by kill -9. It alone keeps no program running. */
const followParent = (): void => {
  const lifeline = new Socket({ fd: LIFELINE, readable: true, writable: false });
  lifeline.once("end", () => process.kill(process.pid, "SIGKILL"));
  lifeline.once("error", () => process.kill(process.pid, "SIGKILL"));
  lifeline.resume();
  lifeline.unref();
};

const [, loader = import.meta.filename] = process.argv;
const require = createRequire(loader);

/** Puts `exports` in the place of a package that is not loaded yet. */
const provide = (specifier: string, exports: (id: string) => unknown): void => {
  try {
    const id = require.resolve(specifier);
    const module = {
      id,
      filename: id,
      loaded: true,
      exports: exports(id),
      children: [],
      paths: [],
      path: "",
    };
    require.cache[id] ??= module as unknown as NodeJS.Module;
  } catch {
    // This version of Pulumi does without the package.
  }
};

/** Stands for the package until someone looks inside. */
const onFirstUse = (id: string): object => {
  let loaded: object | undefined;
  const real = (): object => {
    if (loaded === undefined) {
      delete require.cache[id];
      loaded = require(id) as object;
    }
    return loaded;
  };
  return new Proxy(class {}, {
    get: (_target, key) => (key === "__esModule" ? true : Reflect.get(real(), key)),
    has: (_target, key) => Reflect.has(real(), key),
    construct: (_target, args) => Reflect.construct(real() as new () => object, args),
  });
};

interface Debuggable {
  debugPromiseLeaks: boolean;
  debuggablePromise(...args: unknown[]): unknown;
}

/** Loads what Pulumi's loader would load next; local tracing, which would have to come before, does not exist. */
const leaveOutPromiseStacks = (): void => {
  try {
    const debuggable = require("@pulumi/pulumi/runtime/debuggable") as Debuggable;
    const { debugPromiseLeaks, debuggablePromise } = debuggable;
    if (debugPromiseLeaks) return;
    debuggable.debuggablePromise = (...args) => {
      const { stackTraceLimit } = Error;
      Error.stackTraceLimit = 0;
      try {
        return debuggablePromise(...args);
      } finally {
        Error.stackTraceLimit = stackTraceLimit;
      }
    };
  } catch {
    // This version of Pulumi keeps no stacks.
  }
};

if (isMainThread) followParent();
provide("source-map-support/register", () => ({}));
provide("@npmcli/arborist", onFirstUse);
leaveOutPromiseStacks();
