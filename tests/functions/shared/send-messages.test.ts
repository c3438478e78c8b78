import type { SendMessageBatchCommandInput, SQSClient } from "@aws-sdk/client-sqs";
import { expect } from "chai";
import { sendMessages } from "../../../functions/shared/send-messages.ts";

/** A queue that leaves the given messages out of every batch so many times. */
function prepare(leaveOut: number, senderFault = false) {
  const taken: string[] = [];
  let left = leaveOut;
  const send = async ({ input }: { input: SendMessageBatchCommandInput }) => {
    const entries = input.Entries ?? [];
    expect(entries.length).to.be.within(1, 10);
    const failing = left-- > 0 ? entries.slice(0, 1) : [];
    taken.push(
      ...entries.filter((entry) => !failing.includes(entry)).map(({ MessageBody = "" }) => MessageBody),
    );
    return { Failed: failing.map(({ Id }) => ({ Id, SenderFault: senderFault, Code: "Any" })) };
  };
  return { taken, client: { send } as unknown as SQSClient };
}

const bodies = Array.from({ length: 23 }, (_, index) => ({ index }));

describe("sending messages", () => {
  it("sends all in batches of ten, and again what the queue did not take, each once", async () => {
    const { client, taken } = prepare(2);
    await sendMessages(client, "url", bodies);
    expect(taken.sort()).to.deep.equal(bodies.map((body) => JSON.stringify(body)).sort());
  });

  it("fails when the queue keeps refusing, and at once when the message is at fault", async () => {
    const failure = await sendMessages(prepare(99).client, "url", bodies).catch(
      (error: Error) => error.message,
    );
    expect(failure).to.match(/did not take 1 messages in 3 attempts/);
    const fault = await sendMessages(prepare(1, true).client, "url", bodies).catch(
      (error: Error) => error.message,
    );
    expect(fault).to.match(/refuses a message: Any/);
  });
});
