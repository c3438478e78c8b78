import { readFileSync } from "node:fs";
import { DynamoDBClient, ScanCommand } from "@aws-sdk/client-dynamodb";
import { PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { GetQueueAttributesCommand, SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { expect } from "chai";
import { plain } from "../../local/engine/graph.ts";
import type { TraceEvent } from "../../local/kit/trace.ts";
import type { Runtime } from "../../local/runtime.ts";
import type { Target } from "../../ops/shared/target.ts";
import type { ApiClient } from "../../ops/smoke/api.ts";
import { clientOptions } from "../../ops/smoke/context.ts";
import { checkImages } from "../../ops/smoke/images.ts";
import { bomb, halves, noise, SVG } from "../functions/make-thumbnails/pictures.ts";
import { systemForSuite } from "../helpers/system.ts";

const MAX_BYTES = 26_214_400;

interface Upload {
  imageId: string;
  url: string;
  fields: Record<string, string>;
}

interface ImageView {
  status: string;
  width?: number;
  sizes?: { width: number; url: string }[];
  rejection?: { code: string; detail: string };
}

describe("the image pipeline on this machine", function () {
  this.timeout(180_000);
  const system = systemForSuite();
  let runtime: Runtime;
  let target: Target;
  let api: ApiClient;
  let token: string;
  let s3: S3Client;
  let sqs: SQSClient;

  before(async () => {
    ({ runtime, target, api } = system());
    token = await api.token("images.write", "images.read");
    s3 = new S3Client(clientOptions(target));
    sqs = new SQSClient(clientOptions(target));
  });

  /** An output of a resource of the program. */
  const output = (type: string, name: string, property: string): string => {
    const node = runtime.graph.resources.find((each) => each.type === type && each.name === name);
    return String((plain(node?.outputs ?? {}) as Record<string, unknown>)[property]);
  };
  const bucket = (): string => output("aws:s3/bucket:Bucket", "uploads-bucket", "bucket");

  const ask = async (): Promise<Upload> => {
    const { body } = await api.post("/images", {}, token);
    const { imageId, upload } = body as { imageId: string; upload: Omit<Upload, "imageId"> };
    return { imageId, ...upload };
  };
  const post = async ({ url, fields }: Upload, bytes: Buffer): Promise<Response> => {
    const data = new FormData();
    for (const [name, value] of Object.entries(fields)) data.set(name, value);
    data.set("file", new Blob([new Uint8Array(bytes)], { type: "image/jpeg" }), "holiday.jpg");
    return fetch(target.resolve(url), { method: "POST", body: data });
  };
  const put = (key: string, bytes: Buffer) =>
    s3.send(new PutObjectCommand({ Bucket: bucket(), Key: key, Body: bytes }));
  const get = async ({ imageId }: Upload): Promise<ImageView> =>
    (await api.get(`/images/${imageId}`, token)).body as ImageView;

  const entryOf = (event: TraceEvent): Record<string, unknown> => {
    if (event.kind !== "log" || !String(event.functionName).startsWith("uploads-thumbnails-")) return {};
    try {
      return JSON.parse(String(event.line)) as Record<string, unknown>;
    } catch {
      return {};
    }
  };
  /** Resolves once a batch of the queue has been worked off, after the function said what it did. */
  const worked = async (members: Record<string, unknown>): Promise<void> => {
    let said = false;
    await runtime.trace.waitFor(
      (event) => {
        const entry = entryOf(event);
        said ||= Object.entries(members).every(([name, value]) => entry[name] === value);
        return said && event.kind === "batch" && String(event.functionName).startsWith("uploads-thumbnails-");
      },
      { onlyNew: true },
    );
  };
  const rows = async () => {
    const TableName = output("aws:dynamodb/table:Table", "images-table", "name");
    const client = new DynamoDBClient(clientOptions(target));
    return (await client.send(new ScanCommand({ TableName }))).Items ?? [];
  };
  const messages = async (queue: string): Promise<string> => {
    const QueueUrl = output("aws:sqs/queue:Queue", queue, "url");
    const { Attributes } = await sqs.send(
      new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ["All"] }),
    );
    return `${Attributes?.ApproximateNumberOfMessages} ${Attributes?.ApproximateNumberOfMessagesNotVisible}`;
  };
  const nothingIsLeft = async (): Promise<void> => {
    expect(await messages("uploads-thumbnails-queue"), "queue").to.equal("0 0");
    expect(await messages("uploads-thumbnails-dead-letters"), "dead letters").to.equal("0 0");
  };

  /** The message that S3 sends of an object, as often and with what sequencer one likes. */
  const notify = (key: string, eTag: string, sequencer: string) => {
    const s3Entity = {
      s3SchemaVersion: "1.0",
      configurationId: "thumbnails",
      bucket: { name: bucket(), ownerIdentity: { principalId: "A" }, arn: `arn:aws:s3:::${bucket()}` },
      object: { key: encodeURIComponent(key), size: 5, eTag, sequencer },
    };
    const record = {
      eventVersion: "2.5",
      eventSource: "aws:s3",
      eventTime: "2026-01-01T00:00:00.000Z",
      s3: s3Entity,
    };
    return sqs.send(
      new SendMessageCommand({
        QueueUrl: output("aws:sqs/queue:Queue", "uploads-thumbnails-queue", "url"),
        MessageBody: JSON.stringify({ Records: [record] }),
      }),
    );
  };

  it("passes its part of the smoke test, figure by figure", async () => {
    const checks = await checkImages(system().smoke("smoke"));
    expect(checks.filter(({ ok }) => !ok)).to.deep.equal([]);
    expect(checks.length).to.equal(9);
    await nothingIsLeft();
  });

  it("runs this machine's sharp on the zip's own code", async () => {
    const spec = runtime.pool.specs().find(({ name }) => name.startsWith("uploads-thumbnails-function-"));
    expect(spec?.memorySize).to.equal(1_769);
    expect(readFileSync(spec?.zipPath ?? "").length).to.be.within(5_000_000, 12_000_000);
  });

  it("takes no upload above 25 MiB or of nothing, nor under another key, nor one changed", async () => {
    const upload = await ask();
    const wrong = { ...upload, fields: { ...upload.fields, key: `${upload.fields.key}x` } };
    const answers = [
      await post(upload, Buffer.alloc(MAX_BYTES + 1)),
      await post(upload, Buffer.alloc(0)),
      await post(wrong, Buffer.from("x")),
    ];
    const codes = await Promise.all(
      answers.map(async (answer) => /<Code>(\w+)</.exec(await answer.text())?.[1]),
    );
    expect(answers.map(({ status }) => status)).to.deep.equal([400, 400, 403]);
    expect(codes).to.deep.equal(["EntityTooLarge", "EntityTooSmall", "AccessDenied"]);
    expect((await get(upload)).status).to.equal("pending");
  });

  it("records what is no image with the reason, by one environment that survives it all", async () => {
    const truncated = (await noise(400, 400).jpeg().toBuffer()).subarray(0, 20_000);
    for (const [bytes, code] of [
      [bomb(30_000, 30_000), "too-many-pixels"],
      [truncated, "damaged"],
      [SVG, "unsupported"],
      [Buffer.alloc(0), "empty"],
      [Buffer.alloc(MAX_BYTES + 1), "too-large"],
    ] as [Buffer, string][]) {
      const upload = await ask();
      const done = worked({ message: "image rejected", imageId: upload.imageId });
      await put(upload.fields.key ?? "", bytes);
      await done;
      expect((await get(upload)).rejection?.code).to.equal(code);
    }
    await nothingIsLeft();
    const failed = runtime.trace.events.filter(
      ({ kind, functionName, status }) =>
        kind === "invocation" && String(functionName).startsWith("uploads-thumbnails-") && status !== "ok",
    );
    expect(failed).to.deep.equal([]);
  });

  it("records objects under keys that nobody asked for, whatever their names", async () => {
    const names = [
      "a b+c.jpg",
      "fjörd/鷹.jpg",
      "../../etc/passwd",
      "..%2f..%2fetc",
      "x".repeat(1_016),
      "%zz & <x>",
    ];
    const keys = names.map((name) => `uploads/${name}`);
    for (const key of keys) {
      const done = worked({ message: "image rejected", key });
      await put(key, Buffer.from("anything"));
      await done;
    }
    const recorded = (await rows()).filter(({ rejection }) => rejection?.S === "unknown-upload");
    expect(recorded.map(({ objectKey }) => objectKey?.S).sort()).to.deep.equal([...keys].sort());
    await nothingIsLeft();
  });

  it("is the same when every event comes twice, and when an older one comes last", async () => {
    const upload = await ask();
    const { imageId } = upload;
    const key = upload.fields.key ?? "";
    const first = worked({ message: "thumbnails made", imageId });
    await put(key, await halves(300, 150).png().toBuffer());
    await first;
    const second = worked({ message: "thumbnails made", imageId });
    await put(key, await halves(200, 100).png().toBuffer());
    await second;
    const before = await get(upload);
    expect(before).to.include({ status: "ready", width: 200 });
    const row = (await rows()).find((each) => each.imageId?.S === imageId);
    for (const [eTag, sequencer] of [
      [row?.eTag?.S ?? "", row?.sequencer?.S ?? ""],
      ["an-older-upload", "00"],
    ] as const) {
      const done = worked({ message: "nothing new", key, sequencer });
      await notify(key, eTag, sequencer);
      await done;
    }
    const after = await get(upload);
    expect([after.status, after.width]).to.deep.equal([before.status, before.width]);
    expect(after.sizes?.map(({ width }) => width)).to.deep.equal([200, 128]);
    await nothingIsLeft();
  });

  it("gives thumbnails to nobody without their presigned URL", async () => {
    const upload = await ask();
    const done = worked({ message: "thumbnails made", imageId: upload.imageId });
    await put(upload.fields.key ?? "", await halves(50, 50).png().toBuffer());
    await done;
    const [size] = (await get(upload)).sizes ?? [];
    const url = target.resolve(size?.url ?? "");
    expect((await fetch(url)).status).to.equal(200);
    const changed = url.replace(/X-Amz-Signature=[0-9a-f]{8}/, "X-Amz-Signature=00000000");
    expect((await fetch(changed)).status).to.equal(403);
  });
});

// Not proven here: that the queue's redelivery ends in the dead letters (tests/sources/queue.test.ts), and S3's own order.
