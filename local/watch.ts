import { type FSWatcher, watch } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";

/** Folders at the top whose changes are not the program's. */
const IGNORED = /^(\.cache|\.git|node_modules|bench|docs|tests|samples)([/\\]|$)/;
/** What the program is made of. */
const WATCHED = /\.(ts|json|ya?ml)$/;
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

/** Watches the program's files, and nothing else: `node_modules` alone would take 65,000 watches and 5 s. */
export async function watchProgram(options: WatchOptions): Promise<Watching> {
  const changes = new Changes(options.onChange);
  const folders = new Map<string, FSWatcher>();
  const add = (folder: string, recursive: boolean): void => {
    if (folders.has(folder)) return;
    const seen = (name: string | null): void => {
      if (name !== null && isProgramFile(join(folder, name))) changes.note();
      // A new folder at the top becomes one of the program's.
      if (!recursive) void addFolders();
    };
    try {
      const watcher = watch(join(options.directory, folder), { recursive }, (_event, name) => seen(name));
      watcher.on("error", (error) => {
        folders.delete(folder);
        watcher.close();
        options.onError(error);
      });
      folders.set(folder, watcher);
    } catch (error) {
      options.onError(error as Error);
    }
  };
  const addFolders = async (): Promise<void> => {
    for (const folder of await programFolders(options.directory)) if (!changes.closed) add(folder, true);
  };
  add("", false);
  await addFolders();
  return {
    close: () => {
      changes.close();
      for (const watcher of folders.values()) watcher.close();
    },
  };
}

const isProgramFile = (path: string): boolean => WATCHED.test(path) && !IGNORED.test(path);

async function programFolders(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory() && !IGNORED.test(entry.name)).map(({ name }) => name);
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
