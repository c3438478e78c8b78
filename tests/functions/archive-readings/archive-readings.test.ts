import { zstdDecompressSync } from "node:zlib";
import type { PutObjectCommandInput, S3Client } from "@aws-sdk/client-s3";
import { expect } from "chai";
import fc from "fast-check";
import { elementTexts } from "../../../functions/archive-readings/elements.ts";
import { archiveReadings } from "../../../functions/archive-readings/handler.ts";
import { event, NOW, reading, record, SHARD, sequence, silent } from "../fakes.ts";

function prepare() {
  const puts = new Map<string, PutObjectCommandInput>();
  const metrics: Record<string, number>[] = [];
  const send = async ({ input }: { input: PutObjectCommandInput }) => puts.set(String(input.Key), input);
  const emit = (_service: string, values: Record<string, number>) => metrics.push(values);
  const deps = { bucket: "lake", client: { send } as unknown as S3Client, logger: silent, emit };
  return { puts, metrics, deps };
}

function linesOf(input: PutObjectCommandInput | undefined): Record<string, unknown>[] {
  const body = input?.Body as Buffer;
  const text = (String(input?.Key).endsWith(".zst") ? zstdDecompressSync(body) : body).toString();
  expect(text.endsWith("\n")).to.equal(true);
  return text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
}

const RANGE = `${SHARD}-${sequence(1)}-${sequence(2)}`;
const base64 = (text: string) => Buffer.from(text).toString("base64");

describe("archive-readings", () => {
  it("writes valid readings by hour of arrival, each line with its origin", async () => {
    // Prepare
    const { puts, deps } = prepare();
    const batch = event(reading({ eventId: "e1" }), [reading({ value: 1 }), reading({ value: 2 })]);

    // Act
    await archiveReadings(batch, deps);

    // Assess
    const key = `raw/dt=2026-01-31/hour=12/${RANGE}.ndjson.zst`;
    expect([...puts.keys()]).to.deep.equal([key]);
    expect(puts.get(key)).to.include({ Bucket: "lake", ContentType: "application/zstd" });
    const origin = { arrivedAt: "2026-01-31T12:00:00.000Z", shard: SHARD };
    expect(linesOf(puts.get(key))).to.deep.equal([
      { ...reading({ eventId: "e1" }), ...origin, sequence: sequence(1), index: 0 },
      { ...reading({ value: 1 }), ...origin, sequence: sequence(2), index: 0 },
      { ...reading({ value: 2 }), ...origin, sequence: sequence(2), index: 1 },
    ]);
  });

  it("gives the same keys and bytes for the same batch", async () => {
    const [first, second] = [prepare(), prepare()];
    const batch = event(reading(), "{", [reading(), 1]);
    await archiveReadings(batch, first.deps);
    await archiveReadings(batch, second.deps);
    expect([...first.puts].map(([key, { Body }]) => [key, Body])).to.deep.equal(
      [...second.puts].map(([key, { Body }]) => [key, Body]),
    );
  });

  it("writes a batch that spans two hours as two objects", async () => {
    const { puts, deps } = prepare();
    const records = [record(reading(), { number: 1, arrivedAt: NOW - 1 }), record(reading(), { number: 2 })];
    await archiveReadings({ Records: records }, deps);
    expect([...puts.keys()].sort()).to.deep.equal([
      `raw/dt=2026-01-31/hour=11/${SHARD}-${sequence(1)}-${sequence(1)}.ndjson.zst`,
      `raw/dt=2026-01-31/hour=12/${SHARD}-${sequence(2)}-${sequence(2)}.ndjson.zst`,
    ]);
  });

  it("quarantines what is no reading with its reason and bytes; its neighbours go on", async () => {
    // Prepare
    const { puts, metrics, deps } = prepare();
    const bad = '{"deviceId":"d1",  "metric":"m","value":"hot\\u00e9\u00e9"}';
    const batch = event(
      "{not json",
      `[${JSON.stringify(reading())}, ${bad} ,${JSON.stringify(reading({ value: 2 }))}]`,
    );

    // Act
    await archiveReadings(batch, deps);

    // Assess
    const quarantined = linesOf(puts.get(`quarantine/dt=2026-01-31/hour=12/${RANGE}.ndjson`));
    const origin = { arrivedAt: "2026-01-31T12:00:00.000Z", shard: SHARD };
    expect(quarantined[0]).to.deep.equal({
      reason: "not JSON",
      ...origin,
      sequence: sequence(1),
      index: null,
      data: base64("{not json"),
    });
    expect(quarantined[1]).to.include({ ...origin, sequence: sequence(2), index: 1, data: base64(bad) });
    expect(quarantined[1]?.reason).to.match(/^value must be a number/);
    expect(
      linesOf(puts.get(`raw/dt=2026-01-31/hour=12/${RANGE}.ndjson.zst`)).map(({ index }) => index),
    ).to.deep.equal([0, 2]);
    expect(metrics[0]).to.deep.equal({ readingsArchived: 2, readingsQuarantined: 2 });
  });

  it("quarantines bytes that are no text as they are", async () => {
    const { puts, deps } = prepare();
    const raw = record("");
    raw.kinesis.data = Buffer.from([0xff, 0x00, 0xfe]).toString("base64");
    await archiveReadings({ Records: [raw] }, deps);
    const [line] = linesOf([...puts.values()][0]);
    expect(line).to.include({ reason: "not JSON", data: raw.kinesis.data });
  });

  it("quarantines an array of too many readings as a whole", async () => {
    const { puts, deps } = prepare();
    await archiveReadings(event(new Array(501).fill(1)), deps);
    const [line] = linesOf([...puts.values()][0]);
    expect(line).to.deep.include({ reason: "501 readings in one record, at most 500", index: null });
  });

  it("names the object and the bucket when it cannot write, and fails the batch", async () => {
    const { deps } = prepare();
    const send = async () => {
      throw new Error("SlowDown");
    };
    const client = { send } as unknown as S3Client;
    const failure = await archiveReadings(event(reading()), { ...deps, client }).catch(
      (error: Error) => error,
    );
    expect(failure)
      .to.be.an("error")
      .with.property("message")
      .that.matches(/Could not write "raw\/.*" to bucket "lake"/);
  });
});

describe("archive-readings: elements", () => {
  it("cuts any array into texts that parse to its elements", () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue(), { minLength: 1 }), fc.constantFrom(0, 2), (values, indent) => {
        const text = JSON.stringify(values, null, indent);
        expect(elementTexts(text).map((element) => JSON.parse(element))).to.deep.equal(JSON.parse(text));
      }),
    );
  });

  it("is not misled by brackets, commas and quotes inside strings", () => {
    const elements = ['"],[\\","', '{"a":"}\\\\"}', "[[]]"];
    expect(elementTexts(` [ ${elements.join(" , ")} ] `)).to.deep.equal(elements);
  });
});
