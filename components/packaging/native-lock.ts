/**
 * Which packages a native dependency needs in Lambda, read from package-lock.json: its own, those it depends on, and
 * of the optional ones those made for Lambda's platform. Pure.
 *
 * Source: https://docs.npmjs.com/cli/v11/configuring-npm/package-lock-json
 */

/** One entry of the lockfile's `packages`. */
interface LockEntry {
  /** Where it differs from the folder's: an alias. */
  name?: string;
  version?: string;
  /** Subresource integrity of the tarball. */
  integrity?: string;
  os?: string[];
  cpu?: string[];
  libc?: string[];
  /** A folder of the project's own. */
  link?: boolean;
  /** Comes inside its parent's tarball. */
  inBundle?: boolean;
  dependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
}

export interface Lock {
  packages: Record<string, LockEntry>;
}

/** One package of the archive. */
export interface NativePackage {
  /** Where it lies, in the project as in the archive: `node_modules/sharp`. */
  path: string;
  name: string;
  version: string;
  integrity: string;
  /** Made for one platform: it has another name on another machine. */
  isPlatform: boolean;
}

/** Lambda's platform: Amazon Linux 2023 on Graviton. Source: https://docs.aws.amazon.com/lambda/latest/dg/foundation-arch.html */
const TARGET = { os: "linux", cpu: "arm64", libc: "glibc" } as const;
export const TARGET_NAME = `${TARGET.os}-${TARGET.cpu}-${TARGET.libc}`;

/** What may stand on a command line. Source: https://docs.npmjs.com/cli/v11/configuring-npm/package-json#name */
const NAME = /^(@[a-z0-9~][a-z0-9._~-]*\/)?[a-z0-9~][a-z0-9._~-]*$/;
const VERSION = /^\d+\.\d+\.\d+[0-9A-Za-z.+-]*$/;
const INTEGRITY = /^sha512-[A-Za-z0-9+/]{86}==$/;

/**
 * @param name a dependency with prebuilt binaries.
 * @throws {Error} saying what is missing in the lockfile, and the cure.
 */
export function nativePackages(lock: Lock, name: string): NativePackage[] {
  const root = resolvePath(lock, "", name);
  if (root === undefined) {
    throw new Error(
      `natives names "${name}", which is no dependency in package-lock.json. Install it (npm install ${name}), or take it out of natives.`,
    );
  }
  const paths = new Set([root]);
  for (const path of paths) for (const needed of neededBy(lock, path)) paths.add(needed);
  const packages = [...paths].flatMap((path) => toPackage(path, entryOf(lock, path)));
  if (!packages.some(({ isPlatform }) => isPlatform)) {
    throw new Error(
      `natives names "${name}", of which package-lock.json has no binary for Lambda (${TARGET_NAME}). Take it out of natives if it is plain JavaScript, which is bundled; else run npm install to complete the lockfile, or use another package.`,
    );
  }
  return packages.sort((left, right) => (left.path < right.path ? -1 : 1));
}

function entryOf(lock: Lock, path: string): LockEntry {
  return (Object.hasOwn(lock.packages, path) ? lock.packages[path] : undefined) ?? {};
}

/** Node's own search: the package's folder, then the folders around it. */
function resolvePath(lock: Lock, from: string, name: string): string | undefined {
  for (let base = from; ; base = base.slice(0, Math.max(0, base.lastIndexOf("node_modules/") - 1))) {
    const path = base === "" ? `node_modules/${name}` : `${base}/node_modules/${name}`;
    if (Object.hasOwn(lock.packages, path)) return path;
    if (base === "") return undefined;
  }
}

function neededBy(lock: Lock, path: string): string[] {
  const { dependencies = {}, optionalDependencies = {} } = entryOf(lock, path);
  const optional = Object.keys(optionalDependencies).flatMap((name) => resolvePath(lock, path, name) ?? []);
  const required = Object.keys(dependencies)
    .filter((name) => !Object.hasOwn(optionalDependencies, name))
    .map((name) => resolveRequired(lock, path, name));
  return [...required, ...optional.filter((each) => fitsTarget(entryOf(lock, each)))];
}

function resolveRequired(lock: Lock, path: string, name: string): string {
  const found = resolvePath(lock, path, name);
  if (found) return found;
  throw new Error(
    `package-lock.json lacks "${name}", which ${path} needs. Run npm install to complete the lockfile.`,
  );
}

function fitsTarget({ os, cpu, libc }: LockEntry): boolean {
  return allows(os, TARGET.os) && allows(cpu, TARGET.cpu) && allows(libc, TARGET.libc);
}

/** `["linux"]`, `["!win32"]`, or nothing. */
function allows(list: string[] | undefined, value: string): boolean {
  if (!list?.length || list.includes("any")) return true;
  if (list.includes(`!${value}`)) return false;
  return list.includes(value) || list.every((each) => each.startsWith("!"));
}

function toPackage(path: string, entry: LockEntry): NativePackage[] {
  if (entry.inBundle) return [];
  const name = entry.name ?? path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length);
  const { version = "", integrity = "", os, cpu } = entry;
  const strongest = integrity.split(" ").find((each) => INTEGRITY.test(each));
  if (entry.link || !strongest || !NAME.test(name) || !VERSION.test(version)) {
    throw new Error(
      `package-lock.json does not pin ${path} to a version of the registry with a SHA-512 integrity. Run npm install, and commit the lockfile.`,
    );
  }
  return [{ path, name, version, integrity: strongest, isPlatform: Boolean(os?.length || cpu?.length) }];
}
