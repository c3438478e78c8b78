import { expect } from "chai";
import fc from "fast-check";
import { formatInstant, parseInstant } from "../../../functions/shared/instant.ts";

describe("functions/shared: instant", () => {
  it("reads every instant of the years 0 to 9999 as Date does", () => {
    const anyInstant = fc.date({
      min: new Date("0000-01-01T00:00:00Z"),
      max: new Date("9999-12-31T23:59:59.999Z"),
      noInvalidDate: true,
    });
    fc.assert(
      fc.property(anyInstant, (date) => {
        expect(parseInstant(date.toISOString())).to.equal(date.getTime());
      }),
    );
  });

  it("takes seconds alone, and cuts a fraction to milliseconds", () => {
    const base = Date.UTC(2026, 0, 31, 12);
    expect(parseInstant("2026-01-31T12:00:00Z")).to.equal(base);
    expect(parseInstant("2026-01-31T12:00:00.5Z")).to.equal(base + 500);
    expect(parseInstant("2026-01-31T12:00:00.123999999Z")).to.equal(base + 123);
    expect(formatInstant(base)).to.equal("2026-01-31T12:00:00.000Z");
  });

  it("knows leap years", () => {
    expect(parseInstant("2024-02-29T00:00:00Z")).to.equal(Date.UTC(2024, 1, 29));
    expect(parseInstant("2000-02-29T00:00:00Z")).to.equal(Date.UTC(2000, 1, 29));
    expect(parseInstant("1900-02-29T00:00:00Z")).to.be.NaN;
    expect(parseInstant("2026-02-29T00:00:00Z")).to.be.NaN;
  });

  const refused = [
    "",
    "2026-02-30T00:00:00Z",
    "2026-04-31T00:00:00Z",
    "2026-13-01T00:00:00Z",
    "2026-00-01T00:00:00Z",
    "2026-01-00T00:00:00Z",
    "2026-01-01T24:00:00Z",
    "2026-01-01T23:60:00Z",
    "2026-01-01T23:59:60Z",
    "2026-01-01T00:00:00",
    "2026-01-01T00:00:00z",
    "2026-01-01 00:00:00Z",
    "2026-01-01T00:00:00+00:00",
    "2026-01-01T00:00Z",
    "2026-01-01T00:00:00.Z",
    "2026-01-01T00:00:00.1234567890Z",
    "2026-01-01T00:00:00,5Z",
    "2026-01-01T00:00:00.5aZ",
    "20a6-01-01T00:00:00Z",
    "+2026-01-01T00:00:00Z",
    "\u0662026-01-01T00:00:00Z",
    "2026-01-01T00:00:00Z\n",
  ];
  for (const text of refused) {
    it(`refuses ${JSON.stringify(text)}`, () => {
      expect(parseInstant(text)).to.be.NaN;
    });
  }
});
