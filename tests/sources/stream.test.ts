import { expect } from "chai";
import { toEvent } from "../../local/sources/shards/record.ts";
import { KINESIS_FORM } from "../../local/sources/stream/event.ts";
import { documented } from "../helpers/events.ts";
import { Bed, type mapping } from "./stream/bed.ts";

const numbers = (count: number, first = 1): string[] =>
  Array.from({ length: count }, (_, index) => String(first + index));

describe("stream source", () => {
  let bed: Bed;

  afterEach(() => bed.stop());

  describe("event", () => {
    it("equals AWS's example", () => {
      bed = new Bed();
      const { event } = documented("kinesis");
      const records = [
        [
          "49590338271490256608559692538361571095921575989136588898",
          "SGVsbG8sIHRoaXMgaXMgYSB0ZXN0Lg==",
          1545084650987,
        ],
        [
          "49590338271490256608559692540925702759324208523137515618",
          "VGhpcyBpcyBvbmx5IGEgdGVzdC4=",
          1545084711166,
        ],
      ].map(([sequenceNumber, data, arrival]) => ({
        sequenceNumber: String(sequenceNumber),
        data: String(data),
        arrival: Number(arrival),
        partitionKey: "1",
        size: 0,
      }));
      const place = {
        region: "us-east-2",
        streamArn: "arn:aws:kinesis:us-east-2:123456789012:stream/lambda-stream",
        shardId: "shardId-000000000006",
        roleArn: "arn:aws:iam::123456789012:role/lambda-role",
      };
      expect(toEvent(records, place, KINESIS_FORM)).to.deep.equal(event);
    });
  });

  describe("batches", () => {
    it("come at once and in order, as many records as are there", async () => {
      bed = new Bed();
      await bed.put(["a", "b"]);
      await bed.start();
      await bed.put(["c"]);
      expect(bed.invocations).to.deep.equal([["a", "b"], ["c"]]);
      expect(bed.batches("ok").map((batch) => batch.size)).to.deep.equal([2, 1]);
      expect(bed.batches()[0]).to.include({ mappingId: "6f1d6a14-3d0f-4a3e-9d5a-3f0c4b0c7a11", attempt: 1 });
    });

    it("hold at most batchSize records", async () => {
      bed = new Bed();
      await bed.put(numbers(25));
      await bed.start({ batchSize: 10 });
      expect(bed.invocations.map((texts) => texts.length)).to.deep.equal([10, 10, 5]);
      expect(bed.invocations.flat()).to.deep.equal(numbers(25));
    });

    it("hold at most 6 MB of payload", async () => {
      bed = new Bed();
      const large = numbers(9).map((text) => text.repeat(1_000_000));
      for (const text of large) await bed.put([text]);
      await bed.start({ batchSize: 1_000 });
      expect(bed.invocations.map((texts) => texts.length)).to.deep.equal([4, 4, 1]);
    });

    it("wait for their window, unless they are full before", async () => {
      bed = new Bed();
      await bed.start({ batchSize: 3, maximumBatchingWindowInSeconds: 5 });
      await bed.put(["a"]);
      await bed.clock.advance(4_999);
      expect(bed.invocations).to.deep.equal([]);
      await bed.clock.advance(1);
      await bed.put(["b", "c", "d"]);
      expect(bed.invocations).to.deep.equal([["a"], ["b", "c", "d"]]);
      expect(bed.clock.sleepers).to.equal(0);
    });

    it("of one shard come one after the other; shards do not wait for each other", async () => {
      const finish: (() => void)[] = [];
      bed = new Bed({ shards: 2, handler: () => new Promise<void>((resolve) => finish.push(resolve)) });
      await bed.start({ batchSize: 1 });
      await bed.put(numbers(20), (text) => text);
      expect(bed.invocations).to.have.length(2);
      finish[0]?.();
      await bed.settle();
      expect(bed.invocations).to.have.length(3);
      bed.handler = () => null;
      for (const done of finish) done();
    });

    it("run in parallel per partition key with a parallelization factor, in order per key", async () => {
      let [now, most] = [0, 0];
      bed = new Bed({
        handler: async () => {
          now += 1;
          most = Math.max(most, now);
          await new Promise(setImmediate);
          now -= 1;
        },
      });
      await bed.put(numbers(200), (text) => `key-${Number(text) % 20}`);
      await bed.start({ parallelizationFactor: 4, batchSize: 5 });
      while (bed.invocations.flat().length < 200) await bed.settle();
      expect(most).to.equal(4);
      for (let key = 0; key < 20; key += 1) {
        const ofKey = bed.invocations
          .flat()
          .map(Number)
          .filter((text) => text % 20 === key);
        expect(ofKey).to.deep.equal([...ofKey].sort((a, b) => a - b));
      }
    });

    it("do not hold more than is needed ahead of a slow function", async () => {
      bed = new Bed({ handler: () => new Promise(() => {}) });
      await bed.put(numbers(5_000));
      let read = 0;
      const reading = bed.kinesis.read.bind(bed.kinesis);
      bed.kinesis.read = (...args) => {
        const result = reading(...args);
        read += result.records.length;
        return result;
      };
      await bed.start({ batchSize: 10 });
      expect(read).to.be.at.most(1_000);
    });

    it("leave out what no filter lets pass", async () => {
      bed = new Bed();
      await bed.put(['{"metric":"wind"}', '{"metric":"rain"}', "not json", '{"metric":"snow","value":3}']);
      await bed.start({
        filterCriteria: {
          filters: [
            { pattern: '{"data":{"metric":["rain"]}}' },
            { pattern: '{"data":{"value":[{"numeric":[">",2]}]}}' },
          ],
        },
      });
      expect(bed.invocations.flat()).to.deep.equal(['{"metric":"rain"}', '{"metric":"snow","value":3}']);
    });
  });

  describe("starting position", () => {
    const startAt = async (inputs: Record<string, string>): Promise<string[]> => {
      bed = new Bed();
      await bed.put(["old"]);
      await bed.clock.advance(10_000);
      await bed.put(["recent"]);
      await bed.start(inputs);
      await bed.put(["new"]);
      return bed.invocations.flat();
    };

    it("TRIM_HORIZON reads everything that is kept", async () => {
      expect(await startAt({ startingPosition: "TRIM_HORIZON" })).to.deep.equal(["old", "recent", "new"]);
    });

    it("LATEST reads what comes after the start", async () => {
      expect(await startAt({ startingPosition: "LATEST" })).to.deep.equal(["new"]);
    });

    it("AT_TIMESTAMP reads what arrived since", async () => {
      const texts = await startAt({
        startingPosition: "AT_TIMESTAMP",
        startingPositionTimestamp: "2026-01-01T12:00:05Z",
      });
      expect(texts).to.deep.equal(["recent", "new"]);
    });
  });

  describe("a mapping", () => {
    const refusal = async (inputs: Parameters<typeof mapping>[0], made = new Bed()): Promise<string> => {
      bed = made;
      return bed.start(inputs).then(
        () => "accepted",
        (error: Error) => error.message,
      );
    };

    it("that is disabled reads nothing", async () => {
      bed = new Bed();
      await bed.put(["a"]);
      await bed.start({ enabled: false });
      expect(bed.invocations).to.deep.equal([]);
    });

    it("of another service is left to its own source", async () => {
      bed = new Bed();
      await bed.start({ eventSourceArn: "arn:aws:sqs:eu-west-1:000000000000:jobs" });
      expect(bed.invocations).to.deep.equal([]);
    });

    it("is refused, with its name, outside AWS's ranges", async () => {
      expect(await refusal({ batchSize: 10_001 })).to.equal(
        'Event source mapping "readings-count": batchSize is 10001; AWS takes 1 to 10000.',
      );
      expect(await refusal({ maximumRecordAgeInSeconds: 59 })).to.match(/-1 or 60 to 604800/);
      expect(await refusal({ tumblingWindowInSeconds: 60, parallelizationFactor: 2 })).to.match(/needs 1/);
      expect(await refusal({ startingPosition: "AT_TIMESTAMP" })).to.match(/startingPositionTimestamp/);
      expect(await refusal({ filterCriteria: { filters: [{ pattern: "{" }] } })).to.match(/filter pattern/);
    });

    it("is refused when the function's role may not read the stream", async () => {
      const rights = [{ Effect: "Allow", Action: "kinesis:Get*", Resource: "*" }];
      expect(await refusal({}, new Bed({ rights }))).to.match(
        /Cannot access stream .*readings.*role can perform the DescribeStream action/,
      );
    });

    it("survives the end of its stream, and says so", async () => {
      bed = new Bed();
      await bed.start();
      bed.kinesis.putRecord("readings", { Data: "YQ==", PartitionKey: "k" });
      bed.kinesis.deleteStream("readings");
      await bed.settle();
      expect(bed.lines[0]).to.match(/"readings-count": shardId-000000000000: Stream readings .* not found/);
    });

    it("costs nothing while its shards are idle", async () => {
      bed = new Bed({ shards: 3 });
      await bed.start({ maximumBatchingWindowInSeconds: 5, tumblingWindowInSeconds: 60 });
      expect(bed.clock.sleepers).to.equal(0);
    });

    it("stops at once while a batch waits for its retry", async () => {
      bed = new Bed({ handler: () => Promise.reject(new Error("down")) });
      await bed.put(["a"]);
      await bed.start();
      expect(bed.clock.sleepers).to.equal(1);
      await bed.stop();
      expect(bed.clock.sleepers).to.equal(0);
      await bed.put(["b"]);
      expect(bed.invocations).to.have.length(1);
    });
  });

  // Not proven here: AWS's own polling delay, and the order of shards after a reshard (the local stream has none).
});
