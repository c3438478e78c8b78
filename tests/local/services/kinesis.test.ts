import { createHash } from "node:crypto";
import {
  CreateStreamCommand,
  DescribeStreamSummaryCommand,
  GetRecordsCommand,
  GetShardIteratorCommand,
  type KinesisClient,
  ListShardsCommand,
  ListStreamsCommand,
  ListTagsForStreamCommand,
  PutRecordCommand,
  PutRecordsCommand,
  waitUntilStreamExists,
} from "@aws-sdk/client-kinesis";
import { expect } from "chai";
import { VirtualClock } from "../../../local/kit/clock.ts";
import type { Endpoint } from "../../../local/services/endpoint.ts";
import { Kinesis } from "../../../local/services/kinesis.ts";
import { callJson, failure, kinesisClient, PLACE, start } from "./aws.ts";

const base64 = (text: string) => Buffer.from(text).toString("base64");
const record = (data: string, PartitionKey = "k") => ({ Data: base64(data), PartitionKey });
const text = (data: Uint8Array | undefined) => Buffer.from(data ?? []).toString();

describe("Kinesis through the default client", () => {
  let kinesis: Kinesis;
  let clock: VirtualClock;
  let endpoint: Endpoint;
  let client: KinesisClient;

  beforeEach(async () => {
    clock = new VirtualClock();
    kinesis = new Kinesis({ ...PLACE, clock });
    endpoint = await start({ json: [kinesis] });
    client = kinesisClient(endpoint);
    await client.send(new CreateStreamCommand({ StreamName: "s", ShardCount: 4, Tags: { team: "x" } }));
  });

  afterEach(async () => {
    client.destroy();
    await endpoint.close();
  });

  const iterator = async (ShardId: string, start: object): Promise<string | undefined> =>
    (
      await client.send(
        new GetShardIteratorCommand({
          StreamName: "s",
          ShardId,
          ShardIteratorType: "TRIM_HORIZON",
          ...start,
        }),
      )
    ).ShardIterator;
  const get = async (ShardIterator: string | undefined, Limit?: number) =>
    client.send(new GetRecordsCommand({ ShardIterator, Limit }));

  it("creates a stream that is active, tagged and found by name and by ARN", async () => {
    await waitUntilStreamExists({ client, maxWaitTime: 20 }, { StreamName: "s" });
    const StreamARN = "arn:aws:kinesis:us-east-1:000000000000:stream/s";
    const { StreamDescriptionSummary: byArn } = await client.send(
      new DescribeStreamSummaryCommand({ StreamARN }),
    );
    const { Tags } = await client.send(new ListTagsForStreamCommand({ StreamName: "s" }));
    const { StreamNames } = await client.send(new ListStreamsCommand({}));

    expect(byArn).to.include({ StreamName: "s", StreamARN, OpenShardCount: 4, RetentionPeriodHours: 24 });
    expect(Tags).to.deep.equal([{ Key: "team", Value: "x" }]);
    expect(StreamNames).to.deep.equal(["s"]);
  });

  it("starts an on-demand stream with 4 shards", async () => {
    const StreamModeDetails = { StreamMode: "ON_DEMAND" } as const;
    await client.send(new CreateStreamCommand({ StreamName: "od", StreamModeDetails }));
    expect(kinesis.shardIds("od")).to.have.length(4);
  });

  it("puts each key into the shard whose range holds its MD5", async () => {
    const { Shards = [] } = await client.send(new ListShardsCommand({ StreamName: "s" }));
    for (const key of ["a", "b", "node-17", "zürich", "日本"]) {
      const hash = BigInt(`0x${createHash("md5").update(key).digest("hex")}`);
      const expected = Shards.find(
        ({ HashKeyRange: range }) =>
          BigInt(range?.StartingHashKey ?? 0) <= hash && hash <= BigInt(range?.EndingHashKey ?? 0),
      );
      const put = new PutRecordCommand({ StreamName: "s", PartitionKey: key, Data: Buffer.from("x") });
      expect((await client.send(put)).ShardId, key).to.equal(expected?.ShardId);
    }
  });

  it("prefers an explicit hash key, at both ends of every range", async () => {
    const { Shards = [] } = await client.send(new ListShardsCommand({ StreamName: "s" }));
    for (const { ShardId, HashKeyRange } of Shards) {
      for (const ExplicitHashKey of [HashKeyRange?.StartingHashKey, HashKeyRange?.EndingHashKey]) {
        const Data = Buffer.from("x");
        const put = new PutRecordCommand({ StreamName: "s", PartitionKey: "same", ExplicitHashKey, Data });
        expect((await client.send(put)).ShardId).to.equal(ShardId);
      }
    }
  });

  it("keeps 500 records of one key in order, with ascending 56-digit sequence numbers", async () => {
    const Records = Array.from({ length: 500 }, (_, i) => ({
      PartitionKey: "k",
      Data: Buffer.from(String(i)),
    }));
    const { FailedRecordCount, Records: results = [] } = await client.send(
      new PutRecordsCommand({ StreamName: "s", Records }),
    );
    const { Records: read = [] } = await get(await iterator(results[0]?.ShardId ?? "", {}));

    const numbers = results.map((result) => result.SequenceNumber ?? "");
    expect(FailedRecordCount).to.equal(0);
    expect(numbers).to.deep.equal([...numbers].sort());
    expect(new Set(numbers.map((n) => n.length))).to.deep.equal(new Set([56]));
    expect(read.map(({ Data }) => text(Data))).to.deep.equal(Records.map(({ Data }) => text(Data)));
    expect(read[0]?.ApproximateArrivalTimestamp).to.deep.equal(new Date(clock.now()));
  });

  it("starts a reader at every kind of position", async () => {
    const first = kinesis.putRecords(
      "s",
      ["0", "1", "2"].map((data) => record(data)),
    ).Records;
    const [shard, second] = first.map((r) => ("ShardId" in r ? r : { ShardId: "", SequenceNumber: "" }));
    const ShardId = shard?.ShardId ?? "";
    const latest = await iterator(ShardId, { ShardIteratorType: "LATEST" });
    await clock.advance(5_000);
    const Timestamp = new Date(clock.now());
    kinesis.putRecords("s", [record("3")]);
    const StartingSequenceNumber = second?.SequenceNumber;
    const read = async (from: string | undefined) =>
      ((await get(from)).Records ?? []).map(({ Data }) => text(Data));

    expect(await read(await iterator(ShardId, {}))).to.deep.equal(["0", "1", "2", "3"]);
    expect(await read(latest)).to.deep.equal(["3"]);
    const at = { ShardIteratorType: "AT_SEQUENCE_NUMBER", StartingSequenceNumber };
    expect(await read(await iterator(ShardId, at))).to.deep.equal(["1", "2", "3"]);
    const after = { ShardIteratorType: "AFTER_SEQUENCE_NUMBER", StartingSequenceNumber };
    expect(await read(await iterator(ShardId, after))).to.deep.equal(["2", "3"]);
    expect(
      await read(await iterator(ShardId, { ShardIteratorType: "AT_TIMESTAMP", Timestamp })),
    ).to.deep.equal(["3"]);
  });

  it("pages with Limit and tells how far behind the reader is", async () => {
    const { Records: results } = kinesis.putRecords(
      "s",
      ["0", "1", "2"].map((data) => record(data)),
    );
    const ShardId = results[0] && "ShardId" in results[0] ? results[0].ShardId : "";
    await clock.advance(2_000);
    const page = await get(await iterator(ShardId, {}), 2);
    const rest = await get(page.NextShardIterator);

    expect([page.Records?.length, page.MillisBehindLatest]).to.deep.equal([2, 2_000]);
    expect([rest.Records?.length, rest.MillisBehindLatest]).to.deep.equal([1, 0]);
  });

  it("refuses an iterator after five minutes, and one it never gave", async () => {
    const old = await iterator("shardId-000000000000", {});
    await clock.advance(300_001);
    expect((await failure(get(old))).name).to.equal("ExpiredIteratorException");
    expect((await failure(get("AAAA"))).name).to.equal("InvalidArgumentException");
  });

  it("answers with AWS's own errors", async () => {
    const create = new CreateStreamCommand({ StreamName: "s", ShardCount: 1 });
    expect((await failure(client.send(create))).name).to.equal("ResourceInUseException");
    const unknown = await failure(client.send(new DescribeStreamSummaryCommand({ StreamName: "nope" })));
    expect(unknown.name).to.equal("ResourceNotFoundException");
    expect(unknown.message).to.equal("Stream nope under account 000000000000 not found.");
    const many = Array.from({ length: 501 }, () => ({ PartitionKey: "k", Data: Buffer.from("x") }));
    const tooMany = await failure(client.send(new PutRecordsCommand({ StreamName: "s", Records: many })));
    expect(tooMany.name).to.equal("ValidationException");
    expect(tooMany.message).to.match(/at 'records' failed .* less than or equal to 500$/);
    expect((await failure(iterator("shardId-9", {}))).message).to.equal(
      "Shard shardId-000000000009 in stream s under account 000000000000 does not exist",
    );
  });

  it("takes records up to the stream's own limit, and requests up to 10 MiB", async () => {
    const put = (bytes: number, StreamName = "s") =>
      client.send(new PutRecordCommand({ StreamName, PartitionKey: "k", Data: Buffer.alloc(bytes) }));
    await put(1024 * 1024 - 1);
    expect((await failure(put(1024 * 1024))).name).to.equal("ValidationException");
    kinesis.createStream({ name: "large", maxRecordSizeKiB: 10240 });
    await put(10 * 1024 * 1024 - 1, "large");
    const half = { PartitionKey: "k", Data: Buffer.alloc(5_300_000) };
    const both = new PutRecordsCommand({ StreamName: "large", Records: [half, half] });
    expect((await failure(client.send(both))).name).to.equal("InvalidArgumentException");
  });

  it("says 501 with service and operation for what it does not serve", async () => {
    const answer = await callJson(endpoint, "Kinesis_20131202.SplitShard", "{}");
    expect(answer.status).to.equal(501);
    expect(answer.body.message).to.contain("kinesis:SplitShard");
  });

  it("refuses malformed input without a 5xx", async () => {
    const bodies: [string, string][] = [
      ["{", "SerializationException"],
      ["[]", "SerializationException"],
      ["null", "SerializationException"],
      ["{}", "ValidationException"],
      ['{"StreamName":5,"Records":[]}', "SerializationException"],
      ['{"StreamName":"s","Records":{}}', "SerializationException"],
      ['{"StreamName":"s","Records":[null]}', "SerializationException"],
      ['{"StreamName":"s","Records":[{"Data":"a","PartitionKey":"k"}]}', "SerializationException"],
      ['{"StreamName":"s","Records":[{"Data":"é===","PartitionKey":"k"}]}', "SerializationException"],
      ['{"StreamName":"s","Records":[{"Data":"ab c","PartitionKey":"k"}]}', "SerializationException"],
      ['{"StreamName":"s","Records":[{"Data":"ab-_","PartitionKey":"k"}]}', "SerializationException"],
      ['{"StreamName":"s","Records":[{"Data":"a===","PartitionKey":"k"}]}', "SerializationException"],
      ['{"StreamName":"s","Records":[{"Data":"ab=c","PartitionKey":"k"}]}', "SerializationException"],
      ['{"StreamName":"s","Records":[{"PartitionKey":"k"}]}', "ValidationException"],
      ['{"StreamName":"s","Records":[{"Data":"","PartitionKey":""}]}', "ValidationException"],
      [
        '{"StreamName":"s","Records":[{"Data":"","PartitionKey":"k","ExplicitHashKey":"-1"}]}',
        "ValidationException",
      ],
      ['{"StreamName":"__proto__","Records":[{"Data":"","PartitionKey":"k"}]}', "ResourceNotFoundException"],
    ];
    for (const [body, type] of bodies) {
      const answer = await callJson(endpoint, "Kinesis_20131202.PutRecords", body);
      const expected = body === "{}" ? /Exception$/ : new RegExp(`^${type}$`);
      expect([answer.status, answer.body.__type], body).to.satisfy(
        ([status, name]: [number, string]) => status === 400 && expected.test(name),
      );
    }
    expect(kinesis.read("s", "0", 0).records).to.have.length(0);
  });
});
