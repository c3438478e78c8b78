import { execFile } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { expect } from "chai";
import type { Endpoint } from "../../../local/services/endpoint.ts";
import { CloudWatchLogs } from "../../../local/services/logs.ts";
import { ROOT } from "../../helpers/source-files.ts";
import { PLACE, start } from "../../local/services/aws.ts";

const GROUP = "aws:cloudwatch/logGroup:LogGroup";
const EXPORT = {
  deployment: {
    resources: [
      {
        type: "pulumi:pulumi:Stack",
        urn: "urn:pulumi:dev::shop::s::shop-dev",
        outputs: { region: "us-east-1" },
      },
      { type: GROUP, urn: "urn:pulumi:dev::shop::g::greet-logs", outputs: { name: "greet-logs-1234567" } },
      { type: GROUP, urn: "urn:pulumi:dev::shop::g::count-logs", outputs: { name: "count-logs-1234567" } },
    ],
  },
};

interface Run {
  code: number;
  stdout: string;
  stderr: string;
}

describe("logs: the command", function () {
  this.timeout(30_000);
  let folder: string;
  let endpoint: Endpoint;
  let logs: CloudWatchLogs;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "logs-command-"));
    logs = new CloudWatchLogs({ ...PLACE, clock: Date });
    endpoint = await start({ json: [logs] });
  });

  after(async () => {
    rmSync(folder, { recursive: true, force: true });
    await endpoint.close();
  });

  /** Stands for the Pulumi CLI, which knows one deployed stack. */
  const pulumi = (script: string): void => {
    writeFileSync(join(folder, "pulumi"), `#!/bin/sh\n${script}\n`);
    chmodSync(join(folder, "pulumi"), 0o755);
  };

  const command = async (args: string[], environment: Record<string, string> = {}): Promise<Run> => {
    const env = {
      PATH: [folder, process.env.PATH].join(delimiter),
      AWS_EC2_METADATA_DISABLED: "true",
      AWS_SHARED_CREDENTIALS_FILE: "/nonexistent",
      AWS_CONFIG_FILE: "/nonexistent",
      ...environment,
    };
    try {
      const argv = ["ops/logs/main.ts", ...args];
      return { code: 0, ...(await promisify(execFile)(process.execPath, argv, { env, cwd: ROOT })) };
    } catch (error) {
      return error as Run;
    }
  };

  const signedIn = () => ({
    AWS_ENDPOINT_URL: endpoint.url,
    AWS_ACCESS_KEY_ID: "a",
    AWS_SECRET_ACCESS_KEY: "b",
  });

  it("prints the lines of the deployed stack's functions as one, by the functions' names", async () => {
    pulumi(`cat <<'END'\n${JSON.stringify(EXPORT)}\nEND`);
    const now = Date.now();
    for (const [index, name] of ["greet", "count", "greet"].entries()) {
      const group = `${name}-logs-1234567`;
      logs.createGroup({ name: group });
      logs.append(group, "s", [{ timestamp: now - 1_000 + index, message: `line ${index}` }]);
    }
    const { code, stdout, stderr } = await command(["--stack", "dev"], signedIn());
    expect(code, stderr).to.equal(0);
    expect(
      stdout
        .trimEnd()
        .split("\n")
        .map((line) => line.slice(13)),
    ).to.deep.equal(["greet  line 0", "count  line 1", "greet  line 2"]);
  });

  it("says in one sentence that there are no credentials, or no such function", async () => {
    pulumi(`cat <<'END'\n${JSON.stringify(EXPORT)}\nEND`);
    const [strange, unknown] = await Promise.all([command([]), command(["grete"], signedIn())]);
    expect([strange.code, unknown.code]).to.deep.equal([1, 1]);
    expect(strange.stderr).to.match(/^There are no AWS credentials: sign in [^\n]+\n$/);
    expect(unknown.stderr).to.equal('Stack "dev" has no function "grete". It has count, greet.\n');
  });

  it("says in one sentence that the stack is not deployed, or that Pulumi does not know it", async () => {
    pulumi('if [ "$4" = dev ]; then echo "{}"; else echo "error: no stack named $4 found" >&2; exit 255; fi');
    const [empty, unknown] = await Promise.all([command([]), command(["--stack", "nope"])]);
    expect([empty.code, unknown.code]).to.deep.equal([1, 1]);
    expect(empty.stderr).to.match(/^Stack "dev" is not deployed\. [^\n]+\n$/);
    expect(unknown.stderr).to.equal(
      'The state of stack "nope" cannot be read: error: no stack named nope found\n',
    );
  });

  it("refuses a wrong call in one sentence and with exit code 2", async () => {
    const calls = [["--since", "1y"], ["--id", 'a"b'], ["--bogus"]];
    for (const { code, stderr } of await Promise.all(calls.map((args) => command(args)))) {
      expect(code).to.equal(2);
      expect(stderr.trim().split("\n")).to.have.length(1);
    }
  });
});
