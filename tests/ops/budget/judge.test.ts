import { expect } from "chai";
import { judge, type Measured, slowOnes } from "../../../ops/budget/judge.ts";
import { partsOf } from "../../../ops/budget/parts.ts";
import type { Baseline } from "../../../ops/shared/baseline.ts";

const NODE = "v24.0.0";
const NAMES = ["a", "b", "c", "d", "e"];

const before = {
  zipBytes: 100_000,
  initMs: 100,
  durationMs: { p50: 5, p99: 20 },
  memoryMb: 80,
  compiledBytes: 200_000,
  heapBytes: 2_000_000,
  parts: { "@aws-sdk/client-s3": 90_000, "functions/f/core.ts": 4_000 },
};
const baseline: Baseline = {
  measured: "2026-01-31",
  machine: "a laptop",
  node: NODE,
  functions: Object.fromEntries(NAMES.map((name) => [name, before])),
};

/** All as measured, on a machine half as fast, but for the changes to "a". */
const measured = (change: Partial<Measured> = {}): Measured[] =>
  NAMES.map((name) => ({
    name,
    zipBytes: before.zipBytes,
    parts: before.parts,
    compiledBytes: before.compiledBytes,
    heapBytes: before.heapBytes,
    loadMs: 200,
    codeMs: 150,
    ...(name === "a" && change),
  }));

const found = (functions: Measured[]) => ({ measured: functions, slow: slowOnes(baseline, functions) });

const problemsOf = (change: Partial<Measured>): string[] =>
  judge(baseline, found(measured(change)), NODE).problems;

describe("ops/budget: functions against their baseline", () => {
  it("lets a function grow by a tenth in everything that is counted", () => {
    const atLimit = { zipBytes: 110_000, compiledBytes: 220_000, heapBytes: 2_200_000 };
    expect(judge(baseline, found(measured(atLimit)), NODE)).to.deep.equal({ problems: [], notes: [] });
  });

  it("names a zip that has grown more, by how much, and what was added most", () => {
    const parts = { ...before.parts, "functions/f/core.ts": 5_024, sharp: 20_480 };
    expect(problemsOf({ zipBytes: 110_001, parts })).to.deep.equal([
      'Function "a": its zip has grown by 10.0 %, from 97.7 KB to 107.4 KB; a tenth is allowed. Most added: sharp +20.0 KB, functions/f/core.ts +1.0 KB. If that is wanted: npm run baseline, and commit the file.',
    ]);
  });

  it("says that nothing in the bundle has grown when what lies beside it has", () => {
    expect(problemsOf({ zipBytes: 200_000 })[0]).to.match(/No module has grown: it is what lies beside/);
  });

  it("names an initialisation that compiles more, or keeps more on the heap", () => {
    expect(problemsOf({ compiledBytes: 221_000 })[0]).to.match(
      /^Function "a": what its initialisation compiles has grown by 10\.5 %/,
    );
    expect(problemsOf({ heapBytes: 2_300_000 })[0]).to.match(
      /^Function "a": what its initialisation keeps on the heap has grown by 15\.0 %/,
    );
  });

  it("finds the function that waits while it loads, whatever the machine's speed", () => {
    expect(problemsOf({ loadMs: 500 })).to.have.lengthOf(1);
    expect(problemsOf({ loadMs: 500 })[0]).to.match(/^Function "a": it takes 2\.5 x as long to load/);
    expect([...slowOnes(baseline, measured({ loadMs: 399 }))]).to.deep.equal([]);
  });

  it("lets a function pass that was slow only once", () => {
    const once = { measured: measured({ loadMs: 500 }), slow: new Map<string, number>() };
    expect(judge(baseline, once, NODE).problems).to.deep.equal([]);
  });

  it("fails for a new function, and says how to add it", () => {
    const [first] = measured() as [Measured];
    const { problems } = judge(baseline, found([...measured(), { ...first, name: "new" }]), NODE);
    expect(problems).to.deep.equal([
      'Function "new" is new: bench/baseline.json has no entry. Add it: npm run baseline, and commit the file.',
    ]);
  });

  it("mentions an entry whose function is gone, without failing", () => {
    const { problems, notes } = judge(baseline, found(measured().slice(1)), NODE);
    expect(problems).to.deep.equal([]);
    expect(notes).to.deep.equal(['bench/baseline.json still has "a", which the program no longer has.']);
  });

  it("compares zips alone under another Node, and says so", () => {
    const grown = measured({ compiledBytes: 900_000, heapBytes: 9_000_000, loadMs: 9_000 });
    const { problems, notes } = judge(baseline, found(grown), "v22.20.0");
    expect(problems).to.deep.equal([]);
    expect(notes[0]).to.match(/^Initialisation is not compared: .* Node v24\.0\.0, this is v22\.20\.0\.$/);
  });

  it("counts a bundle by package and own file, and sums what is small", () => {
    const modules = [
      { path: "node_modules/@smithy/core/dist/a.js", bytes: 800 },
      { path: "node_modules/@smithy/core/node_modules/uuid/b.js", bytes: 1_100 },
      { path: "node_modules/@smithy/core/dist/c.js", bytes: 700 },
      { path: "functions/shared/keys.ts", bytes: 300 },
      { path: "(entry)", bytes: 200 },
    ];
    expect(partsOf(modules)).to.deep.equal({
      "@smithy/core": 1_500,
      uuid: 1_100,
      "(smaller parts)": 500,
    });
  });
});
