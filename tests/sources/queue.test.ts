import { expect } from "chai";
import { TooManyRequestsException } from "../../local/lambda/results.ts";
import { toEvent } from "../../local/sources/queue/event.ts";
import { failedMessages } from "../../local/sources/queue/response.ts";
import { documented } from "../helpers/events.ts";
import { Bed, type BedOptions, type FakeRecord } from "./queue/bed.ts";

const MINUTE = 60_000;
const numbers = (count: number): string[] => Array.from({ length: count }, (_, index) => String(index + 1));
const failing = (records: FakeRecord[], ...bodies: string[]) => ({
  batchItemFailures: records
    .filter(({ body }) => bodies.includes(body))
    .map(({ messageId }) => ({ itemIdentifier: messageId })),
});

describe("queue source", () => {
  let bed: Bed;

  const open = async (options: BedOptions = {}): Promise<Bed> => {
    bed = await new Bed(options).open();
    return bed;
  };

  afterEach(async () => {
    await bed?.close();
    expect(bed?.clock.sleepers ?? 0).to.equal(0);
  });

  describe("event", () => {
    const { standard, fifo } = documented("sqs");
    const shared = { body: "Test message.", md5OfBody: "e4e68fb7bd0e697a0ae8f1bb342846b3" };
    const none = { md5OfMessageAttributes: "", messageAttributes: {}, approximateReceiveCount: 1 };

    it("equals AWS's example of a standard queue", () => {
      // https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html#example-standard-queue-message-event
      const [first, second] = standard.Records;
      const made = toEvent(
        [
          {
            receiptHandle: first.receiptHandle,
            message: {
              ...shared,
              ...none,
              messageId: first.messageId,
              sentTimestamp: 1545082649183,
              approximateFirstReceiveTimestamp: 1545082649185,
              messageAttributes: { myAttribute: { DataType: "String", StringValue: "myValue" } },
            },
          },
          {
            receiptHandle: second.receiptHandle,
            message: {
              ...shared,
              ...none,
              messageId: second.messageId,
              sentTimestamp: 1545082650636,
              approximateFirstReceiveTimestamp: 1545082650649,
            },
          },
        ],
        { queueArn: "arn:aws:sqs:us-east-2:123456789012:my-queue", senderId: "AIDAIENQZJOLO23YVJ4VO" },
      );
      expect(made).to.deep.equal(standard);
    });

    it("equals AWS's example of a FIFO queue", () => {
      const [record] = fifo.Records;
      const made = toEvent(
        [
          {
            receiptHandle: record.receiptHandle,
            message: {
              ...shared,
              ...none,
              messageId: record.messageId,
              sentTimestamp: 1573251510774,
              approximateFirstReceiveTimestamp: 1573251510774,
              sequenceNumber: "18849496460467696128",
              messageGroupId: "1",
              messageDeduplicationId: "1",
            },
          },
        ],
        { queueArn: "arn:aws:sqs:us-east-2:123456789012:fifo.fifo", senderId: "AIDAIO23YVJENQZJOL4VO" },
      );
      expect(made).to.deep.equal(fifo);
    });
  });

  describe("an answer", () => {
    const ids = ["a", "b"];
    for (const empty of [
      "null",
      '""',
      "[]",
      "{}",
      '{"batchItemFailures":null}',
      '{"batchItemFailures":[]}',
    ]) {
      it(`${empty} is success`, () => expect([...failedMessages(empty, ids, true)]).to.deep.equal([]));
    }
    for (const item of ['""', "null", '"c"', "5"]) {
      it(`that names ${item} fails the whole batch`, () => {
        const answer = `{"batchItemFailures":[{"itemIdentifier":"a"},{"itemIdentifier":${item}}]}`;
        expect([...failedMessages(answer, ids, true)]).to.deep.equal(ids);
      });
    }
    for (const wrong of ['{"batchItemFailures":[{"id":"a"}]}', '{"batchItemFailures":{}}', '"done"', "[1]"]) {
      it(`${wrong} fails the whole batch`, () =>
        expect([...failedMessages(wrong, ids, true)]).to.deep.equal(ids));
    }
    it("names what failed", () =>
      expect([...failedMessages('{"batchItemFailures":[{"itemIdentifier":"b"}]}', ids, true)]).to.deep.equal([
        "b",
      ]));
    it("means nothing without partial responses", () =>
      expect([...failedMessages('{"batchItemFailures":[{"itemIdentifier":"b"}]}', ids, false)]).to.deep.equal(
        [],
      ));
  });

  describe("batches", () => {
    it("come at once, and what succeeded is gone", async () => {
      await open();
      await bed.send("a", "b");
      await bed.start();
      await bed.send("c");
      expect(bed.invocations).to.deep.equal([["a", "b"], ["c"]]);
      expect(bed.outcomes()).to.deep.equal(["ok", "ok"]);
      await bed.clock.advance(MINUTE);
      expect(bed.invocations).to.have.length(2);
    });

    it("hold at most batchSize messages", async () => {
      await open();
      await bed.send(...numbers(7));
      await bed.start({ batchSize: 3 });
      expect(bed.invocations.map(({ length }) => length)).to.deep.equal([3, 3, 1]);
    });

    it("hold at most 6 MB, cut into events one after the other", async () => {
      await open();
      await bed.send(...numbers(9).map((text) => text.repeat(1_000_000)));
      await bed.start();
      while (bed.batches().length < 2) await bed.settle();
      expect(bed.invocations.map(({ length }) => length)).to.deep.equal([6, 3]);
      expect(bed.mostInWork).to.equal(1);
    });

    it("wait for their window, unless they are full before", async () => {
      await open();
      await bed.start({ batchSize: 20, maximumBatchingWindowInSeconds: 5 });
      await bed.send("a");
      await bed.clock.advance(4_999);
      expect(bed.invocations).to.deep.equal([]);
      await bed.clock.advance(1);
      expect(bed.invocations).to.deep.equal([["a"]]);
      await bed.send(...numbers(20));
      expect(bed.invocations[1]).to.deep.equal(numbers(20));
    });

    it("run at the same time, 5 at first and 300 a minute more while there is work", async () => {
      await open({ handler: () => new Promise(() => {}) });
      await bed.send(...numbers(30));
      await bed.start({ batchSize: 1 });
      expect(bed.inWork).to.equal(5);
      await bed.clock.advance(1_000);
      await bed.send("more");
      expect(bed.inWork).to.equal(10);
    });

    it("run at most maximumConcurrency at the same time", async () => {
      const finish: (() => void)[] = [];
      await open({ handler: () => new Promise<void>((resolve) => finish.push(resolve)) });
      await bed.send(...numbers(4));
      await bed.start({ batchSize: 1, scalingConfig: { maximumConcurrency: 2 } });
      expect(bed.inWork).to.equal(2);
      await bed.clock.advance(10_000);
      finish[0]?.();
      await bed.settle();
      expect([bed.invocations.length, bed.inWork]).to.deep.equal([3, 2]);
      bed.handler = () => null;
      for (const done of finish) done();
    });

    it("leave out what no filter lets pass, and delete it", async () => {
      await open();
      await bed.send('{"kind":"hourly"}', '{"kind":"daily"}', "not json");
      await bed.start({ filterCriteria: { filters: [{ pattern: '{"body":{"kind":["daily"]}}' }] } });
      expect(bed.invocations).to.deep.equal([['{"kind":"daily"}']]);
      await bed.clock.advance(MINUTE);
      expect(bed.service.queues.receive("jobs", 10)).to.deep.equal([]);
    });
  });

  describe("a failure", () => {
    it("of some messages brings these again when their visibility is over, and deletes the others", async () => {
      let tries = 0;
      await open({ handler: (records) => (tries++ === 0 ? failing(records, "b") : null) });
      await bed.send("a", "b", "c");
      await bed.start();
      await bed.clock.advance(MINUTE - 1);
      expect(bed.invocations).to.deep.equal([["a", "b", "c"]]);
      await bed.clock.advance(1);
      expect(bed.invocations[1]).to.deep.equal(["b"]);
      expect(bed.batches()[0]).to.include({ outcome: "partial", size: 3, failed: 1, attempt: 1 });
      expect(bed.batches()[1]).to.include({ outcome: "ok", attempt: 2 });
    });

    it("of the function brings the whole batch again, and shrinks concurrency", async () => {
      await open({ handler: () => Promise.reject(new Error("down")) });
      await bed.send(...numbers(6));
      await bed.start({ batchSize: 2 });
      expect(bed.outcomes()).to.deep.equal(["failed", "failed", "failed"]);
      bed.handler = () => new Promise(() => {});
      await bed.send(...numbers(6));
      expect(bed.inWork).to.equal(2);
    });

    it("of one message for good ends in the dead letters, and leaves its neighbours alone", async () => {
      await open({ handler: (records) => failing(records, "poison") });
      await bed.send("a", "poison", "b");
      await bed.start();
      for (let round = 0; round < 4; round += 1) await bed.clock.advance(MINUTE);
      expect(bed.invocations).to.deep.equal([["a", "poison", "b"], ["poison"], ["poison"]]);
      expect(bed.dead()).to.deep.equal(["poison"]);
    });

    it("by throttling is no failure: the batch is tried again within its visibility", async () => {
      let tries = 0;
      await open({
        handler: () => {
          tries += 1;
          if (tries < 3) throw new TooManyRequestsException("ConcurrentInvocationLimitExceeded");
        },
      });
      await bed.send("a");
      await bed.start();
      await bed.clock.advance(3_000);
      expect(bed.batches().map(({ outcome, attempt }) => [outcome, attempt])).to.deep.equal([["ok", 1]]);
    });

    it("by throttling that does not end leaves the messages to their visibility", async () => {
      await open({
        handler: () => {
          throw new TooManyRequestsException("ConcurrentInvocationLimitExceeded");
        },
      });
      await bed.send("a");
      await bed.start();
      await bed.clock.advance(MINUTE);
      expect(bed.outcomes()).to.deep.equal(["throttled"]);
      bed.handler = () => null;
      await bed.clock.advance(MINUTE);
      expect(bed.batches().at(-1)).to.include({ outcome: "ok", attempt: 2 });
    });

    it("is worked off although every message is delivered twice", async () => {
      const done = new Set<string>();
      let lost = true;
      await open({
        handler: (records) => {
          for (const { body } of records) done.add(body);
          // The work is done, and then the environment dies.
          if (lost) throw new Error("gone");
        },
      });
      await bed.send("a", "b");
      await bed.start();
      lost = false;
      await bed.clock.advance(MINUTE);
      expect(bed.invocations).to.deep.equal([
        ["a", "b"],
        ["a", "b"],
      ]);
      expect([...done]).to.deep.equal(["a", "b"]);
      expect(bed.dead()).to.deep.equal([]);
    });
  });

  describe("a FIFO queue", () => {
    it("keeps the order of each group, and lets groups overtake each other", async () => {
      const finish: (() => void)[] = [];
      await open({ fifo: true, handler: () => new Promise<void>((resolve) => finish.push(resolve)) });
      await bed.send("a1", "a2", "b1", "a3");
      await bed.start({ batchSize: 1 });
      expect(bed.invocations).to.deep.equal([["a1"], ["b1"]]);
      finish[0]?.();
      await bed.settle();
      expect(bed.invocations[2]).to.deep.equal(["a2"]);
      bed.handler = () => null;
      for (const done of finish) done();
      await bed.settle();
      expect(bed.invocations.flat().filter((body) => body.startsWith("a"))).to.deep.equal(["a1", "a2", "a3"]);
    });

    it("holds a group back behind its failed message, in order, and lets it go on behind the dead letters", async () => {
      await open({
        fifo: true,
        handler: (records) =>
          records.some(({ body }) => body === "a1")
            ? failing(records, ...records.map(({ body }) => body).filter((body) => body.startsWith("a")))
            : null,
      });
      await bed.send("a1", "b1", "a2");
      await bed.start();
      await bed.send("b2", "a3");
      expect(bed.invocations.flat()).to.deep.equal(["a1", "a2", "b1", "b2"]);
      for (let round = 0; round < 3; round += 1) await bed.clock.advance(MINUTE);
      expect(bed.invocations.flat().filter((body) => body === "a1")).to.have.length(3);
      // a2 was received as often, in the batches that a1 failed.
      expect(bed.dead()).to.deep.equal(["a1", "a2"]);
      expect(bed.invocations.at(-1)).to.deep.equal(["a3"]);
    });
  });

  describe("a mapping", () => {
    const refusal = async (
      inputs: Parameters<Bed["mapping"]>[0],
      options: BedOptions = {},
    ): Promise<string> => {
      await open(options);
      return bed.start(inputs).then(
        () => "accepted",
        (error: Error) => error.message,
      );
    };

    it("that is disabled takes nothing", async () => {
      await open();
      await bed.send("a");
      await bed.start({ enabled: false });
      expect(bed.invocations).to.deep.equal([]);
    });

    it("of another service is left to its own source", async () => {
      await open();
      await bed.start({ eventSourceArn: "arn:aws:kinesis:us-east-1:000000000000:stream/s" });
      expect(bed.invocations).to.deep.equal([]);
    });

    for (const [inputs, message] of [
      [
        { batchSize: 11 },
        'Event source mapping "jobs-work": batchSize is 11; above 10, maximumBatchingWindowInSeconds must be at least 1.',
      ],
      [{ batchSize: 10_001 }, /batchSize is 10001; AWS takes 1 to 10000/],
      [{ maximumBatchingWindowInSeconds: 301 }, /301; AWS takes 0 to 300/],
      [{ scalingConfig: { maximumConcurrency: 1 } }, /maximumConcurrency is 1; AWS takes 2 to 1000/],
      [
        { scalingConfig: { maximumConcurrency: 5 }, provisionedPollerConfig: { minimumPollers: 2 } },
        /exclude each other/,
      ],
      [{ destinationConfig: { onFailure: { destinationArn: "arn" } } }, /destinationConfig is for streams/],
      [{ filterCriteria: { filters: [{ pattern: "{" }] } }, /filter pattern/],
      [{ functionName: "none" }, /there is no function "none"/],
    ] as [Parameters<Bed["mapping"]>[0], string | RegExp][]) {
      it(`with ${JSON.stringify(inputs)} is refused`, async () => {
        const refused = await refusal(inputs);
        if (typeof message === "string") expect(refused).to.equal(message);
        else expect(refused).to.match(message);
      });
    }

    it("of a FIFO queue is refused with a window, or more than 10 messages", async () => {
      expect(await refusal({ maximumBatchingWindowInSeconds: 1 }, { fifo: true })).to.match(
        /AWS takes 0 to 0/,
      );
      await bed.close();
      expect(await refusal({ batchSize: 11 }, { fifo: true })).to.match(/batchSize is 11; AWS takes 1 to 10/);
    });

    it("is refused in AWS's words when the function may run longer than messages are hidden", async () => {
      expect(await refusal({}, { timeoutMs: 180_000 })).to.contain(
        "Queue visibility timeout: 60 seconds is less than Function timeout: 180 seconds",
      );
    });

    it("is refused when the function's role may not take messages", async () => {
      const rights = [{ Effect: "Allow", Action: "sqs:ReceiveMessage", Resource: "*" }];
      expect(await refusal({}, { rights })).to.match(
        /execution role does not have permissions to call DeleteMessage on SQS/,
      );
    });

    it("costs nothing while its queue is empty", async () => {
      await open();
      await bed.send("a");
      await bed.start({ batchSize: 20, maximumBatchingWindowInSeconds: 5 });
      await bed.clock.advance(5_000);
      expect(bed.invocations).to.deep.equal([["a"]]);
      expect(bed.clock.sleepers).to.equal(0);
    });
  });

  // Not proven here: AWS's own sampling and its polling delay.
});
