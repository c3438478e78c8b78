import { expect } from "chai";
import { type SourceFile, sourceFiles } from "./helpers/source-files.ts";

/** Who may import whom: the first folder that fits a file says what its relative imports may start with. */
const RULES: { files: RegExp; may: RegExp; packages?: RegExp; why: string }[] = [
  { files: /^index\.ts$/, may: /^stacks\//, why: "index.ts composes stacks" },
  {
    files: /^stacks\//,
    may: /^(stacks\/|components\/[^/]+\.ts$|functions\/)/,
    why: "stacks compose components and functions",
  },
  {
    files: /^components\/runtime\//,
    may: /^components\/runtime\//,
    packages: /^(?!@pulumi\/)/,
    why: "components/runtime runs in Lambda",
  },
  {
    files: /^components\/internal\//,
    may: /^components\/internal\//,
    why: "components/internal is pure",
  },
  {
    files: /^components\/packaging\//,
    may: /^components\/(packaging|internal)\//,
    why: "components/packaging serves the components",
  },
  { files: /^components\//, may: /^components\//, why: "components know neither stacks nor functions" },
  {
    files: /^functions\/shared\//,
    may: /^functions\/shared\//,
    packages: /^(?!@pulumi\/)/,
    why: "functions/shared imports npm packages only",
  },
  {
    files: /^functions\/([^/]+)\//,
    may: /^functions\/(shared|$1)\//,
    packages: /^(?!@pulumi\/)/,
    why: "functions import functions/shared, never each other",
  },
  {
    files: /^local\/sources\/([^/]+)\.ts$/,
    may: /^local\/(kit|engine|lambda|services|sources\/source\.ts|sources\/shards\/|sources\/$1\/)/,
    why: "sources use kit, engine, lambda, services and what reads shards, never each other",
  },
  { files: /^local\//, may: /^local\//, why: "local knows registered resource types only" },
  {
    files: /^ops\//,
    may: /^(ops\/|local\/|policy\/|functions\/shared\/)/,
    why: "ops work on the program's graph, the policy's rules and functions/shared",
  },
  { files: /^policy\//, may: /^policy\//, why: "the policy pack is loaded by Pulumi, away from the program" },
];

const files = sourceFiles();
const program = files.filter(({ path }) => /^(index\.ts|stacks\/|components\/|functions\/)/.test(path));

const violations = ({ path, imports }: SourceFile): string[] => {
  const rule = RULES.find((candidate) => candidate.files.test(path));
  if (!rule) return [];
  const own = rule.files.exec(path)?.[1] ?? "";
  const may = new RegExp(rule.may.source.replaceAll("$1", own));
  return imports
    .filter(({ specifier, target }) =>
      target === undefined ? !(rule.packages ?? /^/).test(specifier) : !may.test(target),
    )
    .map(({ specifier }) => `${path} imports ${specifier}: ${rule.why}`);
};

describe("the house", () => {
  it("keeps its import rules", () => {
    expect(files.length).to.be.greaterThan(50);
    expect(files.flatMap(violations)).to.deep.equal([]);
  });

  it("has no default exports and no barrel files", () => {
    const offenders = files.filter(({ text }) => /^export default |^export \* from /m.test(text));
    expect(offenders.map(({ path }) => path)).to.deep.equal([]);
  });

  it("keeps the program ignorant of where it runs: no endpoint, no port, no local runtime", () => {
    const hints = /127\.0\.0\.1|localhost|\b4566\b|AWS_ENDPOINT_URL|endpoint_?url|local\/(?!s)|isLocal/i;
    const offenders = program.flatMap(({ path, text }) =>
      text
        .split("\n")
        .filter((line) => hints.test(line))
        .map((line) => `${path}: ${line.trim()}`),
    );
    expect(offenders).to.deep.equal([]);
  });

  it("keeps index.ts within 40 lines, components within 400 and everything else within 300", () => {
    const limit = (path: string): number => {
      if (path === "index.ts") return 40;
      if (path.startsWith("tests/")) return Number.POSITIVE_INFINITY;
      return /^components\/[^/]+\.ts$/.test(path) ? 400 : 300;
    };
    const offenders = files
      .map(({ path, text }) => ({ path, lines: text.trimEnd().split("\n").length }))
      .filter(({ path, lines }) => lines > limit(path))
      .map(({ path, lines }) => `${path} has ${lines} lines`);
    expect(offenders).to.deep.equal([]);
  });

  it("imports only the tests, benchmarks and commands into local", () => {
    const offenders = files
      .filter(({ path }) => !/^(local|tests|bench|ops)\//.test(path))
      .filter(({ imports }) => imports.some(({ target }) => target?.startsWith("local/")));
    expect(offenders.map(({ path }) => path)).to.deep.equal([]);
  });

  it("leaves no work undone in words", () => {
    const word = new RegExp(`\\b(${["TO", "FIX"].map((part, i) => part + ["DO", "ME"][i]).join("|")})\\b`);
    expect(files.filter(({ text }) => word.test(text)).map(({ path }) => path)).to.deep.equal([]);
  });
});

// Not proven here: cycles between files of one folder, and imports that are computed at run time.
