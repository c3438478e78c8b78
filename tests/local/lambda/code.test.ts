import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { CodeStore, unprotect } from "../../../local/lambda/code.ts";
import { writeZip } from "./helpers/functions.ts";

describe("CodeStore", () => {
  let directory: string;
  let store: CodeStore;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "code-test-"));
    store = new CodeStore(join(directory, "code"));
  });

  afterEach(async () => {
    await unprotect(directory);
    await rm(directory, { recursive: true });
  });

  it("unpacks the same code once, read-only, however many functions have it", async () => {
    const files = { "index.js": "exports.handler = 1;", "lib/deep/a.js": "2" };
    const zips = [await writeZip(directory, "a", files), await writeZip(directory, "b", files)];
    const [first, second] = await Promise.all(zips.map((zip) => store.unpack(zip)));
    expect(second).to.equal(first);
    expect(await readFile(join(first!, "lib/deep/a.js"), "utf8")).to.equal("2");
    expect((await stat(join(first!, "lib"))).mode & 0o222).to.equal(0);
    expect((await stat(join(first!, "index.js"))).mode & 0o222).to.equal(0);
  });

  it("refuses entries outside the folder", async () => {
    const zip = await writeZip(directory, "evil", { "../../evil.js": "1" });
    const error = await store.unpack(zip).catch((reason: Error) => reason);
    expect(String(error)).to.match(/its entry "\.\.\/\.\.\/evil\.js" points outside the package/);
  });

  it("names a file that is missing or no zip", async () => {
    await writeFile(join(directory, "text.zip"), "hello");
    for (const name of ["text.zip", "none.zip"]) {
      const error = await store.unpack(join(directory, name)).catch((reason: Error) => reason);
      expect(String(error)).to.match(new RegExp(`Cannot unpack the function's code .*${name}: `));
    }
  });

  it("takes a zip that was rebuilt under the same path for the new code it is", async () => {
    const zip = await writeZip(directory, "a", { "index.js": "1" });
    const before = await store.unpack(zip);
    await writeZip(directory, "a", { "index.js": "2" });
    expect(await store.unpack(zip)).not.to.equal(before);
  });
});
