/** The packager imports every function while the program is planned: importing one must do nothing and need nothing. */
import { execFile } from "node:child_process";
import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { expect } from "chai";

const run = promisify(execFile);
const FUNCTIONS = join(dirname(fileURLToPath(import.meta.url)), "../../functions");

const modules = readdirSync(FUNCTIONS, { recursive: true, encoding: "utf8" })
  .filter((path) => path.endsWith(".ts"))
  .sort();

/** What Powertools is called in the SDK's user agent: it adds itself when it is imported, and nothing tells it not to. */
const POWERTOOLS_NAME = "AWS_SDK_UA_APP_ID";

/** Imports one module after the other and tells what each leaves behind: open handles, a changed environment. */
const PROBE = `
  const seen = {};
  for (const url of process.argv.slice(1)) {
    await import(url);
    const handles = process.getActiveResourcesInfo().filter((kind) => !/^(TTY|Pipe|FS|CloseReq)/.test(kind));
    seen[url] = { handles, environment: Object.keys(process.env).filter((name) => name !== "${POWERTOOLS_NAME}") };
  }
  console.log(JSON.stringify(seen));
`;

function urlOf(module: string): string {
  return pathToFileURL(join(FUNCTIONS, module)).href;
}

describe("functions: imports", () => {
  let seen: Record<string, object> = {};

  before(async () => {
    const args = ["--no-warnings", "--input-type=module", "--eval", PROBE, ...modules.map(urlOf)];
    const { stdout, stderr } = await run(process.execPath, args, { env: {} });
    expect(stderr).to.equal("");
    seen = JSON.parse(stdout);
  });

  for (const module of modules) {
    it(`${module} has no effect and needs no environment`, () => {
      expect(seen[urlOf(module)]).to.deep.equal({ handles: [], environment: [] });
    });
  }
});
