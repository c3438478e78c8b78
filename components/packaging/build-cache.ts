/**
 * Code that was built before, as long as nothing that went into it has changed: the slices, every file that
 * they import, and the packager itself. npm's files are told by size and time, the project's own by content.
 */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { version } from "esbuild";
import type { BuiltCode, BundleEntry } from "./bundle-entry.ts";
import { CACHE_FOLDER, readIfThere, readJson, writeAtomically } from "./storage.ts";

interface BuildRecord {
  /** Path -> fingerprint of everything read. */
  inputs: Record<string, string>;
  codeHash: string;
  modules: BuiltCode["modules"];
  commands: BuiltCode["commands"];
  externals: BuiltCode["externals"];
}

export class BuildCache {
  readonly #root: string;
  readonly #folder: string;
  readonly #packager: string;
  /** One look at each file per run, however many functions import it. */
  readonly #fingerprints = new Map<string, string>();

  /** @param root what the recorded paths are relative to. */
  constructor(root: string, storage: string) {
    this.#root = root;
    this.#folder = join(storage, CACHE_FOLDER, "builds");
    this.#packager = packagerFingerprint();
  }

  find(entry: BundleEntry): BuiltCode | undefined {
    const base = this.#base(entry);
    const record = readJson<BuildRecord>(`${base}.json`);
    const code = readIfThere(`${base}.js`);
    if (!code || !isComplete(record)) return undefined;
    const isSame = Object.entries(record.inputs).every(([path, known]) => this.#fingerprint(path) === known);
    if (!isSame || sha256(code) !== record.codeHash) return undefined;
    const { modules, commands, externals } = record;
    return { code, map: undefined, modules, commands, externals };
  }

  /** @param inputs the files read, relative to the root. A cache that cannot be written is no error here. */
  store(entry: BundleEntry, built: BuiltCode, inputs: string[]): void {
    const record: BuildRecord = {
      inputs: Object.fromEntries(inputs.map((path) => [path, this.#fingerprint(path)])),
      codeHash: sha256(built.code),
      modules: built.modules,
      commands: built.commands,
      externals: built.externals,
    };
    try {
      writeAtomically(`${this.#base(entry)}.js`, built.code);
      writeAtomically(`${this.#base(entry)}.json`, JSON.stringify(record));
    } catch {
      // The archive writes to the same folder, and says so with the function's name.
    }
  }

  #base({ code, modules }: BundleEntry): string {
    const texts = [...modules].map(([id, module]) => [id, module.file, module.code]);
    return join(this.#folder, sha256(JSON.stringify([version, this.#packager, code, texts])));
  }

  #fingerprint(path: string): string {
    const known = this.#fingerprints.get(path);
    if (known) return known;
    const fingerprint = fingerprintOf(resolve(this.#root, path));
    this.#fingerprints.set(path, fingerprint);
    return fingerprint;
  }
}

/** A record cut short or from elsewhere is no record. */
function isComplete(record: Partial<BuildRecord> | undefined): record is BuildRecord {
  const { inputs, modules, commands, externals } = record ?? {};
  const lists = [modules, commands, externals];
  return typeof inputs === "object" && inputs !== null && lists.every((each) => Array.isArray(each));
}

function fingerprintOf(file: string): string {
  if (!file.includes("node_modules")) return sha256(readIfThere(file) ?? "absent");
  const stats = statSync(file, { throwIfNoEntry: false });
  return stats ? `${stats.size} ${stats.mtimeMs}` : "absent";
}

/** The code that turns a slice into a bundle. */
function packagerFingerprint(): string {
  const files = readdirSync(import.meta.dirname).filter((name) => name.endsWith(".ts"));
  const paths = [...files.sort(), "../internal/aws-actions.ts"].map((name) =>
    join(import.meta.dirname, name),
  );
  return sha256(paths.map((path) => readFileSync(path, "utf8")).join("\0"));
}

function sha256(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}
