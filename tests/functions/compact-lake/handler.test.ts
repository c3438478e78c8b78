import { createHash } from "node:crypto";
import { zstdCompressSync } from "node:zlib";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import {
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import { CreateQueueCommand, ReceiveMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import type { SQSEvent } from "aws-lambda";
import { expect } from "chai";
import { compactLake } from "../../../functions/compact-lake/handler.ts";
import { curatedPrefix, rawPrefix } from "../../../functions/shared/lake/layout.ts";
import type { CompactionJob } from "../../../functions/shared/lake/manifest.ts";
import { type Aws, startAws } from "../../../local/aws.ts";
import { systemClock } from "../../../local/kit/clock.ts";
import { Trace } from "../../../local/kit/trace.ts";
import { CloudWatchLogs } from "../../../local/services/logs.ts";
import { sequence } from "../fakes.ts";

const PLACE = { region: "us-east-1", account: "000000000000" };
const HOUR = "2026-01-31T12";
const HOUR_START = Date.parse(`${HOUR}:00:00Z`);
const JOB: CompactionJob = { hour: HOUR, bucket: 0, buckets: 1 };
const [LAKE, MANIFESTS] = ["lake", "manifests"];

const line = (
  number: number,
  deviceId = "d1",
  ids: { eventId?: string; correlationId?: string } = {},
): string => {
  const arrivedAt = new Date(HOUR_START + number).toISOString();
  const origin = { arrivedAt, shard: "shardId-0", sequence: sequence(number), index: 0 };
  return JSON.stringify({ deviceId, metric: "m", value: number, at: arrivedAt, ...ids, ...origin });
};

const event = (...jobs: (CompactionJob | string)[]): SQSEvent =>
  ({
    Records: jobs.map((job, index) => ({
      messageId: String(index),
      attributes: { ApproximateReceiveCount: "1" },
      eventSourceARN: "arn:aws:sqs:us-east-1:000000000000:compactions",
      body: typeof job === "string" ? job : JSON.stringify(job),
    })),
  }) as SQSEvent;

/** Says whether a call is to fail. */
type Fault = (command: string, input: Record<string, unknown>) => boolean;

/** What the three clients' middleware stacks have in common. */
interface Stack {
  add(
    middleware: (
      next: (args: { input: Record<string, unknown> }) => Promise<unknown>,
      context: { commandName?: string },
    ) => (args: { input: Record<string, unknown> }) => Promise<unknown>,
    options: { step: "initialize" },
  ): void;
}

/** The handler beside the services of this machine, with faults between them. */
class Bed {
  fault: Fault = () => false;
  /** Names of the commands that were sent, in their order. */
  readonly sent: string[] = [];
  readonly emitted: Record<string, number>[] = [];
  readonly s3: S3Client;
  readonly #aws: Aws;
  readonly #dynamodb: DynamoDBClient;
  readonly #sqs: SQSClient;
  readonly #reports: string;

  private constructor(aws: Aws) {
    this.#aws = aws;
    const credentials = { accessKeyId: "local", secretAccessKey: "local" };
    const options = { region: PLACE.region, endpoint: aws.endpoint.url, credentials, maxAttempts: 1 };
    this.s3 = new S3Client({ ...options, forcePathStyle: true });
    this.#dynamodb = new DynamoDBClient(options);
    this.#sqs = new SQSClient(options);
    this.#reports = `${aws.endpoint.url}/${PLACE.account}/reports`;
    for (const { middlewareStack } of [this.s3, this.#dynamodb, this.#sqs]) {
      (middlewareStack as unknown as Stack).add(
        (next, { commandName = "" }) =>
          async (args) => {
            const command = commandName.replace(/Command$/, "");
            this.sent.push(command);
            if (this.fault(command, args.input)) throw new Error(`${command} failed.`);
            return next(args);
          },
        { step: "initialize" },
      );
    }
  }

  static async open(): Promise<Bed> {
    const aws = await startAws({
      ...PLACE,
      port: 0,
      throttle: false,
      clock: systemClock,
      trace: new Trace(),
      authorise: () => ({ allowed: true }),
      logs: new CloudWatchLogs({ ...PLACE, clock: systemClock }),
      others: [],
      log: () => {},
    });
    aws.objects.createBucket(LAKE);
    await aws.dynamodb.createTable({
      TableName: MANIFESTS,
      AttributeDefinitions: [
        { AttributeName: "pk", AttributeType: "S" },
        { AttributeName: "sk", AttributeType: "S" },
      ],
      KeySchema: [
        { AttributeName: "pk", KeyType: "HASH" },
        { AttributeName: "sk", KeyType: "RANGE" },
      ],
      BillingMode: "PAY_PER_REQUEST",
    });
    const bed = new Bed(aws);
    await bed.#sqs.send(new CreateQueueCommand({ QueueName: "reports" }));
    return bed;
  }

  /** Runs the job; the identifiers of the messages that come again. */
  async run(...jobs: (CompactionJob | string)[]): Promise<string[]> {
    const { batchItemFailures } = await compactLake(event(...jobs), {
      lake: LAKE,
      manifests: MANIFESTS,
      reports: this.#reports,
      reportDelaySeconds: 0,
      clients: { s3: this.s3, dynamodb: this.#dynamodb, sqs: this.#sqs },
      emit: (_service, figures) => void this.emitted.push(figures as Record<string, number>),
    });
    return batchItemFailures.map(({ itemIdentifier }) => itemIdentifier);
  }

  async write(name: string, ...lines: string[]): Promise<void> {
    const Body = zstdCompressSync(`${lines.join("\n")}\n`);
    await this.s3.send(
      new PutObjectCommand({ Bucket: LAKE, Key: `${rawPrefix(HOUR)}${name}.ndjson.zst`, Body }),
    );
  }

  /** Keys and ETags of what has been built. */
  async built(): Promise<string[]> {
    const Prefix = curatedPrefix(HOUR.slice(0, 10));
    const { Contents = [] } = await this.s3.send(new ListObjectsV2Command({ Bucket: LAKE, Prefix }));
    return Contents.map(({ Key, ETag }) => `${Key} ${ETag}`);
  }

  /** Days whose reports were asked for since the last look. */
  async reports(): Promise<string[]> {
    const command = new ReceiveMessageCommand({ QueueUrl: this.#reports, MaxNumberOfMessages: 10 });
    const { Messages = [] } = await this.#sqs.send(command);
    return Messages.map(({ Body }) => JSON.parse(Body ?? "{}").date);
  }

  async close(): Promise<void> {
    for (const client of [this.s3, this.#dynamodb, this.#sqs]) client.destroy();
    await this.#aws.stop();
  }
}

describe("compact-lake's handler", () => {
  let bed: Bed;

  beforeEach(async () => {
    bed = await Bed.open();
  });
  afterEach(() => bed.close());

  it("builds an hour once, although its job comes twice", async () => {
    await bed.write("a", line(1), line(2));
    expect(await bed.run(JOB, JOB)).to.deep.equal([]);
    const built = await bed.built();
    expect(built).to.have.length(1);
    bed.sent.length = 0;
    expect(await bed.run(JOB)).to.deep.equal([]);
    expect(bed.sent).not.to.include.oneOf(["PutObject", "PutItem", "SendMessageBatch"]);
    expect(await bed.built()).to.deep.equal(built);
    expect(bed.emitted).to.have.length(1);
  });

  it("gives the same bytes however often it was interrupted on the way, and asks for the report in the end", async () => {
    await bed.write("a", line(1), line(2));
    await bed.write("b", line(3, "d2"));
    const places = ["ListObjectsV2", "GetObject", "PutObject", "SendMessageBatch", "PutItem", "Query"];
    for (const place of places) {
      bed.fault = (command) => command === place;
      expect(await bed.run(JOB), place).to.deep.equal(["0"]);
      expect(bed.emitted, place).to.deep.equal([]);
    }
    bed.fault = () => false;
    expect(await bed.run(JOB)).to.deep.equal([]);
    const built = await bed.built();
    expect(await bed.reports()).to.include("2026-01-31");
    expect(bed.emitted).to.have.length(1);
    expect(bed.emitted[0]).to.include({ compactedReadings: 3, refusedLines: 0 });
    expect(await bed.run({ ...JOB, force: true })).to.deep.equal([]);
    expect(await bed.built()).to.deep.equal(built);
  });

  it("of two jobs for one hour at once lets one win; the other comes again and finds it done", async () => {
    await bed.write("a", line(1));
    const both = await Promise.all([bed.run(JOB), bed.run(JOB)]);
    expect(both.flat().length).to.be.at.most(1);
    expect(await bed.run(JOB)).to.deep.equal([]);
    expect(await bed.built()).to.have.length(1);
  });

  it("builds anew what a broken build replaced or somebody removed, although the sources are the same", async () => {
    await bed.write("a", line(1));
    await bed.run(JOB);
    const [built = ""] = await bed.built();
    const [Key = ""] = built.split(" ");
    await bed.s3.send(new PutObjectCommand({ Bucket: LAKE, Key, Body: "half of a file" }));
    expect(await bed.run(JOB)).to.deep.equal([]);
    expect(await bed.built()).to.deep.equal([built]);
    await bed.s3.send(new DeleteObjectCommand({ Bucket: LAKE, Key }));
    expect(await bed.run(JOB)).to.deep.equal([]);
    expect(await bed.built()).to.deep.equal([built]);
  });

  it("removes the files of an earlier build that the new one does not have, and builds their days' reports", async () => {
    await bed.write("a", line(1));
    await bed.run(JOB);
    await bed.reports();
    const { Contents = [] } = await bed.s3.send(new ListObjectsV2Command({ Bucket: LAKE, Prefix: "raw/" }));
    for (const { Key } of Contents) await bed.s3.send(new DeleteObjectCommand({ Bucket: LAKE, Key }));
    bed.fault = (command) => command === "DeleteObject";
    expect(await bed.run(JOB)).to.deep.equal(["0"]);
    bed.fault = () => false;
    expect(await bed.run(JOB)).to.deep.equal([]);
    expect(await bed.built()).to.deep.equal([]);
    expect(await bed.reports()).to.deep.equal(["2026-01-31"]);
  });

  it("comes again when a source vanishes between listing and reading, and takes what is there then", async () => {
    await bed.write("a", line(1));
    await bed.write("b", line(2));
    bed.fault = (command, { Key }) => command === "GetObject" && String(Key).includes("/b.");
    expect(await bed.run(JOB)).to.deep.equal(["0"]);
    bed.fault = () => false;
    await bed.s3.send(new DeleteObjectCommand({ Bucket: LAKE, Key: `${rawPrefix(HOUR)}b.ndjson.zst` }));
    expect(await bed.run(JOB)).to.deep.equal([]);
    expect(bed.emitted.at(-1)).to.include({ compactedReadings: 1 });
  });

  it("leaves nothing of an upload in parts that fails half way, and ends with the same file", async () => {
    // Hashes do not compress: a file of more than one part.
    const hash = (text: string): string => createHash("sha512").update(text).digest("base64url");
    for (let object = 0; object < 10; object += 1) {
      const many = Array.from({ length: 10_000 }, (_, index) => {
        const number = object * 10_000 + index;
        const ids = { eventId: hash(`event ${number}`), correlationId: hash(`trace ${number}`) };
        return line(number, hash(`device ${number}`), ids);
      });
      await bed.write(String(object), ...many);
    }
    const parts: Record<string, unknown>[] = [];
    bed.fault = (command, input) => command === "UploadPart" && parts.push(input) === 2;
    expect(await bed.run(JOB)).to.deep.equal(["0"]);
    expect(bed.sent).to.include.members(["CreateMultipartUpload", "AbortMultipartUpload"]);
    expect(await bed.built()).to.deep.equal([]);
    bed.fault = () => false;
    const [{ Bucket, Key, UploadId } = {}] = parts as { Bucket: string; Key: string; UploadId: string }[];
    const more = new UploadPartCommand({ Bucket, Key, UploadId, PartNumber: 3, Body: "x" });
    const gone = await bed.s3.send(more).catch((error: Error) => error);
    expect(gone).to.include({ name: "NoSuchUpload" });
    expect(await bed.run(JOB)).to.deep.equal([]);
    expect(await bed.built()).to.have.length(1);
  }).timeout(60_000);

  it("hands a message that is no job back, and does its neighbours", async () => {
    await bed.write("a", line(1));
    const bad = [
      "{",
      "{}",
      '{"hour":"2026-13-01T00","bucket":0,"buckets":1}',
      '{"hour":"../x","bucket":0,"buckets":1}',
    ];
    expect(await bed.run(...bad, JOB)).to.deep.equal(["0", "1", "2", "3"]);
    expect(await bed.built()).to.have.length(1);
  });

  it("writes a reading that arrives late for its hour, without the ones before it being lost", async () => {
    await bed.write("a", line(1));
    await bed.run(JOB);
    await bed.write("b", line(2), line(1));
    expect(await bed.run(JOB)).to.deep.equal([]);
    expect(bed.emitted.at(-1)).to.include({ compactedReadings: 2, redeliveredLines: 1 });
    const [built = ""] = await bed.built();
    const { Body } = await bed.s3.send(new GetObjectCommand({ Bucket: LAKE, Key: built.split(" ")[0] }));
    expect((await Body?.transformToByteArray())?.subarray(0, 4)).to.deep.equal(
      new Uint8Array(Buffer.from("PAR1")),
    );
  });
});
