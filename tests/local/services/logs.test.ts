import { expect } from "chai";
import { VirtualClock } from "../../../local/kit/clock.ts";
import type { Endpoint } from "../../../local/services/endpoint.ts";
import { CloudWatchLogs } from "../../../local/services/logs.ts";
import { askingAuthorise, authorization, callJson, type JsonAnswer, PLACE, start } from "./aws.ts";

const GROUP = "/aws/lambda/greet";
const NOW = Date.UTC(2026, 0, 1);
const DAY = 86_400_000;

interface Found {
  events: { message: string; timestamp: number; eventId?: string; logStreamName?: string }[];
  nextToken?: string;
  nextForwardToken?: string;
  nextBackwardToken?: string;
}

describe("CloudWatch Logs", () => {
  let clock: VirtualClock;
  let logs: CloudWatchLogs;
  let endpoint: Endpoint;

  beforeEach(async () => {
    clock = new VirtualClock(NOW);
    logs = new CloudWatchLogs({ ...PLACE, clock });
    endpoint = await start({ json: [logs] });
    logs.createGroup({ name: GROUP, retentionDays: 7 });
  });

  afterEach(() => endpoint.close());

  const call = (operation: string, input: object): Promise<JsonAnswer> =>
    callJson(endpoint, `Logs_20140328.${operation}`, JSON.stringify(input), {
      authorization: authorization("logs"),
    });
  const found = async (operation: string, input: object): Promise<Found> =>
    (await call(operation, { logGroupName: GROUP, ...input })).body as unknown as Found;
  const messages = ({ events }: Found): string[] => events.map(({ message }) => message);
  const write = (stream: string, ...texts: string[]): void =>
    logs.append(
      GROUP,
      stream,
      texts.map((message) => ({ timestamp: clock.now(), message })),
    );

  it("lists groups and streams page by page", async () => {
    for (let index = 0; index < 60; index += 1)
      logs.createGroup({ name: `/more/${String(index).padStart(2, "0")}` });
    const first = (await call("DescribeLogGroups", {})).body as { logGroups: object[]; nextToken: string };
    expect(first.logGroups).to.have.length(50);
    const second = (await call("DescribeLogGroups", { nextToken: first.nextToken })).body;
    expect(second.logGroups).to.have.length(11);
    expect(second).not.to.have.property("nextToken");
    const [greet] = (await call("DescribeLogGroups", { logGroupNamePrefix: "/aws/" })).body
      .logGroups as object[];
    expect(greet).to.deep.include({
      logGroupName: GROUP,
      retentionInDays: 7,
      arn: `arn:aws:logs:us-east-1:000000000000:log-group:${GROUP}:*`,
      creationTime: NOW,
    });
    write("b", "1");
    await clock.advance(5);
    write("a", "2");
    const streams = async (input: object) =>
      (
        (await call("DescribeLogStreams", { logGroupName: GROUP, ...input })).body.logStreams as {
          logStreamName: string;
        }[]
      ).map(({ logStreamName }) => logStreamName);
    expect(await streams({})).to.deep.equal(["a", "b"]);
    expect(await streams({ orderBy: "LastEventTime" })).to.deep.equal(["b", "a"]);
    expect(await streams({ orderBy: "LastEventTime", descending: true, limit: 1 })).to.deep.equal(["a"]);
    expect(await streams({ logStreamNamePrefix: "b" })).to.deep.equal(["b"]);
  });

  it("takes events from outside into a stream that was made", async () => {
    expect((await call("CreateLogGroup", { logGroupName: "/own" })).status).to.equal(200);
    const event = { timestamp: NOW, message: "hello" };
    const put = { logGroupName: "/own", logStreamName: "s", logEvents: [event] };
    expect((await call("PutLogEvents", put)).body.__type).to.equal("ResourceNotFoundException");
    await call("CreateLogStream", { logGroupName: "/own", logStreamName: "s" });
    expect((await call("PutLogEvents", put)).status).to.equal(200);
    expect(messages(await found("GetLogEvents", { logGroupName: "/own", logStreamName: "s" }))).to.deep.equal(
      ["hello"],
    );
  });

  it("says which events are too old, expired or too far ahead, and takes the others", async () => {
    await call("CreateLogStream", { logGroupName: GROUP, logStreamName: "s" });
    const put = (...times: number[]) =>
      call("PutLogEvents", {
        logGroupName: GROUP,
        logStreamName: "s",
        logEvents: times.map((timestamp) => ({ timestamp, message: String(timestamp - NOW) })),
      });
    const { body } = await put(NOW - 1, NOW, NOW + 7_200_001);
    expect(body.rejectedLogEventsInfo).to.deep.equal({ tooNewLogEventStartIndex: 2 });
    expect((await put(NOW - 7 * DAY - 1, NOW - 7 * DAY)).body.rejectedLogEventsInfo).to.deep.equal({
      expiredLogEventEndIndex: 0,
    });
    expect(messages(await found("FilterLogEvents", {}))).to.deep.equal([String(-7 * DAY), "-1", "0"]);
    for (const [times, reason] of [
      [[NOW, NOW - 1], /chronological/],
      [[NOW - DAY - 1, NOW], /24 hours/],
      [[], /1 to 10000/],
    ] as [number[], RegExp][]) {
      const { status, body: refused } = await put(...times);
      expect([status, refused.__type]).to.deep.equal([400, "InvalidParameterException"]);
      expect(refused.message).to.match(reason);
    }
    const large = { timestamp: NOW, message: "x".repeat(1_048_576) };
    const refused = await call("PutLogEvents", {
      logGroupName: GROUP,
      logStreamName: "s",
      logEvents: [large],
    });
    expect(refused.body.message).to.match(/Upload too large/);
  });

  it("searches all streams by pattern and time, in the order of time", async () => {
    write("a", '{"level":"ERROR","n":1}', "plain");
    await clock.advance(10);
    write("b", '{"level":"ERROR","n":2}');
    await clock.advance(10);
    write("a", '{"level":"INFO","n":3}', '{"level":"ERROR","n":4}');
    const filterPattern = '{ $.level = "ERROR" }';
    expect(messages(await found("FilterLogEvents", { filterPattern }))).to.deep.equal([
      '{"level":"ERROR","n":1}',
      '{"level":"ERROR","n":2}',
      '{"level":"ERROR","n":4}',
    ]);
    expect(
      messages(await found("FilterLogEvents", { filterPattern, startTime: NOW + 10, endTime: NOW + 20 })),
    ).to.deep.equal(['{"level":"ERROR","n":2}']);
    expect(messages(await found("FilterLogEvents", { logStreamNames: ["b"] }))).to.have.length(1);
    expect(
      messages(await found("FilterLogEvents", { logStreamNamePrefix: "a", filterPattern: "plain" })),
    ).to.deep.equal(["plain"]);
    const { body } = await call("FilterLogEvents", { logGroupName: GROUP, filterPattern: "{ $.a" });
    expect(body.message).to.match(/"{ \$\.a" is not valid/);
  });

  it("gives a search page by page, every event once", async () => {
    write("a", ...Array.from({ length: 25 }, (_, index) => String(index)));
    const seen: string[] = [];
    let nextToken: string | undefined;
    do {
      const page: Found = await found("FilterLogEvents", { limit: 10, nextToken });
      seen.push(...messages(page));
      nextToken = page.nextToken;
    } while (nextToken);
    expect(seen).to.deep.equal(Array.from({ length: 25 }, (_, index) => String(index)));
  });

  it("ends a page at 1 MiB", async () => {
    write("a", ...Array.from({ length: 5 }, () => "x".repeat(400_000)));
    const page = await found("FilterLogEvents", {});
    expect(page.events).to.have.length(2);
    expect(page.nextToken).to.be.a("string");
  });

  it("reads a stream forwards and backwards, and keeps the token at the end", async () => {
    write("a", "1", "2", "3", "4", "5");
    write("b", "other");
    const read = (input: object) => found("GetLogEvents", { logStreamName: "a", limit: 2, ...input });
    const head = await read({ startFromHead: true });
    expect(messages(head)).to.deep.equal(["1", "2"]);
    const second = await read({ startFromHead: true, nextToken: head.nextForwardToken });
    expect(messages(second)).to.deep.equal(["3", "4"]);
    expect(messages(await read({ nextToken: second.nextBackwardToken }))).to.deep.equal(["1", "2"]);
    const tail = await read({});
    expect(messages(tail)).to.deep.equal(["4", "5"]);
    const end = await read({ nextToken: tail.nextForwardToken });
    expect(messages(end)).to.deep.equal([]);
    expect(end.nextForwardToken).to.equal(tail.nextForwardToken);
    expect(
      (await call("GetLogEvents", { logGroupName: GROUP, logStreamName: "a", nextToken: "x" })).body.message,
    ).to.match(/nextToken/);
  });

  it("drops what is past the group's retention", async () => {
    write("a", "old");
    await clock.advance(7 * DAY + 1);
    write("a", "new");
    expect(messages(await found("FilterLogEvents", {}))).to.deep.equal(["new"]);
  });

  it("keeps within its memory: the oldest events go first, of whatever group", async () => {
    logs = new CloudWatchLogs({ ...PLACE, clock, memoryBytes: 100_000 });
    await endpoint.close();
    endpoint = await start({ json: [logs] });
    for (let index = 0; index < 5_000; index += 1) {
      logs.append(index % 2 ? "/odd" : "/even", "s", [
        { timestamp: NOW, message: String(index).padStart(74, " ") },
      ]);
    }
    const kept = async (logGroupName: string): Promise<number[]> =>
      messages(await found("FilterLogEvents", { logGroupName })).map(Number);
    const [odd, even] = [await kept("/odd"), await kept("/even")];
    expect(odd.length + even.length).to.equal(1_000);
    expect(Math.min(...odd, ...even)).to.equal(4_000);
  });

  it("gives ids of 56 digits that grow with time and arrival, as AWS's do", () => {
    const ids: string[] = [];
    logs.onAppend(GROUP, (_stream, events) => ids.push(...events.map(({ id }) => id)));
    write("a", "1", "2");
    logs.append(GROUP, "b", [{ timestamp: NOW + 1, message: "3" }]);
    expect(ids).to.deep.equal([...ids].sort());
    expect(new Set(ids).size).to.equal(3);
    for (const id of ids) expect(id).to.match(/^\d{56}$/);
  });

  it("refuses names, limits and types that AWS refuses, and operations it does not serve", async () => {
    for (const [operation, input, type] of [
      ["FilterLogEvents", { logGroupName: "/nowhere" }, "ResourceNotFoundException"],
      ["FilterLogEvents", { logGroupName: "bad name" }, "InvalidParameterException"],
      ["FilterLogEvents", { logGroupName: GROUP, limit: 10_001 }, "InvalidParameterException"],
      ["FilterLogEvents", { logGroupName: GROUP, startTime: "now" }, "SerializationException"],
      ["GetLogEvents", { logGroupName: GROUP, logStreamName: "none" }, "ResourceNotFoundException"],
      ["CreateLogStream", { logGroupName: GROUP, logStreamName: "a:b" }, "InvalidParameterException"],
      ["CreateLogGroup", { logGroupName: GROUP }, "ResourceAlreadyExistsException"],
      ["StartQuery", {}, "UnknownOperationException"],
    ] as [string, object, string][]) {
      const { status, body } = await call(operation, input);
      expect(body.__type, `${operation} ${JSON.stringify(input)}`).to.equal(type);
      expect(status).to.equal(type === "UnknownOperationException" ? 501 : 400);
    }
  });

  it("asks whether the caller may, for the stream or the group", async () => {
    const { asked, authorise } = askingAuthorise((action) => action === "logs:FilterLogEvents");
    await endpoint.close();
    endpoint = await start({ json: [logs], authorise });
    write("a", "1");
    await call("GetLogEvents", { logGroupName: GROUP, logStreamName: "a" });
    const { body } = await call("FilterLogEvents", {
      logGroupIdentifier: `arn:aws:logs:us-east-1:000000000000:log-group:${GROUP}:*`,
    });
    const arn = `arn:aws:logs:us-east-1:000000000000:log-group:${GROUP}:log-stream:`;
    expect(asked).to.deep.equal([`logs:GetLogEvents ${arn}a`, `logs:FilterLogEvents ${arn}`]);
    expect(body.__type).to.equal("AccessDeniedException");
  });

  // Not proven here: AWS's own delay until an event can be found, and its pages' exact cuts.
});
