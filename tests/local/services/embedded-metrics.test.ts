import { expect } from "chai";
import { emitMetrics } from "../../../functions/shared/metrics.ts";
import { embeddedMetrics } from "../../../local/services/embedded-metrics.ts";

const directive = { Namespace: "N", Dimensions: [["service"]], Metrics: [{ Name: "a", Unit: "Count" }] };
const line = (meta: unknown, fields: object = { service: "s", a: 1 }): string =>
  JSON.stringify({ _aws: meta, ...fields });
const of = (text: string) => {
  const found = embeddedMetrics(text);
  return found && [found.figures.length, found.invalid];
};

describe("the embedded metric format", () => {
  it("is read from the lines that this project's functions write", () => {
    const now = Date.now();
    let text = "";
    emitMetrics("ingest", { accepted: 3, lag: 1.5 }, { now, write: (line) => (text += line) });
    const metric = (name: string) => ({ namespace: "Telemetry", name, dimensions: { service: "ingest" } });
    expect(embeddedMetrics(text)).to.deep.equal({
      figures: [
        { metric: metric("accepted"), values: [3], unit: "Count", at: now },
        { metric: metric("lag"), values: [1.5], unit: "Count", at: now },
      ],
      invalid: 0,
    });
  });

  it("makes a metric per set of dimensions, also per value of a list", () => {
    const sets = { ...directive, Dimensions: [["service"], ["service", "stage"], []] };
    const text = line(
      { Timestamp: 1, CloudWatchMetrics: [sets] },
      { service: "s", stage: "t", a: [1, 2, 2] },
    );
    expect(
      embeddedMetrics(text)?.figures.map(({ metric, values }) => [metric.dimensions, values]),
    ).to.deep.equal([
      [{ service: "s" }, [1, 2, 2]],
      [{ service: "s", stage: "t" }, [1, 2, 2]],
      [{}, [1, 2, 2]],
    ]);
  });

  it("takes lines that are not in the format for lines like any other", () => {
    for (const text of ["hello", "", '{"a":1}', '{"_aws":7}', '["_aws"]'])
      expect(embeddedMetrics(text), text).to.equal(undefined);
  });

  it("leaves out what breaks the format's rules, and counts it", () => {
    const meta = (own: object) => ({ Timestamp: 1, CloudWatchMetrics: [{ ...directive, ...own }] });
    const cases: [string, [number, number]][] = [
      ['{"_aws": broken', [0, 1]],
      [line({ CloudWatchMetrics: [directive] }), [0, 1]],
      [line({ Timestamp: "1", CloudWatchMetrics: [directive] }), [0, 1]],
      [line({ Timestamp: 1, CloudWatchMetrics: {} }), [0, 1]],
      [line(meta({ Namespace: "" })), [0, 1]],
      [line(meta({ Metrics: "a" })), [0, 1]],
      [line(meta({ Dimensions: [["missing"]] })), [0, 1]],
      [line(meta({}), { service: 7, a: 1 }), [0, 1]],
      [line(meta({ Dimensions: [Array.from({ length: 31 }, () => "service")] })), [0, 1]],
      [line(meta({ Metrics: [{ Name: "a" }, { Name: "b" }, {}] })), [1, 2]],
      [line(meta({}), { service: "s", a: "1" }), [0, 1]],
      [line(meta({}), { service: "s", a: Array.from({ length: 101 }, () => 1) }), [0, 1]],
      [line({ Timestamp: 1, CloudWatchMetrics: [directive, null] }), [1, 1]],
    ];
    for (const [text, found] of cases) expect(of(text), text.slice(0, 200)).to.deep.equal(found);
  });
});
