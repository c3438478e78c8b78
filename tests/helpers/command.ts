import { spawn } from "node:child_process";
import { join } from "node:path";
import { ROOT } from "./source-files.ts";

export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs a command of this project in a folder, and resolves when it has ended. */
export function runCommand(script: string, args: readonly string[], cwd: string): Promise<Ended> {
  const child = spawn(process.execPath, [join(ROOT, script), ...args], { cwd });
  const text = { stdout: "", stderr: "" };
  child.stdout.on("data", (chunk) => {
    text.stdout += chunk;
  });
  child.stderr.on("data", (chunk) => {
    text.stderr += chunk;
  });
  return new Promise((resolve) => child.once("close", (code) => resolve({ code, ...text })));
}
