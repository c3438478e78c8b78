/** How much work it is to load a function's code: counted as well as timed, since a count is the same on a busy machine. */
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { CodeStore, unprotect } from "../../local/lambda/code.ts";

/** What a function is loaded from. */
export interface Code {
  name: string;
  /** Relative to the project. */
  zipPath: string;
}

export interface LoadWork {
  /** Bytecode that V8 makes. */
  compiledBytes: number;
  /** Heap that stays in use. */
  heapBytes: number;
  /** From the start of the process until the code is loaded. */
  loadMs: number;
  /** Of it, loading the code. */
  codeMs: number;
}

const PROBE = fileURLToPath(new URL("probe.mjs", import.meta.url));
const run = promisify(execFile);

/**
 * Loads code in a process of its own.
 * @param codeDirectory an unpacked zip
 * @throws Error with what the code said when it cannot be loaded
 */
export async function probe(name: string, codeDirectory: string): Promise<LoadWork> {
  const args = ["--no-flush-bytecode", "--expose-gc", PROBE, join(codeDirectory, "index.js")];
  try {
    // Nothing of this process's environment: it would be part of what is counted.
    const { stdout } = await run(process.execPath, args, { env: {}, cwd: codeDirectory });
    return JSON.parse(stdout) as LoadWork;
  } catch (error) {
    const said = String((error as { stderr?: string }).stderr ?? error).trim();
    throw new Error(`Function "${name}" cannot be loaded: ${said}`, { cause: error });
  }
}

/** Unpacks functions, and loads them as often as it is asked. */
export class Loader {
  readonly #project: string;
  readonly #store: CodeStore;

  private constructor(project: string, temporary: string) {
    this.#project = project;
    this.#store = new CodeStore(join(temporary, "code"));
  }

  /** Runs `use`, then removes what was unpacked for it. */
  static async with<Result>(project: string, use: (loader: Loader) => Promise<Result>): Promise<Result> {
    const temporary = await mkdtemp(join(tmpdir(), "budget-"));
    try {
      return await use(new Loader(project, temporary));
    } finally {
      await unprotect(temporary);
      await rm(temporary, { recursive: true, force: true });
    }
  }

  /** Loads each function once in a process of its own, as many side by side as there are cores. */
  async load(functions: readonly Code[]): Promise<Map<string, LoadWork>> {
    const work = new Map<string, LoadWork>();
    const open = [...functions];
    const worker = async (): Promise<void> => {
      for (let code = open.shift(); code; code = open.shift()) {
        const codeDirectory = await this.#store.unpack(resolve(this.#project, code.zipPath));
        work.set(code.name, await probe(code.name, codeDirectory));
      }
    };
    await Promise.all(Array.from({ length: availableParallelism() }, worker));
    return work;
  }
}
