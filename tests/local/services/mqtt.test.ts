import { once } from "node:events";
import { connect as connectSocket, type Socket } from "node:net";
import { expect } from "chai";
import { connectAsync, type IClientOptions, type MqttClient } from "mqtt";
import { generate } from "mqtt-packet";
import { Trace } from "../../../local/kit/trace.ts";
import { type DeviceMessage, Mqtt } from "../../../local/services/mqtt.ts";

const PREFIX = "arn:aws:iot:eu-west-1:000000000000";
const THING = "$" + "{iot:Connection.Thing.ThingName}";
const allow = (action: string | string[], resource: string) => ({
  Effect: "Allow",
  Action: action,
  Resource: `${PREFIX}:${resource}`,
});
const policy = (...statements: object[]): string =>
  JSON.stringify({ Version: "2012-10-17", Statement: statements });
const OWN = policy(
  {
    ...allow("iot:Connect", `client/${THING}`),
    Condition: { Bool: { "iot:Connection.Thing.IsAttached": "true" } },
  },
  allow(["iot:Publish", "iot:RetainPublish"], `topic/devices/${THING}/telemetry`),
);
const COMMANDS = policy(
  allow("iot:Subscribe", `topicfilter/commands/${THING}`),
  allow("iot:Receive", `topic/commands/${THING}`),
  allow("iot:Publish", "topic/commands/*"),
);

class Bed {
  readonly trace = new Trace();
  readonly lines: string[] = [];
  readonly seen: DeviceMessage[] = [];
  readonly broker: Mqtt;
  readonly #clients: MqttClient[] = [];
  url = "";

  constructor(mostConnections?: number) {
    this.broker = new Mqtt({
      region: "eu-west-1",
      account: "000000000000",
      trace: this.trace,
      mostConnections,
      log: (line) => this.lines.push(line),
    });
  }

  async start(): Promise<this> {
    this.broker.policies.set("own", OWN);
    this.broker.onMessage((message) => this.seen.push(message));
    this.url = await this.broker.listen(0);
    return this;
  }

  async client(clientId: string, options: IClientOptions = {}): Promise<MqttClient> {
    const client = await connectAsync(this.url, { clientId, reconnectPeriod: 0, ...options });
    client.on("error", () => {});
    this.#clients.push(client);
    return client;
  }

  /** Says what the broker answers to a CONNECT that it refuses. */
  refusal(clientId: string, options: IClientOptions = {}): Promise<string> {
    return this.client(clientId, options).then(
      () => "accepted",
      (error: Error) => error.message,
    );
  }

  socket(): Socket {
    const socket = connectSocket(Number(new URL(this.url).port), "127.0.0.1");
    socket.on("error", () => {});
    return socket;
  }

  async stop(): Promise<void> {
    for (const client of this.#clients) client.end(true);
    await this.broker.close();
  }
}

const topicOf = (device: string): string => `devices/${device}/telemetry`;
const closed = async (client: MqttClient): Promise<void> => {
  if (client.connected) await new Promise<void>((resolve) => client.once("close", () => resolve()));
};

describe("the local AWS IoT broker", () => {
  let bed: Bed;

  beforeEach(async () => {
    bed = await new Bed().start();
  });
  afterEach(() => bed.stop());

  for (const protocolVersion of [4, 5] as const) {
    it(`takes messages with QoS 0 and 1 as they are, in MQTT ${protocolVersion === 4 ? "3.1.1" : "5"}`, async () => {
      const client = await bed.client("d1", { protocolVersion });
      const bytes = Buffer.from([0, 255, 123]);
      await client.publishAsync(topicOf("d1"), bytes, { qos: 0 });
      await client.publishAsync(topicOf("d1"), "{}", { qos: 1 });
      expect(bed.seen.map(({ clientId, topic, payload }) => [clientId, topic, [...payload]])).to.deep.equal([
        ["d1", topicOf("d1"), [...bytes]],
        ["d1", topicOf("d1"), [123, 125]],
      ]);
    });
  }

  it("ends an MQTT 3.1.1 connection that publishes under another's name, on a wrong level, or on $", async () => {
    for (const topic of [topicOf("d2"), "devices/d1", `${topicOf("d1")}/more`, "$aws/things/d1"]) {
      const client = await bed.client("d1", { protocolVersion: 4 });
      client.publish(topic, "{}", { qos: 1 });
      await closed(client);
    }
    expect(bed.seen).to.deep.equal([]);
    expect(bed.lines).to.have.length(4);
    expect(bed.lines[0]).to.match(
      /^MQTT: d1 is disconnected: no policy allows it iot:Publish on "devices\/d2/,
    );
  });

  it("answers an MQTT 5 client that it may not, and the connection goes on", async () => {
    const client = await bed.client("d1", { protocolVersion: 5 });
    const refused = await client.publishAsync(topicOf("d2"), "{}", { qos: 1 }).catch((error) => error);
    expect(refused).to.include({ code: 135 });
    await client.publishAsync(topicOf("d1"), "{}", { qos: 1 });
    expect(bed.seen).to.have.length(1);
  });

  it("refuses a message with a wildcard in its topic, over 128 KiB, with QoS 2, or a topic of 9 levels", async () => {
    const attempts: [string, number, 0 | 1 | 2][] = [
      ["devices/+/telemetry", 1, 1],
      [topicOf("d1"), 128 * 1024 + 1, 1],
      [topicOf("d1"), 1, 2],
      ["a/b/c/d/e/f/g/h/i", 1, 1],
    ];
    for (const [topic, bytes, qos] of attempts) {
      const socket = bed.socket();
      socket.write(
        generate({
          cmd: "connect",
          protocolId: "MQTT",
          protocolVersion: 4,
          clientId: "d1",
          clean: true,
          keepalive: 60,
        }),
      );
      await once(socket, "data");
      const packet = {
        cmd: "publish",
        topic,
        payload: Buffer.alloc(bytes, 97),
        qos,
        messageId: 1,
        retain: false,
        dup: false,
      } as const;
      // The library that makes packets knows as well that a topic has no wildcard.
      const wire = generate({ ...packet, topic: topic.replace("+", "x") });
      socket.write(
        topic.includes("+") ? Buffer.from(wire.toString("latin1").replace("/x/", "/+/"), "latin1") : wire,
      );
      await once(socket, "close");
    }
    expect(bed.seen).to.deep.equal([]);
    expect(bed.lines.join("\n")).to.match(/wildcard.*131073 bytes.*QoS 2.*8 slashes/s);
  });

  it("keeps nothing of a packet that announces more than it may hold", async () => {
    const socket = bed.socket();
    // A PUBLISH of 256 MB, of which a few bytes come.
    socket.write(Buffer.from([0x10, 0xff, 0xff, 0xff, 0x7f, 0, 4]));
    await once(socket, "close");
    expect(bed.lines.join()).to.match(/a packet of 268435455 bytes, at most 149504/);
  });

  it("takes up to 128 KiB", async () => {
    const client = await bed.client("d1");
    await client.publishAsync(topicOf("d1"), Buffer.alloc(128 * 1024, 97), { qos: 1 });
    expect(bed.seen[0]?.payload.length).to.equal(128 * 1024);
  });

  it("lets no client in without a name that a Thing can have, a policy, or a version that AWS speaks", async () => {
    expect(await bed.refusal("a b")).to.match(/Identifier rejected/i);
    expect(await bed.refusal("d1", { protocolVersion: 3 })).to.match(/protocol version/i);
    bed.broker.policies.delete("own");
    expect(await bed.refusal("d1")).to.match(/Not authorized/i);
    expect(await bed.refusal("d1", { protocolVersion: 5 })).to.match(/Not authorized/i);
  });

  it("ends the older of two connections of one name", async () => {
    const first = await bed.client("d1");
    const gone = closed(first);
    const second = await bed.client("d1");
    await gone;
    await second.publishAsync(topicOf("d1"), "{}", { qos: 1 });
    expect(bed.seen).to.have.length(1);
  });

  it("delivers what a policy lets a device subscribe to and receive, to no other", async () => {
    bed.broker.policies.set("commands", COMMANDS);
    const [d1, d2] = [await bed.client("d1", { protocolVersion: 5 }), await bed.client("d2")];
    const granted = await d1.subscribeAsync("commands/d1", { qos: 1 });
    expect(granted.map(({ qos }) => qos)).to.deep.equal([1]);
    const refused = await d2.subscribeAsync("commands/d1").catch((error: Error) => error.message);
    expect(refused).to.match(/Unspecified error|not authorized/i);
    const arrived = new Promise<[string, Buffer]>((resolve) =>
      d1.once("message", (topic, payload) => resolve([topic, payload])),
    );
    await d2.publishAsync("commands/d1", "open", { qos: 1 });
    const [topic, payload] = await arrived;
    expect([topic, payload.toString()]).to.deep.equal(["commands/d1", "open"]);
  });

  it("refuses a policy with a variable that means nothing here", () => {
    const unknown = policy(allow("iot:Connect", "client/$" + "{iot:Certificate.Subject.CommonName}"));
    expect(() => bed.broker.policies.set("bad", unknown)).to.throw(
      'IoT policy "bad": the variable "iot:Certificate.Subject.CommonName" is not served here',
    );
  });

  it("cuts off what sends bytes that are no MQTT, and stops with connections open", async () => {
    const socket = bed.socket();
    socket.write(Buffer.from([0xf0, 0x00]));
    await once(socket, "close");
    const client = await bed.client("d1");
    const gone = closed(client);
    await bed.broker.close();
    await gone;
  });
});

describe("the local AWS IoT broker when too many connect", () => {
  it("closes those that come above its limit, and serves the others", async () => {
    const bed = await new Bed(1).start();
    const client = await bed.client("d1");
    const late = bed.socket();
    await once(late, "close");
    await client.publishAsync(topicOf("d1"), "{}", { qos: 1 });
    expect(bed.seen).to.have.length(1);
    await bed.stop();
  });
});
