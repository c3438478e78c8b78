import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { VirtualClock } from "../../../local/kit/clock.ts";
import { DynamoDb } from "../../../local/services/dynamodb.ts";
import { Kinesis } from "../../../local/services/kinesis.ts";
import { loadStreams, saveStreams } from "../../../local/services/kinesis-snapshot.ts";
import { ObjectsAndMessages } from "../../../local/services/s3-sqs-sns.ts";
import { failure, PLACE } from "./aws.ts";

describe("Data planes with a folder", () => {
  let directory: string;
  let clock: VirtualClock;

  beforeEach(async () => {
    clock = new VirtualClock();
    directory = await mkdtemp(join(tmpdir(), "data-planes-"));
  });

  afterEach(() => rm(directory, { recursive: true, force: true }));

  it("keep streams: records, positions, sequence numbers and settings", async () => {
    const file = join(directory, "kinesis.jsonl");
    const before = new Kinesis({ ...PLACE, clock });
    before.createStream({ name: "s", shardCount: 2, tags: { team: "x" }, maxRecordSizeKiB: 2048 });
    before.createStream({ name: "empty" });
    const keys = Array.from({ length: 2_500 }, (_, i) => `device-${i}`);
    for (const PartitionKey of keys) before.putRecords("s", [{ Data: "aGk=", PartitionKey }]);
    before.stream("s").checkpoints.set("consumer", 7);
    await saveStreams(before, file);
    const after = new Kinesis({ ...PLACE, clock });
    await loadStreams(after, file);

    for (const id of before.shardIds("s")) {
      expect(after.read("s", id, 0)).to.deep.equal(before.read("s", id, 0));
    }
    expect(after.handle("ListTagsForStream", { StreamName: "s" })).to.deep.include({
      Tags: [{ Key: "team", Value: "x" }],
    });
    expect([...after.stream("s").checkpoints]).to.deep.equal([["consumer", 7]]);
    expect(after.stream("s").maxRecordSizeKiB).to.equal(2048);
    expect(after.read("empty", "0", 0).records).to.have.length(0);
  });

  it("never give a sequence number twice, also when the runtime was killed before it could save", async () => {
    const file = join(directory, "kinesis.jsonl");
    const put = (kinesis: Kinesis): string => {
      const result = kinesis.putRecord("s", { Data: "aGk=", PartitionKey: "k" });
      return "SequenceNumber" in result ? result.SequenceNumber : "";
    };
    const first = new Kinesis({ ...PLACE, clock });
    first.createStream({ name: "s" });
    const numbers = [put(first)];
    await saveStreams(first, file);
    for (let run = 0; run < 2; run += 1) {
      await clock.advance(5);
      const killed = new Kinesis({ ...PLACE, clock });
      await loadStreams(killed, file);
      numbers.push(put(killed), put(killed));
    }
    expect(new Set(numbers).size).to.equal(5);
    expect(numbers).to.deep.equal([...numbers].sort());
    const saved = new Kinesis({ ...PLACE, clock });
    await loadStreams(saved, file);
    const lastBefore = { type: "AFTER_SEQUENCE_NUMBER", sequenceNumber: numbers[0] ?? "" } as const;
    const position = saved.position("s", "0", lastBefore);
    const last = put(saved);
    expect(saved.read("s", "0", position).records.map((record) => record.sequenceNumber)).to.deep.equal([
      last,
    ]);
  });

  it("keep a table's changes that were not delivered, and how far consumers have come", async () => {
    const TableName = "orders";
    const table = {
      TableName,
      BillingMode: "PAY_PER_REQUEST",
      AttributeDefinitions: [{ AttributeName: "id", AttributeType: "S" }],
      KeySchema: [{ AttributeName: "id", KeyType: "HASH" }],
    };
    const settings = { view: "NEW_AND_OLD_IMAGES", label: "2026-01-01T00:00:00.000" } as const;
    const open = async (): Promise<DynamoDb> => {
      const dynamodb = await DynamoDb.start({ ...PLACE, clock, dataDir: directory });
      await dynamodb.createTable(table);
      dynamodb.streams.enable(TableName, settings);
      return dynamodb;
    };
    const put = (dynamodb: DynamoDb, id: string) =>
      dynamodb.handle("PutItem", { TableName, Item: { id: { S: id } } });
    const before = await open();
    await put(before, "a");
    await put(before, "b");
    before.streams.checkpoints(TableName).set("consumer", 1);
    const kept = before.streams.read(TableName, 0);
    await before.close();
    await clock.advance(5);
    const after = await open();
    expect(after.streams.read(TableName, 0)).to.deep.equal(kept);
    expect(after.streams.checkpoints(TableName).get("consumer")).to.equal(1);
    await put(after, "c");
    const numbers = after.streams.read(TableName, 0).records.map(({ dynamodb }) => dynamodb.SequenceNumber);
    expect(numbers).to.deep.equal([...new Set(numbers)].sort());
    expect(numbers).to.have.length(3);
    await after.close();

    await writeFile(join(directory, "dynamodb-changes.jsonl"), '{"record":{}}\n');
    expect((await failure(open())).message).to.match(/changes\.jsonl, line 1, is no saved change.*Delete/);
  });

  it("keep large records in lines of bounded length", async () => {
    const file = join(directory, "kinesis.jsonl");
    const before = new Kinesis({ ...PLACE, clock });
    before.createStream({ name: "s" });
    const Data = Buffer.alloc(1_000_000).toString("base64");
    for (let call = 0; call < 20; call += 1) before.putRecord("s", { Data, PartitionKey: "k" });
    await saveStreams(before, file);
    const lengths = (await readFile(file, "utf8")).split("\n").map(({ length }) => length);
    expect(Math.max(...lengths)).to.be.lessThan(16 * 1_048_576);
    const after = new Kinesis({ ...PLACE, clock });
    await loadStreams(after, file);
    expect(after.stream("s").shards[0]?.latest).to.equal(20);
  });

  it("start empty without a file, and name the line of one that is damaged", async () => {
    const kinesis = new Kinesis({ ...PLACE, clock });
    await loadStreams(kinesis, join(directory, "none"));
    await writeFile(join(directory, "bad"), '{"shard":0,"position":0,"records":[]}\n');
    const error = await failure(loadStreams(kinesis, join(directory, "bad")));
    expect(error.message).to.match(
      /bad, line 1, is not a saved stream: .* Delete the file to start empty\.$/,
    );
  });

  it("keep tables and items", async () => {
    const dataDir = join(directory, "new", "state");
    const table = {
      TableName: "table",
      BillingMode: "PAY_PER_REQUEST",
      AttributeDefinitions: [{ AttributeName: "pk", AttributeType: "S" }],
      KeySchema: [{ AttributeName: "pk", KeyType: "HASH" }],
    };
    const item = { pk: { S: "a" }, v: { N: "1" } };
    const before = await DynamoDb.start({ ...PLACE, clock, dataDir });
    await before.createTable(table);
    await before.handle("PutItem", { TableName: "table", Item: item });
    await before.close();
    const after = await DynamoDb.start({ ...PLACE, clock, dataDir });
    await after.createTable(table);
    const read = await after.handle("GetItem", { TableName: "table", Key: { pk: { S: "a" } } });
    await after.close();

    expect(read).to.deep.equal({ Item: item, ConsumedCapacity: undefined });
  });

  it("keep objects and queues", async () => {
    const before = await ObjectsAndMessages.start({ ...PLACE, clock, dataDir: directory });
    before.createBucket("lake");
    before.putObject("lake", "a/b", "body");
    await before.queues.define("q");
    await before.sendMessage("q", "hello");
    await before.close();
    const after = await ObjectsAndMessages.start({ ...PLACE, clock, dataDir: directory });
    const body = after.getObject("lake", "a/b").toString();
    await after.sendMessage("q", "again");
    await after.close();

    expect(body).to.equal("body");
  });

  it("say in one sentence that a folder cannot be used", async () => {
    const dataDir = join(directory, "file");
    await writeFile(dataDir, "");
    const tables = await failure(DynamoDb.start({ ...PLACE, clock, dataDir }));
    const objects = await failure(ObjectsAndMessages.start({ ...PLACE, clock, dataDir }));

    expect(tables.message).to.match(
      /^The tables cannot be kept in .*file: .* Choose a folder that this user may write/,
    );
    expect(objects.message).to.match(/^Objects and queues cannot be kept in .*file: .* Choose a folder/);
  });
});
