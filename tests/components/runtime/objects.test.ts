import type { Context, S3Event, SQSEvent } from "aws-lambda";
import { expect } from "chai";
import {
  type CreatedObject,
  type ObjectCallback,
  serveObjects,
} from "../../../components/runtime/objects.ts";

const context = { awsRequestId: "r" } as Context;

const notification = (...keys: string[]): S3Event =>
  ({
    Records: keys.map((key) => ({
      eventSource: "aws:s3",
      eventTime: "2026-01-01T00:00:00.000Z",
      s3: {
        bucket: { name: "uploads" },
        object: { key, size: 3, eTag: "tag", versionId: "v1", sequencer: "0055AED6DCD90281E5" },
      },
    })),
  }) as S3Event;

const message = (messageId: string, body: unknown) => ({
  messageId,
  body: typeof body === "string" ? body : JSON.stringify(body),
  eventSource: "aws:sqs",
});

const batch = (...records: ReturnType<typeof message>[]): SQSEvent =>
  ({ Records: records }) as unknown as SQSEvent;

describe("serveObjects", () => {
  const logged: Record<string, unknown>[] = [];
  const serve = (callback: ObjectCallback) =>
    serveObjects(callback, {}, {}, { logError: (entry) => logged.push(entry) });
  const collect = (into: CreatedObject[], poison?: string): ObjectCallback => {
    return async (object) => {
      if (object.key === poison) throw new Error("poison");
      into.push(object);
    };
  };

  beforeEach(() => {
    logged.length = 0;
  });

  it("unpacks S3's own event and decodes the key", async () => {
    const objects: CreatedObject[] = [];
    await serve(collect(objects))(notification("in/red+flower%2B1+%C3%BC.jpg"), context);
    expect(objects).to.deep.equal([
      {
        bucket: "uploads",
        key: "in/red flower+1 ü.jpg",
        size: 3,
        eTag: "tag",
        versionId: "v1",
        sequencer: "0055AED6DCD90281E5",
        at: "2026-01-01T00:00:00.000Z",
      },
    ]);
  });

  it("unpacks a queue's messages, skips S3's test, and reports only what failed", async () => {
    const objects: CreatedObject[] = [];
    const answer = await serve(collect(objects, "poison"))(
      batch(
        message("1", notification("a")),
        message("2", { Service: "Amazon S3", Event: "s3:TestEvent", Bucket: "uploads" }),
        message("3", notification("poison")),
        message("4", notification("b", "c")),
      ),
      context,
    );
    expect(objects.map(({ key }) => key)).to.deep.equal(["a", "b", "c"]);
    expect(answer).to.deep.equal({ batchItemFailures: [{ itemIdentifier: "3" }] });
    expect(logged).to.have.length(1);
    expect(logged[0]).to.deep.include({ messageId: "3" });
  });

  it("names the correlation id that the callback marked its failure with", async () => {
    const fail = async (): Promise<void> => {
      throw Object.assign(new Error("poison"), { correlationId: "c-1" });
    };
    await serve(fail)(batch(message("1", notification("a"))), context);
    expect(logged[0]).to.deep.include({ message: "message failed", messageId: "1", correlationId: "c-1" });
  });

  it("lets a message that is no notification fail alone", async () => {
    const objects: CreatedObject[] = [];
    const bodies = ["{", "null", "5", "[]", '{"Records":5}', notification("%zz"), { Records: [{}] }];
    const answer = await serve(collect(objects))(
      batch(...bodies.map((body, index) => message(String(index), body)), message("good", notification("a"))),
      context,
    );
    expect(answer.batchItemFailures.map(({ itemIdentifier }) => itemIdentifier)).to.deep.equal(
      bodies.map((_, index) => String(index)),
    );
    expect(objects.map(({ key }) => key)).to.deep.equal(["a"]);
  });

  it("calls every object of an event before it fails", async () => {
    const objects: CreatedObject[] = [];
    const failure = await serve(collect(objects, "poison"))(notification("a", "poison", "b"), context).then(
      () => undefined,
      (error: Error) => error,
    );
    expect(failure?.message).to.equal("poison");
    expect(objects.map(({ key }) => key)).to.deep.equal(["a", "b"]);
  });

  it("gives the callback Lambda's context", async () => {
    let id = "";
    await serve(async (_object, { awsRequestId }) => {
      id = awsRequestId;
    })(notification("a"), context);
    expect(id).to.equal("r");
  });
});
