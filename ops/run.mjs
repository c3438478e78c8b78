/**
 * Runs a TypeScript command: `node ops/run.mjs ops/demo/main.ts [arguments]`; or, after `--exec`, any program that
 * starts Node itself: `node ops/run.mjs --exec pulumi up`. Plain JavaScript, so that an older Node can read it: it
 * hands over to the Node that the lockfile brought, or says in one sentence that there is none.
 *
 * npm 11 links that Node as `node_modules/.bin/node`, first on npm's PATH. npm 10, which comes with Node 20, does not:
 * three optional packages carry that name and only one of them is installed.
 */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const ROOT = join(import.meta.dirname ?? dirname(new URL(import.meta.url).pathname), "..");

/** How soon it is noticed that npm's shell has gone, in milliseconds. */
const PARENT_CHECK_MS = 500;

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
// Type stripping is on by default from 22.18 and 23.6: https://nodejs.org/api/typescript.html
const canRunTypeScript = major >= 24 || (major === 23 && minor >= 6) || (major === 22 && minor >= 18);

/** The lockfile's Node for this machine, where there is one. */
function lockedNode() {
  const platform = process.platform === "win32" ? "win" : process.platform;
  const file = process.platform === "win32" ? "node.exe" : "node";
  const path = join(ROOT, "node_modules", `node-${platform}-${process.arch}`, "bin", file);
  return existsSync(path) ? path : undefined;
}

/**
 * npm passes a SIGTERM on to the shell that it started, and that shell ends without telling its command, which then
 * runs on unseen: what npm started ends when its parent has gone. Windows has no such signals and keeps the parent.
 */
function endWithParent(end) {
  if (process.env.npm_lifecycle_event === undefined) return;
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    end();
  }, PARENT_CHECK_MS);
  timer.unref();
}

/** Runs a program in this one's place: same terminal, same signals, same exit code. */
function handOver(program, args, node) {
  const PATH = [dirname(node), process.env.PATH].join(delimiter);
  const child = spawn(program, args, { stdio: "inherit", env: { ...process.env, PATH } });
  // A terminal sends Ctrl-C to both; what is sent to this process alone is passed on.
  process.on("SIGINT", () => {});
  process.on("SIGTERM", () => child.kill("SIGTERM"));
  endWithParent(() => child.kill("SIGTERM"));
  child.once("error", (error) => {
    console.error(`${program} cannot be started (${error.code}). Is it installed and on PATH?`);
    process.exitCode = 1;
  });
  child.once("exit", (code, signal) => process.exit(code ?? (signal ? 1 : 0)));
}

const node = canRunTypeScript ? process.execPath : lockedNode();
const [command, ...args] = process.argv.slice(2);

if (node === undefined) {
  console.error(
    `Node ${process.versions.node} cannot run TypeScript as it is; 22.18 or newer can. ` +
      "On Linux and Windows `npm ci` brings one; elsewhere install Node 24.",
  );
  process.exit(1);
} else if (command === "--exec") {
  handOver(args[0], args.slice(1), node);
} else if (!canRunTypeScript) {
  handOver(node, [import.meta.filename ?? new URL(import.meta.url).pathname, command, ...args], node);
} else {
  const { enableCompileCache } = await import("node:module");
  enableCompileCache(join(ROOT, ".cache", "node"));
  endWithParent(() => process.kill(process.pid, "SIGTERM"));
  process.argv = [process.argv[0], resolve(command), ...args];
  await import(pathToFileURL(process.argv[1]).href);
}
