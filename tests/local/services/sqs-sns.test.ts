import { expect } from "chai";
import { VirtualClock } from "../../../local/kit/clock.ts";
import type { Endpoint } from "../../../local/services/endpoint.ts";
import { ObjectsAndMessages } from "../../../local/services/s3-sqs-sns.ts";
import { askingAuthorise, authorization, callJson, failure, PLACE, start } from "./aws.ts";

describe("The fauxqs data planes", () => {
  let clock: VirtualClock;
  let service: ObjectsAndMessages;
  let endpoint: Endpoint;
  let asked: string[];
  let refused: (action: string, resource: string) => boolean;

  beforeEach(async () => {
    clock = new VirtualClock();
    refused = () => false;
    const asking = askingAuthorise((action, resource) => refused(action, resource));
    const { authorise } = asking;
    asked = asking.asked;
    service = await ObjectsAndMessages.start({ ...PLACE, clock });
    endpoint = await start({ http: [service], authorise });
  });

  afterEach(async () => {
    await service.close();
    await endpoint.close();
  });

  describe("SQS, SNS and STS", () => {
    const sqs = (operation: string, input: object | string) =>
      callJson(
        endpoint,
        `AmazonSQS.${operation}`,
        typeof input === "string" ? input : JSON.stringify(input),
        {
          authorization: authorization("sqs"),
          "content-type": "application/x-amz-json-1.0",
        },
      );
    const query = (scope: string, parameters: Record<string, string>) =>
      fetch(endpoint.url, {
        method: "POST",
        headers: { authorization: authorization(scope) },
        body: new URLSearchParams(parameters),
      });

    it("sends and receives; a queue's URL has the host that was asked", async () => {
      const { body: created } = await sqs("CreateQueue", { QueueName: "q" });
      await sqs("SendMessage", { QueueUrl: created.QueueUrl, MessageBody: "hello" });
      const { body: received } = await sqs("ReceiveMessage", { QueueUrl: created.QueueUrl });
      const [message] = received.Messages as { Body: string }[];

      expect(created.QueueUrl).to.equal(`${endpoint.url}/000000000000/q`);
      expect(message?.Body).to.equal("hello");
    });

    it("sends in process, without asking any policy", async () => {
      const url = await service.queues.define("q", { VisibilityTimeout: "30" }, "127.0.0.1:1");
      await service.sendMessage("q", "hello");
      expect(url).to.equal("http://127.0.0.1:1/000000000000/q");
      expect(asked).to.deep.equal([]);
      const missing = await failure(service.sendMessage("none", "x"));
      expect(missing.message).to.equal("The specified queue does not exist.");
    });

    it("delivers from a topic to its queue", async () => {
      await service.queues.define("q");
      await query("sns", { Action: "CreateTopic", Name: "t" });
      await query("sns", {
        Action: "Subscribe",
        TopicArn: "arn:aws:sns:us-east-1:000000000000:t",
        Protocol: "sqs",
        Endpoint: "arn:aws:sqs:us-east-1:000000000000:q",
      });
      await query("sns", {
        Action: "Publish",
        TopicArn: "arn:aws:sns:us-east-1:000000000000:t",
        Message: "news",
      });
      const { body } = await sqs("ReceiveMessage", { QueueUrl: "q" });
      const [message] = body.Messages as { Body: string }[];
      expect(JSON.parse(message?.Body ?? "{}").Message).to.equal("news");
    });

    it("checks the caller", async () => {
      await service.queues.define("q");
      refused = (action) => action === "sqs:SendMessage" || action === "sns:Publish";
      const send = await sqs("SendMessageBatch", {
        QueueUrl: "http://127.0.0.1/000000000000/q",
        Entries: [],
      });
      const publish = await query("sns", {
        Action: "Publish",
        TopicArn: "arn:aws:sns:us-east-1:000000000000:t",
      });

      expect([send.status, send.body.__type]).to.deep.equal([400, "AccessDeniedException"]);
      expect(send.body.message).to.contain(
        "sqs:SendMessage on resource: arn:aws:sqs:us-east-1:000000000000:q",
      );
      expect(await publish.text()).to.contain(
        "sns:Publish on resource: arn:aws:sns:us-east-1:000000000000:t",
      );
    });

    it("says who asks, and 501 for what is not served", async () => {
      const identity = await query("sts", { Action: "GetCallerIdentity" });
      const role = await query("sts", { Action: "AssumeRole" });
      const move = await sqs("StartMessageMoveTask", {});

      expect(await identity.text()).to.contain("<Account>000000000000</Account>");
      expect([role.status, await role.text()].join(" ")).to.match(/^501 .*sts:AssumeRole/);
      expect([move.status, move.body.message]).to.deep.equal([
        501,
        "The local runtime does not serve sqs:StartMessageMoveTask.",
      ]);
    });

    it("refuses malformed input without a 5xx", async () => {
      for (const body of ["{", "[]", "null", "5", "{}"]) {
        expect((await sqs("SendMessage", body)).status, body).to.equal(400);
      }
      const url = "http://127.0.0.1/000000000000/q";
      expect((await sqs("SendMessage", { QueueUrl: url, MessageBody: 5 })).status).to.equal(400);
    });

    it("ends at once although a client waits for a message", async () => {
      await service.queues.define("q");
      const waiting = sqs("ReceiveMessage", { QueueUrl: "q", WaitTimeSeconds: 20 }).catch(() => "cut");
      while (asked.length === 0) await new Promise((resolve) => setImmediate(resolve));
      const started = performance.now();
      await service.close();
      await endpoint.close();
      await waiting;
      expect(performance.now() - started).to.be.below(1_000);
    });
  });
});
