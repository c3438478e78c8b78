import { execFile } from "node:child_process";
import { createServer } from "node:net";
import { promisify } from "node:util";
import { DynamoDBClient, GetItemCommand, PutItemCommand } from "@aws-sdk/client-dynamodb";
import { KinesisClient, PutRecordsCommand } from "@aws-sdk/client-kinesis";
import { expect } from "chai";
import { plain } from "../../local/engine/graph.ts";
import { Runtime } from "../../local/runtime.ts";
import { localTarget, type Target } from "../../ops/shared/target.ts";
import { ApiClient } from "../../ops/smoke/api.ts";
import { ROOT } from "../helpers/source-files.ts";

const exec = promisify(execFile);
const credentials = { accessKeyId: "local", secretAccessKey: "local" };

describe("the program on this machine", function () {
  this.timeout(120_000);
  let starting: Promise<Runtime>;
  let runtime: Runtime;
  let target: Target;
  let api: ApiClient;

  before(async () => {
    starting = Runtime.start({ directory: ROOT, stack: "dev", port: 0 });
    runtime = await starting;
    target = localTarget("dev", {
      pid: process.pid,
      endpoint: runtime.aws.endpoint.url,
      hosts: runtime.hosts.entries(),
      outputs: runtime.outputs,
    });
    api = new ApiClient(target);
  });

  // Also when `before` has run out of time: a system that starts later would keep the process alive.
  after(() =>
    starting.then(
      (started) => started.stop(),
      () => {},
    ),
  );

  const functionNamed = (prefix: string): string =>
    runtime.pool.specs().find(({ name }) => name.startsWith(`${prefix}-function-`))?.name ?? "";

  const send = async (deviceId: string, count: number): Promise<void> => {
    const client = new KinesisClient({ region: "us-east-1", endpoint: target.endpoint, credentials });
    const hour = new Date(Math.floor(Date.now() / 3_600_000) * 3_600_000);
    const Records = Array.from({ length: count }, (_, index) => ({
      PartitionKey: deviceId,
      Data: Buffer.from(
        JSON.stringify({
          deviceId,
          metric: "m",
          value: index,
          at: new Date(hour.getTime() - index * 60_000).toISOString(),
        }),
      ),
    }));
    await client.send(new PutRecordsCommand({ StreamName: target.outputs.streamName, Records }));
    client.destroy();
  };

  /** Resolves when `count` readings have gone through the aggregating function without an error. */
  const aggregated = async (count: number): Promise<void> => {
    let done = 0;
    await new Promise<void>((resolve) => {
      const off = runtime.trace.on((event) => {
        if (event.kind !== "batch" || !String(event.mapping).includes("aggregate") || event.outcome !== "ok")
          return;
        done += Number(event.size);
        if (done < count) return;
        off();
        resolve();
      });
    });
  };

  const counted = async (deviceId: string): Promise<number> => {
    const query = new URLSearchParams({
      metric: "m",
      resolution: "day",
      from: new Date(Date.now() - 86_400_000).toISOString(),
    });
    const { body } = await api.get(
      `/devices/${deviceId}/readings?${query}`,
      await api.token("telemetry.read"),
    );
    const { points = [] } = body as { points?: { count: number }[] };
    return points.reduce((sum, { count }) => sum + count, 0);
  };

  it("counts exactly after kill -9 of a Lambda environment in mid-batch", async () => {
    const victim = functionNamed("telemetry-aggregate");
    const killed: number[] = [];
    const off = runtime.trace.on((event) => {
      if (event.kind !== "aws" || event.operation !== "PutItem" || killed.length > 0) return;
      for (const { pid } of runtime.pool.environments(victim)) {
        killed.push(pid);
        process.kill(pid, "SIGKILL");
      }
    });
    const failed = runtime.trace.waitFor(
      (event) => event.kind === "invocation" && event.functionName === victim && event.status !== "ok",
    );
    const done = aggregated(120);
    await send("killed", 120);
    await failed;
    await done;
    off();
    expect(killed).to.have.length(1);
    expect(await counted("killed")).to.equal(120);
  });

  it("serves the default SDK clients of another process through AWS_ENDPOINT_URL alone", async () => {
    const script = `
      import { KinesisClient, PutRecordCommand } from "@aws-sdk/client-kinesis";
      import { S3Client, PutObjectCommand, GetObjectCommand } from "@aws-sdk/client-s3";
      import { DynamoDBClient, DescribeTableCommand } from "@aws-sdk/client-dynamodb";
      const [stream, bucket, table] = process.argv.slice(1);
      const put = await new KinesisClient().send(new PutRecordCommand({ StreamName: stream, PartitionKey: "p", Data: Buffer.from("{}") }));
      const s3 = new S3Client();
      await s3.send(new PutObjectCommand({ Bucket: bucket, Key: "outside/a b+c.txt", Body: "hello" }));
      const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: "outside/a b+c.txt" }));
      const { Table } = await new DynamoDBClient().send(new DescribeTableCommand({ TableName: table }));
      console.log(JSON.stringify([put.ShardId, await Body.transformToString(), Table.TableStatus]));
      process.exit(0);`;
    const { streamName, lakeBucketName, tableName } = target.outputs;
    const args = ["--input-type=module", "-e", script, streamName, lakeBucketName, tableName];
    const env = {
      PATH: process.env.PATH,
      AWS_ENDPOINT_URL: target.endpoint,
      AWS_REGION: "us-east-1",
      AWS_ACCESS_KEY_ID: "any",
      AWS_SECRET_ACCESS_KEY: "any",
    };
    const { stdout } = await exec(process.execPath, args, { cwd: ROOT, env });
    expect(JSON.parse(stdout)).to.deep.equal(["shardId-000000000000", "hello", "ACTIVE"]);
  });

  it("checks a function's calls against its derived policy", async () => {
    const spec = runtime.pool.specs().find(({ name }) => name === functionNamed("api-get-devices"));
    const client = new DynamoDBClient({
      region: "us-east-1",
      endpoint: target.endpoint,
      credentials: { accessKeyId: spec?.accessKeyId ?? "", secretAccessKey: spec?.secretAccessKey ?? "" },
    });
    const TableName = target.outputs.tableName;
    const problem = await client
      .send(new PutItemCommand({ TableName, Item: { pk: { S: "a" }, sk: { S: "b" } } }))
      .catch((error: Error) => error);
    expect((problem as Error).name).to.equal("AccessDeniedException");
    expect((problem as Error).message).to.match(
      /is not authorized to perform: dynamodb:PutItem on resource: arn:aws:dynamodb/,
    );
    const owner = new DynamoDBClient({ region: "us-east-1", endpoint: target.endpoint, credentials });
    const { Item } = await owner.send(
      new GetItemCommand({ TableName, Key: { pk: { S: "a" }, sk: { S: "b" } } }),
    );
    expect(Item).to.equal(undefined);
  });

  it("refuses callers without the right token before any function runs", async () => {
    const before = runtime.pool.stats().reduce((sum, { invocations }) => sum + invocations, 0);
    const statuses = [
      (await api.get("/devices")).status,
      (await api.get("/devices", "a.b.c")).status,
      (await api.get("/devices", await api.token("telemetry.write"))).status,
    ];
    const after = runtime.pool.stats().reduce((sum, { invocations }) => sum + invocations, 0);
    expect(statuses).to.deep.equal([401, 401, 403]);
    expect(after).to.equal(before);
  });

  it("answers every kind of bad request with the right status and never a 5xx", async () => {
    const read = await api.token("telemetry.read");
    const write = await api.token("telemetry.write");
    const get = async (path: string): Promise<number> => (await api.get(path, read)).status;
    expect(await get("/devices/unknown")).to.equal(404);
    expect(await get("/nowhere")).to.equal(404);
    expect(await get("/devices/%2e%2e%2fetc")).to.be.oneOf([400, 404]);
    expect(await get("/devices/%zz")).to.equal(400);
    expect(await get("/devices/a%00b")).to.be.oneOf([400, 404]);
    expect(await get("/devices/x/readings?metric=m&from=yesterday")).to.equal(400);
    expect(await get("/devices/x/readings?metric=m&metric=n&limit=0&resolution=year")).to.equal(400);
    expect((await api.post("/telemetry", "{", write)).status).to.equal(400);
    expect((await api.post("/telemetry", `"${"x".repeat(1_100_000)}"`, write)).status).to.equal(413);
    const mixed = await api.post(
      "/telemetry",
      `[{"deviceId":"mixed","metric":"m","value":1,"at":"${new Date().toISOString()}"},{"__proto__":{"a":1}},5,null]`,
      write,
    );
    expect(mixed.status).to.equal(202);
    expect(
      (mixed.body as { results: { status: string }[] }).results.map(({ status }) => status),
    ).to.deep.equal(["accepted", "rejected", "rejected", "rejected"]);
  });

  it("keeps AWS's own form in outputs", () => {
    expect(target.outputs.apiUrl).to.match(/^https:\/\/[a-z0-9]+\.execute-api\.us-east-1\.amazonaws\.com$/);
    expect(target.outputs.tokenEndpoint).to.match(
      /^https:\/\/[a-z0-9-]+\.auth\.us-east-1\.amazoncognito\.com\/oauth2\/token$/,
    );
    expect(JSON.stringify(plain(runtime.graph.outputs))).not.to.contain("127.0.0.1");
  });

  it("changes nothing when the program is evaluated again unchanged", async () => {
    expect(await runtime.update()).to.deep.equal({ created: [], replaced: [], removed: [] });
  });

  it("says in one sentence that its port is in use", async () => {
    const blocker = createServer();
    await new Promise<void>((resolve) => blocker.listen(0, "127.0.0.1", resolve));
    const { port } = blocker.address() as { port: number };
    const problem = await Runtime.start({ directory: ROOT, stack: "dev", port }).catch(
      (error: Error) => error,
    );
    blocker.close();
    expect((problem as Error).message).to.match(new RegExp(`${port}.*(in use|taken).*--port`, "s"));
  });
});
