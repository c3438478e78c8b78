import { execFile, spawn } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { expect } from "chai";
import { ROOT } from "../helpers/source-files.ts";

const exec = promisify(execFile);

/** The same file in a project where nothing is installed. */
const BARE = join(mkdtempSync(join(tmpdir(), "bare-")), "ops");
mkdirSync(BARE);
copyFileSync(join(ROOT, "ops/run.mjs"), join(BARE, "run.mjs"));
const LOCKED = join(ROOT, "node_modules", `node-${process.platform}-${process.arch}`);

/** Runs run.mjs as the given version of Node would see itself. */
async function runAs(
  version: string,
  folder: string,
  ...args: string[]
): Promise<{ code: number; stdout: string; stderr: string }> {
  const disguise = `Object.defineProperty(process, "versions", { value: { ...process.versions, node: "${version}" } });`;
  const flags = ["--import", `data:text/javascript,${encodeURIComponent(disguise)}`, join(folder, "run.mjs")];
  try {
    return { code: 0, ...(await exec(process.execPath, [...flags, ...args])) };
  } catch (error) {
    return error as { code: number; stdout: string; stderr: string };
  }
}

describe("ops/run.mjs", () => {
  const command = join(mkdtempSync(join(tmpdir(), "run-")), "command.ts");
  writeFileSync(command, "const words: string[] = process.argv.slice(2);\nconsole.log(words.join(' '));\n");

  for (const version of ["18.20.0", "20.20.2", "22.17.1", "23.5.0"]) {
    it(`refuses Node ${version} in one sentence where the lockfile brought none`, async () => {
      const { code, stdout, stderr } = await runAs(version, BARE, command);
      expect(code).to.equal(1);
      expect(stdout).to.equal("");
      expect(stderr).to.match(new RegExp(`^Node ${version} cannot run TypeScript[^\\n]*\\n$`));
    });
  }

  for (const version of ["22.18.0", "23.6.0", "24.0.0", "26.1.0"]) {
    it(`runs the command with its arguments on Node ${version}`, async () => {
      expect(await runAs(version, BARE, command, "one", "--two")).to.deep.include({
        code: 0,
        stdout: "one --two\n",
      });
    });
  }

  const withLocked = existsSync(LOCKED) ? it : it.skip;
  withLocked("hands over to the lockfile's Node when its own is too old, exit code included", async () => {
    const failing = join(BARE, "failing.ts");
    writeFileSync(failing, "const code: number = 3;\nprocess.exit(code);\n");
    const ran = await runAs("20.20.2", join(ROOT, "ops"), command, "one", "--two");
    expect(ran).to.deep.include({ code: 0, stdout: "one --two\n" });
    expect((await runAs("20.20.2", join(ROOT, "ops"), failing)).code).to.equal(3);
  });

  withLocked("puts that Node first on the PATH of a program that starts Node itself", async () => {
    const ran = await runAs("20.20.2", join(ROOT, "ops"), "--exec", "sh", "-c", "command -v node");
    expect(ran.stdout.trim()).to.equal(join(LOCKED, "bin/node"));
  });

  const onPosix = process.platform === "win32" ? it.skip : it;
  for (const how of ["", "--exec node"]) {
    onPosix(`ends what npm started ${how} once npm's shell has been terminated`, async () => {
      const waiting = join(BARE, "waiting.ts");
      writeFileSync(
        waiting,
        "process.once('SIGTERM', () => { console.log('stopped in order'); process.exit(); });\n" +
          "setInterval(() => {}, 1000);\nconsole.log('runs');\n",
      );
      // The second command keeps the shell from becoming the first one.
      const line = `"${process.execPath}" ${join(BARE, "run.mjs")} ${how} ${waiting}; true`;
      const shell = spawn("sh", ["-c", line], { env: { ...process.env, npm_lifecycle_event: "start" } });
      const lines = createInterface(shell.stdout)[Symbol.asyncIterator]();
      expect((await lines.next()).value).to.equal("runs");
      shell.kill("SIGTERM");
      expect((await lines.next()).value).to.equal("stopped in order");
      expect((await lines.next()).done).to.equal(true);
    });
  }

  it("says which program it cannot start", async () => {
    const { code, stderr } = await runAs("24.0.0", BARE, "--exec", "no-such-program");
    expect(code).to.equal(1);
    expect(stderr).to.match(/^no-such-program cannot be started \(ENOENT\)/);
  });
});
