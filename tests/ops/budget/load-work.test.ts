import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { strToU8, zipSync } from "fflate";
import { Loader, type LoadWork } from "../../../ops/budget/load-work.ts";

const CALLED =
  "const make = (n) => { const out = []; for (let i = 0; i < n; i++) out.push({ i }); return out; };";
const CODES = {
  small: "exports.handler = async () => {};",
  // Parsed, but nothing of it runs while it loads.
  lazy: `${CALLED} exports.handler = async () => make(1);`,
  eager: `${CALLED} make(1); exports.handler = async () => {};`,
  hoarder: `${CALLED} exports.table = make(50000); exports.handler = async () => {};`,
  broken: "throw new Error('no such luck');",
};

describe("ops/budget: the work of loading code", () => {
  let directory: string;

  before(() => {
    directory = mkdtempSync(join(tmpdir(), "load-work-"));
    for (const [name, code] of Object.entries(CODES))
      writeFileSync(join(directory, `${name}.zip`), zipSync({ "index.js": strToU8(code) }));
  });
  after(() => rmSync(directory, { recursive: true }));

  const load = (...names: string[]): Promise<Map<string, LoadWork>> =>
    Loader.with(directory, (loader) => loader.load(names.map((name) => ({ name, zipPath: `${name}.zip` }))));

  it("counts what runs while the code loads, the same every time, and what it keeps", async () => {
    const first = await load("small", "lazy", "eager", "hoarder");
    const second = await load("eager");
    const compiled = (name: string): number => first.get(name)?.compiledBytes ?? 0;
    expect(second.get("eager")?.compiledBytes).to.equal(compiled("eager"));
    expect(compiled("lazy")).to.be.greaterThan(compiled("small"));
    expect(compiled("eager")).to.be.greaterThan(compiled("lazy"));
    expect(first.get("hoarder")?.heapBytes).to.be.greaterThan(1_000_000);
    expect(first.get("eager")?.heapBytes).to.be.lessThan(1_000_000);
  });

  it("names the function whose code cannot be loaded, with what it said", async () => {
    const failure = await load("broken").catch((error: Error) => error);
    expect(String(failure)).to.match(/Function "broken" cannot be loaded: [\s\S]*no such luck/);
  });
});
