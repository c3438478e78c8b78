import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { KinesisClient, PutRecordsCommand } from "@aws-sdk/client-kinesis";
import { expect } from "chai";
import { parseDuration, parseQuantity } from "../../ops/send/quantities.ts";
import { FLUSH, send, type Totals } from "../../ops/send/sender.ts";
import { fleet, fromFile, type Outgoing } from "../../ops/send/sources.ts";

const records = (count: number, text = "{}"): Outgoing[] =>
  Array.from({ length: count }, (_, index) => ({ partitionKey: String(index), text }));

/** A client that refuses the records that `refuse` picks, and remembers what it took. */
function fakeClient(refuse: (key: string, call: number) => boolean) {
  const taken: string[] = [];
  const sizes: number[] = [];
  const client = {
    send: async (command: PutRecordsCommand) => {
      const call = sizes.push(command.input.Records?.length ?? 0);
      const results = (command.input.Records ?? []).map(({ PartitionKey = "" }) => {
        if (refuse(PartitionKey, call)) return { ErrorCode: "ProvisionedThroughputExceededException" };
        taken.push(PartitionKey);
        return { SequenceNumber: "1" };
      });
      return {
        Records: results,
        FailedRecordCount: results.filter((result) => "ErrorCode" in result).length,
      };
    },
  } as unknown as KinesisClient;
  return { client, taken, sizes };
}

const run = (source: Outgoing[], client: KinesisClient, attempts = 10): Promise<Totals> =>
  send(source, { client, streamName: "s", attempts, sleep: async () => {}, random: () => 0.5 });

describe("send", () => {
  it("cuts calls at 500 records", async () => {
    const { client, sizes, taken } = fakeClient(() => false);
    const totals = await run(records(1_201), client);
    expect(sizes).to.deep.equal([500, 500, 201]);
    expect(totals).to.include({ sent: 1_201, calls: 3, retried: 0, failed: 0 });
    expect(new Set(taken).size).to.equal(1_201);
  });

  it("cuts calls at 5 MiB", async () => {
    const { client, sizes } = fakeClient(() => false);
    await run(records(7, "x".repeat(1_000_000)), client);
    expect(sizes).to.deep.equal([5, 2]);
  });

  it("sends what is gathered when its source says so", async () => {
    const { client, sizes } = fakeClient(() => false);
    async function* source() {
      yield* records(3);
      yield FLUSH;
      yield FLUSH;
      yield* records(2);
    }
    await send(source(), { client, streamName: "s", sleep: async () => {}, random: () => 0.5 });
    expect(sizes).to.deep.equal([3, 2]);
  });

  it("sends throttled records again, and only those", async () => {
    const { client, taken, sizes } = fakeClient((key, call) => call === 1 && Number(key) % 10 === 0);
    const totals = await run(records(100), client);
    expect(sizes).to.deep.equal([100, 10]);
    expect(totals).to.include({ sent: 100, retried: 10, failed: 0 });
    expect(taken).to.have.length(100);
  });

  it("gives a record up after the last attempt and says so", async () => {
    const { client } = fakeClient((key) => key === "3");
    const totals = await run(records(5), client, 3);
    expect(totals).to.include({ sent: 4, failed: 1, calls: 3 });
  });

  it("sends a call again that failed as a whole for a passing reason", async () => {
    const { client, taken } = fakeClient(() => false);
    const works = client.send.bind(client);
    const passing = [{ httpStatusCode: 500 }, {}].map(($metadata) =>
      Object.assign(new Error("not now"), { $metadata }),
    );
    Object.assign(client, {
      send: (command: PutRecordsCommand) => {
        const error = passing.shift();
        return error ? Promise.reject(error) : works(command);
      },
    });
    const totals = await run(records(3), client);
    expect(totals).to.include({ sent: 3, retried: 6, failed: 0, reason: "not now" });
    expect(taken).to.have.length(3);
  });

  it("ends at once with what no attempt would mend, although its source still waits", async () => {
    const $metadata = { httpStatusCode: 400 };
    const gone = Object.assign(new Error("Stream s not found."), { $metadata });
    const client = { send: () => Promise.reject(gone) } as unknown as KinesisClient;
    async function* source() {
      yield* records(1);
      yield FLUSH;
      await new Promise(() => {});
    }
    const options = { client, streamName: "s", sleep: async () => {}, random: () => 0.5 };
    const problem = await send(source(), options).catch((error: Error) => error);
    expect(problem).to.equal(gone);
  });

  it("reads NDJSON as it is and CSV by its columns", async () => {
    const json = join(tmpdir(), `send-${process.pid}.ndjson`);
    const csv = join(tmpdir(), `send-${process.pid}.csv`);
    await writeFile(json, '{"deviceId":"a","metric":"m"}\n\nnot json\n');
    await writeFile(csv, "at,deviceId,metric,value\n2026-01-01T00:00:00Z,b,m,1.5\n");
    expect(await Array.fromAsync(fromFile(json))).to.deep.equal([
      { partitionKey: "a", text: '{"deviceId":"a","metric":"m"}' },
      { partitionKey: "unknown", text: "not json" },
    ]);
    expect(JSON.parse((await Array.fromAsync(fromFile(csv)))[0]?.text ?? "")).to.deep.equal({
      at: "2026-01-01T00:00:00Z",
      deviceId: "b",
      metric: "m",
      value: 1.5,
    });
  });

  it("says which file cannot be read", async () => {
    const problem = await Array.fromAsync(fromFile("no-such.ndjson")).catch((error: Error) => error.message);
    expect(problem).to.equal(
      '"no-such.ndjson" cannot be read (ENOENT). Name a file of readings with --file.',
    );
  });

  it("names file and line of a CSV that does not fit its header", async () => {
    const csv = join(tmpdir(), `send-bad-${process.pid}.csv`);
    await writeFile(csv, "at,deviceId,metric,value\n1,2\n");
    const problem = await Array.fromAsync(fromFile(csv)).catch((error: Error) => error.message);
    expect(problem).to.match(/:2: 2 columns; the header has 4/);
  });

  it("reads durations and quantities, and refuses others by flag and value", () => {
    expect(parseDuration("--every", "1.5s")).to.equal(1_500);
    expect(parseQuantity("--devices", "1e3", { minimum: 1, maximum: 1e6 })).to.equal(1_000);
    for (const text of ["", "10", "-1s", "0s", "32d", "s"]) {
      expect(() => parseDuration("--every", text)).to.throw(`--every is "${text}"`);
    }
    for (const text of ["", "0", "1.5", "many", "1e7"]) {
      expect(() => parseQuantity("--devices", text, { minimum: 1, maximum: 1e6 })).to.throw(
        `--devices is "${text}"`,
      );
    }
  });

  it("simulates a fleet that is the same for the same seed", () => {
    const make = () => [...fleet({ devices: 3, every: 1_000, count: 7, start: 0, random: () => 0.5 })];
    expect(make()).to.deep.equal(make());
    expect(
      make()
        .map(({ partitionKey }) => partitionKey)
        .slice(0, 4),
    ).to.deep.equal(["device-000000", "device-000001", "device-000002", "device-000000"]);
  });
});
