import { gzipSync } from "node:zlib";
import type { Context } from "aws-lambda";
import { expect } from "chai";
import { type LogBatch, readLines, serveLines } from "../../../components/runtime/log-lines.ts";
import { documented } from "../../helpers/events.ts";

const { data } = documented("cloudwatch-logs");

const event = (value: unknown) => ({
  awslogs: { data: gzipSync(typeof value === "string" ? value : JSON.stringify(value)).toString("base64") },
});

const refusal = async (payload: unknown): Promise<string> => {
  const given = { awslogs: { data: payload } } as never;
  return readLines(given).then(
    () => "accepted",
    (error: Error) => error.message,
  );
};

describe("code around the callback of a log subscription", () => {
  it("hands over the lines of AWS's example", async () => {
    const batches: LogBatch[] = [];
    await serveLines(async (batch) => void batches.push(batch))(event(data), {} as Context);
    const { logGroup, logStream, logEvents: lines } = data;
    expect(batches).to.deep.equal([{ logGroup, logStream, lines }]);
  });

  it("skips control messages", async () => {
    let calls = 0;
    const logEvents = [
      { id: "", timestamp: 1, message: "CWL CONTROL MESSAGE: Checking health of destination." },
    ];
    const control = { ...data, messageType: "CONTROL_MESSAGE", logEvents };
    await serveLines(async () => void calls++)(event(control), {} as Context);
    expect(calls).to.equal(0);
  });

  it("fails clearly on a payload that cannot be read, so that Lambda tries again and then keeps it", async () => {
    const packed = gzipSync(JSON.stringify(data));
    const broken = Buffer.from(packed);
    broken.writeUInt32LE(0, broken.length - 8);
    for (const [payload, reason] of [
      [undefined, /no awslogs\.data/],
      [data, /no awslogs\.data/],
      ["!!!", /cannot be unpacked/],
      [Buffer.from("plain text").toString("base64"), /cannot be unpacked: incorrect header check/],
      [packed.subarray(0, 60).toString("base64"), /cannot be unpacked: unexpected end of file/],
      [broken.toString("base64"), /cannot be unpacked: incorrect data check/],
      [event("not json").awslogs.data, /not a JSON object/],
      [event("null").awslogs.data, /not a JSON object/],
      [event({ ...data, messageType: "OTHER" }).awslogs.data, /"OTHER", not a DATA_MESSAGE/],
      [event({ ...data, logEvents: "x" }).awslogs.data, /not lines/],
      [event({ ...data, logEvents: [null] }).awslogs.data, /not lines/],
    ] as [unknown, RegExp][]) {
      expect(await refusal(payload)).to.match(reason);
    }
  });

  it("stops unpacking a bomb at 32 MiB", async () => {
    const bomb = gzipSync(Buffer.alloc(40 * 1_024 * 1_024));
    expect(bomb.length).to.be.lessThan(100_000);
    expect(await refusal(bomb.toString("base64"))).to.match(/cannot be unpacked/);
  });
});
