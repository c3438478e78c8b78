import { gzipSync, zstdDecompressSync } from "node:zlib";
import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { expect } from "chai";
import type { Runtime } from "../../local/runtime.ts";
import type { Target } from "../../ops/shared/target.ts";
import type { ApiClient } from "../../ops/smoke/api.ts";
import { clientOptions } from "../../ops/smoke/context.ts";
import { systemForSuite } from "../helpers/system.ts";

describe("the log pipeline on this machine", function () {
  this.timeout(120_000);
  const system = systemForSuite();
  let runtime: Runtime;
  let target: Target;
  let api: ApiClient;
  let s3: S3Client;

  before(() => {
    ({ runtime, target, api } = system());
    s3 = new S3Client(clientOptions(target));
  });
  after(() => s3?.destroy());

  const lakeLines = async (prefix: string): Promise<Record<string, unknown>[]> => {
    const Bucket = target.outputs.lakeBucketName;
    const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket, Prefix: prefix }));
    const texts = await Promise.all(
      Contents.map(async ({ Key = "" }) => {
        const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key }));
        const bytes = Buffer.from((await Body?.transformToByteArray()) ?? []);
        return (Key.endsWith(".zst") ? zstdDecompressSync(bytes) : bytes).toString();
      }),
    );
    return texts.flatMap((text) => text.trimEnd().split("\n")).map((line) => JSON.parse(line));
  };

  /** What the access log's function has said in metrics, minute by minute, in sum. */
  const figures = (): Record<string, number> => {
    const said = runtime.trace.events
      .filter(
        ({ kind, line }) => kind === "log" && String(line).includes('"service":"access-log","requests"'),
      )
      .map(({ line }) => JSON.parse(String(line)) as Record<string, number>);
    const sum = (name: string): number => said.reduce((total, each) => total + (each[name] ?? 0), 0);
    return { requests: sum("requests"), status2xx: sum("status2xx"), status4xx: sum("status4xx") };
  };

  it("takes every request from the gateway's access log to the lake and to metrics", async () => {
    const answers = await Promise.all([api.get("/health"), api.get("/nowhere"), api.get("/devices")]);
    const ids = answers.map(({ headers }) => headers.get("apigw-requestid"));
    const { until } = system().smoke("access-log");
    const lines = await until(
      () => lakeLines("logs/dt="),
      ({ length }) => length === ids.length,
    );
    expect(lines.map(({ requestId, status }) => [requestId, status])).to.have.deep.members([
      [ids[0], 200],
      [ids[1], 404],
      [ids[2], 401],
    ]);
    expect(lines.find(({ path }) => path === "/health")).to.deep.include({
      method: "GET",
      routeKey: "GET /health",
    });
    expect(await lakeLines("quarantine/logs/")).to.deep.equal([]);
    await until(
      async () => figures().requests,
      (requests) => requests === ids.length,
    );
    expect(figures()).to.deep.equal({ requests: 3, status2xx: 1, status4xx: 2 });
  });

  it("takes what can be read of a corrupt gzip file and of lines of 1 MB, and keeps the rest in quarantine, in one go", async () => {
    const since = runtime.trace.events.length;
    const line = (second: number): string => {
      const time = new Date(Math.floor(Date.now() / 1_000) * 1_000 - second * 1_000).toUTCString();
      const [, day = "", month = "", year = "", clock = ""] = time.split(" ");
      return `203.0.113.9 - - [${day}/${month}/${year}:${clock} +0000] "GET /file-${second} HTTP/1.1" 200 12`;
    };
    const packed = gzipSync(Array.from({ length: 2_000 }, (_, index) => line(index % 1_000)).join("\n"));
    const files: Record<string, Buffer> = {
      "cut off+1.log.gz": packed.subarray(0, packed.length / 2),
      "no gzip.log.gz": Buffer.concat([Buffer.from([0x1f, 0x8b]), Buffer.from("not gzip at all")]),
      "long.log": Buffer.from(`${line(1)}\n${"x".repeat(1_048_576)}\n${line(2)}\n`),
    };
    const Bucket = target.outputs.logsBucketName;
    for (const [Key, Body] of Object.entries(files)) {
      const done = runtime.trace.waitFor(
        ({ kind, functionName }) => kind === "batch" && String(functionName).startsWith("logs-process-"),
        { onlyNew: true },
      );
      await s3.send(new PutObjectCommand({ Bucket, Key, Body }));
      expect((await done).outcome).to.equal("ok");
    }
    const runs = runtime.trace.events
      .slice(since)
      .filter(
        ({ kind, functionName }) => kind === "invocation" && String(functionName).startsWith("logs-process-"),
      );
    expect(runs.map(({ status }) => status)).to.deep.equal(["ok", "ok", "ok"]);
    const refused = await lakeLines("quarantine/logs/");
    const reasons = refused.map(({ reason }) => String(reason)).sort();
    expect(reasons).to.have.length(3);
    expect(reasons.slice(0, 2).every((reason) => reason.startsWith("gzip: "))).to.equal(true);
    expect(reasons[2]).to.equal("line is over 65536 bytes");
    const read = (await lakeLines("logs/dt=")).filter(({ path }) => String(path).startsWith("/file-"));
    expect(read.length).to.be.within(200, 2_001);
  });

  it("lets the AWS API search what functions and the gateway logged", async () => {
    const { accessLogs } = Object.fromEntries(
      runtime.graph.resources
        .filter(({ type, name }) => type === "aws:cloudwatch/logGroup:LogGroup" && name === "api-access-logs")
        .map(({ outputs }) => ["accessLogs", String(outputs.name)]),
    );
    const response = await fetch(target.endpoint ?? "", {
      method: "POST",
      headers: {
        "x-amz-target": "Logs_20140328.FilterLogEvents",
        "content-type": "application/x-amz-json-1.1",
        authorization:
          "AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/logs/aws4_request, SignedHeaders=host, Signature=0",
      },
      body: JSON.stringify({
        logGroupName: accessLogs,
        filterPattern: '{ $.status = 4* && $.path = "/nowhere" }',
      }),
    });
    const { events } = (await response.json()) as { events: { message: string }[] };
    expect(events.map(({ message }) => JSON.parse(message).status)).to.deep.equal(["404"]);
  });
});
