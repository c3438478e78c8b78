import { expect } from "chai";
import { ALL_RIGHTS, Bed, FUNCTION_ARN, MAPPING_ID, STREAM_ARN } from "./bed.ts";

const BUCKET = "arn:aws:s3:::failures";
const QUEUE = "arn:aws:sqs:eu-west-1:000000000000:failures";
const TOPIC = "arn:aws:sns:eu-west-1:000000000000:failures";
const to = (destinationArn: string) => ({ destinationConfig: { onFailure: { destinationArn } } });
const fails = () => Promise.reject(new Error("down"));

describe("stream source on-failure destination", () => {
  let bed: Bed;

  afterEach(() => bed.stop());

  const giveUp = async (destination: string, rights = ALL_RIGHTS): Promise<void> => {
    bed = new Bed({ handler: fails, rights });
    await bed.put(["a", "b"]);
    await bed.clock.advance(1_500);
    await bed.start({ ...to(destination), maximumRetryAttempts: 1 });
    await bed.clock.advance(1_000);
  };

  it("that is a bucket gets the records and why they failed, under AWS's key", async () => {
    await giveUp(BUCKET);
    const [stored] = bed.stored;
    const [sequence] = bed.events[0]?.Records.map((record) => record.kinesis.sequenceNumber) ?? [];
    expect(stored?.place).to.equal("failures");
    expect(stored?.key).to.equal(
      `aws/lambda/${MAPPING_ID}/shardId-000000000000/2026/01/01/2026-01-01T12.00.02-88888888-8888-4888-a888-888888888888`,
    );
    expect(stored?.body.payload).to.deep.equal({ Records: bed.events[0]?.Records });
    expect(stored?.body).to.deep.include({
      requestContext: {
        requestId: "request-2",
        functionArn: FUNCTION_ARN,
        condition: "RetryAttemptsExhausted",
        approximateInvokeCount: 2,
      },
      responseContext: { statusCode: 200, executedVersion: "$LATEST", functionError: "Unhandled" },
      version: "1.0",
      timestamp: "2026-01-01T12:00:02.500Z",
    });
    expect(stored?.body.KinesisBatchInfo).to.include({
      shardId: "shardId-000000000000",
      startSequenceNumber: sequence,
      approximateArrivalOfFirstRecord: "2026-01-01T12:00:00.000Z",
      batchSize: 2,
      streamArn: STREAM_ARN,
    });
  });

  it("that is a queue gets the metadata only", async () => {
    await giveUp(QUEUE);
    expect(bed.stored[0]?.place).to.equal("failures");
    expect(bed.stored[0]?.body).to.have.keys([
      "requestContext",
      "responseContext",
      "version",
      "timestamp",
      "KinesisBatchInfo",
    ]);
  });

  it("is told of records that expired before any invocation, without a response", async () => {
    bed = new Bed();
    await bed.put(["stale"]);
    await bed.clock.advance(61_000);
    await bed.start({ ...to(QUEUE), maximumRecordAgeInSeconds: 60 });
    expect(bed.invocations).to.deep.equal([]);
    expect(bed.stored[0]?.body).not.to.have.property("responseContext");
    expect(bed.stored[0]?.body.requestContext).to.include({
      condition: "RecordAgeExceeded",
      approximateInvokeCount: 1,
    });
  });

  for (const missing of ["s3:PutObject", "s3:ListBucket"]) {
    it(`gets nothing when the role lacks ${missing}; a line says so and the shard moves on`, async () => {
      await giveUp(BUCKET, [...ALL_RIGHTS, { Effect: "Deny", Action: missing, Resource: "*" }]);
      bed.handler = () => null;
      await bed.put(["c"]);
      expect(bed.stored).to.deep.equal([]);
      expect(bed.lines[0]).to.match(/2 records of shardId-000000000000 are lost/);
      expect(bed.lines[0]).to.include(`is not authorized to perform: ${missing}`);
      expect(bed.invocations.at(-1)).to.deep.equal(["c"]);
    });
  }

  it("that is a topic gets the metadata only, as the role allows", async () => {
    await giveUp(TOPIC);
    expect(bed.stored[0]?.place).to.equal(TOPIC);
    expect(bed.stored[0]?.body).to.have.property("KinesisBatchInfo");
    expect(bed.stored[0]?.body).not.to.have.property("payload");
    await bed.stop();
    await giveUp(TOPIC, [...ALL_RIGHTS, { Effect: "Deny", Action: "sns:Publish", Resource: "*" }]);
    expect(bed.stored).to.deep.equal([]);
  });

  it("that is neither bucket, queue nor topic is refused at start", async () => {
    bed = new Bed();
    const refusal = await bed
      .start(to("arn:aws:lambda:eu-west-1:000000000000:function:alerts"))
      .catch((error: Error) => error);
    expect(String(refusal)).to.match(/"readings-count".*lambda.*no bucket, queue or topic/);
  });
});
