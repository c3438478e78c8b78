/**
 * Native packages of a function: its zip holds Lambda's build of them (linux-arm64), which this machine may not be able
 * to run, so the machine's own build is laid over it, from the node_modules of the project that the zip was made in.
 *
 * The zip's `natives.json` says which packages are made for one platform; everything else is the zip's own.
 */
import { cp, readFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";

/** What `natives.json` says, as far as it is needed here. */
export interface NativeManifest {
  /** The platform that the zip is for. */
  target: string;
  packages: { path: string; name: string; version: string; isPlatform: boolean }[];
}

interface PackageJson {
  version?: string;
  os?: string[];
  cpu?: string[];
  optionalDependencies?: Record<string, string>;
}

/** A package of this machine: where it is, and where it goes. */
interface Overlay {
  from: string;
  path: string;
}

export const MANIFEST_NAME = "natives.json";
/** Under node_modules, without a step up: what a lockfile says, checked because a zip may come from anywhere. */
const PACKAGE_PATH = /^node_modules(\/(?!\.{1,2}(\/|$))[A-Za-z0-9@~][A-Za-z0-9._~-]*)+$/;
const MACHINE = `${process.platform}-${process.arch}`;

/** @throws {Error} when the text is no manifest. */
export const parseManifest = (text: string): NativeManifest => {
  const { target, packages } = JSON.parse(text) as Partial<NativeManifest>;
  const valid = Array.isArray(packages) && packages.every(({ path }) => PACKAGE_PATH.test(String(path)));
  if (!valid) throw new Error(`its ${MANIFEST_NAME} is not one of the packager's`);
  return { target: String(target), packages };
};

/** Whether a file of the zip belongs to a package that the machine's own stands for. */
export const isReplaced = ({ packages }: NativeManifest, file: string): boolean =>
  packages.some(({ path, isPlatform }) => isPlatform && file.startsWith(`${path}/`));

/**
 * Copies the machine's builds into the unpacked code.
 * @throws {Error} when one is not installed, or in another version, with the cure.
 */
export const layNatives = async (manifest: NativeManifest, zipPath: string, code: string): Promise<void> => {
  const shared = manifest.packages.filter(({ isPlatform }) => !isPlatform);
  const project = await projectOf(zipPath, shared[0]?.path ?? "node_modules");
  const found: Overlay[] = [];
  for (const { path, name, version } of shared) {
    const installed = await readPackage(join(project, path));
    if (installed?.version !== version) throw new Error(wrongVersion(name, version, installed?.version));
    found.push(...(await platformPackages(project, path, installed)));
  }
  if (found.length === 0) throw new Error(notInstalled(manifest));
  for (const { from, path } of found) {
    await cp(from, join(code, path), { recursive: true, dereference: true });
  }
};

const wrongVersion = (name: string, wanted: string, has: string | undefined): string =>
  `it needs ${name} ${wanted}, and this machine's node_modules has ${has ?? "none"}; run npm ci`;

const notInstalled = ({ packages, target }: NativeManifest): string => {
  const names = packages.filter(({ isPlatform }) => isPlatform).map(({ name }) => name);
  return `it has ${names.join(", ")} for ${target}, and no build for this machine (${MACHINE}) is installed; run npm ci with optional dependencies`;
};

/** The nearest folder around the zip that has the package. */
const projectOf = async (zipPath: string, path: string): Promise<string> => {
  for (let folder = dirname(resolve(zipPath)); ; folder = dirname(folder)) {
    if ((await readPackage(join(folder, path))) !== undefined || folder === dirname(folder)) return folder;
  }
};

/** The optional packages of `owner` that npm has installed for this machine, and theirs. */
const platformPackages = async (project: string, owner: string, json: PackageJson): Promise<Overlay[]> => {
  const found: Overlay[] = [];
  for (const name of Object.keys(json.optionalDependencies ?? {})) {
    const path = await resolvePackage(project, owner, name);
    const installed = path && (await readPackage(join(project, path)));
    if (installed && fits(installed)) found.push({ from: join(project, path), path });
  }
  return found;
};

/** Node's own search, within the project. */
const resolvePackage = async (project: string, from: string, name: string): Promise<string | undefined> => {
  for (let base = from; ; base = base.slice(0, Math.max(0, base.lastIndexOf("node_modules/") - 1))) {
    const path = base === "" ? `node_modules/${name}` : `${base}/node_modules/${name}`;
    if ((await readPackage(join(project, path))) !== undefined) return path;
    if (base === "") return undefined;
  }
};

const fits = ({ os = [], cpu = [] }: PackageJson): boolean =>
  (os.length > 0 || cpu.length > 0) &&
  (os.length === 0 || os.includes(process.platform)) &&
  (cpu.length === 0 || cpu.includes(process.arch));

const readPackage = async (folder: string): Promise<PackageJson | undefined> => {
  try {
    return JSON.parse(await readFile(join(folder, "package.json"), "utf8")) as PackageJson;
  } catch {
    return undefined;
  }
};
