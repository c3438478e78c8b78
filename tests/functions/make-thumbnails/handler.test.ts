import { expect } from "chai";
import sharp from "sharp";
import { makeThumbnails, type UploadedObject } from "../../../functions/make-thumbnails/handler.ts";
import {
  imageOf,
  MAX_IMAGE_BYTES,
  ownerOf,
  pendingItem,
  uploadKey,
} from "../../../functions/shared/image.ts";
import { capturing, NOW } from "../fakes.ts";
import { FakeBuckets, FakeTable, s3Error } from "../image-store.ts";
import { bomb, halves, PDF } from "./pictures.ts";

const ID = "0b7c1f3e-0f0d-4b6e-9a55-0123456789ab";
const KEY = uploadKey("client-1", ID);

interface Bed {
  table: FakeTable;
  buckets: FakeBuckets;
  figures: Record<string, number>[];
  lines: Record<string, unknown>[];
  deliver(over?: Partial<UploadedObject>): Promise<void>;
  upload(body: Buffer, over?: Partial<UploadedObject>): UploadedObject;
  row(): ReturnType<typeof imageOf>;
  thumbnails(): string[];
}

function bed(): Bed {
  const [table, buckets] = [new FakeTable(), new FakeBuckets()];
  const figures: Record<string, number>[] = [];
  const { lines, logger } = capturing();
  table.items.set(ID, pendingItem({ imageId: ID, clientId: "client-1", correlationId: "c-1" }, NOW));
  let last: UploadedObject = { key: KEY, size: 1, eTag: "none", sequencer: "01" };
  return {
    table,
    buckets,
    figures,
    lines,
    upload(body, over = {}) {
      last = { key: KEY, size: body.length, eTag: "e1", sequencer: "01", ...over };
      buckets.put("uploads", last.key, body, last.eTag);
      return last;
    },
    deliver: (over) =>
      makeThumbnails(
        { ...last, ...over },
        {
          uploads: "uploads",
          thumbnails: "thumbnails",
          table: "images",
          client: table.client,
          storage: buckets.client,
          logger,
          emit: (_service, values) => figures.push(values),
          now: () => NOW,
        },
      ),
    row: () => imageOf(table.items.get(ID) ?? {}),
    thumbnails: () => [...buckets.objects.keys()].filter((key) => key.startsWith("thumbnails/")).sort(),
  };
}

describe("make-thumbnails", function () {
  this.timeout(20_000);
  let picture: Buffer;
  let other: Buffer;

  before(async () => {
    picture = await halves(600, 300).jpeg().toBuffer();
    other = await halves(200, 100).png().toBuffer();
  });

  it("writes the thumbnails, and what the image is into its row, which no longer expires", async () => {
    const { upload, deliver, row, thumbnails, table, buckets, figures } = bed();
    upload(picture);
    await deliver();
    const folder = `${ownerOf("client-1")}/${ID}/e1`;
    const expected = [600, 512, 128].map((width) => `${folder}/${width}.webp`);
    expect(thumbnails()).to.deep.equal(expected.map((key) => `thumbnails/${key}`).sort());
    const { status, width, height, clientId, correlationId, thumbnails: sizes } = row();
    expect({ status, width, height, clientId, correlationId }).to.deep.equal({
      status: "ready",
      width: 600,
      height: 300,
      clientId: "client-1",
      correlationId: "c-1",
    });
    expect(sizes.map((size) => size.key)).to.deep.equal(expected);
    for (const { key, bytes } of sizes) {
      const stored = buckets.objects.get(`thumbnails/${key}`);
      expect([stored?.type, stored?.body.length]).to.deep.equal(["image/webp", bytes]);
      expect((await sharp(stored?.body).metadata()).format).to.equal("webp");
    }
    expect(table.items.get(ID)).not.to.have.property("expiresAt");
    expect(figures).to.deep.equal([{ readyImages: 1, thumbnails: 3 }]);
  });

  it("names the correlation id of whoever asked for the upload, in every line and in its failures", async () => {
    const { upload, deliver, lines, buckets } = bed();
    upload(picture);
    await deliver();
    await deliver();
    upload(PDF, { sequencer: "02" });
    await deliver();
    expect(lines.map(({ message, correlationId }) => [message, correlationId])).to.deep.equal([
      ["thumbnails made", "c-1"],
      ["nothing new", "c-1"],
      ["image rejected", "c-1"],
    ]);
    upload(other, { sequencer: "03" });
    buckets.before = () => {
      throw s3Error("SlowDown");
    };
    const failure = await deliver().catch((error: unknown) => error);
    expect(failure).to.have.property("correlationId", "c-1");
  });

  it("does nothing more when the same event comes again", async () => {
    const { upload, deliver, table, buckets, figures } = bed();
    upload(picture);
    await deliver();
    const before = [table.items.get(ID), [...buckets.objects]];
    const sent = buckets.sent.length;
    await deliver();
    expect([table.items.get(ID), [...buckets.objects]]).to.deep.equal(before);
    expect([buckets.sent.length, figures.length]).to.deep.equal([sent, 1]);
  });

  it("gives the same when two deliveries run at once", async () => {
    const { upload, deliver, row, thumbnails, figures } = bed();
    upload(picture);
    await Promise.all([deliver(), deliver()]);
    expect([row().status, thumbnails().length, figures.length]).to.deep.equal(["ready", 3, 1]);
  });

  it("keeps the newer of two uploads, in whatever order their events come", async () => {
    const inOrder = bed();
    const first = inOrder.upload(picture);
    await inOrder.deliver();
    const second = inOrder.upload(other, { eTag: "e2", sequencer: "02" });
    await inOrder.deliver();
    expect(inOrder.row().width).to.equal(200);
    await inOrder.deliver(first);
    expect(inOrder.row()).to.deep.include({ width: 200, status: "ready" });
    const reversed = bed();
    reversed.upload(other, second);
    await reversed.deliver(second);
    await reversed.deliver(first);
    expect(reversed.row()).to.deep.equal(inOrder.row());
  });

  it("leaves an upload that was replaced while its event waited to the newer event", async () => {
    const { upload, deliver, row, thumbnails } = bed();
    const first = upload(picture);
    upload(other, { eTag: "e2", sequencer: "02" });
    await deliver(first);
    expect([row().status, thumbnails()]).to.deep.equal(["pending", []]);
  });

  it("does not let a slow older upload overwrite the row of a newer one", async () => {
    const { upload, deliver, row, buckets, table } = bed();
    const first = upload(picture);
    const newest = { ...first, eTag: "e2", sequencer: "02" };
    const row2 = bed();
    row2.upload(other, newest);
    await row2.deliver(newest);
    buckets.before = (command) => {
      if (command === "GetObjectCommand") table.items.set(ID, row2.table.items.get(ID) ?? {});
    };
    await deliver(first);
    expect(row()).to.deep.equal(row2.row());
  });

  it("replaces what an earlier upload was by what a later one is, without its remains", async () => {
    const { upload, deliver, row, table } = bed();
    upload(picture);
    await deliver();
    upload(PDF, { eTag: "e2", sequencer: "02" });
    await deliver();
    expect(row()).to.deep.include({ status: "rejected", thumbnails: [], width: 0 });
    expect(table.items.get(ID)?.expiresAt?.N).to.equal(String(NOW / 1000 + 7 * 86_400));
    upload(other, { eTag: "e3", sequencer: "03" });
    await deliver();
    expect(row()).to.deep.include({ status: "ready", width: 200 });
    expect(row()).not.to.have.property("rejection");
    expect(table.items.get(ID)).not.to.have.property("expiresAt");
  });

  for (const [what, body, size, code] of [
    ["no bytes", Buffer.alloc(0), 0, "empty"],
    ["25 MiB + 1, without fetching it", Buffer.from("x"), MAX_IMAGE_BYTES + 1, "too-large"],
    ["a PDF named .jpg", PDF, PDF.length, "unsupported"],
    ["a decompression bomb", bomb(30_000, 30_000), 1, "too-many-pixels"],
    ["more bytes than its event says", Buffer.alloc(MAX_IMAGE_BYTES + 1), 5, "too-large"],
  ] as [string, Buffer, number, string][]) {
    it(`records ${what} as rejected, and is done with the message`, async () => {
      const { upload, deliver, row, thumbnails, buckets, figures } = bed();
      upload(body, { size });
      await deliver();
      expect([row().status, row().rejection?.code, thumbnails()]).to.deep.equal(["rejected", code, []]);
      expect(row().rejection?.detail).to.match(/^It .*\.?$/);
      expect(figures).to.deep.equal([{ rejectedImages: 1 }]);
      expect(buckets.sent.length).to.equal(size === 0 || size > MAX_IMAGE_BYTES ? 0 : 1);
    });
  }

  it("records a truncated JPEG with what the decoder says", async () => {
    const { upload, deliver, row } = bed();
    upload(picture.subarray(0, picture.length / 2));
    await deliver();
    expect(row().rejection?.detail).to.match(/^It cannot be decoded: .*(JPEG|jpeg)/);
  });

  for (const key of [
    "uploads/../../etc/passwd",
    "uploads/a b+c.jpg",
    "uploads/fjörd/鷹.jpg",
    `uploads/${"x".repeat(1016)}`,
    "uploads/",
    uploadKey("client-2", ID),
    uploadKey("client-1", ID.replace("0", "1")),
  ]) {
    it(`records an object that nobody asked for, once: ${key.slice(0, 50)}`, async () => {
      const { upload, deliver, row, table, buckets } = bed();
      upload(picture, { key });
      await deliver();
      await deliver();
      expect(buckets.sent).to.deep.equal([]);
      expect(row().status).to.equal("pending");
      const rows = [...table.items.values()].filter(({ imageId }) => imageId?.S !== ID);
      expect(rows.map(({ objectKey, rejection }) => [objectKey?.S, rejection?.S])).to.deep.equal([
        [key, "unknown-upload"],
      ]);
      expect(rows[0]).to.have.property("expiresAt");
    });
  }

  it("says nothing about an upload that was deleted before its turn", async () => {
    const { deliver, row } = bed();
    await deliver();
    expect(row().status).to.equal("pending");
  });

  it("throws what AWS fails with, so that the object comes again, and is right then", async () => {
    const { upload, deliver, row, table, buckets, figures } = bed();
    upload(picture);
    let failing = 2;
    buckets.before = (command) => {
      const isHit = failing > 0 && command === (failing === 2 ? "GetObjectCommand" : "PutObjectCommand");
      if (isHit) failing -= 1;
      if (isHit) throw s3Error("SlowDown");
    };
    const attempt = (): Promise<string> =>
      deliver().then(
        () => "done",
        ({ message }: Error) => message,
      );
    expect(await attempt()).to.equal(`Could not read the upload "${KEY}"; it will be delivered again.`);
    expect(await attempt()).to.equal("SlowDown");
    table.failing = ["UpdateItemCommand", s3Error("ThrottlingException")];
    expect(await attempt()).to.equal("ThrottlingException");
    table.failing = ["GetItemCommand", s3Error("InternalServerError")];
    expect(await attempt()).to.equal("InternalServerError");
    expect([row().status, figures]).to.deep.equal(["pending", []]);
    expect(await attempt()).to.equal("done");
    expect(row().status).to.equal("ready");
  });
});

// Not proven here: that S3 and DynamoDB read the commands as meant; tests/local/images-pipeline.test.ts does, on this machine.
