/**
 * Function code on disk: each zip is unpacked once per content hash into a read-only folder that every environment
 * of every function with that code shares. Native packages in it are this machine's own: see natives.ts.
 */
import { createHash } from "node:crypto";
import { chmod, mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join, resolve, sep } from "node:path";
import { type Unzipped, unzip, unzipSync } from "fflate";
import { isReplaced, layNatives, MANIFEST_NAME, type NativeManifest, parseManifest } from "./natives.ts";

/** Largest unpacked deployment package. Source: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html */
const MAX_UNPACKED_BYTES = 250 * 1024 * 1024;

const readManifest = (bytes: Uint8Array): NativeManifest | undefined => {
  const found = unzipSync(bytes, { filter: ({ name }) => name === MANIFEST_NAME })[MANIFEST_NAME];
  return found && parseManifest(Buffer.from(found).toString());
};

/** All files but those that the machine has its own of. */
const inflate = (bytes: Uint8Array, manifest: NativeManifest | undefined): Promise<Unzipped> =>
  new Promise((done, fail) => {
    let unpacked = 0;
    const filter = ({ name, originalSize }: { name: string; originalSize: number }) => {
      unpacked += originalSize;
      return unpacked <= MAX_UNPACKED_BYTES && !(manifest && isReplaced(manifest, name));
    };
    unzip(bytes, { filter }, (error, files) => {
      if (error) fail(error);
      else if (unpacked > MAX_UNPACKED_BYTES) fail(new Error("it unpacks to more than Lambda's 250 MB"));
      else done(files);
    });
  });

/** Where an entry goes, or an error when it would leave the folder. */
const entryPath = (directory: string, name: string): string => {
  const path = resolve(directory, name);
  if (!path.startsWith(directory + sep)) throw new Error(`its entry "${name}" points outside the package`);
  return path;
};

const writeFiles = async (directory: string, files: Unzipped): Promise<void> => {
  for (const [name, bytes] of Object.entries(files)) {
    const path = entryPath(directory, name);
    if (name.endsWith("/")) continue;
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, bytes, { mode: 0o555 });
  }
};

const protect = async (directory: string): Promise<void> => {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  for (const entry of entries) await chmod(join(entry.parentPath, entry.name), 0o555);
  await chmod(directory, 0o555);
};

/** Makes a tree writable again, so that it can be removed. */
export const unprotect = async (directory: string): Promise<void> => {
  await chmod(directory, 0o755);
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    if (entry.isDirectory()) await unprotect(join(directory, entry.name));
  }
};

export class CodeStore {
  readonly #directory: string;
  readonly #byHash = new Map<string, Promise<string>>();

  /** @param directory where the code goes; the caller removes it */
  constructor(directory: string) {
    this.#directory = resolve(directory);
  }

  /**
   * The folder with the zip's files, unpacked when its content is new.
   *
   * @throws when the zip cannot be read, is not a zip, unpacks to over 250 MB, has an entry outside its folder, or
   * needs native packages that are not installed here
   */
  async unpack(zipPath: string): Promise<string> {
    try {
      return await this.#unpack(await readFile(zipPath), zipPath);
    } catch (error) {
      const { message } = error as Error;
      throw new Error(`Cannot unpack the function's code ${zipPath}: ${message}.`, { cause: error });
    }
  }

  #unpack(bytes: Uint8Array, zipPath: string): Promise<string> {
    const hash = createHash("sha256").update(bytes).digest("hex");
    const known = this.#byHash.get(hash);
    if (known !== undefined) return known;
    const written = this.#write(bytes, { zipPath, hash });
    this.#byHash.set(hash, written);
    written.catch(() => this.#byHash.delete(hash));
    return written;
  }

  async #write(bytes: Uint8Array, { zipPath, hash }: { zipPath: string; hash: string }): Promise<string> {
    const manifest = readManifest(bytes);
    const files = await inflate(bytes, manifest);
    const [target, partial] = [join(this.#directory, hash), join(this.#directory, `${hash}.partial`)];
    await rm(partial, { recursive: true, force: true });
    await mkdir(partial, { recursive: true });
    await writeFiles(partial, files);
    if (manifest) await layNatives(manifest, zipPath, partial);
    await rename(partial, target);
    await protect(target);
    return target;
  }
}
