import type { KinesisClient, PutRecordsCommandInput } from "@aws-sdk/client-kinesis";
import { expect } from "chai";
import { backoff } from "../../../functions/accept-telemetry/core.ts";
import { acceptTelemetry } from "../../../functions/accept-telemetry/handler.ts";
import { NOW, reading, request, silent } from "../fakes.ts";

/** @param answers for each call: the indexes that the stream throttles, or an error. */
function prepare(...answers: (number[] | Error)[]) {
  const calls: PutRecordsCommandInput[] = [];
  const slept: number[] = [];
  const send = async ({ input }: { input: PutRecordsCommandInput }) => {
    calls.push(input);
    const answer = answers[Math.min(calls.length, answers.length) - 1] ?? [];
    if (answer instanceof Error) throw answer;
    const toEntry = (_: unknown, index: number) =>
      answer.includes(index)
        ? { ErrorCode: "ProvisionedThroughputExceededException" }
        : { SequenceNumber: "1" };
    return { Records: input.Records?.map(toEntry) };
  };
  const deps = {
    stream: "telemetry",
    client: { send } as unknown as KinesisClient,
    logger: silent,
    now: () => NOW,
    random: () => 0.5,
    sleep: async (ms: number) => slept.push(ms),
  };
  const post = (body: unknown) => acceptTelemetry(request({ body }), deps);
  return { calls, slept, post };
}

function sent(call: PutRecordsCommandInput | undefined): unknown[] {
  return (call?.Records ?? []).map(({ Data }) => JSON.parse(Buffer.from(Data ?? []).toString()));
}

const throttle = Object.assign(new Error("slow down"), { name: "ProvisionedThroughputExceededException" });

describe("accept-telemetry", () => {
  it("takes one reading, keyed by its device and with the request's correlation id", async () => {
    const { calls, post } = prepare();
    const response = await post(reading());
    expect(response).to.deep.equal({
      status: 202,
      body: { accepted: 1, rejected: 0, throttled: 0, results: [{ index: 0, status: "accepted" }] },
    });
    expect(calls[0]).to.include({ StreamName: "telemetry" });
    expect(calls[0]?.Records?.[0]).to.include({ PartitionKey: "d1" });
    expect(sent(calls[0])).to.deep.equal([reading({ correlationId: "request-1" })]);
  });

  it("keeps a reading's own correlation id", async () => {
    const { calls, post } = prepare();
    await post([reading({ correlationId: "mine" })]);
    expect(sent(calls[0])).to.deep.equal([reading({ correlationId: "mine" })]);
  });

  it("lists each bad reading with its reason, and takes its neighbours", async () => {
    const { calls, post } = prepare();
    const { status, body } = await post([reading(), { deviceId: "d1" }, 7, reading()]);
    expect(status).to.equal(202);
    expect(body).to.deep.equal({
      accepted: 2,
      rejected: 2,
      throttled: 0,
      results: [
        { index: 0, status: "accepted" },
        { index: 1, status: "rejected", reason: "metric is missing" },
        { index: 2, status: "rejected", reason: "a reading must be an object, not 7" },
        { index: 3, status: "accepted" },
      ],
    });
    expect(calls[0]?.Records).to.have.length(2);
  });

  it("sends nothing when every reading is rejected", async () => {
    const { calls, post } = prepare();
    expect(await post([1])).to.have.property("status", 202);
    expect(calls).to.deep.equal([]);
  });

  for (const [name, body] of Object.entries({
    "an empty array": [],
    "a text": "x",
    nothing: undefined,
    null: null,
  })) {
    it(`refuses ${name} as a whole`, async () => {
      expect(await prepare().post(body)).to.have.property("status", 400);
    });
  }

  it("refuses more than 500 readings as a whole", async () => {
    const { status, problem } = await prepare().post(new Array(501).fill(reading()));
    expect(status).to.equal(400);
    expect(problem?.errors).to.deep.equal([
      { pointer: "#", detail: "the body must hold 1 to 500 readings, not 501" },
    ]);
  });

  it("sends throttled readings again, and only those", async () => {
    const { calls, slept, post } = prepare([1], []);
    const { body } = await post([reading({ value: 0 }), reading({ value: 1 }), reading({ value: 2 })]);
    expect(body).to.include({ accepted: 3, throttled: 0 });
    expect(sent(calls[1])).to.deep.equal([reading({ value: 1, correlationId: "request-1" })]);
    expect(slept).to.deep.equal([50]);
  });

  it("names the readings that stay throttled after four attempts", async () => {
    const { calls, slept, post } = prepare([1], [0]);
    const { status, body } = await post([reading(), reading()]);
    expect(calls).to.have.length(4);
    expect(slept).to.deep.equal([50, 100, 200]);
    expect(status).to.equal(202);
    expect(body).to.deep.include({ accepted: 1, throttled: 1 });
    expect((body as { results: object[] }).results[1]).to.include({ index: 1, status: "throttled" });
  });

  it("answers 503 when the stream takes none", async () => {
    for (const answer of [[0], throttle]) {
      const response = await prepare(answer).post(reading());
      expect(response).to.include({ status: 503 });
      expect(response.headers).to.deep.equal({ "retry-after": "1" });
    }
  });

  it("still tells what was taken when a later call fails", async () => {
    const { calls, post } = prepare([1], new Error("socket hang up"));
    const { status, body } = await post([reading(), reading()]);
    expect(status).to.equal(202);
    expect(calls, "the client has tried several times: no more are due").to.have.length(2);
    expect(body).to.include({ accepted: 1, throttled: 1 });
  });

  it("fails when nothing could be sent for another reason than load", async () => {
    const failure = await prepare(new Error("AccessDenied"))
      .post(reading())
      .catch((error: Error) => error.message);
    expect(failure).to.equal("AccessDenied");
  });

  it("backs off with full jitter", () => {
    expect([backoff(1, 0), backoff(1, 1), backoff(3, 1)]).to.deep.equal([0, 100, 400]);
  });
});
