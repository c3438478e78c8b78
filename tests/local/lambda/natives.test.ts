import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect } from "chai";
import { CodeStore, unprotect } from "../../../local/lambda/code.ts";
import { writeZip } from "./helpers/functions.ts";

const MACHINE = `${process.platform}-${process.arch}`;
const manifest = (over: object = {}): string =>
  JSON.stringify({
    target: "linux-arm64-glibc",
    natives: ["pixels"],
    packages: [
      { path: "node_modules/@p/lambda", name: "@p/lambda", version: "1.0.0", isPlatform: true },
      { path: "node_modules/pixels", name: "pixels", version: "1.0.0", isPlatform: false },
    ],
    ...over,
  });

const zipped = (text = manifest()): Record<string, string> => ({
  "index.js": "require('pixels')",
  "natives.json": text,
  "node_modules/pixels/index.js": "from the zip",
  "node_modules/@p/lambda/pixels.node": "Lambda's",
});

describe("native packages of a function's code", () => {
  let project: string;
  let store: CodeStore;

  const install = async (path: string, json: object, file = "machine's"): Promise<void> => {
    const folder = join(project, "node_modules", path);
    await mkdir(join(folder, "lib"), { recursive: true });
    await writeFile(join(folder, "package.json"), JSON.stringify(json));
    await writeFile(join(folder, "lib/pixels.node"), file);
  };
  const pixels = {
    version: "1.0.0",
    optionalDependencies: { "@p/machine": "1", "@p/other": "1", "@p/gone": "1" },
  };
  const unpack = async (files = zipped()): Promise<string> => {
    const zip = join(project, ".cache/functions/code.zip");
    await mkdir(dirname(zip), { recursive: true });
    return store.unpack(await writeZip(dirname(zip), "code", files));
  };
  const problem = (files?: Record<string, string>): Promise<string> =>
    unpack(files).then(
      () => "unpacked",
      (error: Error) => error.message,
    );

  beforeEach(async () => {
    project = await mkdtemp(join(tmpdir(), "natives-test-"));
    store = new CodeStore(join(project, "code"));
    await install("pixels", pixels);
    await install("@p/machine", { version: "1.0.0", os: [process.platform], cpu: [process.arch] });
    await install("@p/other", { version: "1.0.0", os: ["aix"], cpu: ["ppc64"] });
  });

  afterEach(async () => {
    await unprotect(project);
    await rm(project, { recursive: true });
  });

  it("are the machine's own builds, read-only, and the zip's plain code", async () => {
    const code = await unpack();
    expect(await readFile(join(code, "node_modules/pixels/index.js"), "utf8")).to.equal("from the zip");
    const binary = join(code, "node_modules/@p/machine/lib/pixels.node");
    expect(await readFile(binary, "utf8")).to.equal("machine's");
    expect(((await stat(binary)).mode | (await stat(dirname(binary))).mode) & 0o222).to.equal(0);
    for (const absent of ["@p/lambda", "@p/other"]) {
      expect(await stat(join(code, "node_modules", absent)).catch(() => "absent")).to.equal("absent");
    }
  });

  it("are found where npm nests them", async () => {
    await rm(join(project, "node_modules/@p/machine"), { recursive: true });
    await install("pixels/node_modules/@p/machine", { os: [process.platform] }, "nested");
    const nested = join(await unpack(), "node_modules/pixels/node_modules/@p/machine/lib/pixels.node");
    expect(await readFile(nested, "utf8")).to.equal("nested");
  });

  it("are missed with the cure when this machine's build is not installed", async () => {
    await rm(join(project, "node_modules/@p/machine"), { recursive: true });
    expect(await problem()).to.contain(
      `it has @p/lambda for linux-arm64-glibc, and no build for this machine (${MACHINE}) is installed; run npm ci`,
    );
  });

  it("must have the version that the zip has", async () => {
    await install("pixels", { ...pixels, version: "2.0.0" });
    expect(await problem()).to.contain(
      "it needs pixels 1.0.0, and this machine's node_modules has 2.0.0; run npm ci",
    );
    await rm(join(project, "node_modules/pixels"), { recursive: true });
    expect(await problem()).to.contain("has none; run npm ci");
  });

  it("are taken from nowhere else than node_modules", async () => {
    for (const path of ["node_modules/../../etc", "/etc", "node_modules/a/../..", "node_modules"]) {
      const packages = [{ path, name: "x", version: "1.0.0", isPlatform: false }];
      expect(await problem(zipped(manifest({ packages }))), path).to.contain(
        "natives.json is not one of the packager's",
      );
    }
    expect(await problem(zipped("{"))).to.contain("Cannot unpack the function's code");
  });
});

// Not proven here: that the packager writes this manifest; tests/local/images-pipeline.test.ts runs sharp in the real pool.
