/** What the bundler takes and gives. */
import type { UsedCommand } from "./commands.ts";
import type { SliceModule } from "./slice.ts";

/** What goes into one function. */
export interface BundleEntry {
  /** Unique in the program, and usable in a path. */
  key: string;
  /** For errors. */
  functionName: string;
  /** The module that exports `handler`. */
  code: string;
  /** The callback's slices and any other virtual module of this function. */
  modules: Map<string, SliceModule>;
  /** Packages that stay out of the bundle, and are loaded from beside it. */
  natives: string[];
}

/** One function's code. */
export interface BuiltCode {
  code: Uint8Array;
  /** Undefined when the code comes from the cache, which has kept the map already. */
  map: Uint8Array | undefined;
  /** Biggest first. */
  modules: { path: string; bytes: number }[];
  commands: UsedCommand[];
  /** What the code loads at run time: Node's modules, and native packages. */
  externals: string[];
}
