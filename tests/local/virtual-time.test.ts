import { zstdCompressSync } from "node:zlib";
import { DynamoDBClient, ScanCommand } from "@aws-sdk/client-dynamodb";
import { DeleteObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
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
const HOUR = 60 * MINUTE;
/** How often a message is delivered before it goes to the dead letters. */
const DELIVERIES = 5;

describe("the program on this machine, hours in a moment", function () {
  this.timeout(120_000);
  // Two hours before the daily schedule's day begins.
  const midnight = Math.ceil(Date.now() / (24 * HOUR)) * 24 * HOUR;
  const clock = new VirtualClock(midnight - 2 * HOUR);
  let starting: Promise<Runtime>;
  let runtime: Runtime;
  let sqs: SQSClient;
  let s3: S3Client;
  let dynamodb: DynamoDBClient;

  before(async () => {
    starting = Runtime.start({ directory: ROOT, stack: "dev", port: 0, clock });
    runtime = await starting;
    const options = { region: "us-east-1", endpoint: runtime.aws.endpoint.url, credentials };
    sqs = new SQSClient(options);
    s3 = new S3Client({ ...options, forcePathStyle: true });
    dynamodb = new DynamoDBClient(options);
  });
  after(async () => {
    for (const client of [sqs, s3, dynamodb]) client?.destroy();
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

  const reportItems = async () =>
    (await dynamodb.send(new ScanCommand({ TableName: output("reports-table", "name") }))).Items ?? [];

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

  it("brings what arrived into Parquet and its day's report by schedules alone, and repairs a report the day after", async () => {
    // Prepare: readings of yesterday that arrived in this hour, as archive-readings writes them.
    const Bucket = output("lake-bucket", "bucket");
    const now = new Date();
    const [today, hour] = [now.toISOString().slice(0, 10), now.toISOString().slice(11, 13)];
    const yesterday = new Date(now.getTime() - 24 * HOUR).toISOString().slice(0, 10);
    const lines = [1, 2, 3].map((value) => {
      const origin = { arrivedAt: now.toISOString(), shard: "shardId-0", sequence: `4${value}`, index: 0 };
      const at = `${yesterday}T00:0${value}:00.000Z`;
      return JSON.stringify({ deviceId: "late", metric: "m", value, at, ...origin });
    });
    const keys = async (Prefix: string): Promise<string[]> =>
      ((await s3.send(new ListObjectsV2Command({ Bucket, Prefix }))).Contents ?? []).map(
        ({ Key = "" }) => Key,
      );
    const built = (name: string) => runtime.trace.waitFor(invoked(name), { onlyNew: true });
    const Key = `raw/dt=${today}/hour=${hour}/late.ndjson.zst`;
    await s3.send(new PutObjectCommand({ Bucket, Key, Body: zstdCompressSync(lines.join("\n")) }));

    // Act
    const [planned, compacted, reported] = [
      built("plan-compaction"),
      built("compactions-compact"),
      built("daily-reports-build"),
    ];
    await clock.advance(15 * MINUTE);
    expect((await planned).status).to.equal("ok");
    expect((await compacted).status).to.equal("ok");
    await clock.advance(15 * MINUTE);
    expect((await reported).status).to.equal("ok");

    // Assess
    const report = `curated/reports/dt=${yesterday}/0.parquet`;
    expect(await keys(`curated/readings/dt=${yesterday}/`)).to.deep.equal([
      `curated/readings/dt=${yesterday}/${today}T${hour}-0.parquet`,
    ]);
    expect(await keys("curated/reports/")).to.deep.equal([report]);
    const series = await reportItems();
    expect(series.find(({ sk }) => sk?.S === "late#m")).to.deep.include({
      count: { N: "3" },
      min: { N: "1" },
      max: { N: "3" },
    });

    // The daily schedule builds the day again although no compaction asks for it.
    await s3.send(new DeleteObjectCommand({ Bucket, Key: report }));
    const daily = built("plan-reports");
    const rebuilt = runtime.trace.waitFor(
      ({ kind, line }) => kind === "log" && String(line).includes('"reportedSeries":1'),
      { onlyNew: true },
    );
    await clock.advance(midnight + 31 * MINUTE - clock.now());
    expect((await daily).status).to.equal("ok");
    await rebuilt;
    expect(await keys("curated/reports/")).to.deep.equal([report]);
    expect(await reportItems()).to.deep.equal(series);
  });
});

// Not proven here: that functions see the hours pass; their own clock is the machine's.
