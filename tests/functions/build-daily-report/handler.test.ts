import { DeleteObjectCommand, ListObjectsV2Command, PutObjectCommand } from "@aws-sdk/client-s3";
import { expect } from "chai";
import { HOUR, JOB, LAKE, LakeBed, line } from "../lake-bed.ts";

const DATE = HOUR.slice(0, 10);
const REPORT = { date: DATE, bucket: 0 };
const Key = `curated/reports/dt=${DATE}/0.parquet`;

describe("build-daily-report's handler", () => {
  let bed: LakeBed;
  const file = (): Promise<string[]> => bed.built(`curated/reports/dt=${DATE}/`);
  const counts = async (): Promise<number[] | undefined> =>
    ((await bed.series(DATE)) as { count: number }[] | undefined)?.map(({ count }) => count);

  beforeEach(async () => {
    bed = await LakeBed.open();
    await bed.write("a", line(1), line(2));
    await bed.run(JOB);
    bed.emitted.length = 0;
  });
  afterEach(() => bed.close());

  it("builds a day once, although its job comes twice", async () => {
    expect(await bed.report(REPORT, REPORT)).to.deep.equal([]);
    expect(await counts()).to.deep.equal([2]);
    const built = await file();
    expect(built).to.have.length(1);
    bed.sent.length = 0;
    expect(await bed.report(REPORT)).to.deep.equal([]);
    expect(bed.sent).not.to.include.oneOf(["PutObject", "PutItem", "BatchWriteItem", "DeleteItem"]);
    expect(await file()).to.deep.equal(built);
    expect(bed.emitted).to.deep.equal([{ reportedSeries: 1 }]);
  });

  it("ends the same however often it was interrupted on the way", async () => {
    for (const place of ["GetItem", "ListObjectsV2", "GetObject", "BatchWriteItem", "PutObject", "PutItem"]) {
      bed.fault = (command) => command === place;
      expect(await bed.report(REPORT), place).to.deep.equal(["0"]);
      bed.fault = () => false;
      expect(await counts(), place).to.equal(undefined);
    }
    expect(await bed.report(REPORT)).to.deep.equal([]);
    expect([await counts(), (await file()).length]).to.deep.equal([[2], 1]);
  });

  it("shows the day before or the day after, never half of it, while it is built anew", async () => {
    await bed.report(REPORT);
    await bed.write("b", line(3, "d2"));
    await bed.run(JOB);
    bed.fault = (command) => command === "PutItem";
    expect(await bed.report(REPORT)).to.deep.equal(["0"]);
    bed.fault = () => false;
    expect(await counts()).to.deep.equal([2]);
    expect(await bed.report(REPORT)).to.deep.equal([]);
    expect(await counts()).to.deep.equal([2, 1]);
  });

  it("keeps the newer of two builds at once, in table and lake, although the older one ends last", async () => {
    // Prepare: an older build has read its sources and is about to put its file ...
    let release = (): void => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const reached = new Promise<void>((resolve) => {
      bed.hold = async (command) => {
        if (command !== "PutObject") return;
        bed.hold = undefined;
        resolve();
        await held;
      };
    });
    const older = bed.report(REPORT);
    await reached;
    // ... when an hour arrives late, and a newer build is faster.
    await bed.write("b", line(3));
    await bed.run(JOB);
    expect(await bed.report(REPORT)).to.deep.equal([]);
    const newer = await file();

    // Act
    release();
    expect(await older).to.deep.equal(["0"]);
    expect(await file()).not.to.deep.equal(newer);
    expect(await bed.report(REPORT)).to.deep.equal([]);

    // Assess
    expect(await counts()).to.deep.equal([3]);
    expect(await file()).to.deep.equal(newer);
  });

  it("writes a file again that somebody removed or replaced, and keeps what the table says", async () => {
    await bed.report(REPORT);
    const built = await file();
    for (const spoil of [
      new DeleteObjectCommand({ Bucket: LAKE, Key }),
      new PutObjectCommand({ Bucket: LAKE, Key, Body: "half of a file" }),
    ]) {
      await bed.s3.send(spoil as PutObjectCommand);
      expect(await bed.report(REPORT)).to.deep.equal([]);
      expect([await counts(), await file()]).to.deep.equal([[2], built]);
    }
  });

  it("takes a day back whose readings are gone, also when the file comes from a slower build", async () => {
    await bed.report(REPORT);
    const { Contents = [] } = await bed.s3.send(
      new ListObjectsV2Command({ Bucket: LAKE, Prefix: "curated/readings/" }),
    );
    for (const { Key: gone } of Contents)
      await bed.s3.send(new DeleteObjectCommand({ Bucket: LAKE, Key: gone }));
    expect(await bed.report(REPORT)).to.deep.equal([]);
    expect([await counts(), await file()]).to.deep.equal([undefined, []]);
    await bed.s3.send(new PutObjectCommand({ Bucket: LAKE, Key, Body: "late" }));
    expect(await bed.report(REPORT)).to.deep.equal([]);
    expect(await file()).to.deep.equal([]);
  });

  it("hands a message that is no job back, and does its neighbours", async () => {
    const bad = ["{", "{}", '{"date":"2026-02-30","bucket":0}', `{"date":"${DATE}","bucket":0.5}`, "null"];
    expect(await bed.report(...bad, REPORT)).to.deep.equal(bad.map((_, index) => String(index)));
    expect(await counts()).to.deep.equal([2]);
  });
});
