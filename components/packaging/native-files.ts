/**
 * Fetches Lambda's builds of native packages, whatever machine this is, and keeps them packed in the cache.
 *
 * npm finds the registry, as the user has set it up; node_modules is not touched and no script of a package runs. What
 * came is taken only if it has the lockfile's SHA-512.
 */
import { execFile } from "node:child_process";
import { createHash, randomUUID } from "node:crypto";
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join, relative } from "node:path";
import { promisify } from "node:util";
import { type ArchiveEntries, zip } from "./archive.ts";
import type { NativePackage } from "./native-lock.ts";
import { readIfThere, writeAtomically } from "./storage.ts";
import { readTarball } from "./tarball.ts";

/** Git-ignored and safe to delete. */
const NATIVES_FOLDER = ".cache/natives";

/** Puts the tarballs `<name>-<version>.tgz` of all packages into a folder. */
export type Fetch = (packages: NativePackage[], folder: string, project: string) => Promise<void>;

/** 9 makes 0.1 % less of libvips, and takes four times as long. */
const LEVEL = 6;
const FETCH_LIMIT_MS = 300_000;
/** Types, maps and sources of what is built already. */
const NOT_AT_RUN_TIME = /\.(d\.[cm]?ts|map|cc|cpp|c|h|hpp|gypi?)$/;

/** The zip of a set of packages, from the cache or else from the registry. */
export async function packedNatives(
  packages: NativePackage[],
  { project, storage, key, fetch }: { project: string; storage: string; key: string; fetch: Fetch },
): Promise<Uint8Array> {
  const base = join(storage, NATIVES_FOLDER, key);
  const [kept, hash] = [readIfThere(`${base}.zip`), readIfThere(`${base}.sha256`)?.toString()];
  if (kept && sha(kept, "sha256", "hex") === hash) return kept;
  const folder = join(storage, NATIVES_FOLDER, randomUUID());
  mkdirSync(folder, { recursive: true });
  try {
    await fetch(packages, folder, project);
    const packed = zip(entriesOf(packages, folder), LEVEL);
    writeAtomically(`${base}.zip`, packed);
    writeAtomically(`${base}.sha256`, sha(packed, "sha256", "hex"));
    return packed;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function entriesOf(packages: NativePackage[], folder: string): ArchiveEntries {
  const entries: ArchiveEntries = {};
  for (const each of packages) {
    for (const [name, content] of filesOf(each, folder)) {
      if (!NOT_AT_RUN_TIME.test(name)) entries[`${each.path}/${name}`] = content;
    }
  }
  return entries;
}

function filesOf(each: NativePackage, folder: string): Map<string, Uint8Array> {
  const label = `${each.name}@${each.version}`;
  const bytes = readFileSync(join(folder, tarballName(each)));
  const integrity = `sha512-${sha(bytes, "sha512", "base64")}`;
  if (integrity !== each.integrity) {
    throw new Error(
      `the registry's ${label} has integrity ${integrity}, and package-lock.json says ${each.integrity}. Do not deploy; find out which of the two was changed.`,
    );
  }
  try {
    return readTarball(bytes);
  } catch (error) {
    throw new Error(`the tarball of ${label} cannot be read: ${(error as Error).message}.`);
  }
}

/** As npm names it: `@img/colour` 1.1.0 -> `img-colour-1.1.0.tgz`. */
export function tarballName({ name, version }: NativePackage): string {
  return `${name.replace("@", "").replace("/", "-")}-${version}.tgz`;
}

/** Through npm, which asks the user's registry, or its own cache where the package is there already. */
export async function fetchWithNpm(packages: NativePackage[], folder: string, cwd: string): Promise<void> {
  const specs = packages.map(({ name, version }) => `${name}@${version}`);
  // Relative: on Windows a shell reads it, and names of the cache hold no spaces.
  const destination = relative(cwd, folder);
  const options = [
    "--pack-destination",
    destination,
    "--prefer-offline",
    "--ignore-scripts",
    "--loglevel=error",
  ];
  const retries = ["--fetch-retries=1", "--fetch-retry-mintimeout=1000", "--fetch-timeout=60000"];
  const [command, first] = npmCommand();
  try {
    await promisify(execFile)(command, [...first, "pack", ...options, ...retries, ...specs], {
      cwd,
      timeout: FETCH_LIMIT_MS,
      shell: command === "npm" && process.platform === "win32",
    });
  } catch (error) {
    throw new Error(
      `npm cannot fetch ${specs.join(", ")} (${npmProblem(error)}). Connect to the npm registry and run again: what was fetched once stays in ${NATIVES_FOLDER}.`,
    );
  }
}

/** The npm that runs this program, else the one on PATH. */
function npmCommand(): [command: string, first: string[]] {
  const script = process.env.npm_execpath ?? "";
  return /npm-cli\.[cm]?js$/.test(script) ? [process.execPath, [script]] : ["npm", []];
}

function npmProblem(error: unknown): string {
  const { code, stderr, message } = error as { code?: unknown; stderr?: string; message: string };
  if (code === "ENOENT") return "npm is not on PATH; install it";
  const said = (stderr || message).split("\n").map((line) => line.replace(/^npm (error|ERR!) ?/, "").trim());
  // npm says the code, the system call and the number first, then what happened.
  return said.find((line) => /\w: |\w \w+ \w/.test(line)) ?? said.find(Boolean) ?? `exit ${String(code)}`;
}

function sha(bytes: Uint8Array, algorithm: string, encoding: "hex" | "base64"): string {
  return createHash(algorithm).update(bytes).digest(encoding);
}
