import { expect } from "chai";
import { compileEventPattern, compileFilters, type FilterDocument } from "../../../local/kit/filter.ts";

const passes = (pattern: object, body: unknown, rest: Record<string, string> = {}): boolean =>
  compileFilters(
    [JSON.stringify(pattern)],
    "data",
  )({
    ...rest,
    data: typeof body === "string" ? body : JSON.stringify(body),
  });

describe("compileFilters", () => {
  const cases: [string, object, unknown, unknown][] = [
    ["equality", { data: { metric: ["rain", "wind"] } }, { metric: "wind" }, { metric: "snow" }],
    [
      "numbers, null and the empty string",
      { data: { a: [1], b: [null], c: [""] } },
      { a: 1, b: null, c: "" },
      { a: 1, b: 0, c: "" },
    ],
    ["several fields, all of them", { data: { a: [1], b: [2] } }, { a: 1, b: 2 }, { a: 1, b: 3 }],
    ["nested fields", { data: { a: { b: ["x"] } } }, { a: { b: "x" } }, { a: "x" }],
    ["lists, any element", { data: { a: [3] } }, { a: [1, 3] }, { a: [1, 2] }],
    ["prefix", { data: { a: [{ prefix: "us-" }] } }, { a: "us-east-1" }, { a: "eu-west-1" }],
    ["suffix", { data: { a: [{ suffix: ".png" }] } }, { a: "x.png" }, { a: "x.jpg" }],
    ["equals-ignore-case", { data: { a: [{ "equals-ignore-case": "OK" }] } }, { a: "ok" }, { a: "no" }],
    ["anything-but", { data: { a: [{ "anything-but": ["x", "y"] }] } }, { a: "z" }, { a: "x" }],
    ["numeric ranges", { data: { a: [{ numeric: [">", 0, "<=", 5] }] } }, { a: 5 }, { a: 0 }],
    ["exists", { data: { a: [{ exists: true }] } }, { a: null }, { b: 1 }],
    ["absence", { data: { a: [{ exists: false }] } }, { b: 1 }, { a: 1 }],
    ["$or", { data: { $or: [{ a: [1] }, { b: [2] }] } }, { a: 0, b: 2 }, { a: 0, b: 0 }],
    ["a plain text body", { data: ["ping"] }, "ping", "pong"],
  ];
  for (const [what, pattern, match, other] of cases) {
    it(`matches ${what}`, () => {
      expect([passes(pattern, match), passes(pattern, other)]).to.deep.equal([true, false]);
    });
  }

  it("drops a body that is not JSON, or no object, for a JSON pattern", () => {
    const pattern = { data: { a: [{ exists: false }] } };
    expect(["not json", "1", "[]"].map((body) => passes(pattern, body))).to.deep.equal([false, false, false]);
  });

  it("looks at the fields beside the body", () => {
    expect(passes({ partitionKey: ["k1"] }, "anything", { partitionKey: "k1" })).to.equal(true);
    expect(passes({ partitionKey: ["k1"] }, "anything", { partitionKey: "k2" })).to.equal(false);
  });

  it("is not fooled by inherited properties", () => {
    expect(passes({ data: { constructor: [{ exists: true }] } }, {})).to.equal(false);
    expect(() => passes({ data: { a: [{ toString: "x" }] } }, {})).to.throw(/expected one of/);
  });

  it("passes what any pattern matches, and everything without one", () => {
    const either = compileFilters(['{"data":["a"]}', '{"data":["b"]}'], "data");
    expect(["a", "b", "c"].map((data) => either({ data }))).to.deep.equal([true, true, false]);
    expect(compileFilters([], "data")({})).to.equal(true);
  });

  it("refuses what is no pattern, showing it", () => {
    for (const pattern of [
      "{",
      "[]",
      '{"data":"x"}',
      '{"data":{"a":[]}}',
      '{"data":{"a":[{"numeric":["!",1]}]}}',
      '{"data":{"a":[{"regex":"x"}]}}',
    ]) {
      expect(() => compileFilters([pattern], "data"), pattern).to.throw(
        /^The filter pattern .* is not valid: /,
      );
    }
    expect(() =>
      compileFilters(
        Array.from({ length: 11 }, () => "{}"),
        "data",
      ),
    ).to.throw(/not 11/);
  });
});

describe("event pattern of a rule", () => {
  const matches = (pattern: object, event: FilterDocument): boolean =>
    compileEventPattern(JSON.stringify(pattern))(event);

  // https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
  for (const [pattern, yes, no] of [
    [{ f: [{ prefix: { "equals-ignore-case": "EventB" } }] }, "eventbridge", "bridge"],
    [{ f: [{ suffix: { "equals-ignore-case": ".PNG" } }] }, "a.png", "a.gif"],
    [{ f: [{ "anything-but": { prefix: "init" } }] }, "running", "initializing"],
    [{ f: [{ "anything-but": { prefix: ["init", "stop"] } }] }, "running", "stopped"],
    [{ f: [{ "anything-but": { suffix: ".txt" } }] }, "a.png", "a.txt"],
    [{ f: [{ "anything-but": { "equals-ignore-case": ["A", "b"] } }] }, "c", "B"],
    [{ f: [{ "anything-but": { wildcard: "*/lib/*" } }] }, "src/a", "src/lib/a"],
    [{ f: [{ "anything-but": ["stopped", "overloaded"] }] }, "up", "stopped"],
    [{ f: [{ wildcard: "dir/*.png" }] }, "dir/sub/a.png", "dir/a.gif"],
    [{ f: [{ wildcard: "a\\*b" }] }, "a*b", "axb"],
    [{ f: [{ wildcard: "a.b*" }] }, "a.bc", "axbc"],
    [{ f: [{ cidr: "10.0.0.0/24" }] }, "10.0.0.255", "10.0.1.0"],
    [{ f: [{ cidr: "2001:db8::/32" }] }, "2001:db8::1", "2001:db9::1"],
  ] as const) {
    it(`${JSON.stringify(pattern)} matches ${yes} and not ${no}`, () => {
      expect([matches(pattern, { f: yes }), matches(pattern, { f: no })]).to.deep.equal([true, false]);
    });
  }

  it("looks into the detail as deep as it goes, and at alternatives", () => {
    const pattern = { source: ["s"], detail: { a: { b: [1] }, $or: [{ c: [2] }, { d: [3] }] } };
    const event = (detail: FilterDocument[string]): FilterDocument => ({ source: "s", detail });
    expect(matches(pattern, event({ a: { b: 1 }, d: 3 }))).to.equal(true);
    expect(matches(pattern, event({ a: { b: 1 }, d: 4 }))).to.equal(false);
  });

  it("refuses what is no pattern, showing it", () => {
    for (const rule of [
      { wildcard: "a**b" },
      { cidr: "10.0.0.0" },
      { cidr: "10.0.0.0/33" },
      { "anything-but": { cidr: "x" } },
    ]) {
      expect(() => compileEventPattern(JSON.stringify({ f: [rule] }))).to.throw(/is not valid/);
    }
    expect(() => compileEventPattern("[]")).to.throw(/not a JSON object/);
  });
});
