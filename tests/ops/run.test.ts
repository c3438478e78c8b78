import { execFile } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect } from "chai";
import { ROOT } from "../helpers/source-files.ts";

const exec = promisify(execFile);

/** Runs ops/run.mjs as the given version of Node would see itself. */
async function runAs(
  version: string,
  ...args: string[]
): Promise<{ code: number; stdout: string; stderr: string }> {
  const disguise = `Object.defineProperty(process, "versions", { value: { ...process.versions, node: "${version}" } });`;
  const flags = [
    "--import",
    `data:text/javascript,${encodeURIComponent(disguise)}`,
    join(ROOT, "ops/run.mjs"),
  ];
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
    it(`refuses Node ${version} in one sentence`, async () => {
      const { code, stdout, stderr } = await runAs(version, command);
      expect(code).to.equal(1);
      expect(stdout).to.equal("");
      expect(stderr).to.match(new RegExp(`^Node ${version} cannot run TypeScript[^\\n]*\\n$`));
    });
  }

  for (const version of ["22.18.0", "23.6.0", "24.0.0", "26.1.0"]) {
    it(`runs the command with its arguments on Node ${version}`, async () => {
      expect(await runAs(version, command, "one", "--two")).to.deep.include({
        code: 0,
        stdout: "one --two\n",
      });
    });
  }
});
