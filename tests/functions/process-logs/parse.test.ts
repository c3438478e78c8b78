import { expect } from "chai";
import { parseLine } from "../../../functions/process-logs/parse.ts";

const JSON_LINE = {
  requestId: "JKJaXmPLvHcESHA=",
  time: "12/Mar/2020:19:03:58 +0000",
  timeEpoch: "1583817383220",
  ip: "127.0.0.1",
  userAgent: "curl/8",
  method: "GET",
  path: "/devices/a",
  routeKey: "GET /devices/{deviceId}",
  protocol: "HTTP/1.1",
  status: "200",
  responseLength: "17",
  responseLatency: "12",
  clientId: "-",
  errorMessage: "-",
};
const json = (changes: object = {}): string => JSON.stringify({ ...JSON_LINE, ...changes });

describe("process-logs: a line", () => {
  it("in the API's own format becomes an entry", () => {
    expect(parseLine(json())).to.deep.equal({
      at: "2020-03-10T05:16:23.220Z",
      method: "GET",
      path: "/devices/a",
      protocol: "HTTP/1.1",
      status: 200,
      bytes: 17,
      latencyMs: 12,
      ip: "127.0.0.1",
      userAgent: "curl/8",
      referrer: null,
      requestId: "JKJaXmPLvHcESHA=",
      routeKey: "GET /devices/{deviceId}",
      clientId: null,
    });
  });

  it("in JSON may hold numbers as numbers, and time as ISO 8601 or common", () => {
    const at = (changes: object): unknown => (parseLine(json(changes)) as { at: string }).at;
    expect(parseLine(json({ status: 404, responseLatency: 7, timeEpoch: 1583817383220 }))).to.deep.include({
      status: 404,
      latencyMs: 7,
    });
    expect(at({ timeEpoch: undefined })).to.equal("2020-03-12T19:03:58.000Z");
    expect(at({ timeEpoch: "-", time: "2020-03-12T20:03:58.5+01:00" })).to.equal("2020-03-12T19:03:58.500Z");
  });

  // Apache's own examples: https://httpd.apache.org/docs/2.4/logs.html#accesslog
  it("in common and combined format becomes an entry", () => {
    const common = '127.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] "GET /apache_pb.gif HTTP/1.0" 200 2326';
    const combined = `${common} "http://www.example.com/start.html" "Mozilla/4.08 [en] (Win98; I ;Nav)"`;
    const entry = {
      at: "2000-10-10T20:55:36.000Z",
      method: "GET",
      path: "/apache_pb.gif",
      protocol: "HTTP/1.0",
      status: 200,
      bytes: 2326,
      latencyMs: null,
      ip: "127.0.0.1",
      userAgent: null,
      referrer: null,
      requestId: null,
      routeKey: null,
      clientId: null,
    };
    expect(parseLine(common)).to.deep.equal(entry);
    expect(parseLine(combined)).to.deep.equal({
      ...entry,
      referrer: "http://www.example.com/start.html",
      userAgent: "Mozilla/4.08 [en] (Win98; I ;Nav)",
    });
  });

  it("of a request that could not be read has neither method nor path; escapes are undone", () => {
    const line = (request: string, agent: string): string =>
      `::1 - - [10/Oct/2000:13:55:36 +0000] "${request}" 400 - "-" "${agent}"`;
    expect(parseLine(line(String.raw`\x16\x03\x01`, "-"))).to.deep.include({
      method: null,
      path: null,
      bytes: null,
    });
    expect(parseLine(line("-", String.raw`say \"hi\"`))).to.deep.include({
      userAgent: 'say "hi"',
      status: 400,
    });
  });

  for (const [line, reason] of [
    ["", "neither JSON nor common nor combined format"],
    ["hello", "neither JSON nor common nor combined format"],
    [
      '127.0.0.1 - - [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.0" 200 1 "only referrer"',
      "neither JSON nor common nor combined format",
    ],
    [
      '127.0.0.1 - - [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.0 200 1',
      "neither JSON nor common nor combined format",
    ],
    [
      '127.0.0.1 - - [32/Oct/2000:13:55:36 -0700] "GET / HTTP/1.0" 200 1',
      "time is not between 1990 and 2100",
    ],
    [
      '127.0.0.1 - - [10/Foo/2000:13:55:36 -0700] "GET / HTTP/1.0" 200 1',
      "time is not between 1990 and 2100",
    ],
    ['127.0.0.1 - - [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.0" 999 1', "status is not from 100 to 599"],
    ['{"status":"200"', "not a JSON object"],
    ["{}", "time is not between 1990 and 2100"],
    [json({ status: "-" }), "status is not from 100 to 599"],
    [json({ status: "ok" }), "status is not a whole number"],
    [json({ status: 99 }), "status is not from 100 to 599"],
    [json({ timeEpoch: "soon" }), "timeEpoch is not a whole number"],
    [json({ timeEpoch: 1e15 - 1 }), "time is not between 1990 and 2100"],
    [json({ timeEpoch: null, time: 5 }), "time is not between 1990 and 2100"],
    [json({ path: { a: 1 } }), "path is not text"],
    [json({ path: "/".repeat(8_193) }), "path is over 8192 characters"],
    [json({ method: "GET /" }), "method is not a token"],
    [json({ responseLatency: -1 }), "responseLatency is not a whole number"],
    [json({ responseLength: "1e3" }), "responseLength is not a whole number"],
  ] as [string, string][]) {
    it(`is none: ${reason}: ${JSON.stringify(line.slice(0, 60))}`, () => {
      expect(parseLine(line)).to.equal(reason);
    });
  }

  it("is judged in time that grows with its length alone", () => {
    const started = performance.now();
    for (const hostile of [
      `1 - - [a] "${"\\".repeat(65_000)}`,
      `1 - - [a] "${'a"'.repeat(30_000)}`,
      `1 - - [${"[".repeat(60_000)}`,
      " ".repeat(65_000),
      `1 - - [a] "x" 200 1 "${'" "'.repeat(20_000)}`,
    ]) {
      expect(parseLine(hostile)).to.be.a("string");
    }
    expect(performance.now() - started).to.be.lessThan(1_000);
  });
});
