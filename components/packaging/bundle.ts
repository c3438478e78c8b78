/**
 * All callbacks of the program in one esbuild build, each a CommonJS file of its own.
 *
 * Functions register while the program runs; the build starts once a turn of the event loop brings no new
 * one. Later registrations start another. A function that cannot be built fails alone: after a failed build
 * each is built by itself.
 *
 * `keepNames` is off (it costs 2-4 % and a call per function): an error class that is told apart by `name`
 * sets it.
 */
import {
  type BuildOptions,
  type BuildResult,
  build,
  type Message,
  type Metafile,
  type OutputFile,
} from "esbuild";
import { PackagingError } from "../internal/errors.ts";
import { BuildCache } from "./build-cache.ts";
import type { BuiltCode, BundleEntry } from "./bundle-entry.ts";
import { lambdaPlugin } from "./bundle-plugin.ts";
import { type OwnModule, usedCommands } from "./commands.ts";
import { refuseBinaries } from "./natives.ts";
import { readable } from "./readable.ts";

interface Waiting {
  entry: BundleEntry;
  resolve(built: BuiltCode): void;
  reject(error: unknown): void;
}

type Built = BuildResult<{ write: false; metafile: true }>;

/** Where the outputs would be: esbuild needs a folder to name them. */
const OUT = "bundle";

export class Bundler {
  readonly #root: string;
  readonly #cache: BuildCache;
  readonly #waiting: Waiting[] = [];
  #scheduled = false;

  /**
   * @param root the project's folder: paths in results are relative to it.
   * @param storage the folder that the cache is in.
   */
  constructor(root: string, storage: string) {
    this.#root = root;
    this.#cache = new BuildCache(root, storage);
  }

  add(entry: BundleEntry): Promise<BuiltCode> {
    const { promise, resolve, reject } = Promise.withResolvers<BuiltCode>();
    this.#waiting.push({ entry, resolve, reject });
    if (!this.#scheduled) {
      this.#scheduled = true;
      this.#flushWhenSettled(0);
    }
    return promise;
  }

  #flushWhenSettled(seen: number): void {
    setImmediate(() => {
      if (this.#waiting.length > seen) {
        this.#flushWhenSettled(this.#waiting.length);
        return;
      }
      this.#scheduled = false;
      void this.#flush(this.#waiting.splice(0));
    });
  }

  async #flush(batch: Waiting[]): Promise<void> {
    const left = batch.filter((waiting) => !this.#settleFromCache(waiting));
    if (left.length > 0) await this.#buildAll(left);
  }

  #settleFromCache({ entry, resolve }: Waiting): boolean {
    const built = this.#cache.find(entry);
    if (built) resolve(built);
    return built !== undefined;
  }

  async #buildAll(batch: Waiting[]): Promise<void> {
    try {
      const built = await this.#build(batch.map(({ entry }) => entry));
      for (const { entry, resolve, reject } of batch)
        settle(() => this.#codeOf(entry, built), resolve, reject);
    } catch (error) {
      const [only] = batch;
      if (batch.length === 1 && only) only.reject(this.#named(error, only.entry));
      else await Promise.all(batch.map((each) => this.#buildAll([each])));
    }
  }

  #build(entries: BundleEntry[]): Promise<Built> {
    return build({
      ...OPTIONS,
      absWorkingDir: this.#root,
      entryPoints: entries.map(({ key }) => ({ in: `entry:${key}`, out: `${key}/index` })),
      plugins: [lambdaPlugin(this.#root, entries)],
    } satisfies BuildOptions) as Promise<Built>;
  }

  #codeOf(entry: BundleEntry, built: Built): BuiltCode {
    const path = `${OUT}/${entry.key}/index.js`;
    const { inputs = {}, imports = [] } = built.metafile.outputs[path] ?? {};
    const modules = Object.entries(inputs)
      .map(([module, { bytesInOutput }]) => ({ path: readable(module), bytes: bytesInOutput }))
      .filter(({ bytes }) => bytes > 0)
      .sort((left, right) => right.bytes - left.bytes || compare(left.path, right.path));
    this.#refuse(entry, built, inputs);
    const code = {
      code: contentsOf(built.outputFiles, path),
      map: contentsOf(built.outputFiles, `${path}.map`),
      modules,
      commands: usedCommands(modules, this.#ownModules(entry, inputs)),
      externals: [...new Set(imports.map(({ path: external }) => external))].sort(),
    };
    this.#cache.store(entry, code, filesRead(built.metafile, `entry:${entry.key}`));
    return code;
  }

  #refuse(entry: BundleEntry, built: Built, inputs: Record<string, unknown>): void {
    const warning = built.warnings.find(
      ({ id, location }) => id === "empty-import-meta" && location && location.file in inputs,
    );
    if (warning && !warning.location?.file.includes("node_modules/")) {
      throw new PackagingError(entry.functionName, `${sentence(warning)} ${IMPORT_META_CURE}`);
    }
    refuseBinaries(entry.functionName, this.#root, Object.keys(inputs));
  }

  /** The function's modules that are not from npm. */
  #ownModules(entry: BundleEntry, inputs: Metafile["outputs"][string]["inputs"]): OwnModule[] {
    return Object.entries(inputs)
      .filter(([path]) => path.startsWith("slice:") || !(isVirtual(path) || path.includes("node_modules/")))
      .map(([path, { bytesInOutput }]) => ({
        path,
        root: this.#root,
        code: entry.modules.get(path)?.code,
        isEmpty: bytesInOutput === 0,
      }));
  }

  #named(error: unknown, entry: BundleEntry): unknown {
    const messages = (error as { errors?: Message[] }).errors;
    if (!messages?.length) return error;
    return new PackagingError(entry.functionName, messages.map(sentence).join("\n"));
  }
}

const IMPORT_META_CURE =
  "It does not exist in Lambda, where the bundle is one CommonJS file: import the file it points to, or pass the value in.";

const OPTIONS = {
  bundle: true,
  write: false,
  metafile: true,
  outdir: OUT,
  platform: "node",
  target: "node24",
  format: "cjs",
  minify: true,
  treeShaking: true,
  sourcemap: "external",
  sourcesContent: false,
  legalComments: "none",
  logLevel: "silent",
  charset: "utf8",
  mainFields: ["module", "main"],
  conditions: ["module"],
  define: { "process.env.NODE_ENV": '"production"' },
} as const satisfies BuildOptions;

function settle<Value>(
  make: () => Value,
  resolve: (value: Value) => void,
  reject: (error: unknown) => void,
): void {
  try {
    resolve(make());
  } catch (error) {
    reject(error);
  }
}

function contentsOf(files: OutputFile[], path: string): Uint8Array {
  const found = files.find((file) => file.path.replaceAll("\\", "/").endsWith(`/${path}`));
  return found?.contents ?? new Uint8Array();
}

/** Every file that the build read for one entry, what tree-shaking dropped included. */
function filesRead({ inputs }: Metafile, entry: string): string[] {
  const seen = new Set([entry]);
  for (const path of seen) {
    for (const { path: imported, external } of inputs[path]?.imports ?? []) if (!external) seen.add(imported);
  }
  return [...seen].filter((path) => !isVirtual(path)).sort();
}

function isVirtual(path: string): boolean {
  return /^(entry|slice|capture|validators|credentials):|^\(/.test(path);
}

function sentence({ text, location }: Message): string {
  if (!location) return text;
  const place = `${readable(location.file)}:${location.line}:${location.column + 1}`;
  return `${place}: ${text.replace(/\.$/, "")}.\n    ${location.lineText.trim().slice(0, 160)}`;
}

function compare(left: string, right: string): number {
  return left < right ? -1 : Number(left > right);
}
