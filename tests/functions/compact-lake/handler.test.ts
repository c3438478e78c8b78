import { createHash } from "node:crypto";
import {
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import { expect } from "chai";
import { rawPrefix } from "../../../functions/shared/lake/layout.ts";
import { HOUR, JOB, LAKE, LakeBed, line } from "../lake-bed.ts";

describe("compact-lake's handler", () => {
  let bed: LakeBed;

  beforeEach(async () => {
    bed = await LakeBed.open();
  });
  afterEach(() => bed.close());

  it("builds an hour once, although its job comes twice", async () => {
    await bed.write("a", line(1), line(2));
    expect(await bed.run(JOB, JOB)).to.deep.equal([]);
    const built = await bed.built();
    expect(built).to.have.length(1);
    bed.sent.length = 0;
    expect(await bed.run(JOB)).to.deep.equal([]);
    expect(bed.sent).not.to.include.oneOf(["PutObject", "PutItem", "SendMessageBatch"]);
    expect(await bed.built()).to.deep.equal(built);
    expect(bed.emitted).to.have.length(1);
  });

  it("hands the job's correlation id on to the days' jobs, and writes it into its lines", async () => {
    await bed.write("a", line(1), "{}");
    await bed.run({ ...JOB, correlationId: "c-1" });
    expect(await bed.reportJobs()).to.deep.equal([{ date: "2026-01-31", bucket: 0, correlationId: "c-1" }]);
    expect(bed.log.lines.map(({ message, correlationId }) => [message, correlationId])).to.deep.equal([
      ["raw lines quarantined", "c-1"],
      ["hour compacted", "c-1"],
    ]);
  });

  it("gives the same bytes however often it was interrupted on the way, and asks for the report in the end", async () => {
    await bed.write("a", line(1), line(2));
    await bed.write("b", line(3, "d2"));
    const places = ["ListObjectsV2", "GetObject", "PutObject", "SendMessageBatch", "PutItem", "Query"];
    for (const place of places) {
      bed.fault = (command) => command === place;
      expect(await bed.run(JOB), place).to.deep.equal(["0"]);
      expect(bed.emitted, place).to.deep.equal([]);
    }
    bed.fault = () => false;
    expect(await bed.run(JOB)).to.deep.equal([]);
    const built = await bed.built();
    expect(await bed.reports()).to.include("2026-01-31");
    expect(bed.emitted).to.have.length(1);
    expect(bed.emitted[0]).to.include({ compactedReadings: 3, refusedLines: 0 });
    expect(await bed.run({ ...JOB, force: true })).to.deep.equal([]);
    expect(await bed.built()).to.deep.equal(built);
  });

  it("of two jobs for one hour at once lets one win; the other comes again and finds it done", async () => {
    await bed.write("a", line(1));
    const both = await Promise.all([bed.run(JOB), bed.run(JOB)]);
    expect(both.flat().length).to.be.at.most(1);
    expect(await bed.run(JOB)).to.deep.equal([]);
    expect(await bed.built()).to.have.length(1);
  });

  it("builds anew what a broken build replaced or somebody removed, although the sources are the same", async () => {
    await bed.write("a", line(1));
    await bed.run(JOB);
    const [built = ""] = await bed.built();
    const [Key = ""] = built.split(" ");
    await bed.s3.send(new PutObjectCommand({ Bucket: LAKE, Key, Body: "half of a file" }));
    expect(await bed.run(JOB)).to.deep.equal([]);
    expect(await bed.built()).to.deep.equal([built]);
    await bed.s3.send(new DeleteObjectCommand({ Bucket: LAKE, Key }));
    expect(await bed.run(JOB)).to.deep.equal([]);
    expect(await bed.built()).to.deep.equal([built]);
  });

  it("removes the files of an earlier build that the new one does not have, and builds their days' reports", async () => {
    await bed.write("a", line(1));
    await bed.run(JOB);
    await bed.reports();
    const { Contents = [] } = await bed.s3.send(new ListObjectsV2Command({ Bucket: LAKE, Prefix: "raw/" }));
    for (const { Key } of Contents) await bed.s3.send(new DeleteObjectCommand({ Bucket: LAKE, Key }));
    bed.fault = (command) => command === "DeleteObject";
    expect(await bed.run(JOB)).to.deep.equal(["0"]);
    bed.fault = () => false;
    expect(await bed.run(JOB)).to.deep.equal([]);
    expect(await bed.built()).to.deep.equal([]);
    expect(await bed.reports()).to.deep.equal(["2026-01-31"]);
  });

  it("comes again when a source vanishes between listing and reading, and takes what is there then", async () => {
    await bed.write("a", line(1));
    await bed.write("b", line(2));
    bed.fault = (command, { Key }) => command === "GetObject" && String(Key).includes("/b.");
    expect(await bed.run(JOB)).to.deep.equal(["0"]);
    bed.fault = () => false;
    await bed.s3.send(new DeleteObjectCommand({ Bucket: LAKE, Key: `${rawPrefix(HOUR)}b.ndjson.zst` }));
    expect(await bed.run(JOB)).to.deep.equal([]);
    expect(bed.emitted.at(-1)).to.include({ compactedReadings: 1 });
  });

  it("leaves nothing of an upload in parts that fails half way, and ends with the same file", async () => {
    // Hashes do not compress: a file of more than one part.
    const hash = (text: string): string => createHash("sha512").update(text).digest("base64url");
    for (let object = 0; object < 10; object += 1) {
      const many = Array.from({ length: 10_000 }, (_, index) => {
        const number = object * 10_000 + index;
        const ids = { eventId: hash(`event ${number}`), correlationId: hash(`trace ${number}`) };
        return line(number, hash(`device ${number}`), ids);
      });
      await bed.write(String(object), ...many);
    }
    const parts: Record<string, unknown>[] = [];
    bed.fault = (command, input) => command === "UploadPart" && parts.push(input) === 2;
    expect(await bed.run(JOB)).to.deep.equal(["0"]);
    expect(bed.sent).to.include.members(["CreateMultipartUpload", "AbortMultipartUpload"]);
    expect(await bed.built()).to.deep.equal([]);
    bed.fault = () => false;
    const [{ Bucket, Key, UploadId } = {}] = parts as { Bucket: string; Key: string; UploadId: string }[];
    const more = new UploadPartCommand({ Bucket, Key, UploadId, PartNumber: 3, Body: "x" });
    const gone = await bed.s3.send(more).catch((error: Error) => error);
    expect(gone).to.include({ name: "NoSuchUpload" });
    expect(await bed.run(JOB)).to.deep.equal([]);
    expect(await bed.built()).to.have.length(1);
  }).timeout(60_000);

  it("hands a message that is no job back, and does its neighbours", async () => {
    await bed.write("a", line(1));
    const bad = [
      "{",
      "{}",
      '{"hour":"2026-13-01T00","bucket":0,"buckets":1}',
      '{"hour":"../x","bucket":0,"buckets":1}',
    ];
    expect(await bed.run(...bad, JOB)).to.deep.equal(["0", "1", "2", "3"]);
    expect(await bed.built()).to.have.length(1);
  });

  it("writes a reading that arrives late for its hour, without the ones before it being lost", async () => {
    await bed.write("a", line(1));
    await bed.run(JOB);
    await bed.write("b", line(2), line(1));
    expect(await bed.run(JOB)).to.deep.equal([]);
    expect(bed.emitted.at(-1)).to.include({ compactedReadings: 2, redeliveredLines: 1 });
    const [built = ""] = await bed.built();
    const { Body } = await bed.s3.send(new GetObjectCommand({ Bucket: LAKE, Key: built.split(" ")[0] }));
    expect((await Body?.transformToByteArray())?.subarray(0, 4)).to.deep.equal(
      new Uint8Array(Buffer.from("PAR1")),
    );
  });
});
