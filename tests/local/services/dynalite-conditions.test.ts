import { expect } from "chai";
import { Dynalite } from "../../../local/services/dynalite.ts";
import { PLACE } from "./aws.ts";

const EXPRESSIONS = [
  "#count = :a",
  "attribute_not_exists(pk)",
  "attribute_not_exists(pk) OR #count < :a OR (#count = :a AND other.nested[1] <> :b)",
  "begins_with(other, :b) AND NOT contains(#count, :b)",
  "size(other) > :a",
  "#count IN (:a, :b)",
  "#count BETWEEN :a AND :a",
  "attribute_type(#count, :b)",
];

interface Request {
  text: string;
  a?: object;
  b?: object;
  values?: unknown;
}

/** A put under a condition, with exactly the names and values that the text mentions. */
const put = ({ text, a = { N: "1" }, b = { S: "N" }, values }: Request) => {
  const mentioned = Object.entries({ ":a": a, ":b": b }).filter(([name]) => text.includes(name));
  return {
    TableName: "readings",
    Item: { pk: { S: "p" } },
    ConditionExpression: text,
    ...(text.includes("#count") && { ExpressionAttributeNames: { "#count": "count" } }),
    ...(mentioned.length > 0 && { ExpressionAttributeValues: Object.fromEntries(mentioned) }),
    ...(values !== undefined && { ExpressionAttributeValues: values }),
  };
};

/** What parsing gives: the condition, or the refusal. */
const outcome = (dynalite: Dynalite, request: Request): unknown => {
  try {
    return dynalite.parse("PutItem", put(request))._condition;
  } catch (error) {
    return (error as Error).message;
  }
};

describe("a condition that was parsed before", () => {
  for (const text of EXPRESSIONS) {
    it(`is the same as parsed anew, with its own values: ${text}`, () => {
      const known = new Dynalite(PLACE);
      outcome(known, { text });

      const next = { text, a: { N: "2.50" }, b: { S: "S" } };

      expect(outcome(known, next)).to.deep.equal(outcome(new Dynalite(PLACE), next));
    });
  }

  it("is refused for the same reasons", () => {
    const known = new Dynalite(PLACE);
    for (const text of EXPRESSIONS) outcome(known, { text });
    const requests: Request[] = [
      { text: "attribute_not_exists(pk)", values: {} },
      { text: "attribute_not_exists(pk)", values: { ":unused": { N: "1" } } },
      { text: "#count = :a", a: { N: "one" } },
      { text: "#count = :a", a: { N: "1", S: "1" } },
      { text: "#count = :a", a: {} },
      { text: "#count = :a", values: { ":a": null } },
      { text: "#count = :a", values: null },
      { text: "begins_with(other, :b) AND NOT contains(#count, :b)", b: { N: "1" } },
      { text: "attribute_type(#count, :b)", b: { S: "nothing" } },
      { text: "#count BETWEEN :a AND :b", b: { N: "0" } },
    ];

    const refusals = requests.map((request) => outcome(known, request));

    expect(refusals).to.deep.equal(requests.map((request) => outcome(new Dynalite(PLACE), request)));
    expect(refusals.filter((refusal) => typeof refusal === "string")).to.have.length.at.least(8);
  });
});
