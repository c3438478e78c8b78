import { expect } from "chai";
import { Bucket } from "../../components/bucket.ts";
import { IotTopic, type IotTopicArgs } from "../../components/iot-topic.ts";
import { Stream } from "../../components/stream.ts";
import { find, type Registered, recordResources, resolved, settled } from "../helpers/mocks.ts";

const RULE = "aws:iot/topicRule:TopicRule";
const POLICY = "aws:iot/policy:Policy";

async function create(args: Partial<IotTopicArgs> = {}, name = "telemetry") {
  const resources = recordResources();
  const stream = new Stream("events");
  const failures = new Bucket("failures");
  const topic = new IotTopic(name, { filter: "devices/+/telemetry", stream, failures, ...args });
  await settled(topic, topic.rule, topic.policy);
  return { resources, topic };
}

const own = (resources: Registered[]): string[] =>
  resources
    .filter(({ type, name }) => type.startsWith("aws:") && !/^(events|failures)-/.test(name))
    .map(({ type, name }) => `${type.split(":").at(-1)} ${name}`)
    .sort();

const statements = (policy: unknown): Record<string, unknown>[] => JSON.parse(String(policy)).Statement;

describe("IotTopic", () => {
  it("creates a rule with its role, and a policy for devices", async () => {
    const { resources } = await create();
    expect(own(resources)).to.deep.equal([
      "Policy telemetry-device-policy",
      "Role telemetry-rule-role",
      "RolePolicy telemetry-rule-policy",
      "TopicRule telemetry_rule",
    ]);
  });

  it("forwards the bytes as they are, with topic and time, under the device's own partition key", async () => {
    const { resources } = await create();
    expect(find(resources, RULE, "telemetry_rule")).to.deep.include({
      enabled: true,
      sql: "SELECT encode(*, 'base64') AS payload, topic() AS topic, timestamp() AS receivedAt FROM 'devices/+/telemetry'",
      sqlVersion: "2016-03-23",
      kineses: [
        {
          streamName: "events-stream-1234567",
          partitionKey: "$" + "{topic(2)}",
          roleArn: "arn:aws:test:::telemetry-rule-role",
        },
      ],
    });
  });

  it("keeps what no action could take, each under a key of its own", async () => {
    const { resources } = await create();
    const { errorAction } = find(resources, RULE, "telemetry_rule") as { errorAction: { s3: object } };
    expect(errorAction.s3).to.deep.equal({
      bucketName: "failures-bucket-1234567",
      key: "iot/telemetry/$" + "{timestamp()}-$" + "{newuuid()}.json",
      roleArn: "arn:aws:test:::telemetry-rule-role",
    });
  });

  it("lets its rules write to this stream and under their prefix, and nothing else", async () => {
    const { resources } = await create();
    const { policy } = find(resources, "aws:iam/rolePolicy:RolePolicy", "telemetry-rule-policy");
    expect(statements(policy)).to.deep.equal([
      { Effect: "Allow", Action: ["kinesis:PutRecord"], Resource: ["arn:aws:test:::events-stream"] },
      { Effect: "Allow", Action: ["s3:PutObject"], Resource: ["arn:aws:test:::failures-bucket/iot/*"] },
    ]);
  });

  it("lets a device connect as itself and publish under its own name, and nothing else", async () => {
    const { resources } = await create({ filter: "fleet/sensors/+/data" });
    const thing = "$" + "{iot:Connection.Thing.ThingName}";
    const [connect, publish, ...others] = statements(
      find(resources, POLICY, "telemetry-device-policy").policy,
    );
    expect(others).to.deep.equal([]);
    expect(connect).to.deep.include({
      Action: ["iot:Connect"],
      Resource: [`arn:aws:test:::client/${thing}`],
      Condition: { Bool: { "iot:Connection.Thing.IsAttached": "true" } },
    });
    expect(publish).to.deep.include({
      Action: ["iot:Publish", "iot:RetainPublish"],
      Resource: [`arn:aws:test:::topic/fleet/sensors/${thing}/data`],
    });
  });

  it("runs a callback beside the stream, through a rule of its own that alone may invoke it", async () => {
    const { resources, topic } = await create();
    const subscriber = topic.subscribe("watch", { callback: async () => {} });
    await resolved(subscriber.arn);
    await settled(subscriber, subscriber.policy);
    while (!resources.some(({ type }) => type === "aws:lambda/permission:Permission")) {
      await new Promise(setImmediate);
    }
    expect(find(resources, RULE, "telemetry_watch_rule")).to.deep.include({
      lambdas: [{ functionArn: "arn:aws:test:::telemetry-watch-function" }],
    });
    const permission = find(resources, "aws:lambda/permission:Permission", "telemetry-watch-permission");
    expect(permission).to.deep.include({
      principal: "iot.amazonaws.com",
      sourceArn: "arn:aws:test:::telemetry_watch_rule",
    });
    expect(own(resources)).to.include("Queue telemetry-watch-failures");
  });

  it("lets transform have the last word", async () => {
    const { resources } = await create({ transform: { rule: { enabled: false } } });
    expect(find(resources, RULE, "telemetry_rule")).to.include({ enabled: false });
  });

  it("names its rule with _ where its own name has a hyphen, which AWS refuses", async () => {
    const { resources } = await create({}, "my-devices");
    expect(own(resources)).to.include("TopicRule my_devices_rule");
  });

  it("refuses a filter without exactly one device, too deep, too long, or open at its end", async () => {
    const refusal = async (filter: unknown): Promise<string> =>
      create({ filter: filter as string }).then(
        () => "accepted",
        ({ message }: Error) => message,
      );
    expect(await refusal("devices/telemetry")).to.match(/^IotTopic "telemetry": filter is .* 0 times \+/);
    expect(await refusal("+/+/telemetry")).to.match(/2 times \+/);
    expect(await refusal("devices/+/#")).to.match(/any depth/);
    expect(await refusal("devices/a+/telemetry")).to.match(/a level of its own/);
    expect(await refusal("devices//+")).to.match(/a level is empty/);
    expect(await refusal("+/1/2/3/4/5/6/7/8")).to.match(/8 slashes/);
    expect(await refusal(`+/${"x".repeat(255)}`)).to.match(/257 bytes/);
    expect(await refusal("$aws/things/+")).to.match(/AWS's own/);
    expect(await refusal("devices/+/it's")).to.match(/letters, digits/);
    expect(await refusal(7)).to.match(/must be a text/);
    expect(await refusal("+/1/2/3/4/5/6/7")).to.equal("accepted");
  });
});
