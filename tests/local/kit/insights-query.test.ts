import { expect } from "chai";
import { isInsightsQuery, parseInsightsQuery } from "../../../local/kit/insights-query.ts";

describe("a Metrics Insights query", () => {
  it("is told from an expression", () => {
    expect(["SELECT MAX(a) FROM b", "select 1", "SELECTED / 2"].map(isInsightsQuery)).to.deep.equal([
      true,
      true,
      false,
    ]);
  });

  it("is read with its namespace, schema and conditions", () => {
    expect(parseInsightsQuery(`SELECT SUM(Failure) FROM "AWS/IoT" WHERE RuleName = 'a b'`)).to.deep.equal({
      statistic: "Sum",
      metricName: "Failure",
      namespace: "AWS/IoT",
      schema: undefined,
      where: [["RuleName", "a b"]],
    });
    expect(
      parseInsightsQuery(
        `select avg("odd name") from SCHEMA("AWS/X", One, "T wo") where One='1' and "T wo"=''`,
      ),
    ).to.deep.equal({
      statistic: "Average",
      metricName: "odd name",
      namespace: "AWS/X",
      schema: ["One", "T wo"],
      where: [
        ["One", "1"],
        ["T wo", ""],
      ],
    });
    expect(parseInsightsQuery("SELECT COUNT(a) FROM b").where).to.deep.equal([]);
  });

  it("is refused with what it is not served for", () => {
    for (const text of [
      "SELECT SUM(a) FROM b GROUP BY c",
      "SELECT SUM(a) FROM b LIMIT 3",
      "SELECT MEDIAN(a) FROM b",
      "SELECT SUM(a)",
    ])
      expect(() => parseInsightsQuery(text), text).to.throw("the only one served");
    expect(() => parseInsightsQuery("SELECT SUM(a) FROM b WHERE c != 'd'")).to.throw(`"c != 'd'"`);
    expect(() => parseInsightsQuery("SELECT SUM(a) FROM b WHERE c = 'd' OR e = 'f'")).to.throw(
      "not of the form",
    );
  });
});
