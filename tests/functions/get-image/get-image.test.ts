import { S3Client } from "@aws-sdk/client-s3";
import { expect } from "chai";
import { getImage } from "../../../functions/get-image/handler.ts";
import { pendingItem, thumbnailValue } from "../../../functions/shared/image.ts";
import { NOW, request } from "../fakes.ts";
import { FakeTable } from "../image-store.ts";

const ID = "0b7c1f3e-0f0d-4b6e-9a55-0123456789ab";
const storage = new S3Client({
  region: "us-east-1",
  credentials: { accessKeyId: "AKIAEXAMPLE", secretAccessKey: "secret" },
});
const asked = (clientId?: string) => ({
  ...request<Record<string, unknown>>({}),
  path: { imageId: ID },
  caller: { clientId, scopes: [] },
});

function stored(over: object = {}) {
  const table = new FakeTable();
  const item = pendingItem({ imageId: ID, clientId: "client-1", correlationId: "c" }, NOW);
  table.items.set(ID, { ...item, ...over });
  return { table: "images", thumbnails: "thumbs-1", client: table.client, storage };
}

describe("get-image", () => {
  it("says that an image has not come yet", async () => {
    const { body } = await getImage(asked("client-1"), stored());
    expect(JSON.parse(JSON.stringify(body))).to.deep.equal({
      imageId: ID,
      status: "pending",
      createdAt: "2026-01-31T12:00:00.000Z",
    });
  });

  it("gives sizes and URLs of one that is ready, for 15 minutes", async () => {
    const key = `owner/${ID}/e1/512.webp`;
    const { body } = await getImage(
      asked("client-1"),
      stored({
        status: { S: "ready" },
        width: { N: "600" },
        height: { N: "300" },
        thumbnails: { L: [thumbnailValue({ width: 512, height: 256, bytes: 999, key })] },
      }),
    );
    const { sizes, ...rest } = body as { sizes: { url: string; key?: string }[]; width: number };
    expect(rest).to.deep.include({ status: "ready", width: 600, height: 300 });
    expect(sizes).to.have.length(1);
    expect(sizes[0]).to.deep.include({ width: 512, height: 256, bytes: 999 }).and.not.to.have.property("key");
    const url = new URL(sizes[0]?.url ?? "");
    expect([url.pathname.endsWith(key), url.searchParams.get("X-Amz-Expires")]).to.deep.equal([true, "900"]);
    expect(url.host).to.equal("thumbs-1.s3.us-east-1.amazonaws.com");
  });

  it("gives the reason of one that was rejected, and no sizes", async () => {
    const rejected = {
      status: { S: "rejected" },
      rejection: { S: "empty" },
      detail: { S: "It has no bytes." },
    };
    const { body } = await getImage(asked("client-1"), stored(rejected));
    expect(body).to.deep.include({
      status: "rejected",
      rejection: { code: "empty", detail: "It has no bytes." },
    });
    expect(body).not.to.have.any.keys("sizes", "width");
  });

  it("answers 404 to anyone but its client, as for one that does not exist", async () => {
    const deps = stored();
    const answers = [
      await getImage(asked("client-2"), deps),
      await getImage(asked(undefined), stored({ clientId: { S: "" } })),
      await getImage({ ...asked("client-1"), path: { imageId: ID.replace("0", "1") } }, deps),
    ];
    expect(answers.map(({ status }) => status)).to.deep.equal([404, 404, 404]);
  });
});
