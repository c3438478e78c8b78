import { watch } from "node:fs";
import type { Runtime } from "./runtime.ts";

/** Folders whose changes are not the program's. */
const IGNORED = /^(\.cache|\.git|node_modules|bench|docs|tests|samples)([/\\]|$)/;
/** What the program is made of. */
const WATCHED = /\.(ts|json|ya?ml)$/;
/** Editors write a file in several steps; wait this long for the last one, milliseconds. */
const QUIET = 100;

/**
 * Evaluates the program again whenever one of its files changes, and changes only what differs. A program that
 * fails leaves the running system as it was; changes during an evaluation are taken up after it.
 */
export function watchProgram(directory: string, runtime: Runtime, log: (line: string) => void): void {
  const state = { busy: false, again: false };
  const update = async (): Promise<void> => {
    state.again = state.busy;
    if (state.busy) return;
    state.busy = true;
    try {
      const { created, replaced, removed } = await runtime.update();
      const count = created.length + replaced.length + removed.length;
      log(`Program changed: ${count} of ${runtime.graph.resources.length} resources made anew or removed.`);
    } catch (error) {
      log(`Program not taken over: ${(error as Error).message}`);
    } finally {
      state.busy = false;
    }
    if (state.again) await update();
  };
  let timer: NodeJS.Timeout | undefined;
  const watcher = watch(directory, { recursive: true }, (_event, name) => {
    if (name === null || IGNORED.test(name) || !WATCHED.test(name)) return;
    clearTimeout(timer);
    timer = setTimeout(update, QUIET);
  });
  watcher.unref();
}
