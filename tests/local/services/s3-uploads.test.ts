import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import { createPresignedPost, type PresignedPost } from "@aws-sdk/s3-presigned-post";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import { expect } from "chai";
import { VirtualClock } from "../../../local/kit/clock.ts";
import { Callers } from "../../../local/lambda/iam.ts";
import type { Endpoint } from "../../../local/services/endpoint.ts";
import { ObjectsAndMessages, type WrittenObject } from "../../../local/services/s3-sqs-sns.ts";
import { failure, PLACE, start } from "./aws.ts";

const Bucket = "uploads";
const MIB = 1024 * 1024;

/** Signs for a function that may put and get under `in/` and nothing else. */
const KEY = "ASIAUPLOADER00000000";
const SECRET = "a secret of the function's own";

describe("Uploads and downloads on somebody's behalf", () => {
  let clock: VirtualClock;
  let service: ObjectsAndMessages;
  let endpoint: Endpoint;
  let signer: S3Client;
  let owner: S3Client;
  let written: WrittenObject[];

  beforeEach(async () => {
    // The SDK signs with the machine's time.
    clock = new VirtualClock(Date.now());
    const callers = new Callers();
    callers.register(KEY, {
      functionName: "sign",
      roleArn: "arn:aws:iam::000000000000:role/sign",
      secretAccessKey: SECRET,
      policies: [
        {
          Statement: {
            Effect: "Allow",
            Action: ["s3:PutObject", "s3:GetObject"],
            Resource: `arn:aws:s3:::${Bucket}/in/*`,
          },
        },
      ],
    });
    const { authorise, secretOf } = callers;
    service = await ObjectsAndMessages.start({ ...PLACE, clock, authorise, secretOf });
    endpoint = await start({ http: [service], authorise });
    service.createBucket(Bucket);
    const settings = { region: PLACE.region, endpoint: endpoint.url, forcePathStyle: true };
    signer = new S3Client({ ...settings, credentials: { accessKeyId: KEY, secretAccessKey: SECRET } });
    owner = new S3Client({ ...settings, credentials: { accessKeyId: "any", secretAccessKey: "any" } });
    written = [];
    service.onCreated((object) => written.push(object));
  });

  afterEach(async () => {
    signer.destroy();
    owner.destroy();
    await service.close();
    await endpoint.close();
  });

  describe("a POST form", () => {
    const presign = (differs: Partial<Parameters<typeof createPresignedPost>[1]> = {}) =>
      createPresignedPost(signer, {
        Bucket,
        Key: "in/photo.jpg",
        Conditions: [["content-length-range", 1, 10]],
        Expires: 600,
        ...differs,
      });

    const post = async (
      { url, fields }: PresignedPost,
      body: string | Buffer<ArrayBuffer> = "12345",
      name = "photo.jpg",
    ) => {
      const form = new FormData();
      for (const [field, value] of Object.entries(fields)) form.append(field, value);
      form.append("file", new Blob([body]), name);
      const response = await fetch(url, { method: "POST", body: form });
      const text = await response.text();
      return { status: response.status, code: /<Code>(\w+)/.exec(text)?.[1], text };
    };

    it("is stored as its policy says, and told once", async () => {
      const presigned = await presign({ Fields: { "Content-Type": "image/jpeg" } });
      expect(await post(presigned)).to.include({ status: 204 });
      const { ContentType, Body } = await owner.send(new GetObjectCommand({ Bucket, Key: "in/photo.jpg" }));
      expect([ContentType, await Body?.transformToString()]).to.deep.equal(["image/jpeg", "12345"]);
      expect(written.map(({ key, size, operation, eTag }) => [key, size, operation, eTag])).to.deep.equal([
        ["in/photo.jpg", 5, "PostObject", "827ccb0eea8a706c4c34a16891f84e7b"],
      ]);
    });

    it("is refused above and below its size, whatever else is in it", async () => {
      const large = await post(await presign(), "12345678901");
      expect([large.status, large.code]).to.deep.equal([400, "EntityTooLarge"]);
      expect(large.text).to.contain("<ProposedSize>11</ProposedSize><MaxSizeAllowed>10</MaxSizeAllowed>");
      const empty = await post(await presign(), "");
      expect([empty.status, empty.code]).to.deep.equal([400, "EntityTooSmall"]);
      expect(written).to.deep.equal([]);
    });

    it("may have 25 MiB and not a byte more", async () => {
      const presigned = await presign({ Conditions: [["content-length-range", 1, 25 * MIB]] });
      expect((await post(presigned, Buffer.alloc(25 * MIB))).status).to.equal(204);
      expect((await post(presigned, Buffer.alloc(25 * MIB + 1))).code).to.equal("EntityTooLarge");
    });

    it("is refused for another key, a field that no condition names, or another policy", async () => {
      const presigned = await presign();
      const with_ = (fields: Record<string, string>) =>
        post({ ...presigned, fields: { ...presigned.fields, ...fields } });
      const key = await with_({ key: "in/other.jpg" });
      expect([key.status, key.code]).to.deep.equal([403, "AccessDenied"]);
      expect(key.text).to.contain("Policy Condition failed");
      expect((await with_({ acl: "public-read" })).text).to.contain("Extra input fields: acl");
      const wider = Buffer.from(
        JSON.stringify({ expiration: "2099-01-01T00:00:00Z", conditions: [["starts-with", "$key", ""]] }),
      ).toString("base64");
      const forged = await with_({ policy: wider });
      expect([forged.status, forged.code]).to.deep.equal([403, "SignatureDoesNotMatch"]);
      expect(written).to.deep.equal([]);
    });

    it("is refused when its time is over", async () => {
      const presigned = await presign();
      await clock.advance(601_000);
      const late = await post(presigned);
      expect([late.status, late.code]).to.deep.equal([403, "AccessDenied"]);
      expect(late.text).to.contain("Policy expired");
    });

    it("is refused where its signer may not write", async () => {
      const refused = await post(await presign({ Key: "out/photo.jpg" }));
      expect([refused.status, refused.code]).to.deep.equal([403, "AccessDenied"]);
      expect(refused.text).to.contain("not authorized to perform: s3:PutObject");
    });

    it("is refused without a policy, and when it is no form", async () => {
      const unsigned = await post({ url: `${endpoint.url}/${Bucket}`, fields: { key: "in/a" } });
      expect([unsigned.status, unsigned.code]).to.deep.equal([403, "AccessDenied"]);
      const headers = { "content-type": "multipart/form-data; boundary=x" };
      const junk = await fetch(`${endpoint.url}/${Bucket}`, { method: "POST", body: "junk", headers });
      expect(junk.status).to.equal(400);
      expect(await junk.text()).to.contain("MalformedPOSTRequest");
    });

    it("may let the file name its key, which is a key and never a path", async () => {
      const presigned = await presign({
        Key: ["in/", "{filename}"].join("$"),
        Conditions: [["starts-with", "$key", "in/"]],
      });
      expect((await post(presigned, "1", "my file+1.jpg")).status).to.equal(204);
      expect((await post(presigned, "2", "../../escape.jpg")).status).to.equal(204);
      expect(written.map(({ key }) => key)).to.deep.equal(["in/my file+1.jpg", "in/escape.jpg"]);
    });
  });

  describe("a presigned URL", () => {
    const url = (key: string) =>
      getSignedUrl(signer, new GetObjectCommand({ Bucket, Key: key }), { expiresIn: 60 });

    it("reads with its signer's rights, until its time is over", async () => {
      const key = "in/a b+c/ü.txt";
      service.putObject(Bucket, key, "hello");
      const presigned = await url(key);
      expect(await (await fetch(presigned)).text()).to.equal("hello");
      await clock.advance(61_000);
      const late = await fetch(presigned);
      expect([late.status, await late.text()].join()).to.match(/^403.*Request has expired/s);
    });

    it("is refused for another object, and where its signer may not read", async () => {
      for (const key of ["in/a", "in/b", "out/a"]) service.putObject(Bucket, key, key);
      const tampered = await fetch((await url("in/a")).replace("in/a", "in/b"));
      expect([tampered.status, await tampered.text()].join()).to.match(/^403.*SignatureDoesNotMatch/s);
      const elsewhere = await fetch(await url("out/a"));
      expect([elsewhere.status, await elsewhere.text()].join()).to.match(/^403.*AccessDenied.*s3:GetObject/s);
    });
  });

  describe("versions", () => {
    const put = (Body: string) => owner.send(new PutObjectCommand({ Bucket, Key: "in/a", Body }));

    it("are told where the bucket has them, and only the current one can be read", async () => {
      expect((await put("0")).VersionId).to.equal(undefined);
      service.setVersioning(Bucket, true);
      const first = await put("1");
      const second = await put("2");
      const read = await owner.send(new GetObjectCommand({ Bucket, Key: "in/a" }));
      expect(second.VersionId).to.be.a("string").and.not.equal(first.VersionId);
      expect(read.VersionId).to.equal(second.VersionId);
      expect(written.map(({ versionId }) => versionId)).to.deep.equal([
        undefined,
        first.VersionId,
        second.VersionId,
      ]);
      const current = { Bucket, Key: "in/a", VersionId: second.VersionId };
      expect(await (await owner.send(new GetObjectCommand(current))).Body?.transformToString()).to.equal("2");
      const old = await failure(
        owner.send(new GetObjectCommand({ Bucket, Key: "in/a", VersionId: first.VersionId })),
      );
      expect(old.name).to.equal("NoSuchVersion");
    });
  });

  it("tells of every kind of write once", async () => {
    const Key = "in/../odd key+ü";
    await owner.send(new PutObjectCommand({ Bucket, Key, Body: "abc" }));
    await owner.send(
      new CopyObjectCommand({ Bucket, Key: "copy", CopySource: encodeURIComponent(`${Bucket}/${Key}`) }),
    );
    const { UploadId } = await owner.send(new CreateMultipartUploadCommand({ Bucket, Key: "parts" }));
    const part = { Bucket, Key: "parts", UploadId, PartNumber: 1 };
    const { ETag } = await owner.send(new UploadPartCommand({ ...part, Body: "abcd" }));
    await owner.send(
      new CompleteMultipartUploadCommand({
        Bucket,
        Key: "parts",
        UploadId,
        MultipartUpload: { Parts: [{ ETag, PartNumber: 1 }] },
      }),
    );
    service.putObject(Bucket, "by the runtime", "abcde");
    expect(
      written.map(({ key, size, operation, accessKeyId }) => [key, size, operation, accessKeyId]),
    ).to.deep.equal([
      [Key, 3, "PutObject", "any"],
      ["copy", 3, "CopyObject", "any"],
      ["parts", 4, "CompleteMultipartUpload", "any"],
      ["by the runtime", 5, "PutObject", undefined],
    ]);
  });

  // Not proven here: that AWS words every refusal of a policy alike.
});
