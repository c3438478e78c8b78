import { expect } from "chai";
import { parseSettings } from "../../stacks/config.ts";

const parse = (values: Record<string, string>) => parseSettings("project", values);

describe("stack settings", () => {
  it("take their defaults where the file is silent", () => {
    const settings = parse({});
    expect(settings.streamShards).to.equal(undefined);
    expect(settings.streamRetentionHours).to.equal(24);
    expect(settings.corsOrigins).to.deep.equal([]);
  });

  it("read numbers, booleans and lists", () => {
    const settings = parse({
      streamShards: "3",
      protectData: "true",
      corsOrigins: '["https://a.example","https://b.example"]',
    });
    expect(settings.streamShards).to.equal(3);
    expect(settings.protectData).to.equal(true);
    expect(settings.corsOrigins).to.deep.equal(["https://a.example", "https://b.example"]);
  });

  it("refuse an unknown key by its name", () => {
    expect(() => parse({ streamShard: "1" })).to.throw('"project:streamShard" is not a setting');
  });

  for (const [key, value, allowed] of [
    ["streamShards", "0", "a whole number from 1 to 500"],
    ["streamShards", "1.5", "a whole number from 1 to 500"],
    ["streamShards", "one", "a whole number from 1 to 500"],
    ["streamRetentionHours", "23", "a whole number from 24 to 8760"],
    ["protectData", "yes", "true or false"],
    ["orderArchiveDays", "3651", "a whole number from 0 to 3650"],
    ["aggregateWindowSeconds", "301", "a whole number from 0 to 300"],
    ["canaryPercent", "100", "a whole number from 0 to 99"],
    ["canaryMinutes", "0", "a whole number from 1 to 2880"],
    ["logReservation", "901", "a whole number from 0 to 900"],
    ["orderConcurrency", "1001", "a whole number from 2 to 1000"],
    ["logFileConcurrency", "0", "a whole number from 2 to 1000"],
    ["compactionConcurrency", "1", "a whole number from 2 to 1000"],
    ["cacheGb", "5001", "a whole number from 0 to 5000"],
    ["cacheUnitsPerSecond", "999", "a whole number from 1000 to 15000000"],
    ["logRetentionDays", "8", "one of 1, 3, 5"],
    ["alarms", "some", "one of none, essential, all"],
    ["alarmEmail", "team", "one e-mail address"],
    ["monthlyBudgetDollars", "-1", "a whole number from 0 to 1000000"],
    ["corsOrigins", '["*"]', "exact origins"],
    ["corsOrigins", '["https://a.example/path"]', "exact origins"],
    ["corsOrigins", "[1", "a list of strings"],
  ] as const) {
    it(`refuse ${key}: ${value}, naming key, value and what is allowed`, () => {
      expect(() => parse({ [key]: value })).to.throw(
        new RegExp(`"project:${key}" is ${JSON.stringify(value).replace(/[[\]*.\\]/g, "\\$&")}.*${allowed}`),
      );
    });
  }

  it("refuse more warm environments at least than at most", () => {
    expect(() => parse({ warmReadsMin: "3", warmReadsMax: "2" })).to.throw(
      '"project:warmReadsMin" is 3, above "project:warmReadsMax" 2. Raise that, or lower this.',
    );
  });

  it("list every problem at once", () => {
    expect(() => parse({ streamShards: "0", nope: "1", protectData: "1" })).to.throw(
      /nope.*streamShards.*protectData/,
    );
  });

  it("want somebody whom a budget tells", () => {
    const nobody = { alarms: "none", monthlyBudgetDollars: "10" };
    expect(() => parse(nobody)).to.throw('"project:monthlyBudgetDollars" would tell nobody');
    expect(parse({ ...nobody, alarmEmail: "a@example.com" }).monthlyBudgetDollars).to.equal(10);
    expect(parse({ ...nobody, monthlyBudgetDollars: "0" }).alarms).to.equal("none");
  });

  it("want an audience and a cursor key with an issuer of the user's own", () => {
    expect(() => parse({ jwtIssuer: "https://id.example" })).to.throw("go together");
    expect(() => parse({ jwtIssuer: "https://id.example", jwtAudience: "api" })).to.throw("cursorKey");
    expect(
      parse({ jwtIssuer: "https://id.example", jwtAudience: "api", cursorKey: "0123456789abcdef" })
        .jwtAudience,
    ).to.equal("api");
  });

  it("refuse a cursor key that is too short, without telling it", () => {
    expect(() => parse({ cursorKey: "k3y" })).to.throw(/^(?!.*k3y).*"project:cursorKey" is too short.*16/);
  });

  it("name the cursor key among the known settings", () => {
    expect(() => parse({ nope: "1" })).to.throw(/Known: .*\bcursorKey\b/);
  });

  it("treat a prototype's key as unknown", () => {
    expect(() => parse({ constructor: "1" })).to.throw('"project:constructor" is not a setting');
  });
});
