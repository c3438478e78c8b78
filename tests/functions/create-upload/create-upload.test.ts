import { S3Client } from "@aws-sdk/client-s3";
import { expect } from "chai";
import { createUpload } from "../../../functions/create-upload/handler.ts";
import { MAX_IMAGE_BYTES, ownerOf, parseUploadKey } from "../../../functions/shared/image.ts";
import { NOW, request, silent } from "../fakes.ts";
import { FakeTable, s3Error } from "../image-store.ts";

const ID = "0b7c1f3e-0f0d-4b6e-9a55-0123456789ab";
const asked = { ...request<Record<string, unknown>>({}), caller: { clientId: "client-1", scopes: [] } };
const storage = new S3Client({
  region: "us-east-1",
  credentials: { accessKeyId: "AKIAEXAMPLE", secretAccessKey: "secret" },
});

const deps = (table: FakeTable) => ({
  table: "images",
  uploads: "uploads-1",
  client: table.client,
  storage,
  logger: silent,
  now: () => NOW,
  newId: () => ID,
});

interface Body {
  imageId: string;
  status: string;
  upload: { url: string; fields: Record<string, string>; expiresAt: string; maxBytes: number };
}

describe("create-upload", () => {
  it("answers with a form whose policy bounds the size and names the one key", async () => {
    const table = new FakeTable();
    const { status, headers, body } = await createUpload(asked, deps(table));
    const { imageId, upload } = body as Body;
    expect([status, headers?.location, imageId]).to.deep.equal([201, `/images/${ID}`, ID]);
    expect(upload).to.deep.include({ expiresAt: "2026-01-31T12:15:00.000Z", maxBytes: MAX_IMAGE_BYTES });
    const policy = JSON.parse(Buffer.from(upload.fields.Policy ?? "", "base64").toString());
    expect(policy.conditions).to.deep.include.members([
      ["content-length-range", 1, 26_214_400],
      { bucket: "uploads-1" },
      { key: upload.fields.key },
    ]);
    expect(Date.parse(policy.expiration) - Date.now()).to.be.within(14 * 60_000, 15 * 60_000);
    expect(parseUploadKey(upload.fields.key ?? "")).to.deep.equal({
      imageId: ID,
      owner: ownerOf("client-1"),
    });
  });

  it("takes down whose image will come, until it is forgotten", async () => {
    const table = new FakeTable();
    await createUpload(asked, deps(table));
    expect(table.items.get(ID)).to.deep.equal({
      imageId: { S: ID },
      clientId: { S: "client-1" },
      correlationId: { S: "request-1" },
      status: { S: "pending" },
      createdAt: { S: "2026-01-31T12:00:00.000Z" },
      expiresAt: { N: String(NOW / 1000 + 7 * 86_400) },
    });
  });

  it("answers 403 to a token without a client, and leaves nothing behind", async () => {
    const table = new FakeTable();
    const { status } = await createUpload(request<Record<string, unknown>>({}), deps(table));
    expect([status, table.sent]).to.deep.equal([403, []]);
  });

  it("never takes over another image's row, and throws when the table fails", async () => {
    const table = new FakeTable();
    await createUpload(asked, deps(table));
    const again = await createUpload(asked, deps(table)).catch((error: Error) => error.name);
    expect(again).to.equal("ConditionalCheckFailedException");
    table.failing = ["PutItemCommand", s3Error("ThrottlingException")];
    expect(await createUpload(asked, deps(table)).catch((error: Error) => error.name)).to.equal(
      "ThrottlingException",
    );
  });
});
