import { CloudWatchLogsClient } from "@aws-sdk/client-cloudwatch-logs";
import { expect } from "chai";
import { VirtualClock } from "../../../local/kit/clock.ts";
import type { Endpoint } from "../../../local/services/endpoint.ts";
import { CloudWatchLogs } from "../../../local/services/logs.ts";
import { eventsOf, followed, type LogEvent, merged, Shown } from "../../../ops/logs/events.ts";
import { clientConfig, failure, PLACE, start } from "../../local/services/aws.ts";

const NOW = Date.UTC(2026, 0, 1);
const SOURCES = ["greet", "count"].map((name) => ({ name, group: `${name}-logs` }));

const collected = async (events: AsyncIterable<LogEvent>): Promise<string[]> => {
  const found: string[] = [];
  for await (const { name, message } of events) found.push(`${name} ${message}`);
  return found;
};

describe("logs: the stream of events", () => {
  let logs: CloudWatchLogs;
  let endpoint: Endpoint;
  let client: CloudWatchLogsClient;
  let clock: VirtualClock;

  beforeEach(async () => {
    clock = new VirtualClock(NOW);
    logs = new CloudWatchLogs({ ...PLACE, clock });
    endpoint = await start({ json: [logs] });
    client = new CloudWatchLogsClient(clientConfig(endpoint));
    for (const { group } of SOURCES) logs.createGroup({ name: group });
  });

  afterEach(async () => {
    client.destroy();
    await endpoint.close();
  });

  const write = (name: string, message: string, at = 0): void =>
    logs.append(`${name}-logs`, "s", [{ timestamp: NOW + at, message }]);
  const all = (search = { since: NOW }) =>
    collected(merged(SOURCES.map((source) => eventsOf(client, source, search))));

  it("merges groups by time", async () => {
    write("greet", "1", 10);
    write("count", "2", 20);
    write("greet", "3", 30);
    write("count", "4", 40);
    expect(await all()).to.deep.equal(["greet 1", "count 2", "greet 3", "count 4"]);
  });

  it("begins where it is told to, and keeps what passes the pattern", async () => {
    write("greet", '{"correlationId":"a"}', 10);
    write("greet", '{"correlationId":"b"}', 20);
    write("count", '{"correlationId":"b"}', 30);
    expect(await all({ since: NOW + 20 })).to.have.length(2);
    const search = { since: NOW, pattern: '{ $.correlationId = "a" }' };
    expect(await collected(eventsOf(client, SOURCES[0]!, search))).to.deep.equal([
      'greet {"correlationId":"a"}',
    ]);
  });

  it("reads on page by page, every event once", async () => {
    // Two of these fill a page of 1 MiB.
    for (let index = 0; index < 5; index += 1) write("greet", `${index}${"x".repeat(400_000)}`, index);
    const found = await all();
    expect(found.map((line) => line.slice(0, 7))).to.deep.equal(
      [0, 1, 2, 3, 4].map((index) => `greet ${index}`),
    );
  });

  it("follows: what comes is shown once, also when it arrives late", async () => {
    write("greet", "first", 0);
    const arrivals = [
      () => write("count", "second", 1_000),
      () => {
        write("greet", "third", 5_000);
        write("count", "late", 500);
      },
      () => {},
    ];
    const pause = async (): Promise<boolean> => {
      const arrive = arrivals.shift();
      arrive?.();
      await clock.advance(5_000);
      return arrive !== undefined;
    };
    const search = { since: NOW };
    const events = followed({ client, sources: SOURCES, search, now: () => clock.now(), pause });
    expect(await collected(events)).to.deep.equal([
      "greet first",
      "count second",
      "count late",
      "greet third",
    ]);
  });

  it("remembers only what can be found again, however much it shows", () => {
    const shown = new Shown();
    const event = (id: number, at: number): LogEvent => ({
      id: String(id),
      at,
      name: "greet",
      stream: "s",
      message: "",
    });
    shown.look(90_000);
    const first = Array.from({ length: 100_000 }, (_, at) => event(at, at));
    expect(first.every((each) => shown.isNew(each))).to.equal(true);
    expect(shown.size).to.equal(10_000);
    shown.forget();
    expect(first.slice(90_000).some((each) => shown.isNew(each))).to.equal(false);
    shown.look(99_999);
    expect(shown.isNew(event(99_999, 99_999))).to.equal(false);
    expect(shown.isNew(event(100_000, 100_000))).to.equal(true);
    shown.forget();
    expect(shown.size).to.equal(2);
  });

  it("looks back a minute at most while it follows, however long that takes", async () => {
    let pauses = 0;
    const pause = async (): Promise<boolean> => {
      pauses += 1;
      await clock.advance(70_000);
      if (pauses === 2) write("greet", "too late", 0);
      return pauses < 3;
    };
    const events = followed({
      client,
      sources: SOURCES,
      search: { since: NOW },
      now: () => clock.now(),
      pause,
    });
    expect(await collected(events)).to.deep.equal([]);
  });

  it("gives AWS's own refusal on", async () => {
    const missing = { name: "gone", group: "gone-logs" };
    const error = await failure(collected(eventsOf(client, missing, { since: NOW })));
    expect(error.name).to.equal("ResourceNotFoundException");
  });
});

// Not proven here: CloudWatch Logs' own lateness, and how often it may be asked.
