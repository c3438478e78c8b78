import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { parseNormals, replay } from "../../ops/shared/normals.ts";
import { ROOT } from "../helpers/source-files.ts";

const normals = parseNormals(readFileSync(join(ROOT, "samples/seattle-weather-hourly-normals.csv"), "utf8"));
const readings = (until: string, hours: number) => [
  ...replay(normals, { deviceId: "d", until: Date.parse(until), hours }),
];

describe("the replay of hourly normals", () => {
  it("gives one reading per metric and hour, oldest first, up to the hour that runs", () => {
    const replayed = readings("2026-11-23T09:30:00Z", 336);
    expect(replayed).to.have.length(336 * 3);
    expect(replayed[0]?.at).to.equal("2026-11-09T10:00:00.000Z");
    expect(replayed.at(-1)?.at).to.equal("2026-11-23T09:00:00.000Z");
  });

  it("takes the hour of the year in local standard time", () => {
    // 09:00 UTC is 01:00 at UTC-8; the file's first row is 1 January, 01:00.
    expect(readings("2026-01-01T09:00:00Z", 1).map(({ metric, value }) => [metric, value])).to.deep.equal([
      ["pressure", 1016.6],
      ["temperature", 4],
      ["wind", 3.8],
    ]);
  });

  it("leaves out the hours that the file does not have", () => {
    expect(readings("2026-01-01T08:00:00Z", 1)).to.deep.equal([]);
    expect(readings("2028-03-01T07:00:00Z", 24)).to.deep.equal([]);
  });

  it("refuses a file of another form, naming the line", () => {
    expect(() => parseNormals("a,b\n")).to.throw('Line 1 is "a,b"');
    expect(() => parseNormals("date,pressure,temperature,wind\n2010-01-01T01:00:00,1,x,3\n")).to.throw(
      "Line 2 is",
    );
    expect(() => parseNormals("date,pressure,temperature,wind\n2010-01-01T01:00:00,1,2\n")).to.throw(
      "Line 2 is",
    );
  });
});
