import { once } from "node:events";
import { connect } from "node:net";
import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  GetObjectTaggingCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import { expect } from "chai";
import { VirtualClock } from "../../../local/kit/clock.ts";
import type { Endpoint } from "../../../local/services/endpoint.ts";
import { readS3Request } from "../../../local/services/s3-request.ts";
import { ObjectsAndMessages } from "../../../local/services/s3-sqs-sns.ts";
import { askingAuthorise, authorization, clientConfig, failure, PLACE, start } from "./aws.ts";

const Bucket = "lake";
const MIB = 1024 * 1024;

describe("The fauxqs data planes", () => {
  let clock: VirtualClock;
  let service: ObjectsAndMessages;
  let endpoint: Endpoint;
  let client: S3Client;
  let asked: string[];
  let refused: (action: string, resource: string) => boolean;

  beforeEach(async () => {
    clock = new VirtualClock();
    refused = () => false;
    const asking = askingAuthorise((action, resource) => refused(action, resource));
    const { authorise } = asking;
    asked = asking.asked;
    service = await ObjectsAndMessages.start({ ...PLACE, clock, maxObjectBytes: 20 * MIB });
    service.createBucket(Bucket);
    endpoint = await start({ http: [service], authorise });
    client = new S3Client(clientConfig(endpoint));
  });

  afterEach(async () => {
    client.destroy();
    await service.close();
    await endpoint.close();
  });

  const put = (Key: string, Body: string | Buffer, more: object = {}) =>
    client.send(new PutObjectCommand({ Bucket, Key, Body, ...more }));
  const text = async (Key: string) => {
    const { Body } = await client.send(new GetObjectCommand({ Bucket, Key }));
    return Body?.transformToString();
  };
  const signed = (path: string, init: RequestInit = {}) =>
    fetch(endpoint.url + path, { ...init, headers: { authorization: authorization("s3"), ...init.headers } });

  describe("S3", () => {
    it("keeps bytes, type and metadata, and lists by prefix", async () => {
      await client.send(new CreateBucketCommand({ Bucket: "other" }));
      await put("raw/2026/ä b+c.json", "{}", { ContentType: "application/json", Metadata: { node: "n1" } });
      const head = await client.send(new HeadObjectCommand({ Bucket, Key: "raw/2026/ä b+c.json" }));
      const { Contents } = await client.send(new ListObjectsV2Command({ Bucket, Prefix: "raw/" }));

      expect(await text("raw/2026/ä b+c.json")).to.equal("{}");
      expect([head.ContentType, head.Metadata]).to.deep.equal(["application/json", { node: "n1" }]);
      expect(Contents?.map(({ Key }) => Key)).to.deep.equal(["raw/2026/ä b+c.json"]);
      expect(service.listObjects(Bucket, "raw/").map(({ key, size }) => [key, size])).to.deep.equal([
        ["raw/2026/ä b+c.json", 2],
      ]);
      expect(service.getObject(Bucket, "raw/2026/ä b+c.json").toString()).to.equal("{}");
    });

    it("lists more than a page in process", () => {
      for (let i = 0; i < 1_205; i += 1) service.putObject(Bucket, `k/${String(i).padStart(4, "0")}`, "x");
      const keys = service.listObjects(Bucket, "k/").map(({ key }) => key);
      expect([keys.length, keys[1_204]]).to.deep.equal([1_205, "k/1204"]);
    });

    it("takes objects over fauxqs's own 11 MiB, and refuses those over the bound", async () => {
      await put("large", Buffer.alloc(12 * MIB));
      const over = await failure(put("over", Buffer.alloc(21 * MIB)));
      expect(over.name).to.equal("EntityTooLarge");
      expect(service.getObject(Bucket, "large").length).to.equal(12 * MIB);
    });

    it("joins the parts of a multipart upload", async () => {
      const { UploadId } = await client.send(new CreateMultipartUploadCommand({ Bucket, Key: "big" }));
      const Parts = [];
      for (const PartNumber of [1, 2]) {
        const Body = Buffer.alloc(PartNumber === 1 ? 5 * MIB : 3, PartNumber);
        const part = await client.send(
          new UploadPartCommand({ Bucket, Key: "big", UploadId, PartNumber, Body }),
        );
        Parts.push({ PartNumber, ETag: part.ETag });
      }
      const MultipartUpload = { Parts };
      await client.send(
        new CompleteMultipartUploadCommand({ Bucket, Key: "big", UploadId, MultipartUpload }),
      );
      expect(service.getObject(Bucket, "big").length).to.equal(5 * MIB + 3);
    });

    it("writes only under the condition that the request sets", async () => {
      const { ETag } = await put("once", "1", { IfNoneMatch: "*" });
      const second = await failure(put("once", "2", { IfNoneMatch: "*" }));
      const stale = await failure(put("once", "2", { IfMatch: '"other"' }));
      const absent = await failure(put("absent", "2", { IfMatch: ETag }));
      await put("once", "3", { IfMatch: ETag });

      expect([second.name, stale.name, absent.name]).to.deep.equal([
        "PreconditionFailed",
        "PreconditionFailed",
        "NoSuchKey",
      ]);
      expect(await text("once")).to.equal("3");
    });

    it("lets exactly one of many conditional writers win", async () => {
      const results = await Promise.allSettled(
        Array.from({ length: 20 }, (_, i) => put("race", String(i), { IfNoneMatch: "*" })),
      );
      expect(results.filter(({ status }) => status === "fulfilled")).to.have.length(1);
    });

    it("accepts a presigned URL until its time is over", async () => {
      const presigned = (seconds: number) =>
        `/${Bucket}/p.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date=20260101T000000Z&X-Amz-Expires=${seconds}` +
        "&X-Amz-Credential=test%2F20260101%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-SignedHeaders=host&X-Amz-Signature=0";
      const body = new URLSearchParams("a=b");
      const written = await fetch(endpoint.url + presigned(60), { method: "PUT", body });
      await clock.advance(61_000);
      const late = await fetch(endpoint.url + presigned(60));
      const odd = await fetch(endpoint.url + presigned(700_000));

      expect(written.status).to.equal(200);
      expect(service.getObject(Bucket, "p.txt").toString(), "form data is a body like any other").to.equal(
        "a=b",
      );
      expect([late.status, await late.text()].join(" ")).to.match(/^403 .*<Message>Request has expired</s);
      expect([odd.status, await odd.text()].join(" ")).to.match(/^400 .*AuthorizationQueryParametersError/s);
    });

    it("takes a POST to a bucket for a form or for deletes only when query and content type agree", async () => {
      service.putObject(Bucket, "a", "1");
      const xml = "<Delete><Object><Key>a</Key></Object></Delete>";
      const unsigned = await fetch(`${endpoint.url}/${Bucket}`, { method: "POST", body: xml });
      const form = new FormData();
      form.append("key", "b");
      form.append("file", new Blob(["x"]), "x");
      const disguised = await signed(`/${Bucket}?delete`, { method: "POST", body: form });

      expect([unsigned.status, disguised.status]).to.deep.equal([400, 400]);
      expect(service.listObjects(Bucket).map(({ key }) => key)).to.deep.equal(["a"]);
    });

    it("says 501 for sub-resources instead of taking them for objects", async () => {
      await put("a", "1");
      const tagging = await failure(client.send(new GetObjectTaggingCommand({ Bucket, Key: "a" })));
      const acl = await signed(`/${Bucket}/a?acl`, { method: "PUT", body: "<AccessControlPolicy/>" });

      expect([tagging.name, tagging.message]).to.deep.equal([
        "NotImplemented",
        "The local runtime does not serve s3:GET with ?tagging.",
      ]);
      expect(acl.status).to.equal(501);
      expect(await text("a")).to.equal("1");
    });

    it("refuses what is not signed", async () => {
      const responses = await Promise.all(
        [`/${Bucket}/a`, `/${Bucket}`, "/", "/health", "/_fauxqs/queues"].map((path) =>
          fetch(endpoint.url + path),
        ),
      );
      for (const response of responses) expect(response.status).to.be.oneOf([400, 403]);
      expect(await responses[0]?.text()).to.contain("<Code>AccessDenied</Code>");
    });

    it("keeps fauxqs's own pages out of reach", async () => {
      expect((await signed("/_fauxqs/queues")).status).to.equal(400);
      expect((await signed("/health")).status).to.equal(404);
    });

    it("asks for the right actions, of both objects of a copy and of every key deleted", async () => {
      await put("a/b", "1");
      await client.send(new CopyObjectCommand({ Bucket, Key: "copy", CopySource: `${Bucket}/a%2Fb` }));
      await client.send(new ListObjectsV2Command({ Bucket }));
      await client.send(
        new DeleteObjectsCommand({ Bucket, Delete: { Objects: [{ Key: "a/b" }, { Key: "x&y" }] } }),
      );

      expect(asked).to.deep.equal([
        "s3:PutObject arn:aws:s3:::lake/a/b",
        "s3:GetObject arn:aws:s3:::lake/a/b",
        "s3:PutObject arn:aws:s3:::lake/copy",
        "s3:ListBucket arn:aws:s3:::lake",
        "s3:DeleteObject arn:aws:s3:::lake/a/b",
        "s3:DeleteObject arn:aws:s3:::lake/x&y",
      ]);
    });

    it("refuses with AWS's own XML and 403, also a batch of deletes with one forbidden key", async () => {
      await put("a", "1");
      await put("b", "1");
      refused = (action, resource) => action === "s3:DeleteObject" && resource.endsWith("/b");
      const deletes = new DeleteObjectsCommand({ Bucket, Delete: { Objects: [{ Key: "a" }, { Key: "b" }] } });
      const error = await failure(client.send(deletes));
      const { $metadata } = error as unknown as { $metadata: { httpStatusCode: number } };

      expect([error.name, $metadata.httpStatusCode]).to.deep.equal(["AccessDenied", 403]);
      expect(error.message).to.equal(
        "User: f is not authorized to perform: s3:DeleteObject on resource: arn:aws:s3:::lake/b",
      );
      expect(service.listObjects(Bucket)).to.have.length(2);
    });

    it("reads tricks in paths one way only", async () => {
      service.createBucket("secret-bucket");
      service.putObject("secret-bucket", "k", "top");
      refused = (_, resource) => resource.startsWith("arn:aws:s3:::secret-bucket");
      const raw = async (target: string, host = "127.0.0.1") => {
        const socket = connect(endpoint.port, "127.0.0.1");
        socket.end(
          `GET ${target} HTTP/1.1\r\nHost: ${host}\r\nAuthorization: ${authorization("s3")}\r\nConnection: close\r\n\r\n`,
        );
        let answer = "";
        socket.on("data", (chunk) => {
          answer += chunk;
        });
        await once(socket, "close");
        return answer;
      };
      const targets: [string, string?][] = [
        ["/secret-bucket/k"],
        ["/%73ecret-bucket/k"],
        ["//secret-bucket/k"],
        ["/lake/../secret-bucket/k"],
        ["/lake/..%2fsecret-bucket/k"],
        ["/lake%2f..%2fsecret-bucket/k"],
        ["/secret-bucket/k#/lake/a"],
        ["/lake#/secret-bucket/k"],
        ["/secret-bucket;/k"],
        ["http://127.0.0.1/secret-bucket/k"],
        ["/k", "secret-bucket.localhost"],
        ["/k", "secret-bucket.s3.us-east-1.amazonaws.com"],
        ["/%ff/k"],
        ["/lake/%zz"],
      ];
      for (const [target, host] of targets) {
        const answer = await raw(target, host);
        expect(answer, `${target} ${host ?? ""}`).to.match(/^HTTP\/1.1 4\d\d /);
        expect(answer, target).not.to.contain("top");
      }
    });

    it("gives every request one canonical target", () => {
      const read = (target: string, host = "127.0.0.1") => readS3Request("GET", target, host).target;
      expect(read("/lake")).to.equal("/lake/");
      expect(read("/lake/a%2Fb//c%20d?x-id=1&x-id=2")).to.equal("/lake/a/b//c%20d?x-id=1");
      expect(read("/a?uploads", "lake.localhost:4566")).to.equal("/lake/a?uploads=");
    });

    it("answers keys of every length: up to 1,024 bytes kept, longer refused", async () => {
      const key = "k".repeat(1_024);
      await put(key, "1");
      expect(await text(key)).to.equal("1");
      expect((await failure(put(`${key}k`, "1"))).name).to.equal("KeyTooLongError");
    });

    it("tells listeners what happens to objects", async () => {
      const events: string[] = [];
      const stop = service.onObject(({ status, key }) => events.push(`${status} ${key}`));
      await put("a", "1");
      stop();
      await put("b", "1");
      expect(events).to.deep.equal(["uploaded a"]);
    });
  });
});
