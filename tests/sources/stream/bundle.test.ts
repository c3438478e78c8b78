import { expect } from "chai";
import { systemClock } from "../../../local/kit/clock.ts";
import { LambdaPool } from "../../../local/lambda/pool.ts";
import { source } from "../../../local/sources/stream.ts";
import { type TestBed, testBed } from "../../local/lambda/helpers/functions.ts";
import { Bed, mapping } from "./bed.ts";

const CODE = `
  exports.handler = async (event) => {
    const texts = event.Records.map((record) => Buffer.from(record.kinesis.data, "base64").toString());
    console.log("batch", texts.join(","));
    if (texts.includes("poison")) throw new Error("poison");
    if (texts.includes("hang")) await new Promise(() => setInterval(() => {}, 1_000));
  };`;

describe("stream source with a real function", () => {
  let functions: TestBed;
  let bed: Bed;
  let died: number;

  beforeEach(async () => {
    died = 0;
    functions = await testBed({
      onResponse: () => {
        died += 1;
        return died === 1 ? "kill" : "deliver";
      },
    });
    await functions.add("count", CODE);
    bed = new Bed();
  });

  afterEach(() => functions.stop());

  const start = (inputs: Parameters<typeof mapping>[0]) =>
    source.start(mapping(inputs), {
      ...bed.context(),
      pool: functions.pool,
      trace: functions.trace,
      clock: systemClock,
    });

  const batch = (outcome: string) =>
    functions.trace.waitFor((event) => event.kind === "batch" && event.outcome === outcome);

  it("delivers a batch again whose environment died after its work, and dead-letters poison", async () => {
    await bed.put(["a", "poison"]);
    const running = await start({
      bisectBatchOnFunctionError: true,
      maximumRetryAttempts: 0,
      destinationConfig: { onFailure: { destinationArn: "arn:aws:s3:::failures" } },
    });
    await batch("discarded");
    await bed.put(["b"]);
    await functions.trace.waitFor((event) => event.kind === "log" && String(event.line).includes("batch b"));
    await running?.stop();
    const lines = functions.trace.events
      .filter((event) => event.kind === "log")
      .map((event) => String(event.line));
    expect(lines.filter((line) => line.includes('"batch a'))).to.have.length(2);
    expect(bed.stored).to.have.length(1);
    expect(functions.pool).to.be.instanceOf(LambdaPool);
  });

  it("delivers a batch again whose environment was killed in its midst", async () => {
    await bed.put(["hang"]);
    const running = await start({});
    await functions.trace.waitFor((event) => event.kind === "log" && String(event.line).includes("hang"));
    process.kill(functions.pool.environments("count")[0]!.pid, "SIGKILL");
    const failed = await batch("failed");
    expect(failed).to.include({ attempt: 1, size: 1 });
    await functions.trace.waitFor(
      (event) =>
        event.kind === "log" && String(event.line).includes("hang") && event.requestId !== failed.requestId,
    );
    await running?.stop();
  });
});
