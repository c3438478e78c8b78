/**
 * Inline callback -> Lambda package: locate and slice at once, bundle and archive with all the others.
 */
import type * as pulumi from "@pulumi/pulumi";
import { PackagingError } from "../internal/errors.ts";
import { type ArchiveEntries, archive } from "./archive.ts";
import { Bundler } from "./bundle.ts";
import type { BuiltCode, BundleEntry } from "./bundle-entry.ts";
import { captureText, literal } from "./captures.ts";
import type { UsedCommand } from "./commands.ts";
import { type Callback, Inspector } from "./locate.ts";
import { type NativeSet, Natives, refuseUndeclared } from "./natives.ts";
import { type Slice, type SliceModule, type SliceTools, slice } from "./slice.ts";
import { Sources } from "./source.ts";
import { type JsonSchema, Validators } from "./validators.ts";

/** Any value that JSON can carry. */
type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** Code that runs around the callback in Lambda: `handler = <export>(callback, options, validators)`. */
export interface Wrap {
  /** Absolute path of a module without Pulumi imports, e.g. components/runtime/route.ts. */
  module: string;
  /** The export to call. */
  export: string;
  /** Passed as the second argument; becomes part of the code. */
  options: Json;
  /** Passed as the third argument, each schema compiled to a function (no `eval` in Lambda). */
  validators?: Record<string, JsonSchema>;
}

export interface PackageOptions {
  /** The function's name, for errors. */
  name: string;
  wrap?: Wrap;
  /** Largest zip, in bytes; to be set where there are natives. @default 1_000_000 */
  maxSize?: number;
  /** Packages with prebuilt binaries, which go into the zip as they are: Lambda's build of them. */
  natives?: string[];
}

export interface FunctionBundle {
  /** Relative to the working directory, e.g. `.cache/functions/<hash>.zip`. */
  zipPath: string;
  /** SHA-256 of what is in the zip, hexadecimal: the same content has the same hash and the same zip. */
  hash: string;
  /** SHA-256 of the zip's bytes, base64, as Lambda's `sourceCodeHash`. */
  codeSha256: string;
  /** Bytes of the zip. */
  size: number;
  commands: UsedCommand[];
  /** What is inside, biggest first, in bytes of minified code. */
  modules: { path: string; bytes: number }[];
}

export interface PreparedCallback {
  /** Environment variables to set on the function: name -> JSON text of the captured value. */
  captures: Record<string, pulumi.Input<string>>;
  /** The captured Outputs, for the resources they come from. */
  captured: pulumi.Output<unknown>[];
  /** As written in the program, e.g. `readings.name`, in the order of `captured`. */
  capturedNames: string[];
  /** Settles once the program has registered its functions; rejects for this function's errors only. */
  bundle: Promise<FunctionBundle>;
}

const MAX_SIZE = 1_000_000;
/** How many of the biggest modules an error names. */
const BIGGEST = 5;
/** Whatever package.json stands above the unpacked zip, its code is CommonJS. */
const PACKAGE_JSON = '{"type":"commonjs"}\n';

/** What is known of a function before its code is built. */
interface Prepared {
  cut: Slice;
  options: PackageOptions;
  natives: NativeSet | undefined;
}

/** What all callbacks of one run of the program share. */
export class Packager {
  readonly #storage: string;
  readonly #bundler: Bundler;
  readonly #tools: SliceTools;
  readonly #validators: Validators;
  readonly #natives: Natives;
  readonly #keys = new Set<string>();

  /**
   * @param root the project's folder, which reported paths are relative to.
   * @param storage the folder in which `.cache/` is made. @default the project's
   * @param natives replaced in tests.
   */
  constructor(root: string, storage = root, natives = new Natives(root, storage)) {
    this.#storage = storage;
    this.#bundler = new Bundler(root, storage);
    this.#tools = { inspector: new Inspector(), sources: new Sources(root) };
    this.#validators = new Validators(storage);
    this.#natives = natives;
  }

  prepare(callback: Callback, options: PackageOptions): PreparedCallback {
    const natives = this.#natives.of(options);
    const key = this.#uniqueKey(options.name);
    const cut = slice(callback, options.name, key, this.#tools);
    const bundle = this.#bundler
      .add(bundleEntry(key, cut, options, this.#validators))
      .then((built) => this.#finish(built, { cut, options, natives }));
    return {
      captures: Object.fromEntries(
        cut.captures.map(({ variable, output }) => [variable, captureText(output)]),
      ),
      captured: cut.captures.map(({ output }) => output),
      capturedNames: cut.captures.map(({ path }) => path),
      bundle,
    };
  }

  async #finish(built: BuiltCode, { cut, options, natives }: Prepared): Promise<FunctionBundle> {
    const { code, map, modules, commands } = built;
    refuseUndeclared(options.name, built.externals, options.natives ?? []);
    const entries: ArchiveEntries = { "index.js": code, "package.json": Buffer.from(PACKAGE_JSON) };
    if (natives) entries["natives.json"] = Buffer.from(natives.manifest);
    const report = {
      modules,
      commands,
      captures: cut.captures.map(({ path }) => path),
      natives: natives?.packages,
    };
    const archived = await archive({
      functionName: options.name,
      root: this.#storage,
      entries,
      packed: natives?.packed,
      map,
      report,
    });
    checkSize(options, archived.size, modules);
    return { ...archived, commands, modules };
  }

  /** Two functions may have one name in different components. */
  #uniqueKey(name: string): string {
    const base = name.replace(/[^A-Za-z0-9_-]/g, "-");
    let key = base;
    for (let count = 2; this.#keys.has(key); count += 1) key = `${base}-${count}`;
    this.#keys.add(key);
    return key;
  }
}

/** The packager's collector, keyed by the program's run: its folder. */
const packagers = new Map<string, Packager>();

function packagerOf(root: string): Packager {
  const packager = packagers.get(root) ?? new Packager(root);
  packagers.set(root, packager);
  return packager;
}

/**
 * Locates and slices a callback at once, so that its captures are known; its zip follows as a promise.
 * @throws {CaptureError} `file:line:col`, the source line, what is wrong and what to do instead.
 */
export function prepareCallback(callback: Callback, options: PackageOptions): PreparedCallback {
  return packagerOf(process.cwd()).prepare(callback, options);
}

/** The module that Lambda starts: the callback, or what a wrap makes of it. */
function bundleEntry(
  key: string,
  cut: Slice,
  { name, wrap, natives = [] }: PackageOptions,
  validators: Validators,
): BundleEntry {
  const callback = `${cut.callback.name} as $callback } from ${JSON.stringify(cut.callback.module)};`;
  if (!wrap) {
    const code = `import { ${callback} export { $callback as handler };`;
    return { key, functionName: name, code, modules: cut.modules, natives };
  }
  const compiled = compileSchemas(validators, key, name, wrap.validators ?? {});
  const virtual = [...compiled.values()].map(({ id, code }): [string, SliceModule] => [
    id,
    { file: import.meta.filename, code },
  ]);
  return {
    key,
    functionName: name,
    code: wrapCode(
      callback,
      wrap,
      [...compiled].map(([schema, { id }]) => [schema, id]),
    ),
    modules: new Map([...cut.modules, ...virtual]),
    natives,
  };
}

function compileSchemas(
  validators: Validators,
  key: string,
  name: string,
  schemas: Record<string, JsonSchema>,
): ReturnType<Validators["modules"]> {
  try {
    return validators.modules(key, schemas);
  } catch (error) {
    throw new PackagingError(name, (error as Error).message);
  }
}

function wrapCode(callback: string, wrap: Wrap, validators: [schema: string, id: string][]): string {
  const imports = validators.map(
    ([, id], index) => `import { validate as $${index} } from ${JSON.stringify(id)};`,
  );
  const members = validators.map(([schema], index) => `[${JSON.stringify(schema)}]: $${index}`);
  return [
    `import { ${callback}`,
    `import { ${wrap.export} as $wrap } from ${JSON.stringify(wrap.module)};`,
    ...imports,
    `export const handler = $wrap($callback, ${literal(wrap.options)}, { ${members.join(", ")} });`,
  ].join("\n");
}

function checkSize(
  { name, maxSize = MAX_SIZE }: PackageOptions,
  size: number,
  modules: FunctionBundle["modules"],
): void {
  if (size <= maxSize) return;
  const biggest = modules.slice(0, BIGGEST).map(({ path, bytes }) => `${path} (${bytes} B)`);
  throw new PackagingError(
    name,
    `its zip has ${size} B, more than maxSize, ${maxSize} B. The biggest modules: ${biggest.join(", ")}. Import less, or raise maxSize.`,
  );
}
