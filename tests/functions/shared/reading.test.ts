import { Ajv } from "ajv";
import { expect } from "chai";
import fc from "fast-check";
import { DAY } from "../../../functions/shared/instant.ts";
import { judgeReading, judgeShape, limitsFor } from "../../../functions/shared/reading.ts";
import { ReadingSchema } from "../../../functions/shared/schemas.ts";
import { NOW, reading } from "../fakes.ts";

const matchesSchema = new Ajv().compile(ReadingSchema);

/** Texts around what is allowed: good ones, one character off, too long. */
const identifier = fc.oneof(
  fc.stringMatching(/^[A-Za-z0-9._:-]{1,128}$/),
  fc.stringMatching(/^[!-~]{0,130}$/),
  fc.string({ unit: "grapheme", maxLength: 3 }),
  fc.constantFrom("a".repeat(128), "a".repeat(129), "", "a\n", "\u0131"),
);
const number = fc.oneof(
  fc.double({ min: -1e15, max: 1e15, noNaN: true }),
  fc.double(),
  fc.constantFrom(1e15, -1e15, 1e15 + 0.125, 1e-320, -0),
);
const digits = (max: number) => fc.nat(max).map((value) => String(value).padStart(2, "0"));
const instant = fc.oneof(
  fc
    .date({ noInvalidDate: true, min: new Date(0), max: new Date("2100-01-01") })
    .map((date) => date.toISOString()),
  fc
    .tuple(
      fc.constantFrom("1900", "2000", "2024", "2026"),
      digits(13),
      digits(32),
      digits(25),
      digits(61),
      digits(61),
    )
    .map(([y, mo, d, h, mi, s]) => `${y}-${mo}-${d}T${h}:${mi}:${s}Z`),
  fc.string({ maxLength: 25 }),
);
const junk = fc.oneof(fc.jsonValue(), fc.constantFrom(null, "1", true, [], {}));
const field = <T>(good: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 8, arbitrary: good }, { weight: 1, arbitrary: junk });
const candidate = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record(
      {
        deviceId: field(identifier),
        metric: field(identifier),
        value: field(number),
        at: field(instant),
        eventId: field(identifier),
        correlationId: field(identifier),
      },
      { requiredKeys: ["deviceId", "metric", "value", "at"] },
    ),
  },
  {
    weight: 2,
    arbitrary: fc.record(
      { deviceId: fc.constant("d"), metric: fc.constant("m"), value: number, at: instant, unit: junk },
      { requiredKeys: ["deviceId", "value", "at"] },
    ),
  },
  { weight: 1, arbitrary: junk },
);

describe("functions/shared: reading", () => {
  it("judges the shape exactly as the JSON Schema does", () => {
    fc.assert(
      fc.property(candidate, (value) => {
        const judged = judgeShape(value);
        expect(typeof judged === "number", `${JSON.stringify(value)}: ${judged}`).to.equal(
          matchesSchema(value),
        );
      }),
      { numRuns: 2000 },
    );
  });

  it("answers with the instant of a valid reading", () => {
    expect(judgeReading(reading(), NOW)).to.equal(Date.UTC(2026, 0, 31, 11, 59, 30));
    expect(judgeReading(reading({ eventId: "e/1+=", correlationId: "Root=1-5759e988" }), NOW)).to.be.a(
      "number",
    );
  });

  const refused: [string, unknown, RegExp][] = [
    ["a text", "hot", /must be an object, not "hot"/],
    ["null", null, /must be an object, not null/],
    ["a nested array", [[]], /must be an object/],
    ["an unknown key", reading({ unit: "C" }), /unknown key "unit"/],
    ["a __proto__ key", JSON.parse('{"__proto__":{"a":1},"deviceId":"d"}'), /unknown key "__proto__"/],
    ["no device", reading({ deviceId: undefined }), /deviceId is missing/],
    ["an empty device", reading({ deviceId: "" }), /deviceId must be 1-128 of/],
    ["a device with a #", reading({ deviceId: "a#b" }), /not "a#b"/],
    ["a long metric", reading({ metric: "m".repeat(129) }), /metric must be 1-128 of .*\.\.\.$/],
    ["a value as text", reading({ value: "21.5" }), /value must be a number, not "21.5"/],
    ["an infinite value", reading({ value: JSON.parse("1e999") }), /value must be finite/],
    ["a value over 1e15", reading({ value: 1.1e15 }), /within \+-1e15/],
    ["a value under -1e15", reading({ value: -1.1e15 }), /within \+-1e15/],
    ["no value", reading({ value: undefined }), /value is missing/],
    ["no time", reading({ at: undefined }), /at is missing/],
    ["a time as a number", reading({ at: 1 }), /ISO-8601 UTC instant/],
    ["30 February", reading({ at: "2026-02-30T00:00:00Z" }), /ISO-8601 UTC instant/],
    ["an eventId with a space", reading({ eventId: "a b" }), /eventId must be 1-128 printable/],
  ];
  for (const [name, value, reason] of refused) {
    it(`refuses ${name} with the reason`, () => {
      expect(judgeReading(value, NOW)).to.match(reason);
    });
  }

  it("takes readings from 31 days before to 1 day after the arrival, bounds included", () => {
    const at = (ms: number) => judgeReading(reading({ at: new Date(NOW + ms).toISOString() }), NOW);
    expect(at(-31 * DAY)).to.equal(NOW - 31 * DAY);
    expect(at(DAY)).to.equal(NOW + DAY);
    expect(at(-31 * DAY - 1)).to.equal("at is more than 31 days before its arrival");
    expect(at(DAY + 1)).to.equal("at is more than 1 day after its arrival");
  });

  it("takes the age from the configuration", () => {
    const twoDaysOld = reading({ at: new Date(NOW - 2 * DAY).toISOString() });
    expect(judgeReading(twoDaysOld, NOW, limitsFor(2))).to.be.a("number");
    expect(judgeReading(twoDaysOld, NOW, limitsFor(1))).to.match(/more than 1 day before/);
  });

  it("never repeats more than 40 characters of what was sent", () => {
    const reason = judgeReading(reading({ deviceId: "#".repeat(100_000) }), NOW);
    expect(String(reason).length).to.be.lessThan(120);
  });
});
