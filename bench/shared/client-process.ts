import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";

/** Runs a benchmark's client with `--settings` in a process of its own; resolves with the JSON that it prints. */
export async function runClient<Result>(client: URL, settings: object): Promise<Result> {
  const path = fileURLToPath(client);
  const child = spawn(process.execPath, [path, "--settings", JSON.stringify(settings)], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [said, failure, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, "exit"),
  ]);
  if (code !== 0) throw new Error(`The benchmark's client ${path} failed: ${failure}`);
  return JSON.parse(said) as Result;
}
