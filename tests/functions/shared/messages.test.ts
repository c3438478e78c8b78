import type { SQSEvent, SQSRecord } from "aws-lambda";
import { expect } from "chai";
import { eachMessage } from "../../../functions/shared/messages.ts";

const event = (bodies: string[], queue = "jobs"): SQSEvent => ({
  Records: bodies.map((body) => ({
    messageId: `id-${body}`,
    body,
    attributes: { ApproximateReceiveCount: "1", MessageGroupId: body.charAt(0) },
    eventSourceARN: `arn:aws:sqs:us-east-1:000000000000:${queue}`,
  })) as SQSRecord[],
});

const failed = (bodies: string[]) => ({
  batchItemFailures: bodies.map((body) => ({ itemIdentifier: `id-${body}` })),
});

describe("eachMessage", () => {
  it("handles every message and reports those that failed, in the batch's order", async () => {
    const seen: string[] = [];
    const errors: string[] = [];
    const answer = await eachMessage(
      event(["a", "b", "c", "d"]),
      async ({ body }) => {
        seen.push(body);
        if (body === "d") throw new Error("no");
        await new Promise(setImmediate);
        if (body === "b") throw "text";
      },
      { onError: ({ body }, { message }) => errors.push(`${body} ${message}`) },
    );
    expect(seen).to.have.members(["a", "b", "c", "d"]);
    expect(answer).to.deep.equal(failed(["b", "d"]));
    expect(errors).to.have.members(["b text", "d no"]);
  });

  it("stops a FIFO queue's group at its first failure, and no other group", async () => {
    const seen: string[] = [];
    const answer = await eachMessage(
      event(["a1", "b1", "a2", "a3", "b2"], "jobs.fifo"),
      async ({ body }) => {
        seen.push(body);
        if (body === "a2") throw new Error("no");
      },
      { onError: () => {} },
    );
    expect(seen).to.have.members(["a1", "b1", "a2", "b2"]);
    expect(answer).to.deep.equal(failed(["a2", "a3"]));
  });

  it("keeps the order of a FIFO queue's group, also where handling takes its time", async () => {
    const seen: string[] = [];
    await eachMessage(event(["a1", "a2", "a3"], "jobs.fifo"), async ({ body }) => {
      if (body === "a1") await new Promise(setImmediate);
      seen.push(body);
    });
    expect(seen).to.deep.equal(["a1", "a2", "a3"]);
  });

  it("has at most so many messages in work", async () => {
    let [now, most] = [0, 0];
    await eachMessage(
      event([..."abcdefgh"]),
      async () => {
        now += 1;
        most = Math.max(most, now);
        await new Promise(setImmediate);
        now -= 1;
      },
      { concurrency: 3 },
    );
    expect(most).to.equal(3);
  });

  it("answers an empty batch with no failure", async () => {
    expect(await eachMessage({ Records: [] }, async () => {})).to.deep.equal(failed([]));
  });
});
