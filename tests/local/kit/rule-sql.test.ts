import { expect } from "chai";
import { compileRule, compileTemplate, type PublishedMessage } from "../../../local/kit/rule-sql.ts";

const message = (payload: string | Buffer, topic = "devices/d1/telemetry"): PublishedMessage => ({
  topic,
  payload: Buffer.from(payload),
  clientId: "d1",
  timestamp: 1_700_000_000_000,
  uuid: () => "00000000-0000-4000-8000-000000000000",
});

const select = (sql: string, payload: string | Buffer): unknown => {
  const selected = compileRule(sql).select(message(payload));
  return selected && JSON.parse(selected.toString());
};
const refusal = (sql: string): string => {
  try {
    compileRule(sql);
    return "accepted";
  } catch (error) {
    return (error as Error).message;
  }
};
const passes = (where: string, payload: unknown): boolean =>
  select(`SELECT 1 AS one FROM 'a' WHERE ${where}`, JSON.stringify(payload)) !== undefined;

describe("an IoT rule's SQL", () => {
  it("names the filter that it takes messages from", () => {
    expect(compileRule("SELECT * FROM 'devices/+/telemetry'").filter).to.equal("devices/+/telemetry");
    expect(compileRule("select * from 'it''s'").filter).to.equal("it's");
  });

  it("hands the bytes on as they came with * alone, JSON or not", () => {
    const bytes = Buffer.from([0, 255, 10]);
    expect(compileRule("SELECT * FROM 'a'").select(message(bytes))).to.deep.equal(bytes);
  });

  it("gives the message's bytes in base64, its topic, its sender and when it came", () => {
    const sql =
      "SELECT encode(*, 'base64') AS payload, topic() AS topic, topic(2) AS device, clientid() AS id, timestamp() AS at FROM 'a'";
    expect(select(sql, "{not json")).to.deep.equal({
      payload: Buffer.from("{not json").toString("base64"),
      topic: "devices/d1/telemetry",
      device: "d1",
      id: "d1",
      at: 1_700_000_000_000,
    });
  });

  it("takes paths by their last part, leaves out what is missing, and lets * stand beside more", () => {
    expect(select("SELECT a.b, c AS d, e FROM 'a'", '{"a":{"b":10.0},"c":null}')).to.deep.equal({
      b: 10,
      d: null,
    });
    expect(select("SELECT *, topic(9) AS none, 'x' AS kind FROM 'a'", '{"v":1}')).to.deep.equal({
      v: 1,
      kind: "x",
    });
  });

  it("reads what an object holds itself, never what its prototype does", () => {
    expect(select("SELECT constructor, __proto__ FROM 'a'", "{}")).to.deep.equal({});
    const found = compileRule("SELECT a AS __proto__ FROM 'a'").select(message('{"a":{"polluted":1}}'));
    expect(found?.toString()).to.equal('{"__proto__":{"polluted":1}}');
    expect({}).to.not.have.property("polluted");
  });

  it("leaves out what WHERE does not hold for, seeing the message and not the names after AS", () => {
    expect(passes("t > 20", { t: 21 })).to.equal(true);
    expect(passes("t > 20", { t: 20 })).to.equal(false);
    expect(passes("t >= 20 AND NOT (u = 'C' OR u = 'F')", { t: 20, u: "K" })).to.equal(true);
    expect(passes("t <= 20 AND u <> 'K'", { t: 20, u: "K" })).to.equal(false);
    expect(passes("a.b = 'x' OR c < 'b'", { c: "a" })).to.equal(true);
    expect(passes("one = 1", {})).to.equal(false);
  });

  it("compares nothing with what is missing or of another type", () => {
    expect(passes("t <> 1", {})).to.equal(false);
    expect(passes("NOT t = 1", {})).to.equal(false);
    expect(passes("t > 1", { t: "2" })).to.equal(false);
    expect(select("SELECT 1 AS one FROM 'a' WHERE t = 1", "no json")).to.equal(undefined);
  });

  for (const [sql, says] of [
    ["UPDATE x", /needs SELECT where it has "UPDATE"/],
    ["SELECT * FROM devices", /a topic filter in single quotes where it has "devices"/],
    ["SELECT *", /needs FROM where it has its end/],
    ["SELECT sqrt(a) AS b FROM 'a'", /calls "sqrt", which is not served here/],
    ["SELECT topic(1, 2) AS b FROM 'a'", /calls "topic" with 2 arguments/],
    ["SELECT topic() FROM 'a'", /needs AS after "topic\(\)"/],
    ["SELECT encode(*, 'hex') AS b FROM 'a'", /encodes as "hex"/],
    ["SELECT a + 1 AS b FROM 'a'", /has "\+" at character 10/],
    ["SELECT * FROM 'a' WHERE t IN [1]", /has "\["/],
    ["SELECT * FROM 'a' LIMIT 1", /goes on with "LIMIT"/],
    ["SELECT a AS FROM 'a'", /needs FROM where it has "a"|needs a name/],
    [`SELECT * FROM 'a' WHERE ${"(".repeat(30)}1${")".repeat(30)}`, /nested more than 20 deep/],
    [`SELECT * FROM '${"a".repeat(300_000)}'`, /over 262144 bytes long/],
  ] as const) {
    it(`refuses ${sql.slice(0, 40)}`, () => {
      expect(refusal(sql)).to.match(says);
    });
  }
});

/** An expression as a template writes it. */
const of = (expression: string): string => ["$", "{", expression, "}"].join("");

describe("a substitution template", () => {
  it("is filled from the message", () => {
    const fill = compileTemplate(`iot/${of("topic(2)")}/${of("timestamp()")}-${of("newuuid()")}.json`);
    expect(fill(message("{}"))).to.equal("iot/d1/1700000000000-00000000-0000-4000-8000-000000000000.json");
    expect(compileTemplate(of("a.b"))(message('{"a":{"b":7}}'))).to.equal("7");
    expect(compileTemplate("plain")(message(""))).to.equal("plain");
  });

  it("fails for what has no value, naming it", () => {
    expect(() => compileTemplate(of("topic(9)"))(message("{}"))).to.throw(
      `The substitution template ${of("topic(9)")} has no value.`,
    );
  });
});
