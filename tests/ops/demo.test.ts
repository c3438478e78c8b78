import { spawn } from "node:child_process";
import { join } from "node:path";
import { expect } from "chai";
import { ROOT } from "../helpers/source-files.ts";

function demo(...args: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, [join(ROOT, "ops/demo/main.ts"), ...args], { cwd: ROOT });
  const text = { stdout: "", stderr: "" };
  child.stdout.on("data", (chunk) => {
    text.stdout += chunk;
  });
  child.stderr.on("data", (chunk) => {
    text.stderr += chunk;
  });
  return new Promise((resolve) => child.once("close", (code) => resolve({ code, ...text })));
}

describe("npm run demo", function () {
  this.timeout(180_000);

  it("plays everything on this machine, finds every figure right, and ends by itself", async () => {
    const { code, stdout, stderr } = await demo();
    expect(stdout, stderr).to.contain("1 environment died after its writes");
    expect(stdout).not.to.contain("WRONG");
    expect(stdout).to.match(/readings counted +1080 +1080 +ok/);
    expect(stdout).to.match(/telemetry-aggregate +\d+ +1 /);
    expect(stdout).to.match(/alarms that went off unexplained +none +none +ok/);
    expect(stdout).to.match(
      /Trace of seattle-\w+-post: \d+ hops[\s\S]*└─ stream telemetry-stream\n +├─ telemetry-/,
    );
    expect(stdout).to.match(
      /Trace of seattle-\w+-order-\d+-\d: \d+ hops[\s\S]*└─ queue orders-queue\n +└─ orders-fulfil +ok/,
    );
    expect(code, stderr).to.equal(0);
  });

  it("ends with an error and one sentence when it cannot start", async () => {
    const { code, stdout, stderr } = await demo("--stack", "nowhere");
    expect(code).to.equal(1);
    expect(stdout).to.equal("");
    expect(stderr.trim().split("\n").at(-1)).to.contain("nowhere");
  });
});
