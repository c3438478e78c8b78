import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { expect } from "chai";

const PROGRAM = fileURLToPath(new URL("helpers/pool-program.ts", import.meta.url));

const alive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

/** Resolves when no process is left; the test's own timeout bounds it. */
const gone = async (pids: number[]): Promise<void> => {
  while (pids.some(alive)) await new Promise(setImmediate);
};

describe("a runtime that is killed", () => {
  const withGuard = process.platform === "win32" ? it.skip : it;
  let runtime: ChildProcess;

  afterEach(() => runtime.kill("SIGKILL"));

  const start = async (): Promise<number[]> => {
    runtime = spawn(process.execPath, [PROGRAM], { stdio: ["ignore", "pipe", "inherit"] });
    const [line] = await once(createInterface({ input: runtime.stdout! }), "line");
    return JSON.parse(String(line)) as number[];
  };

  withGuard("leaves no environment behind, frozen or in an endless loop", async () => {
    const pids = await start();
    expect(pids.map(alive)).to.deep.equal([true, true]);
    runtime.kill("SIGKILL");
    await gone(pids);
  });
});
