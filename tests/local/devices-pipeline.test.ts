import { connect } from "node:net";
import { ListObjectsV2Command, S3Client } from "@aws-sdk/client-s3";
import { expect } from "chai";
import { connectAsync } from "mqtt";
import type { TraceEvent } from "../../local/kit/trace.ts";
import { clientOptions } from "../../ops/smoke/context.ts";
import { checkMqtt } from "../../ops/smoke/mqtt.ts";
import { systemForSuite } from "../helpers/system.ts";

/** Where a log line about one or many readings names this correlation id. */
const namesId =
  (id: string) =>
  ({ kind, line }: TraceEvent): boolean =>
    kind === "log" && String(line).includes(`"${id}"`);

const entryOf = ({ line }: TraceEvent): Record<string, unknown> => JSON.parse(String(line));

describe("devices over MQTT on this machine", function () {
  this.timeout(120_000);
  const system = systemForSuite();

  it("keep a reading's correlation id in the log of every function from HTTP to the lake, and tell its lag", async () => {
    const { api, runtime } = system();
    const services = ["accept-telemetry", "aggregate-readings", "archive-readings"];
    const told = services.map((service) =>
      runtime.trace.waitFor((event) => namesId("trace-7")(event) && entryOf(event).service === service),
    );
    const lag = runtime.trace.waitFor(
      ({ kind, line }) => kind === "log" && String(line).includes("ingestLag"),
    );
    const body = { deviceId: "traced", metric: "m", value: 1, at: new Date().toISOString() };
    const token = await api.token("telemetry.write");
    await api.post("/telemetry", body, token, { "x-correlation-id": "trace-7" });
    const entries = (await Promise.all(told)).map(entryOf);
    expect(
      entries.map(({ message, correlationId, correlationIds }) => [message, correlationId ?? correlationIds]),
    ).to.deep.equal([
      ["telemetry taken", "trace-7"],
      ["readings stored", ["trace-7"]],
      ["readings archived", ["trace-7"]],
    ]);
    // The line is the document itself: CloudWatch finds it under Lambda's JSON log format, too.
    const document = entryOf(await lag);
    expect(document).to.have.nested.property("_aws.CloudWatchMetrics[0].Namespace", "Telemetry");
    expect([document.ingestLag].flat()[0]).to.be.a("number");
  });

  it("pass their part of the smoke test, figure by figure", async () => {
    const checks = await checkMqtt(system().smoke("devices"));
    expect(checks.filter(({ ok }) => !ok)).to.deep.equal([]);
    expect(checks).to.have.length(5);
  });

  it("find the broker where the deployed system's endpoint is", () => {
    const { target } = system();
    expect(target.outputs.mqttUrl).to.match(/^mqtts:\/\/[a-z0-9]+-ats\.iot\.us-east-1\.amazonaws\.com:8883$/);
    expect(target.resolve(target.outputs.mqttUrl)).to.match(/^mqtt:\/\/127\.0\.0\.1:\d+$/);
  });

  it("lose nothing when the stream cannot take it: message and reason are in the failures bucket", async () => {
    const { runtime, target } = system();
    const { kinesis } = runtime.aws;
    const { name } = kinesis.stream(target.outputs.streamName);
    const url = target.resolve(target.outputs.mqttUrl);
    const client = await connectAsync(url, { clientId: "unlucky", reconnectPeriod: 0 });
    const failed = runtime.trace.waitFor(
      ({ kind, clientId, outcome }) =>
        kind === "topic-rule" && clientId === "unlucky" && outcome === "failed",
    );
    const { handle } = kinesis;
    kinesis.handle = () => {
      throw new Error("The stream is away.");
    };
    await client.publishAsync("devices/unlucky/telemetry", "{}", { qos: 1 });
    await failed;
    kinesis.handle = handle;
    await client.endAsync();
    const failures = runtime.graph.resources.find((node) => node.name === "failures-bucket");
    const s3 = new S3Client(clientOptions(target));
    const Bucket = String(failures?.outputs.bucket);
    const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket, Prefix: "iot/devices/" }));
    s3.destroy();
    expect(Contents).to.have.length(1);
    expect(name).to.equal(target.outputs.streamName);
  });

  it("that speak no MQTT are cut off, and the others go on", async () => {
    const { target } = system();
    const { hostname, port } = new URL(target.resolve(target.outputs.mqttUrl));
    const socket = connect(Number(port), hostname);
    const closed = new Promise((resolve) => socket.once("close", resolve));
    socket.on("error", () => {});
    socket.write("GET / HTTP/1.1\r\nhost: x\r\n\r\n");
    await closed;
    const client = await connectAsync(`mqtt://${hostname}:${port}`, { clientId: "fine", reconnectPeriod: 0 });
    expect(client.connected).to.equal(true);
    await client.endAsync();
  });
});
