import { expect } from "chai";
import { VirtualClock } from "../../../local/kit/clock.ts";
import { ServiceError } from "../../../local/services/faults.ts";
import { Kinesis } from "../../../local/services/kinesis.ts";
import { PLACE } from "./aws.ts";

const base64 = (text: string) => Buffer.from(text).toString("base64");
const record = (data: string, PartitionKey = "k") => ({ Data: base64(data), PartitionKey });

const thrown = (run: () => unknown): ServiceError => {
  try {
    run();
  } catch (error) {
    if (error instanceof ServiceError) return error;
    throw error;
  }
  throw new Error("Expected a ServiceError.");
};

describe("Kinesis in process", () => {
  const clock = new VirtualClock();

  it("refuses what exceeds a shard's second when throttled, record by record, and recovers with time", async () => {
    const kinesis = new Kinesis({ ...PLACE, clock, throttle: true });
    kinesis.createStream({ name: "s" });
    const batch = Array.from({ length: 500 }, () => record("x"));
    kinesis.putRecords("s", batch);
    kinesis.putRecords("s", batch);
    const over = kinesis.putRecords("s", [record("x")]);
    await clock.advance(100);
    const later = kinesis.putRecords("s", batch);

    expect(over.FailedRecordCount).to.equal(1);
    expect(over.Records[0]).to.deep.equal({
      ErrorCode: "ProvisionedThroughputExceededException",
      ErrorMessage: "Rate exceeded for shard shardId-000000000000 in stream s under account 000000000000.",
    });
    expect(later.FailedRecordCount).to.equal(400);
  });

  it("limits a shard to 1 MiB a second too", () => {
    const kinesis = new Kinesis({ ...PLACE, clock, throttle: true });
    kinesis.createStream({ name: "s" });
    const large = { Data: Buffer.alloc(400_000).toString("base64"), PartitionKey: "k" };
    expect(kinesis.putRecords("s", [large, large, large]).FailedRecordCount).to.equal(1);
  });

  it("forgets records when their retention ends, while positions stay true", async () => {
    const kinesis = new Kinesis({ ...PLACE, clock });
    kinesis.createStream({ name: "s" });
    kinesis.putRecords("s", [record("old")]);
    await clock.advance(24 * 3_600_000 + 1);
    kinesis.putRecords("s", [record("new")]);
    const { records, next } = kinesis.read("s", "shardId-000000000000", 0);

    expect(records.map(({ data }) => data)).to.deep.equal([base64("new")]);
    expect(next).to.equal(2);
    await clock.advance(24 * 3_600_000 + 1);
    expect(kinesis.read("s", "0", 0).records, "although nothing was written since").to.deep.equal([]);
    expect(kinesis.position("s", "0", { type: "TRIM_HORIZON" })).to.equal(2);
  });

  it("drops the oldest and says so once when memory is full", () => {
    const lines: string[] = [];
    const log = (line: string) => lines.push(line);
    const kinesis = new Kinesis({ ...PLACE, clock, memoryBytes: 300_000, log });
    kinesis.createStream({ name: "s" });
    for (let i = 0; i < 3_000; i += 1) kinesis.putRecords("s", [record(String(i))]);
    const { records } = kinesis.read("s", "0", 0);

    expect(records.length).to.be.within(1_000, 1_500);
    expect(records.at(-1)?.data).to.equal(base64("2999"));
    expect(lines).to.have.length(1);
  });

  it("tells listeners once per request and shard, and stops when asked", () => {
    const kinesis = new Kinesis({ ...PLACE, clock });
    kinesis.createStream({ name: "s" });
    const heard: string[] = [];
    const stop = kinesis.onAppend("s", (shardId) => heard.push(shardId));
    kinesis.putRecords("s", [record("a"), record("b")]);
    stop();
    kinesis.putRecords("s", [record("c")]);

    expect(heard).to.deep.equal(["shardId-000000000000"]);
  });

  it("bounds a read by records and by bytes, and always moves on", () => {
    const kinesis = new Kinesis({ ...PLACE, clock });
    kinesis.createStream({ name: "s" });
    kinesis.putRecords("s", [record("aaaa"), record("bbbb"), record("cccc")]);
    const read = (limits: object) => kinesis.read("s", "0", 0, limits).next;

    expect([read({ records: 2 }), read({ bytes: 10 }), read({ bytes: 1 }), read({})]).to.deep.equal([
      2, 2, 1, 3,
    ]);
  });

  it("writes nothing when one record of a request is wrong", () => {
    const kinesis = new Kinesis({ ...PLACE, clock });
    kinesis.createStream({ name: "s" });
    const error = thrown(() => kinesis.putRecords("s", [record("a"), { Data: "", PartitionKey: "" }]));

    expect(error.message).to.equal(
      "1 validation error detected: Value '' at 'records.2.member.partitionKey' failed to satisfy constraint: " +
        "Member must have length greater than or equal to 1",
    );
    expect(kinesis.read("s", "0", 0).records).to.have.length(0);
  });
});
