import { expect } from "chai";
import { toEvent } from "../../local/sources/shards/record.ts";
import { DYNAMODB_FORM, type DynamoDbEventRecord, toTableChange } from "../../local/sources/table/event.ts";
import { documented } from "../helpers/events.ts";
import { ALL_RIGHTS, FUNCTION_ARN, MAPPING_ID, textOf } from "./stream/bed.ts";
import { CHANGES_ARN, SHARD, TableBed } from "./table/bed.ts";

const to = (destinationArn: string) => ({ destinationConfig: { onFailure: { destinationArn } } });
const failOn =
  (text: string) =>
  (event: { Records: Parameters<typeof textOf>[0][] }): void => {
    if (event.Records.some((record) => textOf(record) === text)) throw new Error("poison");
  };

describe("table source", () => {
  let bed: TableBed;

  afterEach(() => bed?.stop());

  describe("event", () => {
    const { event } = documented("dynamodb") as { event: { Records: DynamoDbEventRecord[] } };

    it("equals AWS's examples: an insert, a change and a delete by time to live", () => {
      bed = new TableBed();
      const changes = event.Records.map(({ eventSourceARN: _, userIdentity, ...change }) =>
        toTableChange(
          userIdentity === undefined
            ? change
            : { ...change, userIdentity: { Type: userIdentity.type, PrincipalId: userIdentity.principalId } },
        ),
      );
      const place = {
        region: "us-west-2",
        streamArn: event.Records[0]?.eventSourceARN ?? "",
        shardId: SHARD,
        roleArn: "arn:aws:iam::123456789012:role/publish",
      };
      expect(toEvent(changes, place, DYNAMODB_FORM)).to.deep.equal(event);
    });

    it("of a write has the same members and types at every level", async () => {
      bed = new TableBed();
      await bed.start();
      await bed.put(["a", "b"]);
      await bed.remove("order", true);
      const [inserted, modified, removed] = bed.events.flatMap(({ Records }) => Records);
      const shape = (value: unknown): unknown => {
        if (typeof value !== "object" || value === null) return typeof value;
        return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, shape(inner)]));
      };
      const frame = (record: object | undefined) => {
        const { dynamodb, ...rest } = record as { dynamodb: Record<string, unknown> };
        const { Keys, NewImage, OldImage, ...members } = dynamodb;
        return {
          ...(shape(rest) as object),
          ...(shape(members) as object),
          images: [!!NewImage, !!OldImage],
        };
      };
      expect(frame(inserted)).to.deep.equal(frame(event.Records[0]));
      expect(frame(modified)).to.deep.equal(frame(event.Records[1]));
      expect(frame(removed)).to.deep.equal(frame(event.Records[2]));
      expect(modified).to.deep.include({ eventName: "MODIFY", eventSourceARN: CHANGES_ARN });
      expect(modified?.dynamodb).to.deep.include({
        Keys: { pk: { S: "order" } },
        OldImage: { pk: { S: "order" }, text: { S: "a" } },
        NewImage: { pk: { S: "order" }, text: { S: "b" } },
        ApproximateCreationDateTime: Date.UTC(2026, 0, 1, 12) / 1_000,
        StreamViewType: "NEW_AND_OLD_IMAGES",
      });
    });

    it("tells a delete by time to live from one by hand", async () => {
      bed = new TableBed();
      await bed.put(["a"]);
      await bed.remove("order", true);
      await bed.put(["b"]);
      await bed.remove("order");
      await bed.start();
      const removed = bed.events.flatMap(({ Records }) => Records).filter((_, index) => index % 2 === 1);
      expect(removed.map(({ userIdentity }) => userIdentity)).to.deep.equal([
        { type: "Service", principalId: "dynamodb.amazonaws.com" },
        undefined,
      ]);
    });
  });

  describe("batches", () => {
    it("come at once and in order, at most batchSize changes", async () => {
      bed = new TableBed();
      await bed.put(["1", "2", "3"]);
      await bed.start({ batchSize: 2 });
      await bed.put(["4"]);
      expect(bed.invocations).to.deep.equal([["1", "2"], ["3"], ["4"]]);
    });

    it("hold at most 6 MB of payload", async () => {
      bed = new TableBed();
      await bed.put(Array.from({ length: 20 }, (_, index) => String(index % 10).repeat(390_000)));
      await bed.start({ batchSize: 100 });
      expect(bed.invocations.flat()).to.have.length(20);
      for (const event of bed.events) expect(JSON.stringify(event).length).to.be.at.most(6_291_456);
    });

    it("keep the order of each item with a parallelization factor", async () => {
      bed = new TableBed({ handler: () => new Promise<void>((resolve) => setImmediate(resolve)) });
      await bed.put(
        Array.from({ length: 100 }, (_, index) => String(index)),
        (text) => `order-${Number(text) % 7}`,
      );
      await bed.start({ parallelizationFactor: 4, batchSize: 3 });
      while (bed.invocations.flat().length < 100) await bed.settle();
      for (let item = 0; item < 7; item += 1) {
        const own = bed.invocations
          .flat()
          .map(Number)
          .filter((text) => text % 7 === item);
        expect(own).to.deep.equal([...own].sort((a, b) => a - b));
      }
    });

    it("leave out what no filter on the change, its name or its doer lets pass", async () => {
      bed = new TableBed();
      await bed.start({
        filterCriteria: {
          filters: [
            { pattern: '{"eventName":["INSERT"],"dynamodb":{"NewImage":{"text":{"S":["a","x"]}}}}' },
            { pattern: '{"userIdentity":{"principalId":["dynamodb.amazonaws.com"]}}' },
          ],
        },
      });
      await bed.put(["a", "b"]);
      await bed.remove("order");
      await bed.put(["c"]);
      await bed.remove("order", true);
      expect(bed.events.flatMap(({ Records }) => Records).map(textOf)).to.deep.equal(["a", "c"]);
    });

    it("begin with the next change at LATEST, with the oldest kept at TRIM_HORIZON", async () => {
      for (const [startingPosition, expected] of [
        ["LATEST", ["new"]],
        ["TRIM_HORIZON", ["old", "new"]],
      ] as const) {
        bed = new TableBed();
        await bed.put(["old"]);
        await bed.start({ startingPosition });
        await bed.put(["new"]);
        expect(bed.invocations.flat()).to.deep.equal(expected);
        await bed.stop();
      }
    });
  });

  describe("a failed batch", () => {
    it("is halved until the bad change is alone, which goes to the bucket with its records", async () => {
      bed = new TableBed({ handler: failOn("3") });
      await bed.put(["1", "2", "3", "4"]);
      await bed.start({
        bisectBatchOnFunctionError: true,
        maximumRetryAttempts: 0,
        ...to("arn:aws:s3:::failures"),
      });
      const [stored] = bed.stored;
      expect(bed.invocations.at(-1)).to.deep.equal(["4"]);
      expect(stored?.key).to.match(
        new RegExp(`^aws/lambda/${MAPPING_ID}/${SHARD}/2026/01/01/2026-01-01T12\\.00\\.00-`),
      );
      expect(stored?.body).to.deep.include({
        requestContext: {
          requestId: "request-4",
          functionArn: FUNCTION_ARN,
          condition: "RetryAttemptsExhausted",
          approximateInvokeCount: 3,
        },
        responseContext: { statusCode: 200, executedVersion: "$LATEST", functionError: "Unhandled" },
      });
      const sequence = bed.events.at(-2)?.Records[0]?.dynamodb?.SequenceNumber;
      expect(stored?.body.DDBStreamBatchInfo).to.deep.equal({
        shardId: SHARD,
        startSequenceNumber: sequence,
        endSequenceNumber: sequence,
        approximateArrivalOfFirstRecord: "2026-01-01T12:00:00.000Z",
        approximateArrivalOfLastRecord: "2026-01-01T12:00:00.000Z",
        batchSize: 1,
        streamArn: CHANGES_ARN,
      });
      expect(stored?.body.payload).to.deep.equal({ Records: bed.events.at(-2)?.Records });
    });

    it("is cut at the change that the function reports", async () => {
      let failed = false;
      bed = new TableBed({
        handler: ({ Records }) => {
          const bad = Records.find((record) => textOf(record) === "2");
          if (failed || bad === undefined) return null;
          failed = true;
          return { batchItemFailures: [{ itemIdentifier: bad.dynamodb?.SequenceNumber }] };
        },
      });
      await bed.put(["1", "2", "3"]);
      await bed.start({ functionResponseTypes: ["ReportBatchItemFailures"] });
      await bed.clock.advance(1_000);
      expect(bed.invocations).to.deep.equal([
        ["1", "2", "3"],
        ["2", "3"],
      ]);
    });

    it("holds the changes behind it back, and is given up with its age", async () => {
      bed = new TableBed({ handler: failOn("bad") });
      await bed.start({
        maximumRecordAgeInSeconds: 60,
        ...to("arn:aws:sqs:eu-west-1:000000000000:failures"),
      });
      await bed.put(["bad"]);
      await bed.clock.advance(30_000);
      await bed.put(["good"]);
      expect(bed.invocations.flat()).not.to.include("good");
      await bed.clock.advance(60_000);
      expect(bed.invocations.flat()).to.include("good");
      expect(bed.stored[0]?.body.requestContext).to.include({ condition: "RecordAgeExceeded" });
      expect(bed.stored[0]?.body).to.have.property("DDBStreamBatchInfo");
      expect(bed.stored[0]?.body).not.to.have.property("payload");
    });
  });

  describe("changes of more than 24 hours ago", () => {
    it("are gone, and a line says how many were lost behind a batch that held its shard", async () => {
      bed = new TableBed({ handler: failOn("bad") });
      await bed.start({ batchSize: 1 });
      await bed.put(["bad", ...Array.from({ length: 150 }, (_, index) => String(index))]);
      await bed.put(Array.from({ length: 2_000 }, () => "same").map((text, index) => `${text}${index}`));
      await bed.clock.advance(25 * 3_600_000);
      await bed.put(["today"]);
      bed.handler = () => null;
      await bed.clock.advance(15_000);
      expect(bed.invocations.at(-1)).to.deep.equal(["today"]);
      expect(bed.lines.join("\n")).to.match(
        /\d+ records of shardId-.* left the stream before they were read/,
      );
    });

    it("are not read by a mapping that starts later", async () => {
      bed = new TableBed();
      await bed.put(["yesterday"]);
      await bed.clock.advance(24 * 3_600_000 + 1_000);
      await bed.put(["today"]);
      await bed.start();
      expect(bed.invocations).to.deep.equal([["today"]]);
    });
  });

  it("carries the state of tumbling windows", async () => {
    bed = new TableBed({
      handler: ({ Records, state = {} }) => ({ state: { count: Number(state.count ?? 0) + Records.length } }),
    });
    await bed.start({ tumblingWindowInSeconds: 60 });
    await bed.put(["1", "2"]);
    await bed.put(["3"]);
    await bed.clock.advance(60_000);
    expect(bed.events.map(({ state }) => state)).to.deep.equal([{}, { count: 2 }, { count: 3 }]);
    expect(bed.events.at(-1)).to.deep.include({ isFinalInvokeForWindow: true, eventSourceARN: CHANGES_ARN });
  });

  it("goes on where it was when it starts again", async () => {
    bed = new TableBed();
    await bed.start();
    await bed.put(["a"]);
    await bed.stop();
    await bed.put(["b"]);
    await bed.start({ batchSize: 5 });
    expect(bed.invocations).to.deep.equal([["a"], ["b"]]);
  });

  describe("a mapping", () => {
    const refusal = async (
      inputs: Parameters<TableBed["start"]>[0],
      made = new TableBed(),
    ): Promise<string> => {
      bed = made;
      return bed.start(inputs).then(
        () => "accepted",
        (error: Error) => error.message,
      );
    };

    it("is refused AT_TIMESTAMP, which only streams of Kinesis know", async () => {
      expect(
        await refusal({
          startingPosition: "AT_TIMESTAMP",
          startingPositionTimestamp: "2026-01-01T00:00:00Z",
        }),
      ).to.equal(
        'Event source mapping "readings-count": startingPosition is "AT_TIMESTAMP"; AWS takes TRIM_HORIZON or LATEST for a table\'s changes.',
      );
    });

    for (const missing of ["GetRecords", "GetShardIterator", "DescribeStream", "ListStreams"]) {
      it(`is refused when the function's role lacks dynamodb:${missing}`, async () => {
        const deny = { Effect: "Deny" as const, Action: `dynamodb:${missing}`, Resource: "*" };
        expect(await refusal({}, new TableBed({ rights: [...ALL_RIGHTS, deny] }))).to.match(
          new RegExp(`Cannot access stream .*orders.*role can perform the ${missing} action`),
        );
      });
    }

    it("is refused for a table that keeps no changes", async () => {
      const eventSourceArn = "arn:aws:dynamodb:eu-west-1:000000000000:table/other/stream/2026";
      expect(await refusal({ eventSourceArn })).to.match(/table "other" has no stream .*streamEnabled/);
    });

    it("of a Kinesis stream is left to its own source", async () => {
      expect(
        await refusal({ eventSourceArn: "arn:aws:kinesis:eu-west-1:000000000000:stream/readings" }),
      ).to.equal("accepted");
      await bed.put(["a"]);
      expect(bed.invocations).to.deep.equal([]);
    });
  });

  // Not proven here: AWS's polling delay, and the shards that a large table's stream has there.
});
