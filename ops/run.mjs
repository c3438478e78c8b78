/**
 * Runs a TypeScript command: `node ops/run.mjs ops/demo/main.ts [arguments]`. Plain JavaScript, so that a Node that is
 * too old says so in one sentence instead of failing on the file's extension.
 */
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
// Type stripping is on by default from 22.18 and 23.6: https://nodejs.org/api/typescript.html
const canRunTypeScript = major >= 24 || (major === 23 && minor >= 6) || (major === 22 && minor >= 18);

if (!canRunTypeScript) {
  console.error(
    `Node ${process.versions.node} cannot run TypeScript as it is; 22.18 or newer can. ` +
      "On Linux and Windows `npm ci` brings one and `npm run ...` uses it; elsewhere install Node 24.",
  );
  process.exit(1);
}

const { enableCompileCache } = await import("node:module");
enableCompileCache(join(import.meta.dirname, "..", ".cache", "node"));

const [command, ...args] = process.argv.slice(2);
process.argv = [process.argv[0], resolve(command), ...args];
await import(pathToFileURL(process.argv[1]).href);
