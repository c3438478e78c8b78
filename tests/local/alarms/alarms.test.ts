import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { connectAsync } from "mqtt";
import { VirtualClock } from "../../../local/kit/clock.ts";
import type { TraceEvent } from "../../../local/kit/trace.ts";
import { Runtime } from "../../../local/runtime.ts";

const directory = fileURLToPath(new URL("fixtures/watched", import.meta.url));
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** How long a failing batch waits at most. */
const LONGEST_RETRY = 15_000;

describe("alarms on this machine, each under the fault it is for", function () {
  this.timeout(90_000);
  const clock = new VirtualClock(Math.floor(Date.now() / MINUTE) * MINUTE + 1_000);
  /** Names of the alarms that went off since the test began. */
  let raised: Set<string>;
  let starting: Promise<Runtime>;
  let runtime: Runtime;

  before(async () => {
    starting = Runtime.start({ directory, stack: "dev", port: 0, clock });
    runtime = await starting;
    runtime.trace.on((event) => {
      if (event.kind === "alarm" && event.to === "ALARM") raised.add(nameOf(event));
    });
  });

  beforeEach(() => {
    raised = new Set();
  });

  after(async () => {
    await starting.then(
      (started) => started.stop(),
      () => {},
    );
  });

  const nameOf = ({ resource }: TraceEvent): string => String(resource).replace(/^alarms-/, "");
  const output = (name: string): string => String(runtime.outputs[name]);
  const functionNamed = (role: string): string =>
    runtime.pool.specs().find(({ name }) => name.startsWith(`${role}-function-`))?.name ?? "";
  const invoke = (role: string, order: object) =>
    runtime.pool.invoke(functionNamed(role), JSON.stringify(order)).catch(({ name }: Error) => name);
  const get = (path: string) => fetch(`${runtime.hosts.resolve(output("apiUrl"))}${path}`);
  const put = (text: string) =>
    runtime.aws.kinesis.putRecord(output("streamName"), {
      PartitionKey: "p",
      Data: Buffer.from(text).toString("base64"),
    });
  const send = (body: string) => runtime.aws.objects.queues.send(output("jobsUrl"), { body });
  const next = (fits: (event: TraceEvent) => boolean) => runtime.trace.waitFor(fits, { onlyNew: true });
  const nextBatch = (role: string, outcome: string) =>
    next(
      ({ kind, mapping, outcome: found }) =>
        kind === "batch" && String(mapping).startsWith(role) && found === outcome,
    );
  /** What the alarms' topic told since the last call. */
  const pages = (): Record<string, unknown>[] => {
    const told: Record<string, unknown>[] = [];
    for (;;) {
      const messages = runtime.aws.objects.queues.receive(output("pagerUrl"), 10);
      if (messages.length === 0) return told;
      told.push(...messages.map(({ message }) => JSON.parse(JSON.parse(message.body).Message)));
    }
  };
  /** Does it in so many minutes after each other. */
  const minutes = async (count: number, work: () => Promise<unknown>): Promise<void> => {
    for (let minute = 0; minute < count; minute += 1) {
      await work();
      await clock.advance(MINUTE);
    }
  };

  // First of all, while this clock and the functions' own, which stamps their metrics, are still together.
  it("canary-errors: a released route whose callback throws, though Lambda counts a success", async () => {
    await minutes(2, async () => {
      const counted = next(({ kind, line }) => kind === "log" && String(line).includes("serverErrors"));
      expect((await get("/released")).status).to.equal(500);
      await counted;
    });
    expect([...raised]).to.include("api-get-released-canary-errors");
    await clock.advance(5 * MINUTE);
  });

  it("stay silent in a clean run, with everything in use", async () => {
    await minutes(6, async () => {
      const done = [nextBatch("readings-count", "ok"), nextBatch("jobs-work", "ok")];
      put("21.5");
      await send("job");
      const answers = await Promise.all([get("/answer"), get("/wait")]);
      expect(answers.map(({ status }) => status)).to.deep.equal([200, 200]);
      for (const role of ["failing", "slow", "busy", "narrow"])
        expect(await invoke(role, {})).to.include({ status: "ok" });
      await Promise.all(done);
    });
    expect([...raised]).to.deep.equal([]);
    const states = runtime.aws.cloudWatch.alarms.all.map(
      ({ settings, state }) => `${settings.name} ${state}`,
    );
    expect(states).to.have.length.greaterThan(30);
    expect(states.filter((each) => / ALARM$/.test(each))).to.deep.equal([]);
  });

  it("function-errors: in two of three minutes", async () => {
    await minutes(1, () => invoke("failing", { fail: true }));
    expect([...raised]).to.deep.equal([]);
    await minutes(1, () => invoke("failing", { fail: true }));
    expect([...raised]).to.deep.equal(["failing-function-errors"]);
  });

  it("function-throttles and function-concurrency: more than the reservation at once", async () => {
    await minutes(3, async () => {
      const answers = await Promise.all(Array.from({ length: 4 }, () => invoke("narrow", { wait: 30 })));
      expect(answers.filter((answer) => answer === "TooManyRequestsException")).to.have.length(1);
    });
    expect([...raised].sort()).to.deep.equal(["narrow-function-concurrency", "narrow-function-throttles"]);
  });

  it("function-concurrency: 80 % of the reservation at once, none refused", async () => {
    await minutes(3, () => Promise.all([invoke("busy", { wait: 30 }), invoke("busy", { wait: 30 })]));
    expect([...raised]).to.deep.equal(["busy-function-concurrency"]);
  });

  it("function-duration: close to the timeout", async () => {
    await minutes(3, () => invoke("slow", { wait: 850 }));
    expect([...raised]).to.deep.equal(["slow-function-duration"]);
  });

  it("canary-errors and canary-slow: the version that is being released, through its alias", async () => {
    const released = functionNamed("released");
    const { arn: own = "" } = runtime.pool.spec(released) ?? {};
    const alias = (order: object) =>
      runtime.pool.invoke(released, JSON.stringify(order), { invokedFunctionArn: `${own}:live` });
    await minutes(2, () => runtime.pool.invoke(released, JSON.stringify({ fail: true })));
    expect([...raised].filter((name) => name.includes("canary"))).to.deep.equal([]);
    await minutes(1, async () => {
      for (const fail of [true, false, false]) await alias({ fail });
    });
    expect([...raised])
      .to.include("released-canary-errors")
      .and.not.include("released-canary-slow");
    await minutes(1, () => alias({ wait: 850 }));
    expect([...raised]).to.include("released-canary-slow");
  });

  it("api-errors: too large a share of 5xx", async () => {
    await minutes(3, async () => {
      expect((await get("/fail")).status).to.equal(500);
      expect((await get("/answer")).status).to.equal(200);
    });
    expect([...raised]).to.deep.equal(["api-api-server-errors"]);
  });

  it("api-latency: answers that come too late", async () => {
    await minutes(3, async () => {
      const begun = next(({ kind, line }) => kind === "log" && String(line).includes("begun"));
      const answer = get("/wait");
      await begun;
      await clock.advance(3_000);
      expect((await answer).status).to.equal(200);
    });
    expect([...raised]).to.deep.equal(["api-api-latency"]);
  });

  it("dead-letters: at the first message that was given up, told to the topic", async () => {
    const dead = next(({ kind }) => kind === "dead-letter");
    const failed = nextBatch("jobs-work", "failed");
    await send("bad");
    await failed;
    const again = nextBatch("jobs-work", "failed");
    await clock.advance(30_000);
    await again;
    await clock.advance(30_000);
    await dead;
    await clock.advance(MINUTE);
    expect([...raised]).to.include("jobs-dead-letters-depth");
    const page = pages().find(({ AlarmName }) =>
      String(AlarmName).startsWith("alarms-jobs-dead-letters-depth"),
    );
    expect(page).to.deep.include({
      NewStateValue: "ALARM",
      AWSAccountId: "000000000000",
      Region: "EU (Frankfurt)",
    });
  });

  it("queue-age: messages that nobody gets to", async () => {
    const done = nextBatch("jobs-work", "ok");
    for (const body of ["wait 1500", "wait 1500", "job"]) await send(body);
    await clock.advance(10 * MINUTE);
    expect([...raised]).to.deep.equal(["jobs-queue-age"]);
    await done;
  });

  it("iterator-age: records that wait for half of their retention", async () => {
    const failed = nextBatch("readings-count", "failed");
    put("poison");
    await failed;
    await clock.advance(12 * HOUR);
    expect([...raised].filter((name) => name.includes("iterator"))).to.deep.equal([]);
    for (let retry = 0; retry < 20; retry += 1) {
      const again = nextBatch("readings-count", "failed");
      await clock.advance(LONGEST_RETRY);
      await again;
    }
    expect([...raised].sort()).to.deep.equal([
      "readings-count-function-errors",
      "readings-count-mapping-iterator-age",
    ]);
  });

  it("topic-rule-failures: a message that no action took", async () => {
    runtime.aws.kinesis.deleteStream(output("streamName"));
    const [, address = ""] = runtime.hosts.entries().find(([host]) => host.includes(".iot.")) ?? [];
    const device = await connectAsync(address, { clientId: "thermometer" });
    const failed = next(({ kind, outcome }) => kind === "topic-rule" && outcome === "failed");
    await device.publishAsync("devices/thermometer/telemetry", "21.5", { qos: 1 });
    await failed;
    await device.endAsync();
    await clock.advance(MINUTE);
    expect([...raised]).to.deep.equal(["devices_rule-failures"]);
  });
});
