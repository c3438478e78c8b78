import { type FSWatcher, watch } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";

/** Folders at the top whose changes are not the program's. */
const IGNORED = /^(\.cache|\.git|node_modules|bench|docs|tests|samples)([/\\]|$)/;
const NESTED_MODULES = /(^|[/\\])node_modules([/\\]|$)/;
/** What the program is made of. */
const WATCHED = /\.(ts|json|ya?ml)$/;
/** A name that is no folder, or none any more. */
const GONE = new Set(["ENOENT", "ENOTDIR", "EPERM"]);
/** Editors write a file in several steps; wait this long for the last one, milliseconds. */
const QUIET_MS = 100;

export interface WatchOptions {
  /** The folder with Pulumi.yaml. */
  directory: string;
  /** Called after a change, never twice at once; what changes meanwhile is taken up by another call. */
  onChange(): Promise<void>;
  /** Called when a folder cannot be watched any more, e.g. because the system's limit is reached. */
  onError(error: Error): void;
}

export interface Watching {
  /** No call begins any more. */
  close(): void;
}

/**
 * Watches the program's folders, each by itself. Node's own recursive watching takes `node_modules` too (65,000
 * watches, 5 s), and on Linux no longer sees a file that an editor has replaced by another of its name.
 */
export async function watchProgram(options: WatchOptions): Promise<Watching> {
  const folders = new Folders(options);
  await folders.follow("");
  return folders;
}

const isProgramFile = (path: string): boolean => WATCHED.test(path) && !isIgnored(path);
const isIgnored = (path: string): boolean => IGNORED.test(path) || NESTED_MODULES.test(path);

class Folders implements Watching {
  readonly #options: WatchOptions;
  readonly #changes: Changes;
  readonly #watchers = new Map<string, FSWatcher>();

  constructor(options: WatchOptions) {
    this.#options = options;
    this.#changes = new Changes(options.onChange);
  }

  close(): void {
    this.#changes.close();
    for (const folder of [...this.#watchers.keys()]) this.#forget(folder);
  }

  /** Watches a folder and those below it; resolves with whether there is such a folder. */
  async follow(folder: string): Promise<boolean> {
    this.#forget(folder);
    if (this.#changes.closed || isIgnored(folder)) return false;
    const path = join(this.#options.directory, folder);
    try {
      // The watch comes first, so that nothing falls between it and the listing.
      const watcher = watch(path, (_event, name) => this.#onEvent(folder, name));
      this.#watchers.set(folder, watcher);
      watcher.on("error", (error) => this.#fail(folder, error));
      const entries = await readdir(path, { withFileTypes: true });
      for (const entry of entries) if (entry.isDirectory()) await this.follow(join(folder, entry.name));
      return true;
    } catch (error) {
      this.#fail(folder, error as NodeJS.ErrnoException);
      return false;
    }
  }

  #onEvent(folder: string, name: string | null): void {
    if (name === null || this.#changes.closed) return;
    const path = join(folder, name);
    if (isProgramFile(path)) this.#changes.note();
    // It may be a folder that has come, with files already in it, or one that has gone.
    else if (!isIgnored(path) && !name.includes("."))
      void this.follow(path).then((there) => there && this.#changes.note());
  }

  #fail(folder: string, error: NodeJS.ErrnoException): void {
    this.#forget(folder);
    if (!GONE.has(error.code ?? "")) this.#options.onError(error);
  }

  #forget(folder: string): void {
    this.#watchers.get(folder)?.close();
    this.#watchers.delete(folder);
  }
}

/** Turns bursts of changes into calls, one at a time. */
class Changes {
  closed = false;
  readonly #onChange: () => Promise<void>;
  #timer: NodeJS.Timeout | undefined;
  #busy = false;
  #again = false;

  constructor(onChange: () => Promise<void>) {
    this.#onChange = onChange;
  }

  note(): void {
    if (this.closed) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#call(), QUIET_MS);
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.#timer);
  }

  async #call(): Promise<void> {
    this.#again = this.#busy;
    if (this.#busy) return;
    this.#busy = true;
    await this.#onChange();
    this.#busy = false;
    if (this.#again) this.note();
  }
}
