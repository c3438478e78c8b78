import { fileURLToPath } from "node:url";
import { DynamoDBClient, GetItemCommand } from "@aws-sdk/client-dynamodb";
import { PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { SendMessageBatchCommand, SQSClient } from "@aws-sdk/client-sqs";
import { expect } from "chai";
import { VirtualClock } from "../../../local/kit/clock.ts";
import type { TraceEvent } from "../../../local/kit/trace.ts";
import { Runtime } from "../../../local/runtime.ts";

const directory = fileURLToPath(new URL("fixtures/jobs", import.meta.url));
const credentials = { accessKeyId: "local", secretAccessKey: "local" };
/** 6 x the functions' timeout. */
const VISIBILITY_MS = 30_000;

describe("queues and uploads on this machine", function () {
  this.timeout(60_000);
  const clock = new VirtualClock(Date.now());
  /** Functions whose next answer is lost: the environment dies with it. */
  const dying = new Set<string>();
  let starting: Promise<Runtime>;
  let runtime: Runtime;
  let dynamodb: DynamoDBClient;
  let s3: S3Client;
  let sqs: SQSClient;

  before(async () => {
    const onResponse = (functionName: string) => {
      const role = [...dying].find((prefix) => functionName.startsWith(prefix));
      if (role === undefined) return "deliver" as const;
      dying.delete(role);
      return "kill" as const;
    };
    starting = Runtime.start({ directory, stack: "dev", port: 0, clock, pool: { onResponse } });
    runtime = await starting;
    const settings = { region: "eu-central-1", endpoint: runtime.aws.endpoint.url, credentials };
    dynamodb = new DynamoDBClient(settings);
    s3 = new S3Client({ ...settings, forcePathStyle: true });
    sqs = new SQSClient(settings);
  });

  after(async () => {
    for (const client of [dynamodb, s3, sqs]) client?.destroy();
    await starting.then(
      (started) => started.stop(),
      () => {},
    );
  });

  const upload = (Key: string, Body = "hello") =>
    s3.send(new PutObjectCommand({ Bucket: String(runtime.outputs.uploadsName), Key, Body }));

  const item = async (id: string) => {
    const { Item } = await dynamodb.send(
      new GetItemCommand({ TableName: String(runtime.outputs.seenName), Key: { id: { S: id } } }),
    );
    return Item;
  };

  /** The next batch of a mapping with this outcome. */
  const batch = (mapping: string, outcome: string): Promise<TraceEvent> =>
    runtime.trace.waitFor(
      (event) => event.kind === "batch" && event.mapping === mapping && event.outcome === outcome,
      { onlyNew: true },
    );

  it("carry an object of any key from the bucket through two queues to the table", async () => {
    const keys = ["in/a b+c.txt", "in/../ü 💐.txt", `in/${"k".repeat(1_021)}`];
    for (const key of keys) {
      const done = batch("jobs-work-mapping", "ok");
      await upload(key);
      await done;
      expect(await item(key)).to.deep.equal({ id: { S: key }, size: { N: "5" } });
    }
  });

  it("tell a function directly, with the object's version", async () => {
    const done = runtime.trace.waitFor(({ kind, outcome }) => kind === "async" && outcome === "ok");
    const { VersionId } = await upload("direct/a");
    await done;
    expect(VersionId).to.be.a("string");
    expect(await item("direct direct/a")).to.deep.include({ version: { S: String(VersionId) } });
  });

  it("deliver again what a dying environment had done already, to the same result", async () => {
    dying.add("jobs-work");
    const failed = batch("jobs-work-mapping", "failed");
    await upload("in/twice");
    await failed;
    const again = batch("jobs-work-mapping", "ok");
    await clock.advance(VISIBILITY_MS);
    expect(await again).to.include({ attempt: 2, size: 1 });
    expect(await item("in/twice")).to.deep.equal({ id: { S: "in/twice" }, size: { N: "5" } });
  });

  it("let a poison message alone, and its neighbours through, until it is a dead letter", async () => {
    const dead = runtime.trace.waitFor(({ kind }) => kind === "dead-letter");
    const failed = batch("jobs-work-mapping", "failed");
    await upload("in/bad");
    await failed;
    const done = batch("jobs-work-mapping", "ok");
    await upload("in/good");
    await done;
    const secondFailure = batch("jobs-work-mapping", "failed");
    await clock.advance(VISIBILITY_MS);
    await secondFailure;
    await clock.advance(VISIBILITY_MS);
    const { receiveCount, target } = await dead;
    expect([receiveCount, target]).to.deep.equal([2, runtime.outputs.jobsDeadLetters]);
    const [letter] = runtime.aws.objects.queues.receive(String(target), 10);
    expect(JSON.parse(letter?.message.body ?? "")).to.deep.equal({ key: "in/bad", size: 5 });
    expect(await item("in/good")).to.have.property("size");
  });

  it("keep the order of a FIFO queue's groups", async () => {
    const url = runtime.outputs.stepsUrl;
    const Entries = Array.from({ length: 10 }, (_, index) => ({
      Id: String(index),
      MessageBody: String(index),
      MessageGroupId: index % 2 ? "odd" : "even",
      MessageDeduplicationId: String(index),
    }));
    let left = Entries.length;
    const done = new Promise<void>((resolve) => {
      const off = runtime.trace.on((event) => {
        if (event.kind !== "batch" || event.mapping !== "steps-follow-mapping") return;
        left -= Number(event.size);
        if (left > 0) return;
        off();
        resolve();
      });
    });
    await sqs.send(new SendMessageBatchCommand({ QueueUrl: String(url), Entries }));
    await done;
    const steps = async (group: string) => (await item(`group ${group}`))?.steps?.L?.map(({ S }) => S);
    expect([await steps("even"), await steps("odd")]).to.deep.equal([
      ["0", "2", "4", "6", "8"],
      ["1", "3", "5", "7", "9"],
    ]);
  });
});
