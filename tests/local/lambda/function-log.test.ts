import { expect } from "chai";
import { VirtualClock } from "../../../local/kit/clock.ts";
import { Callers, type PolicyStatement } from "../../../local/lambda/iam.ts";
import { functionLog } from "../../../local/log-groups.ts";
import { CloudWatchLogs } from "../../../local/services/logs.ts";
import { PLACE } from "../services/aws.ts";
import { type TestBed, testBed } from "./helpers/functions.ts";

const GROUP = "/aws/lambda/greet";
const WRITE: PolicyStatement = {
  Effect: "Allow",
  Action: ["logs:CreateLogStream", "logs:PutLogEvents"],
  Resource: `arn:aws:logs:us-east-1:000000000000:log-group:${GROUP}:*`,
};

interface Line {
  logStreamName: string;
  message: string;
}

describe("a function's log group", () => {
  let bed: TestBed;
  let logs: CloudWatchLogs;

  const prepare = async (rights: PolicyStatement[], code: string, timeoutMs = 5_000): Promise<void> => {
    const clock = new VirtualClock();
    const callers = new Callers();
    callers.register("AKIAGREET", {
      functionName: "greet",
      roleArn: "arn:aws:iam::000000000000:role/greet",
      policies: [{ Statement: rights }],
    });
    logs = new CloudWatchLogs({ ...PLACE, clock });
    bed = await testBed({ writeLog: functionLog({ logs, callers, place: PLACE, clock }) });
    await bed.add("greet", code, { timeoutMs });
  };

  const lines = (): Line[] =>
    (logs.handle("FilterLogEvents", { logGroupName: GROUP }) as { events: Line[] }).events;
  const parsed = (): Record<string, unknown>[] => lines().map(({ message }) => JSON.parse(message));

  afterEach(() => bed.stop());

  it("holds Lambda's lines and the function's, under one stream per environment", async () => {
    // Written before the answer, but through another pipe: it may come after the report.
    await prepare(
      [WRITE],
      "exports.handler = async (event) => { console.log('hello', event.n); return event; };",
    );
    const printed = bed.trace.waitFor(({ kind, line }) => kind === "log" && String(line).includes("hello 2"));
    const [first] = [await bed.pool.invoke("greet", '{"n":1}'), await bed.pool.invoke("greet", '{"n":2}')];
    await printed;
    const types = parsed().map(({ type, message }) => type ?? message);
    expect([...types].sort()).to.deep.equal(
      [
        "hello 1",
        "hello 2",
        ...["initStart", "report", "report", "start", "start"].map((name) => `platform.${name}`),
      ].sort(),
    );
    const report = parsed().find(({ type }) => type === "platform.report") as {
      record: Record<string, object>;
    };
    expect(report.record).to.deep.include({ requestId: first?.requestId, status: "success" });
    expect(report.record.metrics).to.include.keys(
      "durationMs",
      "billedDurationMs",
      "initDurationMs",
      "memorySizeMB",
    );
    const streams = new Set(lines().map(({ logStreamName }) => logStreamName));
    expect([...streams].join()).to.match(/^\d{4}\/\d\d\/\d\d\/\[\$LATEST\][0-9a-f]{32}$/);
  });

  it("says how an invocation failed", async () => {
    await prepare(
      [WRITE],
      "exports.handler = async (event) => { if (event.hang) return new Promise(() => setInterval(() => {}, 1000)); throw new Error('no'); };",
      300,
    );
    await bed.pool.invoke("greet", "{}");
    await bed.pool.invoke("greet", '{"hang":true}');
    const statuses = parsed().flatMap(({ type, record }) =>
      type === "platform.report" ? [(record as { status: string }).status] : [],
    );
    expect(statuses).to.deep.equal(["failure", "timeout"]);
  });

  it("stays empty when the function's role may not write it, as on AWS", async () => {
    await prepare([], "exports.handler = async () => { console.log('hello'); };");
    await bed.pool.invoke("greet", "{}");
    expect(logs.hasGroup(GROUP)).to.equal(false);
  });
});
