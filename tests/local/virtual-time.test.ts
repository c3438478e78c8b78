import {
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from "@aws-sdk/client-sqs";
import { expect } from "chai";
import { plain } from "../../local/engine/graph.ts";
import { VirtualClock } from "../../local/kit/clock.ts";
import type { TraceEvent } from "../../local/kit/trace.ts";
import { Runtime } from "../../local/runtime.ts";
import { ROOT } from "../helpers/source-files.ts";

const credentials = { accessKeyId: "local", secretAccessKey: "local" };
const MINUTE = 60_000;
/** How often a message is delivered before it goes to the dead letters. */
const DELIVERIES = 5;

describe("the program on this machine, hours in a moment", function () {
  this.timeout(120_000);
  const clock = new VirtualClock(Date.now());
  let starting: Promise<Runtime>;
  let runtime: Runtime;
  let sqs: SQSClient;

  before(async () => {
    starting = Runtime.start({ directory: ROOT, stack: "dev", port: 0, clock });
    runtime = await starting;
    sqs = new SQSClient({ region: "us-east-1", endpoint: runtime.aws.endpoint.url, credentials });
  });
  after(async () => {
    sqs?.destroy();
    await starting.then(
      (started) => started.stop(),
      () => {},
    );
  });

  const output = (name: string, property: string): string => {
    const node = runtime.graph.resources.find((each) => each.custom && each.name === name);
    return String((plain(node?.outputs ?? {}) as Record<string, unknown>)[property]);
  };
  const invoked =
    (logicalName: string) =>
    (event: TraceEvent): boolean =>
      event.kind === "invocation" && String(event.functionName).startsWith(`${logicalName}-function-`);

  it("gives a message that is no order's event up after five deliveries, and takes its neighbours", async () => {
    const QueueUrl = output("orders-queue", "url");
    const visibility = Number(output("orders-queue", "visibilityTimeoutSeconds")) * 1_000;
    const poison = '{"detail-type":"OrderPlaced","detail":{"orderId":7}}';
    for (let delivery = 1; delivery <= DELIVERIES; delivery += 1) {
      const done = runtime.trace.waitFor(invoked("orders-fulfil"), { onlyNew: true });
      if (delivery === 1) await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: poison }));
      else await clock.advance(visibility);
      expect((await done).status).to.equal("ok");
    }
    await clock.advance(visibility);
    const dead = await sqs.send(
      new ReceiveMessageCommand({ QueueUrl: output("orders-dead-letters", "url"), WaitTimeSeconds: 0 }),
    );
    expect(dead.Messages?.map(({ Body }) => Body)).to.deep.equal([poison]);
    const { Attributes } = await sqs.send(
      new GetQueueAttributesCommand({
        QueueUrl,
        AttributeNames: ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
      }),
    );
    expect(Attributes).to.include({
      ApproximateNumberOfMessages: "0",
      ApproximateNumberOfMessagesNotVisible: "0",
    });
  });

  it("plans the compaction every quarter of an hour and the reports every day", async () => {
    const compaction = runtime.trace.waitFor(invoked("plan-compaction"), { onlyNew: true });
    await clock.advance(15 * MINUTE);
    expect((await compaction).status).to.equal("ok");
    const again = runtime.trace.waitFor(invoked("plan-compaction"), { onlyNew: true });
    await clock.advance(15 * MINUTE);
    expect((await again).status).to.equal("ok");
    const reports = runtime.trace.waitFor(invoked("plan-reports"), { onlyNew: true });
    await clock.advance(25 * 60 * MINUTE);
    expect((await reports).status).to.equal("ok");
  });
});
